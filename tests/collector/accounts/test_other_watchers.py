"""Contacts and data files beside the meter, from bound channels to the record, by rows and by the stored bytes."""

import json
from datetime import date, timedelta

import pytest

from collector.accounts.verification import Verification, verify
from protocol import hours
from tests.collector.province import IDLE, OFF, POLICY, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
HOUR = 3600
RULES = [
    {"class": "contact", "channel": "beam", "words": {"closed": "run"}},
    {"class": "files", "channel": "growth", "at_least": 1, "hold_ms": 600_000},
]


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    for watcher, channel in (("door", "beam"), ("data", "growth")):
        province.bind("em-01", "A001", from_day=date(2020, 1, 1), watcher=watcher, channel=channel)
    province.put_policy(json.dumps({**json.loads(POLICY), "evidence": RULES}).encode(), asset_no="A001")
    return origin


def record_of(province: Province, day: date) -> hours.HourRecord:
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE asset_no = 'A001' AND day = %s", day)
    return hours.decode(bytes(body))  # type: ignore[call-overload]


def test_a_contact_makes_a_run_and_the_meter_vetoes_growing_files(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 8 * HOUR, OFF), Piece(MONDAY, 8 * HOUR, 12 * HOUR, IDLE))
    province.observe(sem, Piece(MONDAY, 12 * HOUR, 24 * HOUR, OFF))
    province.show(sem, "door:beam", MONDAY, start_s=9 * HOUR, states=("closed",))
    province.show(sem, "data:growth", MONDAY, start_s=20 * HOUR, counts=(4096,))
    province.derive(TUESDAY)
    record = record_of(province, MONDAY)
    assert (record.run_s, record.standby_s, record.unobserved_s) == (HOUR, 3 * HOUR, 0)
    assert [(name, spans[0]) for name, spans in record.told] == [
        ("contact:beam", (9 * HOUR, 10 * HOUR, "run")),
        ("files:growth", (20 * HOUR, 21 * HOUR, "run")),
        ("meter:power", (0, 8 * HOUR, "off")),
    ]
    assert record.journals[0][2] == province.sizes[sem] - 1
    assert verify(dsn) == Verification(1, [], [])


def test_what_is_late_from_a_contact_derives_its_day_once_more(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, IDLE))
    province.derive(TUESDAY)
    assert record_of(province, MONDAY).run_s == 0
    province.show(sem, "door:beam", MONDAY, start_s=5 * HOUR, states=("closed",))
    province.derive(TUESDAY)
    assert record_of(province, MONDAY).run_s == HOUR
    assert verify(dsn) == Verification(1, [], [])


def test_a_channel_that_the_policy_has_no_use_for_makes_no_record(dsn: str, province: Province) -> None:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.bind("em-01", "A001", from_day=date(2020, 1, 1), watcher="door", channel="beam")
    province.show(origin, "door:beam", MONDAY, start_s=0, states=("closed",))
    province.observe(origin, Piece(TUESDAY, 0, HOUR, RUN))
    province.derive(TUESDAY)
    assert province.rows("SELECT day FROM hour_record") == [(TUESDAY,)]
    assert record_of(province, TUESDAY).told == ()
    assert verify(dsn) == Verification(1, [], [])
