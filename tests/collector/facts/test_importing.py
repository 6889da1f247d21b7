"""Rows of orders, uses and documents become facts: what is taken, what is refused and why, and nothing half-applied."""

from collections.abc import Callable
from datetime import date

import pytest

from collector.facts.drafts import Bringer
from collector.facts.headings import SHEETS
from collector.facts.importing import Taken, Taking, take_rows
from collector.facts.mapping import own_mapping
from collector.facts.salt import hash_user
from collector.registry import instruments, units
from collector.registry.audit import Actor, list_changes
from collector.sheet_report import Report
from collector.sheets import Row
from protocol import facts
from protocol.facts import Fact, Order, OrderDocument, Use
from protocol.interval import day_bounds_ms
from tests.collector.province import USCC, Province

OTHER_USCC = "12100000400000624D"
MONDAY = date(2026, 11, 16)
AT = day_bounds_ms(MONDAY)[0] + 4 * 86_400_000
BY = Actor("li.ming", "command", "li@host")
BRINGER = Bringer(BY.name, AT, "lims", b"salt", None)
FILE = "a" * 64
USE = {"key": "R1", "asset": "A001", "start": "2026-11-16 09:00", "end": "2026-11-16 11:00", "purpose": "科研"}
ORDER = {"unit": USCC, "order": "SO-1", "beneficiary": OTHER_USCC, "fee": "1,200.50"}


@pytest.fixture
def held(province: Province) -> Province:
    """A001 and B001 of one unit; C001 went from it to another on Tuesday; a stored document."""
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    for asset_no in ("A001", "B001", "C001"):
        province.add_instrument(asset_no)
    instruments.register_instrument(province.connection, "D001", name_zh="无主")
    instruments.register_owner(province.connection, "C001", uscc=OTHER_USCC, from_day=date(2026, 11, 17))
    insert = "INSERT INTO document VALUES (%s, 1, 'application/pdf', '', 'li')"
    province.connection.execute(insert, [FILE])
    return province


@pytest.fixture
def bring(held: Province) -> Callable[..., Taken]:
    """Brings rows of a kind, numbered from 2 on as in a file."""

    def bring(kind: str, *rows: dict[str, str], bringer: Bringer = BRINGER, **terms: object) -> Taken:
        taking = Taking(bringer, BY, "file.csv", **terms)  # type: ignore[arg-type]
        numbered = [Row(number, row) for number, row in enumerate(rows, 2)]
        return take_rows(held.connection, numbered, own_mapping(kind), taking=taking, report=Report())

    return bring


def recorded(province: Province) -> list[Fact]:
    return [facts.decode(body) for (body,) in province.rows("SELECT body FROM fact ORDER BY seq")]  # type: ignore[arg-type]


def counts(taken: Taken) -> tuple[int, int, int]:
    return taken.report.accepted, taken.report.unchanged, taken.report.refused


# What is taken


def test_a_row_of_uses_becomes_a_use(held: Province, bring: Callable[..., Taken]) -> None:
    taken = bring("uses", {**USE, "user": "张三", "samples": "3", "run_h": "1.5", "share": "2"})
    assert counts(taken) == (1, 0, 0)
    [use] = recorded(held)
    nine = day_bounds_ms(MONDAY)[0] + 9 * 3_600_000
    assert isinstance(use, Use)
    assert (use.by, use.at, use.asset, use.start, use.end) == ("li.ming", AT, "A001", nine, nine + 7_200_000)
    assert (use.purpose, use.order, use.samples, use.run_s, use.share) == ("own-research", None, 3, 5400, 2)
    assert use.user == hash_user(" 张三 ", b"salt")
    assert held.rows("SELECT asset_no, day FROM dirty_day") == [("A001", MONDAY)]


