"""The fleet in every order: who is silent, who lags behind, which version, which grade."""

from datetime import timedelta
from typing import Any

import pytest

from collector.monitoring.fleet import FIRST, Agent, Asked, count_fleet, list_fleet
from collector.registry.access import Scope
from protocol import entry
from protocol.entry import Start
from tests.collector.monitoring.monitored import NOW, OWN, TODAY, days_before, lies_in, put_day
from tests.collector.province import USCC, Province


@pytest.fixture
def fleet(province: Province) -> Province:
    """em-01 heard just now, em-02 an hour ago with 70 entries waiting, em-03 never; em-02 runs another version."""
    for number, version in ((1, "1.0"), (2, "1.1"), (3, "")):
        province.add_instrument(f"A00{number}")
        origin = province.add_agent(f"em-0{number}", f"A00{number}")
        if version:
            raw = entry.encode(entry.make(Start(version), index=0, wall_ms=1, mono_ms=1, boot="0000abcd"))
            province.connection.execute(
                "INSERT INTO landmark (journal_id, entry_index, kind, boot, mono_ms, wall_ms, body)"
                " SELECT journal_id, 0, 'start', '0000abcd', 1, 1, %s FROM journal WHERE origin = %s",
                [raw, origin],
            )
    for agent_id, at, size, held in (("em-01", NOW, 40, 40), ("em-02", NOW - timedelta(hours=1), 100, 30)):
        province.connection.execute(
            "UPDATE agent SET last_seen_at = %s, reported_size = %s WHERE agent_id = %s", [at, size, agent_id]
        )
        province.connection.execute(
            "UPDATE journal SET size = %s, receipt = 'r', receipted_at = %s WHERE agent_id = %s", [held, at, agent_id]
        )
    return province


def listed(province: Province, **more: Any) -> list[str]:
    return [each.agent_id for each in found(province, **more)]


def found(province: Province, **more: Any) -> list[Agent]:
    return list_fleet(province.connection, Asked(NOW, TODAY, **more))


def test_each_agent_is_told_with_what_it_measures_and_how_it_is(fleet: Province) -> None:
    first, second, third = found(fleet, order="agent")
    assert (first.assets, first.uscc, first.liveness, first.waiting, first.version) == (
        ["A001"],
        USCC,
        "live",
        0,
        "1.0",
    )
    assert (second.liveness, second.waiting, second.standing) == ("silent", 70, "ok")
    assert (third.liveness, third.last_seen_at, third.receipted_at, third.version) == ("never", None, None, "")


@pytest.mark.parametrize(("order", "expected"), [
    ("agent", ["em-01", "em-02", "em-03"]),
    ("silence", ["em-03", "em-02", "em-01"]),
    ("waiting", ["em-02", "em-01", "em-03"]),
    ("receipt", ["em-03", "em-02", "em-01"]),
])  # fmt: skip
def test_pages_follow_each_other_in_every_order(fleet: Province, order: str, expected: list[str]) -> None:
    assert listed(fleet, order=order) == expected
    stepped, place = [], FIRST
    while one := found(fleet, order=order, limit=1, after=place):
        stepped.append(one[0].agent_id)
        place = (one[0].key, one[0].agent_id)
    assert stepped == expected


@pytest.mark.parametrize(("wanted", "expected"), [
    ({"liveness": "never"}, ["em-03"]),
    ({"version": "1.1"}, ["em-02"]),
    ({"version": ""}, ["em-03"]),
    ({"only_waiting": True}, ["em-02"]),
    ({"standing": "fork"}, []),
    ({"scope": Scope("instrument", "A001")}, ["em-01"]),
    ({"scope": OWN}, ["em-01", "em-02", "em-03"]),
    ({"uscc": "12100000400000624D"}, []),
])  # fmt: skip
def test_they_are_narrowed_by_what_somebody_looks_for(
    fleet: Province, wanted: dict[str, Any], expected: list[str]
) -> None:
    assert listed(fleet, order="agent", **wanted) == expected


def test_a_division_sees_the_agents_at_what_its_units_own(fleet: Province) -> None:
    lies_in(fleet, USCC, "610113")
    for code, seen in (("61", ["em-01", "em-02", "em-03"]), ("62", [])):
        scope = Scope("division", code)
        assert listed(fleet, order="agent", scope=scope) == seen
        assert sum(each.agents for each in count_fleet(fleet.connection, Asked(NOW, TODAY, scope))) == len(seen)


def test_the_worst_grade_of_a_week_is_told(fleet: Province) -> None:
    for days, grade in ((7, "x_s"), (6, "c_s"), (2, "a_s")):
        put_day(fleet, "A001", days_before(days), on_s=100)
        values = dict.fromkeys(("a_s", "b_s", "c_s", "d_s", "x_s"), 0) | {grade: 100}
        counted = 0 if grade == "x_s" else 100
        fleet.connection.execute(
            "INSERT INTO day_grade (asset_no, day, body, owner, a_s, b_s, c_s, d_s, x_s, lost_s, counted_s,"
            " counted_external_s) VALUES ('A001', %(day)s, '', '', %(a_s)s, %(b_s)s, %(c_s)s, %(d_s)s, %(x_s)s, 0,"
            " %(counted)s, 0)",
            {**values, "day": days_before(days), "counted": counted},
        )
    assert [each.grade for each in found(fleet, order="agent")] == ["C", None, None]


def test_alarms_that_are_open_are_counted_with_their_agent(fleet: Province) -> None:
    fleet.connection.execute(
        "INSERT INTO alarm (kind, agent_id, since, detail, opened_at) VALUES ('storage', 'em-02', now(), 'x', now())"
    )
    assert [each.alarms for each in found(fleet, order="agent")] == [0, 1, 0]


def test_they_are_counted_by_liveness_and_version(fleet: Province) -> None:
    assert count_fleet(fleet.connection, Asked(NOW, TODAY)) == [
        ("live", "1.0", 1, 0), ("never", "", 1, 0), ("silent", "1.1", 1, 70),
    ]  # fmt: skip
