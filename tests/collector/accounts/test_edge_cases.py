"""The rows of domain.md section 3 that need the collector; the others are in tests/protocol/test_edge_cases.py."""

import random
from datetime import date, timedelta

import pytest

from collector.accounts.closing import list_revisions
from collector.accounts.verification import Verification, verify
from collector.facts.store import record_fact
from collector.registry import instruments, units
from protocol import facts, hours
from protocol.hours import HourRecord
from protocol.interval import day_bounds_ms
from tests.collector.province import IDLE, OFF, POLICY, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3, 4))
NEW_YEARS_EVE, NEW_YEAR = date(2025, 12, 31), date(2026, 1, 1)
HOUR = 3600
OTHER_USCC = "12100000400000624D"


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    return province.add_agent("em-01", "A001")


def records(province: Province, asset_no: str = "A001") -> dict[date, HourRecord]:
    rows = province.rows("SELECT day, body FROM hour_record WHERE asset_no = %s ORDER BY day", asset_no)
    return {day: hours.decode(body) for day, body in rows}  # type: ignore[misc,arg-type]


def say(province: Province, fact: facts.Fact) -> str:
    with province.connection.transaction():
        return record_fact(province.connection, fact).sha256


def use(day: date, start_h: int, end_h: int, **more: object) -> facts.Use:
    begins, ends = (day_bounds_ms(day)[0] + hour * HOUR * 1000 for hour in (start_h, end_h))
    said = {"purpose": "own-research", "user": None, **more}
    return facts.Use(v=1, at=ends, by="lims", asset="A001", start=begins, end=ends, **said)  # type: ignore[arg-type]


def test_late_data_gives_a_closed_day_a_new_revision_that_cites_the_old_one(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(FRIDAY)
    province.observe(sem, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN))
    province.derive(FRIDAY)
    first, second = list_revisions(province.connection, "A001", day=MONDAY)
    assert second.cites == first.sha256


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_duplicate_or_reordered_delivery_gives_the_same_records_byte_for_byte(
    dsn: str, province: Province, seed: int
) -> None:
    """Everything three times and shuffled, derived in between at random; uses come before and after the readings."""
    order = random.Random(seed)
    pieces = [Piece(day, hour * HOUR, (hour + 4) * HOUR, RUN) for day in (MONDAY, TUESDAY) for hour in (1, 9, 20)]
    uses = [use(MONDAY, 2, 10), use(MONDAY, 9, 23, purpose="teaching"), use(TUESDAY, 0, 24, purpose="maintenance")]
    bodies = []
    for shuffled in (False, True):
        asset_no = "B001" if shuffled else "A001"
        province.add_instrument(asset_no)
        origin = province.add_agent(f"agent-{asset_no.lower()}", asset_no)
        given: list[Piece | facts.Use] = [*pieces, *uses]
        if shuffled:
            given *= 3
            order.shuffle(given)
        for each in given:
            if isinstance(each, Piece):
                province.observe(origin, each)
            else:
                fact = facts.Use(**{name: getattr(each, name) for name in each.__struct_fields__} | {"asset": asset_no})
                say(province, fact)
            if shuffled and order.random() < 0.3:
                province.derive(FRIDAY)
        province.derive(FRIDAY)
        found = records(province, asset_no).values()
        bodies.append([(each.spans, each.classes, each.served, each.effective_s, each.lead_out) for each in found])
    assert bodies[0] == bodies[1]
    assert verify(dsn).differences == []


def test_year_boundary_is_clipped_at_midnight_of_the_local_day(province: Province, sem: str) -> None:
    province.observe(sem, Piece(NEW_YEARS_EVE, 22 * HOUR, 30 * HOUR, RUN))
    province.derive(FRIDAY)
    assert {day: record.effective_s // HOUR for day, record in records(province).items()} == {
        NEW_YEARS_EVE: 2,
        NEW_YEAR: 6,
    }


def test_changed_owner_from_local_midnight_decides_what_is_external(dsn: str, province: Province, sem: str) -> None:
    """Teaching is the owner's own, whoever that is on the day; an order belongs to the unit that took it."""
    units.register_unit(province.connection, OTHER_USCC, name_zh="另一单位")
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 24 * HOUR, RUN))
    for day in (MONDAY, TUESDAY):
        say(province, use(day, 0, 12, purpose="teaching"))
        say(province, use(day, 12, 24, purpose="service-order", order="SO-1"))
    say(
        province,
        facts.Order(
            v=1, at=day_bounds_ms(TUESDAY)[1], by="lims", unit=USCC, order="SO-1", beneficiary="91610131MA6TYUUC74"
        ),
    )
    province.derive(FRIDAY)
    instruments.register_owner(province.connection, "A001", uscc=OTHER_USCC, from_day=TUESDAY)
    province.derive(FRIDAY)
    monday, tuesday = records(province).values()
    assert (monday.owner, monday.internal_s) == (USCC, 24 * HOUR)
    assert (tuesday.owner, tuesday.internal_s, tuesday.unresolved_s) == (OTHER_USCC, 12 * HOUR, 12 * HOUR)
    assert [each.why for each in list_revisions(province.connection, "A001", day=TUESDAY)] == ["closed", "ownership"]
    assert verify(dsn) == Verification(2, [], [])


