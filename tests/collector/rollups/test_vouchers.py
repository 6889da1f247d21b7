"""Vouchers as orders name them; whichever pays two orders is found, however its number is written."""

from datetime import date

import msgspec
import pytest

from collector.facts.store import record_fact
from collector.registry.access import Scope
from collector.rollups.period import Period
from collector.rollups.vouchers import Issuer, Voucher, load_issuers, load_vouchers
from collector.store.database import Connection
from protocol import facts
from protocol.facts import Correction, Order
from protocol.facts import Voucher as Paid
from protocol.interval import day_bounds_ms
from tests.collector.rollups.places import OTHERS, OURS, Places

AT = day_bounds_ms(date(2026, 3, 2))[0]
FIRM = "91440300708461136T"


def order(number: str, voucher: str | None, *, unit: str = OURS, fen: int = 100_00, **more: object) -> Order:
    paid = None if voucher is None else Paid(issuer="西安市科技局", number=voucher, amount_fen=fen)
    said = {"beneficiary": FIRM, "beneficiary_name": "示例公司", "voucher": paid, **more}
    return Order(v=1, at=AT, by="lims", unit=unit, order=number, **said)  # type: ignore[arg-type]


@pytest.fixture
def paid(placed: Places) -> Connection:
    return placed.province.connection


def record(connection: Connection, *sent: Order | Correction) -> None:
    with connection.transaction():
        for each in sent:
            record_fact(connection, each)


def told(found: list[Voucher]) -> list[tuple[str, str, str]]:
    return [(each.number, each.order_no, each.repeated) for each in found]


def test_a_voucher_is_listed_with_its_order_and_enterprise(paid: Connection) -> None:
    record(paid, order("SO-1", "V-7"), order("SO-2", None))
    [voucher] = load_vouchers(paid)
    assert (voucher.issuer, voucher.number, voucher.amount_fen) == ("西安市科技局", "V-7", 100_00)
    assert (voucher.unit, voucher.order_no, voucher.beneficiary, voucher.beneficiary_name) == (
        OURS, "SO-1", FIRM, "示例公司",
    )  # fmt: skip
    assert (voucher.day, voucher.uses, voucher.repeated) == (date(2026, 3, 2), 1, "")


@pytest.mark.parametrize("again", ["V-7", "v-7", "Ｖ－７", "V- 7"])
def test_one_that_pays_two_orders_is_found_however_it_is_written(paid: Connection, again: str) -> None:
    record(paid, order("SO-1", "V-7"), order("SO-2", again), order("SO-3", "V-8"))
    assert told(load_vouchers(paid, repeated=True)) == [("V-7", "SO-1", "in-unit"), (again, "SO-2", "in-unit")]


def test_one_that_two_units_used_is_told_to_each_and_to_none_which_other(paid: Connection) -> None:
    record(paid, order("SO-1", "V-7"), order("SO-1", "V-7", unit=OTHERS))
    for unit in (OURS, OTHERS):
        [mine] = load_vouchers(paid, scope=Scope("unit", unit))
        assert (mine.unit, mine.repeated) == (unit, "across-units")
    assert load_vouchers(paid, scope=Scope("instrument", "A001")) == []
    assert [each.unit for each in load_vouchers(paid, scope=Scope("division", "6103"))] == [OTHERS]
    assert [each.orders for each in load_issuers(paid, scope=Scope("division", "61"))] == [2]


def test_the_number_of_another_issuer_is_another_voucher(paid: Connection) -> None:
    other = Paid(issuer="宝鸡市科技局", number="V-7", amount_fen=1)
    record(paid, order("SO-1", "V-7"), msgspec.structs.replace(order("SO-2", None), voucher=other))
    assert [each.repeated for each in load_vouchers(paid)] == ["", ""]


def test_of_a_corrected_order_the_correction_counts(paid: Connection) -> None:
    wrong = order("SO-1", "V-7")
    right = order("SO-1", "V-9", fen=50_00)
    target = facts.target_of(facts.identity(facts.encode(wrong)))
    agreed = {"approver": "wang", "approved_at": AT, "reason": "misread"}
    record(paid, wrong, order("SO-2", "V-7"))
    record(paid, Correction(v=1, at=AT, by="li", target=target, order=right, **agreed))  # type: ignore[arg-type]
    assert told(load_vouchers(paid)) == [("V-7", "SO-2", ""), ("V-9", "SO-1", "")]
    gone = facts.target_of(facts.identity(facts.encode(order("SO-2", "V-7"))))
    record(paid, Correction(v=1, at=AT, by="li", target=gone, order=order("SO-2", None), **agreed))  # type: ignore[arg-type]
    assert told(load_vouchers(paid)) == [("V-9", "SO-1", "")]


def test_sums_by_issuer_tell_what_was_paid_twice(paid: Connection) -> None:
    record(paid, order("SO-1", "V-7", fen=100), order("SO-2", "V-8", fen=30), order("SO-3", "v-7", fen=5),
           order("SO-9", "V-9", unit=OTHERS, fen=1, beneficiary=None))  # fmt: skip
    [xian] = load_issuers(paid)
    assert xian[1:] == Issuer(0, "西安市科技局", 3, 4, 2, 1, 136, 1, 5)[1:]
    [ours] = load_issuers(paid, scope=Scope("unit", OURS))
    assert (ours.vouchers, ours.orders, ours.amount_fen, ours.repeated_fen) == (2, 3, 135, 5)


def test_a_year_holds_the_orders_that_begin_in_it(paid: Connection) -> None:
    record(paid, order("SO-1", "V-1"), order("SO-2", "V-2", first_day="2025-12-31", last_day="2026-01-05"))
    assert told(load_vouchers(paid, period=Period(2025))) == [("V-2", "SO-2", "")]
    assert told(load_vouchers(paid, period=Period(2026))) == [("V-1", "SO-1", "")]
    assert [each.orders for each in load_issuers(paid, period=Period(2025))] == [1]


def test_lists_go_on_after_a_place(paid: Connection) -> None:
    record(paid, *(order(f"SO-{number}", f"V-{number}") for number in range(3)))
    first = load_vouchers(paid, limit=2)
    assert told(load_vouchers(paid, after=first[-1].seq)) == [("V-2", "SO-2", "")]
    assert load_issuers(paid, after=load_issuers(paid)[-1].first_seq) == []
