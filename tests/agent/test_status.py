"""What the agent says of itself, for people and for programs."""

import os
from pathlib import Path
from typing import Any

import pytest

from agent import status

NOW_MS = 1_764_554_716_036


def a_status(**changes: Any) -> status.Status:
    return {
        "agent": "em-01",
        "origin": "jishi.example/a/em-01/1",
        "version": "0.1.0",
        "pid": os.getpid(),
        "at_ms": NOW_MS - 1000,
        "state": "running",
        "reason": "",
        "watchers": [
            {
                "name": "meter1",
                "kind": "modbus-meter",
                "asset": "A001",
                "state": "up",
                "last_at_ms": NOW_MS - 1500,
                "last": {"power_mw": 905_800, "energy_mwh": 1_646_000},
                "particulars": {},
                "reason": "",
                "failures": 0,
            },
            {
                "name": "host",
                "kind": "host",
                "asset": "",
                "state": "down",
                "last_at_ms": None,
                "last": {},
                "particulars": {},
                "reason": "no such thing",
                "failures": 3,
            },
        ],
        "journal": {
            "size": 1242,
            "bytes": 402_000,
            "receipted": 1240,
            "receipt_at_ms": NOW_MS - 4000,
            "receipt_age_s": 4,
            "refusing": None,
            "dropped": 0,
        },
        "uplink": {"state": "welcomed", "since_ms": NOW_MS - 600_000, "detail": "", "clock_ahead_ms": 12}
        | {"road": "mqtt", "road_why": ""},
        "desk": None,
        **changes,
    }


def test_the_table_of_a_running_agent() -> None:
    assert (
        status.table(a_status(), now_ms=NOW_MS)
        == """\
agent    em-01  (jishi.example/a/em-01/1)
state    running
journal  1242 entries, 0.4 MB; 1240 receipted, the newest receipt 4 s old
uplink   welcomed for 10 min, by MQTT

watcher  kind          asset  state  last seen  what
meter1   modbus-meter  A001   up     2 s ago    905.8 W, 1.646 kWh
host     host          -      down   never      no such thing"""
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"at_ms": NOW_MS - 7_200_000}, "NOT RUNNING, last heard of 2 h ago"),
        ({"pid": 2**22 + 1}, "NOT RUNNING, last heard of 1 s ago"),
        ({"state": "stopped", "reason": "asked to stop"}, "NOT RUNNING, last heard of 1 s ago: asked to stop"),
        ({"state": "stopped", "reason": "x", "journal": None, "uplink": None, "watchers": []}, "ago: x"),
    ],
)
def test_an_agent_that_is_down_is_said_to_be_down_and_for_how_long(changes: dict[str, Any], words: str) -> None:
    shown = status.table(a_status(**changes), now_ms=NOW_MS)
    assert words in shown.splitlines()[1]


def test_a_journal_that_takes_nothing_is_said_loudly() -> None:
    journal = {**a_status()["journal"], "refusing": "the disk is full", "receipt_age_s": None}
    shown = status.table(a_status(journal=journal), now_ms=NOW_MS)
    assert "RECORDS NOTHING: the disk is full" in shown
    assert "none yet" in shown


def test_a_clock_that_is_off_and_a_connection_that_is_not_there_are_said() -> None:
    uplink = {"state": "offline", "since_ms": NOW_MS, "detail": "no broker", "clock_ahead_ms": -7_200_000}
    shown = status.table(a_status(uplink=uplink), now_ms=NOW_MS)
    assert "offline for 0 s: no broker" in shown
    assert "clock    2 h behind the collector's: set it" in shown


def test_a_detour_says_by_which_road_and_why() -> None:
    uplink = {**a_status()["uplink"], "road": "https", "road_why": "MQTT does not work: no broker"}
    shown = status.table(a_status(uplink=uplink), now_ms=NOW_MS)
    assert "welcomed for 10 min, by HTTPS\nroad     https, because MQTT does not work: no broker\n" in shown


def test_who_is_at_the_desk_is_shown_and_what_is_wrong_with_it() -> None:
    anna = {"operator": "Anna", "asset": "A001", "since_ms": NOW_MS - 7_200_000, "purpose": "service-order"}
    present = [{**anna, "order": "SO-1"}, {**anna, "operator": "Bo", "purpose": "teaching", "order": None}]
    desk = {"page": "http://127.0.0.1:8323/", "problem": "", "hint": "card 01 at reader1: it is nobody's"}
    shown = status.table(a_status(desk={**desk, "present": present}), now_ms=NOW_MS).splitlines()
    assert shown[4:8] == [
        "desk     http://127.0.0.1:8323/",
        "         Anna at A001 for 2 h: service-order SO-1",
        "         Bo at A001 for 2 h: teaching",
        "         card 01 at reader1: it is nobody's",
    ]
    down = {"page": None, "problem": "the port is taken", "hint": "", "present": []}
    assert "desk     no page: the port is taken" in status.table(a_status(desk=down), now_ms=NOW_MS)


def test_what_is_written_is_read_and_nothing_else_is(tmp_path: Path) -> None:
    assert status.read(tmp_path) is None
    status.write(tmp_path, a_status())
    assert status.read(tmp_path) == a_status()
    (tmp_path / status.FILE).write_bytes(b"{half")
    assert status.read(tmp_path) is None


def test_the_last_word_keeps_what_was_known() -> None:
    from agent.clock import Instant

    last = status.stopped(a_status(), agent_id="em-01", reason="asked to stop", now=Instant(NOW_MS, 5))
    assert (last["state"], last["reason"], last["at_ms"]) == ("stopped", "asked to stop", NOW_MS)
    assert last["journal"]["size"] == 1242
    assert status.stopped({}, agent_id="em-01", reason="x", now=Instant(NOW_MS, 5))["watchers"] == []