def test_a_row_that_says_for_whom_it_was_makes_the_order_as_well(held: Province, bring: Callable[..., Taken]) -> None:
    served = {
        **USE,
        "purpose": "",
        "beneficiary": OTHER_USCC,
        "beneficiary_name": "清华大学",
        "fee": "10",
        "way": "送样",
    }
    taken = bring("uses", served, {**served, "key": "R2", "start": "2026-11-16 08:00", "order": "SO-9"})
    assert counts(taken) == (2, 0, 0)
    own, first, named, second = recorded(held)
    assert isinstance(own, Order)
    assert isinstance(named, Order)
    assert (own.unit, own.order, own.beneficiary, own.way, own.fee_fen) == (
        USCC,
        "R1",
        OTHER_USCC,
        "commissioned",
        1000,
    )
    assert isinstance(first, Use)
    assert isinstance(second, Use)
    assert [(use.purpose, use.order) for use in (first, second)] == [("service-order", "R1"), ("service-order", "SO-9")]


def test_an_order_has_days_a_voucher_and_documents(held: Province, bring: Callable[..., Taken]) -> None:
    row = {**ORDER, "first_day": "2026/11/1", "last_day": "2026-11-30", "report": FILE, "way": "委托测试",
           "voucher_issuer": "省科技厅", "voucher_number": "V1", "voucher_amount": "500"}  # fmt: skip
    assert counts(bring("orders", row)) == (1, 0, 0)
    [order] = recorded(held)
    assert isinstance(order, Order)
    assert order.voucher is not None
    assert (order.first_day, order.last_day, order.fee_fen) == ("2026-11-01", "2026-11-30", 120_050)
    assert (order.voucher.number, order.voucher.amount_fen) == ("V1", 50_000)
    assert [(document.kind, document.sha256) for document in order.documents] == [("report", FILE)]
    document = {"unit": USCC, "order": "SO-1", "kind": "发票", "document": FILE.upper()}
    assert counts(bring("order-documents", document)) == (1, 0, 0)
    added = recorded(held)[1]
    assert isinstance(added, OrderDocument)
    assert added.document.kind == "invoice"


def test_where_no_column_says_whose_orders_they_are_the_bringer_does(
    held: Province, bring: Callable[..., Taken]
) -> None:
    row = {"order": "SO-1"}
    assert counts(bring("orders", row)) == (0, 0, 1)
    assert counts(bring("orders", row, bringer=BRINGER._replace(unit=USCC))) == (1, 0, 0)


def test_the_same_file_again_says_nothing_new(held: Province, bring: Callable[..., Taken]) -> None:
    rows = [USE, {**USE, "key": "", "start": "2026-11-16 10:00"}, {**USE, "key": "R3", "beneficiary": OTHER_USCC}]
    first = bring("uses", *rows)
    assert counts(first) == (3, 0, 0)
    held.rows("DELETE FROM dirty_day RETURNING 1")
    again = bring("uses", *rows, bringer=BRINGER._replace(by="wang", at_ms=AT + 1000))
    assert counts(again) == (3, 3, 0)
    assert len(recorded(held)) == 4
    assert held.rows("SELECT 1 FROM dirty_day") == [], "nothing is derived again for nothing"
    assert len(list_changes(held.connection)) == 1


def test_the_trail_tells_of_a_file_in_one_line(held: Province, bring: Callable[..., Taken]) -> None:
    bring("uses", USE, {**USE, "key": "R2", "asset": "none"})
    [change] = list_changes(held.connection)
    assert (change.actor, change.action, change.target) == ("li.ming", "facts.import", "file.csv")
    assert change.new == {"source": "lims", "kind": "uses", "facts": 1, "rows": 2, "unchanged": 0, "refused": 1}


# What is refused


