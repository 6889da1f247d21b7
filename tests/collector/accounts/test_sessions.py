"""Sessions: runs in one piece over midnights."""

from datetime import date, timedelta

import pytest

from collector.accounts.sessions import load_sessions
from protocol.interval import day_bounds_ms
from tests.collector.province import OFF, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
DAYS = [MONDAY + timedelta(days=n) for n in range(6)]
HOUR = 3600


@pytest.fixture
def origin(province: Province) -> str:
    province.add_instrument("A001")
    return province.add_agent("em-01", "A001")


def spans(province: Province, first: date, last: date) -> list[tuple[float, float]]:
    """Sessions as hours since Monday's midnight."""
    start_ms = day_bounds_ms(MONDAY)[0]
    found = load_sessions(province.connection, "A001", first_day=first, last_day=last)
    return [((each.start_ms - start_ms) / 3_600_000, (each.end_ms - start_ms) / 3_600_000) for each in found]


def test_a_run_of_four_days_is_one_session_whichever_day_is_asked_for(province: Province, origin: str) -> None:
    province.observe(origin, Piece(DAYS[0], 0, 20 * HOUR, OFF), Piece(DAYS[0], 20 * HOUR, 24 * HOUR, RUN))
    province.observe(origin, *(Piece(day, 0, 24 * HOUR, RUN) for day in DAYS[1:3]))
    province.observe(origin, Piece(DAYS[3], 0, 5 * HOUR, RUN), Piece(DAYS[3], 5 * HOUR, 24 * HOUR, OFF))
    province.derive(DAYS[5])
    for day in DAYS[:4]:
        assert spans(province, day, day) == [(20, 77)]
    assert spans(province, DAYS[4], DAYS[5]) == []
    [session] = load_sessions(province.connection, "A001", first_day=DAYS[1], last_day=DAYS[1])
    assert (session.days, session.seconds, session.is_open) == (tuple(DAYS[:4]), 57 * HOUR, False)


def test_a_missing_day_ends_a_session(province: Province, origin: str) -> None:
    province.observe(origin, Piece(DAYS[0], 23 * HOUR, 24 * HOUR, RUN), Piece(DAYS[2], 0, HOUR, RUN))
    province.derive(DAYS[5])
    assert spans(province, DAYS[0], DAYS[2]) == [(23, 24), (48, 49)]


def test_a_run_at_the_newest_evidence_of_today_is_open(province: Province, origin: str) -> None:
    province.observe(origin, Piece(DAYS[0], 0, HOUR, RUN), Piece(DAYS[0], HOUR, 2 * HOUR, OFF))
    province.observe(origin, Piece(DAYS[0], 2 * HOUR, 3 * HOUR, RUN))
    province.derive(DAYS[0])
    found = load_sessions(province.connection, "A001", first_day=DAYS[0], last_day=DAYS[0])
    assert [session.is_open for session in found] == [False, True]
    province.derive(DAYS[1])
    found = load_sessions(province.connection, "A001", first_day=DAYS[0], last_day=DAYS[0])
    assert [session.is_open for session in found] == [False, False]
