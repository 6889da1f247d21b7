"""Thresholds hold from a day on, and a day that is over keeps the one that it had."""

from datetime import date, timedelta

import psycopg
import pytest

from collector.errors import MonitoringError
from collector.monitoring.settings import SETTINGS, Settings, decide, list_decided, load_settings
from collector.registry.audit import list_changes
from tests.collector.monitoring.monitored import TODAY, person
from tests.collector.province import Province

NEXT = TODAY + timedelta(days=7)


def test_members_and_names_are_the_same() -> None:
    assert [name.replace("-", "_") for name in SETTINGS] == list(Settings._fields)


def test_where_nobody_decided_the_programs_own_choice_holds(province: Province) -> None:
    held = load_settings(province.connection, TODAY)
    assert (held.idle_days, held.observed_percent, held.low_use_hours) == (30, 80, None)
    assert held.named["agent-silent-minutes"] == 60


def test_a_decision_holds_from_its_day_on_and_the_later_one_of_two(province: Province) -> None:
    by = person(province, "wang", "supervisor", why="the meeting")
    for value, day in ((45, NEXT), (60, NEXT), (20, TODAY)):
        with province.connection.transaction():
            decide(province.connection, "idle-days", value=value, from_day=day, by=by)
    days = [TODAY - timedelta(days=1), TODAY, NEXT - timedelta(days=1), NEXT, date(2199, 1, 1)]
    assert [load_settings(province.connection, day).idle_days for day in days] == [30, 20, 20, 60, 60]
    assert [each.value for each in list_decided(province.connection)] == [20, 45, 60]
    assert [change.new for change in list_changes(province.connection) if change.action == "setting.decide"] == [
        {"value": 45, "from_day": "2026-12-04"}, {"value": 60, "from_day": "2026-12-04"},
        {"value": 20, "from_day": "2026-11-27"},
    ]  # fmt: skip
    with pytest.raises(psycopg.errors.RestrictViolation):
        province.connection.execute("UPDATE monitoring_setting SET value = 1")


@pytest.mark.parametrize(("name", "value", "day", "says"), [
    ("idle-weeks", 4, TODAY, "'idle-weeks' is no setting of monitoring: there are idle-days"),
    ("idle-days", 0, TODAY, "idle-days is 0: 1 to 3650 days is expected"),
    ("idle-days", 3651, TODAY - timedelta(days=1), "3650 days is expected; 2026-11-26 is over"),
])  # fmt: skip
def test_what_cannot_be_is_refused_all_at_once(province: Province, name: str, value: int, day: date, says: str) -> None:
    by = person(province, "wang", "supervisor")
    with pytest.raises(MonitoringError, match=says), province.connection.transaction():
        decide(province.connection, name, value=value, from_day=day, by=by)
    assert list_decided(province.connection) == []
