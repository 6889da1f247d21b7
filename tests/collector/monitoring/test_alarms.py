"""Alarms are computed from what is, opened once, closed when it is over, and acknowledged by a person."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from collector.errors import MonitoringError, NotAllowed, UnknownName
from collector.monitoring.alarms import (
    Alarm,
    Asked,
    Held,
    Looked,
    Wrong,
    acknowledge,
    compare,
    count_open,
    list_alarms,
    look,
)
from collector.monitoring.job import MinuteLook
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.instruments import register_owner
from protocol import entry
from protocol.entry import Start, Storage
from tests.collector.monitoring.monitored import NOW, OWN, TODAY, days_before, person, put_day, put_days
from tests.collector.province import Province

OTHER = "12100000400000624D"
MINUTE = timedelta(minutes=1)
JUDGED = days_before(3)


@pytest.fixture
def healthy(province: Province) -> Province:
    """A001, observed throughout since 1 October, whose agent was heard just now."""
    province.add_instrument("A001")
    province.add_agent("em-01", "A001", from_day=date(2026, 10, 1))
    put_days(province, "A001", date(2026, 10, 1), days_before(1))
    heard(province, NOW)
    return province


def heard(province: Province, at: datetime, agent_id: str = "em-01") -> None:
    province.connection.execute("UPDATE agent SET last_seen_at = %s WHERE agent_id = %s", [at, agent_id])


def looked(province: Province, now: datetime = NOW) -> Looked:
    return look(province.connection, now=now, after_days=3)


def listed(province: Province, **more: Any) -> list[Alarm]:
    return list_alarms(province.connection, Asked(**more), today=TODAY)


def said(province: Province, index: int, body: entry.Body) -> None:
    """A landmark of em-01's journal."""
    raw = entry.encode(entry.make(body, index=index, wall_ms=1_795_000_000_000, mono_ms=1000 + index, boot="0000abcd"))
    province.connection.execute(
        "INSERT INTO landmark (journal_id, entry_index, kind, boot, mono_ms, wall_ms, body)"
        " SELECT journal_id, %s, %s, '0000abcd', %s, 1795000000000, %s FROM journal",
        [index, body.kind, 1000 + index, raw],
    )


def test_where_all_is_well_nothing_is_opened(healthy: Province) -> None:
    assert looked(healthy) == (0, 0)
    assert listed(healthy) == []


def test_a_silent_agent_is_told_once_and_closes_when_it_is_heard(healthy: Province) -> None:
    last = NOW - timedelta(minutes=61)
    heard(healthy, last)
    assert looked(healthy) == (1, 0)
    [alarm] = listed(healthy)
    assert (alarm.kind, alarm.subject, alarm.since, alarm.opened_at) == ("agent-silent", "agent:em-01", last, NOW)
    assert looked(healthy, NOW + MINUTE) == (0, 0), "it is open, and not told again"
    heard(healthy, NOW + 2 * MINUTE)
    assert looked(healthy, NOW + 3 * MINUTE) == (0, 1)
    assert listed(healthy) == []
    [over] = listed(healthy, with_closed=True)
    assert (over.alarm_id, over.closed_at) == (alarm.alarm_id, NOW + 3 * MINUTE)
    assert looked(healthy, NOW + timedelta(hours=2)) == (1, 0), "silent again: another alarm"


def test_silence_counts_from_the_setting_on_and_only_where_something_is_measured(healthy: Province) -> None:
    heard(healthy, NOW - timedelta(minutes=60))
    assert looked(healthy) == (0, 0)
    heard(healthy, NOW - timedelta(days=9))
    healthy.bind("em-01", None, from_day=TODAY)
    assert looked(healthy) == (0, 0), "it measures nothing any more"


def test_a_day_and_a_month_below_their_shares_are_told_by_instrument(healthy: Province) -> None:
    province = healthy
    province.add_instrument("B001")
    province.bind("em-01", "B001", from_day=date(2026, 9, 20), channel="other")
    put_day(province, "B001", JUDGED, seen_s=69_119)
    put_days(province, "B001", date(2026, 10, 1), date(2026, 10, 27))
    put_day(province, "B001", date(2026, 10, 28), seen_s=77_759)
    assert looked(province) == (2, 0)
    day, month = sorted(listed(province), key=lambda each: each.kind)
    assert (day.kind, day.subject, day.detail) == (
        "day-coverage", "instrument:B001", "69119 of 86400 s of 2026-11-24 observed",
    )  # fmt: skip
    assert day.since == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert (month.kind, month.detail) == ("month-coverage", "2410559 of 2678400 s of 2026-10 observed")
    put_day(province, "B001", JUDGED + timedelta(days=1))
    assert looked(province, NOW + timedelta(days=1)).closed == 1, "the next day is observed well enough"


@pytest.mark.parametrize(("day_s", "month_s"), [(69_120, 77_760), (69_120, 77_759)])
def test_exactly_the_share_is_enough(province: Province, day_s: int, month_s: int) -> None:
    province.add_instrument("A001")
    province.add_agent("em-01", "A001", from_day=date(2026, 10, 31))
    heard(province, NOW)
    put_day(province, "A001", date(2026, 10, 31), seen_s=month_s)
    put_day(province, "A001", JUDGED, seen_s=day_s)
    looked(province)
    assert [each.kind for each in listed(province)] == ([] if month_s == 77_760 else ["month-coverage"])


