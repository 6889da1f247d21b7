"""From facts and sign-ins in the database to whom a day's hours served, and once more from the stored bytes."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.accounts.blocks import load_measurement_facts
from collector.accounts.bundles import Bundles
from collector.accounts.claims import load_said
from collector.accounts.verification import Verification, verify
from collector.registry import units
from protocol import facts, hours
from protocol.attribution import Served
from protocol.entry import Declaration
from protocol.facts import Correction, Document, Fact, HandEntry, Order, OrderDocument, Use
from protocol.interval import day_bounds_ms
from protocol.said import Stay
from tests.collector.province import RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = (MONDAY + timedelta(days=n) for n in (1, 2))
HOUR = 3600
OTHER = "91440300708461136T"
ANN, BEN = "a" * 64, "b" * 64


@pytest.fixture
def sem(province: Province) -> str:
    """An instrument that ran on Monday from 9 to 12; the origin of its agent's journal."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    return origin


def at(hour: float, day: date = MONDAY) -> int:
    return day_bounds_ms(day)[0] + round(hour * 3_600_000)


def sign_in(purpose: Any = "own-research", order: str | None = None, operator: str = ANN) -> Declaration:
    return Declaration(asset="A001", operator=operator, action="in", how="command", purpose=purpose, order=order)


def sign_out(operator: str = ANN) -> Declaration:
    return Declaration(asset="A001", operator=operator, action="out", how="command")


def use(start: float, end: float, number: str | None = "SO-1", purpose: Any = "service-order") -> Use:
    return Use(v=1, at=1, by="lims", asset="A001", start=at(start), end=at(end), purpose=purpose, order=number)


def order(beneficiary: str | None = OTHER, number: str = "SO-1", *documents: str) -> Order:
    files = tuple(Document("agreement", each) for each in documents)
    return Order(v=1, at=1, by="li", unit=USCC, order=number, beneficiary=beneficiary, documents=files)


def put(province: Province, *said: Fact) -> list[str]:
    """Records facts as the collector does, and marks Monday; returns their refs."""
    refs = []
    for fact in said:
        raw = facts.encode(fact)
        named = fact.use or fact.order if isinstance(fact, Correction) else fact
        days = (None, None)
        if isinstance(named, Use):
            days = (MONDAY, MONDAY)
        elif isinstance(named, HandEntry):
            days = (date.fromisoformat(named.day),) * 2
        province.connection.execute(
            "INSERT INTO fact (sha256, body, kind, asset_no, first_day, last_day, unit, order_no, target)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                facts.identity(raw), raw, fact.kind, getattr(named, "asset", None), *days, getattr(named, "unit", None),
                named.order if isinstance(named, Order | OrderDocument) else None, getattr(fact, "target", None),
            ],
        )  # fmt: skip
        refs.append(facts.target_of(facts.identity(raw)))
    province.connection.execute(
        "INSERT INTO dirty_day VALUES ('A001', %s, clock_timestamp()) ON CONFLICT DO NOTHING", [MONDAY]
    )
    return refs


def record_of(province: Province, day: date = MONDAY) -> hours.HourRecord:
    province.derive(WEDNESDAY)
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE asset_no = 'A001' AND day = %s", day)
    return hours.decode(bytes(body))  # type: ignore[call-overload]


def test_a_sign_in_with_an_order_makes_the_run_external(dsn: str, province: Province, sem: str) -> None:
    [known] = put(province, order(OTHER, "SO-1", ANN))
    came = province.declare(sem, MONDAY, 9 * HOUR, sign_in("service-order", "SO-1"))
    province.declare(sem, MONDAY, 11 * HOUR, sign_out())
    record = record_of(province)
    assert record.served == (Served("", "", "unresolved", HOUR, 0), Served("SO-1", OTHER, "verified", 2 * HOUR, 1))
    assert (record.owner, record.facts) == (USCC, (came, known))
    assert verify(dsn) == Verification(1, [], [])


def test_uses_orders_documents_corrections_and_hands_all_reach_the_record(
    dsn: str, province: Province, sem: str
) -> None:
    units.register_unit(province.connection, OTHER, name_zh="平安")
    wrong, *_ = put(province, use(9, 12, "SO-9"), order())
    assert record_of(province).unresolved_s == 3 * HOUR
    put(province, Correction(
        v=1, at=2, by="li", approver="wang", approved_at=3, reason="number", target=wrong, use=use(9, 12)
    ))  # fmt: skip
    record = record_of(province)
    assert (record.claimed_s, record.verified_s, record.unresolved_s) == (3 * HOUR, 0, 0)
    put(province, OrderDocument(v=1, at=4, by="li", unit=USCC, order="SO-1", document=Document("invoice", BEN)))
    put(province, HandEntry(
        v=1, at=4, by="li", approver="wang", approved_at=5, reason="agent away", asset="A001", day=MONDAY.isoformat(),
        seconds=600, source="log, page 3", order="SO-1",
    ))  # fmt: skip
    record = record_of(province)
    assert (record.claimed_s, record.verified_s, record.hand_s, record.hand_external_s) == (0, 3 * HOUR, 600, 600)
    assert len(record.facts) == 5
    assert verify(dsn) == Verification(1, [], [])