def test_another_content_under_a_known_key_is_refused_and_a_correction_named(
    held: Province, bring: Callable[..., Taken]
) -> None:
    bring("uses", USE)
    taken = bring("uses", {**USE, "end": "2026-11-16 12:00"}, {**USE, "key": "R2", "samples": "1"})
    assert counts(taken) == (1, 0, 1)
    [refusal] = taken.report.refusals
    assert str(refusal) == (
        "row 2, key: 'R1': lims sent something else under the key 'use/R1' before; "
        "leave it as it is recorded, or propose a correction"
    )
    assert len(recorded(held)) == 2


def test_a_row_is_recorded_whole_or_not_at_all(held: Province, bring: Callable[..., Taken]) -> None:
    bring("uses", {**USE, "order": "SO-1"})
    changed = {**USE, "order": "SO-1", "beneficiary": OTHER_USCC, "end": "2026-11-16 12:00"}
    assert counts(bring("uses", changed)) == (0, 0, 1)
    assert [fact.kind for fact in recorded(held)] == ["use"], "its order was new, and went with the row"


def test_rows_of_one_order_must_agree(held: Province, bring: Callable[..., Taken]) -> None:
    row = {**USE, "order": "SO-1", "beneficiary": OTHER_USCC}
    taken = bring("uses", row, {**row, "key": "R2", "fee": "5"}, {**row, "key": "R3", "samples": "1"})
    assert counts(taken) == (2, 0, 1)
    assert [fact.kind for fact in recorded(held)] == ["order", "use", "use"]


def test_all_or_nothing_records_nothing_where_a_row_is_refused(held: Province, bring: Callable[..., Taken]) -> None:
    taken = bring("uses", USE, {**USE, "key": "R2", "asset": "none"}, all_or_nothing=True)
    assert (counts(taken), taken.is_applied) == ((1, 0, 1), False)
    assert recorded(held) == []
    assert held.rows("SELECT 1 FROM dirty_day") == []


def test_a_dry_run_says_what_would_become_of_each_row(held: Province, bring: Callable[..., Taken]) -> None:
    taken = bring("uses", USE, {**USE, "key": "R2", "asset": "none"}, dry_run=True)
    assert (counts(taken), taken.is_applied) == ((1, 0, 1), False)
    assert recorded(held) == []


def test_some_thousand_rows_are_taken_in_portions_and_three_bad_ones_named(
    held: Province, bring: Callable[..., Taken]
) -> None:
    rows = [{**USE, "key": f"R{number}", "samples": str(number + 1)} for number in range(1600)]
    for number in (3, 700, 1599):
        rows[number] = {**rows[number], "asset": "none"}
    taken = bring("uses", *rows)
    assert counts(taken) == (1597, 0, 3)
    assert [refusal.row for refusal in taken.report.refusals] == [5, 702, 1601]
    assert held.rows("SELECT count(*) FROM fact") == [(1597,)]


def test_what_the_registry_says_is_asked_for_many_at_once(bring: Callable[..., Taken]) -> None:
    outside = {"C001": "changes its owner", "D001": "nobody owns D001", "none": "no instrument 'none' is registered"}
    rows = [{**USE, "key": asset, "asset": asset, "end": "2026-11-17 11:00"} for asset in ("A001", *outside)]
    taken = bring("uses", *rows)
    assert counts(taken) == (1, 0, 3)
    for refusal, why in zip(taken.report.refusals, outside.values(), strict=True):
        assert why in refusal.why
    orders = [ORDER, {**ORDER, "order": "SO-2", "unit": "91110108551385082Q"}]
    assert (
        bring("orders", *orders)
        .report.text()
        .endswith(
            "row 3, unit: '91110108551385082Q': no unit 91110108551385082Q is registered; "
            "correct the code, or register the unit first"
        )
    )
    assert "no document" in bring("orders", {**ORDER, "order": "SO-3", "report": "b" * 64}).report.text()


def test_every_field_has_headings_that_no_other_field_of_its_kind_has() -> None:
    for kind, columns in SHEETS.items():
        headings = [heading for names in columns.values() for heading in names]
        assert len(headings) == len(set(headings)), kind
