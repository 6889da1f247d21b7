"""What a running agent says of itself, judged."""

from pathlib import Path
from typing import Any

import pytest

from agent.doctor.running import examine_running, judge_recording, judge_uplink, judge_watcher
from tests.agent.doctor.cases import a_case, only, verdicts
from tests.agent.manual_clock import ManualClock
from tests.agent.test_status import NOW_MS, a_status


def a_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = a_status()["watchers"][0]
    return row | changes


def uplink(state: str, *, detail: str = "", receipted: int = 1242, road_why: str = "") -> dict[str, Any]:
    return a_status(
        uplink={
            "state": state,
            "since_ms": NOW_MS - 5000,
            "detail": detail,
            "clock_ahead_ms": 12,
            "road_why": road_why,
        },
        journal=a_status()["journal"] | {"receipted": receipted},
    )


def test_an_agent_without_trouble(tmp_path: Path) -> None:
    status = a_status(watchers=[a_row(last_at_ms=a_case(tmp_path).clock.now().wall_ms)], at_ms=0)
    found = verdicts(examine_running(a_case(tmp_path / "2")._replace(status=status)))
    assert found == {"watcher meter1": "ok", "delivery": "ok", "clock": "ok"}


def test_nothing_is_said_of_an_agent_that_does_not_run(tmp_path: Path) -> None:
    assert list(examine_running(a_case(tmp_path))) == []


def test_another_version_than_the_installed_one_is_said(tmp_path: Path) -> None:
    status = a_status(version="0.0.9", watchers=[])
    finding = next(examine_running(a_case(tmp_path)._replace(status=status)))
    assert (finding.verdict, finding.remedy) == ("warn", "start the agent again")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "ok"),
        ({"last_at_ms": NOW_MS - 1_801_000}, "warn"),
        ({"failures": 3}, "warn"),
        ({"state": "down", "reason": "unobserved because there is no port x: plug it in"}, "fail"),
        ({"state": "starting", "last_at_ms": None}, "unknown"),
    ],
)
def test_a_watcher(changes: dict[str, Any], verdict: str) -> None:
    assert judge_watcher(a_row(**changes), now_ms=NOW_MS).verdict == verdict


def test_a_journal_that_takes_nothing_and_samples_that_were_dropped() -> None:
    journal = a_status()["journal"]
    assert list(judge_recording(journal)) == []
    assert only(judge_recording(journal | {"refusing": "the disk is full"})).verdict == "fail"
    assert only(judge_recording(journal | {"dropped": 3})).found.startswith("3 samples were thrown away")


@pytest.mark.parametrize(
    ("status", "waiting_ms", "verdict"),
    [
        (uplink("welcomed"), 0, "ok"),
        (uplink("welcomed", receipted=1240), 2_000, "ok"),
        (uplink("welcomed", receipted=1240), 61_000, "fail"),
        (uplink("greeting"), 0, "unknown"),
        (uplink("greeting", detail="the collector does not answer"), 0, "fail"),
        (uplink("greeting", detail="no receipt for 30 s"), 31_000, "fail"),
        (uplink("offline", detail="the broker cannot be reached"), 0, "fail"),
        (uplink("shunned", detail="the collector refuses: revoked"), 0, "fail"),
        (uplink("welcomed", road_why="MQTT does not work: no broker"), 0, "warn"),
        (uplink("diverged", detail="another history"), 0, "fail"),
    ],
)
def test_delivery_is_judged_by_receipts(status: dict[str, Any], waiting_ms: int, verdict: str) -> None:
    assert judge_uplink(status, waiting_ms=waiting_ms, now_ms=NOW_MS).verdict == verdict


def test_missing_receipts_name_the_topics_that_may_be_denied() -> None:
    finding = judge_uplink(uplink("welcomed", receipted=1200), waiting_ms=95_000, now_ms=NOW_MS)
    assert "42 entries wait for a receipt, the oldest for 95 s" in finding.found
    assert "jishi/v1/up/35/em-01 to be written" in finding.remedy


def test_the_age_of_the_oldest_entry_without_a_receipt_comes_from_the_journal(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    journal = a_status()["journal"] | {"size": 1, "receipted": 0}
    status = a_status(watchers=[], journal=journal)
    later = ManualClock(wall_ms=case.clock.now().wall_ms + 95_000)
    finding = next(
        found for found in examine_running(case._replace(status=status, clock=later)) if found.what == "delivery"
    )
    assert "the oldest for 95 s" in finding.found
    assert finding.verdict == "fail"