def test_retired_instrument_keeps_its_hours_and_resolves_nothing(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 24 * HOUR, RUN))
    say(province, use(TUESDAY, 0, 24))
    instruments.register_owner(province.connection, "A001", uscc=None, from_day=TUESDAY)
    province.derive(FRIDAY)
    tuesday = records(province)[TUESDAY]
    assert (tuesday.owner, tuesday.run_s, tuesday.unresolved_s) == ("", 24 * HOUR, 24 * HOUR)
    assert province.rows("SELECT days FROM owned_days(%s, %s)", MONDAY, TUESDAY) == [(1,)]
    assert verify(dsn) == Verification(2, [], [])


def test_moved_meter_counts_for_each_instrument_on_its_days_and_revises_what_was_closed(
    dsn: str, province: Province, sem: str
) -> None:
    province.add_instrument("B001")
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 24 * HOUR, RUN))
    province.derive(FRIDAY)
    province.bind("em-01", "B001", from_day=TUESDAY)
    province.derive(FRIDAY)
    assert [each.why for each in list_revisions(province.connection, "A001", day=TUESDAY)] == ["closed", "measurement"]
    assert records(province)[TUESDAY].unobserved_s == 24 * HOUR
    assert records(province, "B001")[TUESDAY].run_s == 24 * HOUR
    assert verify(dsn) == Verification(3, [], [])


def test_networked_mid_year_counts_from_the_day_of_its_first_owner(province: Province) -> None:
    province.add_instrument("A001")
    instruments.register_instrument(province.connection, "N001", name_zh="新仪器")
    instruments.register_owner(province.connection, "N001", uscc=USCC, from_day=date(2026, 7, 1))
    days = province.rows("SELECT asset_no, days FROM owned_days('2026-01-01', '2026-12-31') ORDER BY asset_no")
    assert days == [("A001", 365), ("N001", 184)]


def test_hand_entry_of_a_day_that_nobody_saw_has_a_record_of_its_own_class(
    dsn: str, province: Province, sem: str
) -> None:
    hand = facts.HandEntry(
        v=1, at=day_bounds_ms(TUESDAY)[1], by="Li", approver="Wang", approved_at=day_bounds_ms(TUESDAY)[1] + 1,
        reason="the PC was away for repair", asset="A001", day=TUESDAY.isoformat(), seconds=3 * HOUR, source="book 3",
    )  # fmt: skip
    sha256 = say(province, hand)
    province.derive(FRIDAY)
    tuesday = records(province)[TUESDAY]
    assert (tuesday.hand_s, tuesday.effective_s, tuesday.unobserved_s) == (3 * HOUR, 0, 24 * HOUR)
    assert tuesday.facts == (f"fact:{sha256}",)
    assert verify(dsn) == Verification(1, [], [])
    province.connection.execute("DELETE FROM hour_record")
    assert "no record is stored, but there are readings or hours by hand" in {
        each.what for each in verify(dsn).differences
    }


def test_power_inside_the_hysteresis_band_over_midnight_is_derived_until_the_lead_in_stays(
    dsn: str, province: Province, sem: str
) -> None:
    """Monday's late readings change Wednesday; Thursday begins with evidence of its own."""
    band = 700_000
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        province.observe(sem, Piece(day, 12 * HOUR if day == MONDAY else 0, 24 * HOUR, band))
    province.observe(sem, Piece(THURSDAY, 0, HOUR, OFF))
    province.derive(THURSDAY)
    province.observe(sem, Piece(MONDAY, 11 * HOUR, 12 * HOUR, RUN))
    province.derive(THURSDAY)
    assert [record.run_s // HOUR for record in records(province).values()] == [13, 24, 24, 0]
    assert verify(dsn).differences == []


def test_post_processing_after_midnight_reaches_the_day_before_when_its_readings_come(
    dsn: str, province: Province, sem: str
) -> None:
    """The run ended at 23:50; that off follows after midnight is known only with Tuesday's readings."""
    province.put_policy(POLICY.replace(b'"gap_ms"', b'"post_ms":900000,"gap_ms"'), from_day=MONDAY)
    province.observe(sem, Piece(MONDAY, 9 * HOUR, 86_400 - 600, RUN), Piece(MONDAY, 86_400 - 600, 86_400, IDLE))
    province.derive(FRIDAY)
    assert records(province)[MONDAY].post_s == 0
    province.observe(sem, Piece(TUESDAY, 0, 60, IDLE), Piece(TUESDAY, 60, HOUR, OFF))
    province.derive(FRIDAY)
    assert records(province)[MONDAY].post_s == 600
    assert [each.why for each in list_revisions(province.connection, "A001", day=MONDAY)][-1] == "neighbour"
    assert verify(dsn) == Verification(2, [], [])
