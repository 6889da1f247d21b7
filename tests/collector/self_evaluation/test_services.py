"""Lists of services and income, whatever was served and ordered: no second and no fen is lost or counted twice."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.self_evaluation.orders import standing_orders
from collector.self_evaluation.services import ServedDay, list_income, list_services, unnamed_fen
from protocol import facts
from protocol.facts import Correction, Document, Fact, Order, OrderDocument, target_of
from protocol.interval import day_bounds_ms
from tests.collector.self_evaluation.lab import AGREEMENT, BEIJING, INVOICE, SHENZHEN, XIAN

FIRST = date(2023, 12, 30)
DAYS = st.integers(0, 740).map(lambda number: FIRST + timedelta(days=number))
NUMBERS = st.sampled_from(["SO-1", "SO-2", "SO-3", "SO-4"])
YEARS = range(2020, 2030)


def an_order(number: str, beneficiary: str | None, fee_fen: int | None, day: date | None, at: date) -> Order:
    days = {} if day is None else {"first_day": day.isoformat(), "last_day": (day + timedelta(days=400)).isoformat()}
    at_ms = day_bounds_ms(at)[0]
    return Order(v=1, at=at_ms, by="li", unit=XIAN, order=number, beneficiary=beneficiary, fee_fen=fee_fen, **days)


ORDERS = st.builds(
    an_order,
    NUMBERS,
    st.sampled_from([None, XIAN, BEIJING, SHENZHEN]),
    st.none() | st.integers(0, 10**9),
    st.none() | DAYS,
    DAYS,
)
SERVED = st.builds(
    ServedDay,
    st.sampled_from(["A001", "B001"]),
    DAYS,
    NUMBERS,
    st.sampled_from([BEIJING, SHENZHEN]),
    st.booleans(),
    st.integers(1, 86_400),
    st.integers(0, 3),
)


def recorded(*said: Fact) -> list[tuple[str, Fact]]:
    return [(target_of(facts.identity(facts.encode(fact))), fact) for fact in said]


@given(st.lists(ORDERS, max_size=6, unique_by=lambda order: order.order))
def test_every_charge_is_in_one_years_sum_or_in_none_with_a_reason(orders: list[Order]) -> None:
    standing = standing_orders(XIAN, recorded(*orders))
    listed = sum(
        each.fee_fen or 0
        for year in YEARS
        for each in list_income(XIAN, year, [], orders=standing, names={})
        if each.fee_year == year
    )
    unnamed = sum(sum(unnamed_fen(standing, year)) for year in YEARS)
    own = sum(order.fee_fen or 0 for order in orders if order.beneficiary == XIAN)
    assert listed + unnamed + own == sum(order.fee_fen or 0 for order in orders)


@given(st.lists(SERVED, max_size=12), st.lists(ORDERS, max_size=4, unique_by=lambda order: order.order))
def test_every_second_that_was_served_is_in_the_list_of_services_once(
    served: list[ServedDay], orders: list[Order]
) -> None:
    standing = standing_orders(XIAN, recorded(*orders))
    services = list_services(served, standing, names={})
    assert sum(each.part.verified_s for each in services) == sum(each.seconds for each in served if each.is_verified)
    assert sum(each.part.claimed_s for each in services) == sum(each.seconds for each in served if not each.is_verified)
    assert len({(each.order, each.beneficiary, each.part.asset_no) for each in services}) == len(services)
    listed = [part for each in list_income(XIAN, 2024, services, orders=standing, names={}) for part in each.parts]
    assert all(part in [each.part for each in services] for part in listed)


def test_a_correction_that_was_corrected_takes_nothing_out() -> None:
    first = an_order("SO-1", BEIJING, 100, None, FIRST)
    [(ref, _)] = recorded(first)
    wrong = Correction(
        v=1, at=1, by="li", approver="wang", approved_at=2, reason="x", target=ref,
        order=an_order("SO-1", BEIJING, 999, None, FIRST),
    )  # fmt: skip
    [_, (wrong_ref, _)] = recorded(first, wrong)
    back = Correction(v=1, at=3, by="li", approver="wang", approved_at=4, reason="x", target=wrong_ref)
    assert standing_orders(XIAN, recorded(first, wrong))["SO-1"].order.fee_fen == 999
    found = standing_orders(XIAN, recorded(first, wrong, back))["SO-1"]
    assert (found.ref, found.order.fee_fen) == (ref, 100)


def test_documents_are_those_of_the_order_and_those_that_were_added_to_it() -> None:
    first = an_order("SO-1", BEIJING, 100, None, FIRST)
    held = Order(**{name: getattr(first, name) for name in first.__struct_fields__} | {
        "documents": (Document("invoice", INVOICE),)
    })  # fmt: skip
    added = OrderDocument(v=1, at=5, by="li", unit=XIAN, order="SO-1", document=Document("agreement", AGREEMENT))
    foreign = OrderDocument(v=1, at=5, by="li", unit=BEIJING, order="SO-1", document=Document("report", AGREEMENT))
    found = standing_orders(XIAN, recorded(held, added, foreign))["SO-1"]
    assert [each.kind for each in found.documents] == ["agreement", "invoice"]
    [ref] = [ref for ref, fact in recorded(added)]
    out = Correction(v=1, at=6, by="li", approver="wang", approved_at=7, reason="x", target=ref)
    found = standing_orders(XIAN, recorded(held, added, out))["SO-1"]
    assert [each.kind for each in found.documents] == ["invoice"]
