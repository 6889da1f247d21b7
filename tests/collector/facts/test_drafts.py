"""Rows become drafts, and drafts facts: every cell is read, and what cannot be right is refused with its field."""

from datetime import date

import pytest

from collector.facts.checks import Known, check
from collector.facts.drafts import Bringer, draft
from collector.facts.mapping import own_mapping
from collector.facts.store import Sent
from collector.registry.access import EVERYTHING, Scope
from collector.sheet_report import Refusal
from collector.sheets import Row
from protocol.interval import day_bounds_ms
from tests.collector.province import USCC

OTHER_USCC = "12100000400000624D"
UNKNOWN_USCC = "91110108551385082Q"
MONDAY = date(2026, 11, 16)
AT = day_bounds_ms(MONDAY)[0] + 4 * 86_400_000
BRINGER = Bringer("li.ming", AT, "lims", b"salt", None)
USE = {"key": "R1", "asset": "A001", "start": "2026-11-16 09:00", "end": "2026-11-16 11:00", "purpose": "科研"}
ORDER = {"unit": USCC, "order": "SO-1", "beneficiary": OTHER_USCC, "fee": "1,200.50"}
OWNERS = {"A001": (USCC, True), "B001": (USCC, True), "C001": (USCC, False), "D001": (None, False)}


def facts_of(kind: str, fields: dict[str, str], *, scope: Scope = EVERYTHING) -> tuple[list[Sent], list[Refusal]]:
    """A row held against a registry of four instruments (OWNERS) and two units."""
    made, refusals = draft(Row(2, fields), own_mapping(kind), bringer=BRINGER)
    if refusals:
        return [], refusals
    days = [date(2026, 11, day) for day in range(1, 31)]
    owners = {(asset, first, last): of for asset, of in OWNERS.items() for first in days for last in days}
    return check(made, Known(owners, frozenset({USCC, OTHER_USCC})), bringer=BRINGER, scope=scope)


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"asset": ""}, "asset", "it is missing"),
        ({"asset": "none"}, "asset", "no instrument 'none' is registered"),
        ({"asset": "D001"}, "asset", "nobody owns D001 on 2026-11-16"),
        ({"asset": "C001", "end": "2026-11-17 09:00"}, "asset", "changes its owner between 2026-11-16 and 2026-11-17"),
        ({"start": "16.11.2026"}, "start", "it is no time with its day"),
        ({"start": "1926-11-16 09:00"}, "start", "it is before the year 2000"),
        ({"end": "2026-11-16 08:59"}, "end", "it ends before it begins"),
        ({"end": "2026-12-31 08:59"}, "end", "it lasts more than 31 days"),
        ({"end": "2026-11-21 09:00"}, "end", "it ends in the future"),
        ({"end": ""}, "end", "it is missing, and no duration is there"),
        ({"end": "", "duration_h": "two"}, "duration_h", "it is no length of time"),
        ({"purpose": "fun"}, "purpose", "this is none of the words that are known"),
        ({"purpose": ""}, "purpose", "nobody says what the use was for"),
        ({"purpose": "维修", "order": "SO-1"}, "order", "maintenance serves no order"),
        ({"samples": "-1"}, "samples", "it is no whole number"),
        ({"key": "", "beneficiary": OTHER_USCC}, "order", "no number of the order"),
        ({"beneficiary": OTHER_USCC[:-1] + "5"}, "beneficiary", "its check character should be D"),
        ({"order": "x" * 65}, "order", "it has 65 characters"),
        ({"order": "a\nb"}, "order", "it holds a line feed"),
    ],
)  # fmt: skip
def test_a_use_that_cannot_be_right_is_refused_with_its_field(change: dict[str, str], field: str, why: str) -> None:
    sent, [refusal] = facts_of("uses", {**USE, **change})
    assert sent == []
    assert (refusal.row, refusal.field, refusal.value) == (2, field, change.get(field, ""))
    assert why in refusal.why
    assert refusal.remedy


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"unit": OTHER_USCC[:-1] + "5"}, "unit", "its check character should be D"),
        ({"unit": "91110108551385082Q"}, "unit", "no unit 91110108551385082Q is registered"),
        ({"order": ""}, "order", "it is missing"),
        ({"first_day": "2026-11-02", "last_day": "2026-11-01"}, "last_day", "ends before it begins on 2026-11-02"),
        ({"first_day": "2026-11-02"}, "last_day", "the other day is there without it"),
        ({"fee": "1,5"}, "fee", "it is no amount"),
        ({"report": "abc"}, "report", "it is no SHA-256 of a file"),
        ({"voucher_number": "V1"}, "voucher_issuer", "it is missing of the voucher"),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_right_is_refused_with_its_field(change: dict[str, str], field: str, why: str) -> None:
    sent, [refusal, *_] = facts_of("orders", {**ORDER, **change})
    assert (sent, refusal.field) == ([], field)
    assert why in refusal.why


def test_all_faults_of_a_row_are_told_at_once() -> None:
    _, refusals = facts_of("uses", {"asset": "", "start": "x", "end": "y", "samples": "z"})
    assert [refusal.field for refusal in refusals] == ["asset", "start", "end", "purpose", "samples"]


# Who may bring what


@pytest.mark.parametrize(
    ("scope", "asset_no", "is_taken"),
    [
        (EVERYTHING, "A001", True),
        (Scope("unit", USCC), "A001", True),
        (Scope("unit", OTHER_USCC), "A001", False),
        (Scope("unit", OTHER_USCC), "C001", False),
        (Scope("instrument", "A001"), "A001", True),
        (Scope("instrument", "B001"), "A001", False),
    ],
)
def test_a_use_outside_of_the_scope_looks_like_one_of_an_unknown_instrument(
    scope: Scope, asset_no: str, is_taken: bool
) -> None:
    sent, refusals = facts_of("uses", {**USE, "asset": asset_no}, scope=scope)
    assert (len(sent), len(refusals)) == ((1, 0) if is_taken else (0, 1))
    if not is_taken:
        _, [absent] = facts_of("uses", {**USE, "asset": "none"}, scope=scope)
        assert str(refusals[0]) == str(absent).replace("none", asset_no)


@pytest.mark.parametrize(
    ("scope", "is_taken"),
    [(EVERYTHING, True), (Scope("unit", USCC), True), (Scope("unit", OTHER_USCC), False),
     (Scope("instrument", "A001"), False)],
)  # fmt: skip
def test_an_order_is_its_units_to_bring(scope: Scope, is_taken: bool) -> None:
    sent, _ = facts_of("orders", ORDER, scope=scope)
    assert bool(sent) is is_taken