def test_a_sign_in_that_a_correction_takes_out_counts_no_more(dsn: str, province: Province, sem: str) -> None:
    came = province.declare(sem, MONDAY, 9 * HOUR, sign_in())
    province.declare(sem, MONDAY, 12 * HOUR, sign_out())
    assert record_of(province).internal_s == 3 * HOUR
    put(province, Correction(
        v=1, at=2, by="li", approver="wang", approved_at=3, reason="wrong person", target=came
    ))  # fmt: skip
    record = record_of(province)
    assert (record.internal_s, record.unresolved_s) == (0, 3 * HOUR)
    assert came in record.facts
    assert verify(dsn) == Verification(1, [], [])


def test_the_order_of_another_unit_under_the_same_number_is_none(province: Province, sem: str) -> None:
    units.register_unit(province.connection, OTHER, name_zh="平安")
    put(province, use(9, 12), Order(v=1, at=1, by="x", unit=OTHER, order="SO-1", beneficiary=USCC))
    record = record_of(province)
    assert (record.unresolved_s, record.flags) == (3 * HOUR, ("order-unknown",))


def test_who_never_signed_out_is_there_to_the_last_evidence(dsn: str, province: Province, sem: str) -> None:
    province.declare(sem, MONDAY, 9 * HOUR, sign_in())
    province.observe(sem, Piece(TUESDAY, 0, HOUR, RUN))
    monday, tuesday = record_of(province), record_of(province, TUESDAY)
    assert (monday.internal_s, tuesday.internal_s) == (3 * HOUR, HOUR)
    assert monday.flags == tuesday.flags == ("never-closed",)
    assert verify(dsn) == Verification(2, [], [])


def test_who_never_signed_out_claims_no_day_that_his_agent_did_not_see(dsn: str, province: Province, sem: str) -> None:
    province.declare(sem, MONDAY, 10 * HOUR, sign_in())
    gateway = province.add_agent("em-02", "A001")
    province.observe(gateway, Piece(MONDAY, 12 * HOUR, 13 * HOUR, RUN), Piece(TUESDAY, 0, HOUR, RUN))
    monday, tuesday = record_of(province), record_of(province, TUESDAY)
    assert (monday.internal_s, monday.unresolved_s) == (2 * HOUR, 2 * HOUR)
    assert (tuesday.internal_s, tuesday.unresolved_s, tuesday.flags) == (0, HOUR, ())
    assert verify(dsn) == Verification(2, [], [])


def test_a_late_sign_out_changes_every_day_since_the_sign_in(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(TUESDAY, 9 * HOUR, 10 * HOUR, RUN))
    province.declare(sem, MONDAY, 11 * HOUR, sign_in())
    assert record_of(province, TUESDAY).internal_s == HOUR
    province.derive(WEDNESDAY)
    assert province.rows("SELECT day FROM dirty_day") == []
    province.declare(sem, MONDAY, 11 * HOUR + 1800, sign_out())
    assert record_of(province).internal_s == 1800
    assert (record_of(province, TUESDAY).internal_s, record_of(province, TUESDAY).flags) == (0, ())
    assert verify(dsn) == Verification(2, [], [])


def test_an_agent_that_does_not_measure_the_instrument_says_nothing_of_it(
    dsn: str, province: Province, sem: str
) -> None:
    province.add_instrument("B001")
    stranger = province.add_agent("em-02", "B001")
    province.declare(stranger, MONDAY, 9 * HOUR, sign_in())
    assert province.rows("SELECT count(*) FROM declaration") == [(1,)]
    assert record_of(province).unresolved_s == 3 * HOUR
    assert verify(dsn) == Verification(1, [], [])


WORDS = st.lists(
    st.tuples(st.sampled_from(("in", "out", "forgotten")), st.sampled_from((ANN, BEN)), st.integers(-3, 20)),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS)
def test_rows_and_bytes_tell_the_same_stays(province: Province, words: list[tuple[str, str, int]]) -> None:
    """Whatever is said in whatever order, by clocks that go back and forth."""
    number = len(province.sizes) + 1
    asset = f"C{number:03d}"
    province.add_instrument(asset)
    origin = province.add_agent(f"agent-{number:03d}", asset)
    province.observe(origin, Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    for what, operator, hour in words:
        said = Declaration(
            asset=asset,
            operator=operator,
            action="in" if what == "in" else "out",
            how="forgotten" if what == "forgotten" else "command",
            purpose="own-research" if what == "in" else None,
            until_ms=at(hour - 1) if what == "forgotten" else None,
        )
        province.declare(origin, MONDAY, hour * HOUR, said)
    measured = load_measurement_facts(province.connection, asset)
    with province.connection.transaction():
        of_bytes = Bundles(province.connection, measured, asset).stays
    of_rows = load_said(province.connection, asset, day=MONDAY, owner="").present

    def on_monday(stays: Any) -> list[Stay]:
        return sorted(each for each in stays if each.start_ms < at(24) and each.end_ms > at(0))

    assert on_monday(of_rows) == on_monday(of_bytes)