def test_what_nobody_owns_has_no_coverage_to_miss(healthy: Province) -> None:
    healthy.add_instrument("B001")
    healthy.bind("em-01", "B001", from_day=date(2026, 9, 1), channel="other")
    register_owner(healthy.connection, "B001", uscc=None, from_day=date(2026, 9, 1))
    assert looked(healthy) == (0, 0)


def test_a_disk_that_made_trouble_is_told_until_the_agent_begins_anew(healthy: Province) -> None:
    said(healthy, 0, Start("0.9"))
    said(healthy, 1, Storage("the disk is full"))
    assert looked(healthy) == (1, 0)
    [alarm] = listed(healthy)
    assert (alarm.kind, alarm.detail) == ("storage", "its disk made trouble: the disk is full")
    said(healthy, 2, Start("0.9"))
    assert looked(healthy) == (0, 1)


def test_a_clock_that_is_off_by_more_than_the_setting_is_told(healthy: Province) -> None:
    said(healthy, 0, Start("0.9"))
    values = "INSERT INTO boot_clock SELECT journal_id, '0000abcd', 0, 100, %s, %s FROM journal"
    healthy.connection.execute(values.encode(), [120_100, 120_200])
    assert looked(healthy) == (0, 0)
    healthy.connection.execute("UPDATE boot_clock SET fix_low_ms = 120101")
    assert looked(healthy) == (1, 0)
    [alarm] = listed(healthy)
    assert (alarm.kind, alarm.since, alarm.detail) == ("clock-off", NOW, "its clock is off by 120 s")


def test_somebody_acknowledges_once_with_a_reason_and_closes_nothing(healthy: Province) -> None:
    heard(healthy, NOW - timedelta(days=1))
    looked(healthy)
    [alarm] = listed(healthy, only_new=True)
    by = person(healthy, "zhao", "operator", why="its PC is being replaced")
    with healthy.connection.transaction():
        known = acknowledge(healthy.connection, alarm.alarm_id, by)
    assert (known.acknowledged_by, known.acknowledged_why, known.closed_at) == ("zhao", by.why, None)
    assert listed(healthy, only_new=True) == []
    assert len(listed(healthy)) == 1
    with pytest.raises(MonitoringError, match="was acknowledged by zhao"), healthy.connection.transaction():
        acknowledge(healthy.connection, alarm.alarm_id, by)
    with pytest.raises(UnknownName), healthy.connection.transaction():
        acknowledge(healthy.connection, 99, by)


def test_who_sees_no_agent_sees_no_alarm_of_it(healthy: Province) -> None:
    heard(healthy, NOW - timedelta(days=1))
    looked(healthy)
    units.register_unit(healthy.connection, OTHER, name_zh="清华大学")
    assert [len(listed(healthy, scope=scope)) for scope in (EVERYTHING, OWN, Scope("unit", OTHER))] == [1, 1, 0]
    stranger = person(healthy, "sun", "operator", Scope("unit", OTHER))
    with pytest.raises(UnknownName), healthy.connection.transaction():
        acknowledge(healthy.connection, 1, stranger)
    with pytest.raises(NotAllowed), healthy.connection.transaction():
        acknowledge(healthy.connection, 1, person(healthy, "li", "officer", OWN))


def test_kinds_are_counted_for_the_figures(healthy: Province) -> None:
    heard(healthy, NOW - timedelta(days=1))
    looked(healthy)
    assert count_open(healthy.connection) == {
        "agent-silent": 1, "clock-off": 0, "storage": 0, "day-coverage": 0, "month-coverage": 0,
    }  # fmt: skip


def test_the_database_opens_no_alarm_twice_and_keeps_all(healthy: Province) -> None:
    insert = (
        "INSERT INTO alarm (kind, agent_id, since, detail, opened_at) VALUES ('storage', 'em-01', now(), 'x', now())"
    )
    healthy.connection.execute(insert)
    with pytest.raises(psycopg.errors.RestrictViolation, match="open already"):
        healthy.connection.execute(insert)
    with pytest.raises(psycopg.errors.RestrictViolation, match="never updated or deleted"):
        healthy.connection.execute("DELETE FROM alarm")


def test_comparing_opens_what_is_new_and_closes_what_is_gone() -> None:
    old, gone = Held(1, "storage", "em-01", None), Held(2, "storage", "em-02", None)
    same = Wrong("storage", "em-01", None, None, "still")
    new = Wrong("clock-off", "em-01", None, None, "x")
    assert compare([same, new], [old, gone]) == ([new], [gone])


def test_the_look_beside_the_hours_takes_place_once_a_minute(healthy: Province) -> None:
    times = [NOW, NOW + timedelta(seconds=59), NOW + timedelta(seconds=60)]
    job = MinuteLook(after_days=3, now=iter(times).__next__)
    heard(healthy, NOW - timedelta(minutes=61))
    job(healthy.connection, TODAY)
    assert len(listed(healthy)) == 1
    noted = "SELECT (SELECT count(*) FROM change_noted), (SELECT count(*) > 0 FROM change)"
    assert healthy.rows(noted) == [(0, True)], "what changed is on its list"
    heard(healthy, NOW)
    job(healthy.connection, TODAY)
    assert len(listed(healthy)) == 1, "not a minute later yet"
    job(healthy.connection, TODAY)
    assert listed(healthy) == []


def test_a_look_that_fails_holds_up_nobody(
    healthy: Province, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> Looked:
        raise ValueError("a bug")

    monkeypatch.setattr("collector.monitoring.job.look", fail)
    MinuteLook(after_days=3)(healthy.connection, TODAY)
    assert "monitoring failed" in caplog.text
