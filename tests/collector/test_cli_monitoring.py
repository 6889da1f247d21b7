"""`jishi-collector monitoring`, `idle`, `alarms`, `fleet` and `notice`: what they print, and with which status."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from collector import cli
from collector.accounts.closing import close_days
from collector.clock import day_of
from collector.registry import policies
from collector.store.database import Connection
from tests.collector.commands import said
from tests.collector.monitoring.monitored import put_days
from tests.collector.province import POLICY, Province

UNIT = "12100000400000624D"


@pytest.fixture
def today() -> date:
    """Asked a test: the commands read the clock, and a run of all tests goes over a midnight."""
    return day_of(datetime.now(UTC))


@pytest.fixture
def people(
    collector: Path,
    connection: Connection,
    today: date,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Province:
    """A001, measured for 120 days by an agent that nobody heard; zhao monitors, sun is the unit's officer."""
    monkeypatch.setenv("JISHI_PASSWORD", "correct horse battery")
    for name, role in (("zhao", "supervisor"), ("sun", "officer")):
        said(capsys, "person", name, "--by", "wang")
        said(capsys, "role", name, role, "--by", "wang", *(["--scope", f"unit:{UNIT}"] if role == "officer" else []))
    made = Province(connection, policies.register_policy(connection, POLICY))
    made.add_agent("em-01", "A001", from_day=today - timedelta(days=120))
    return made


def test_an_idle_instrument_is_listed_reminded_and_its_case_goes_on(
    people: Province, today: date, capsys: pytest.CaptureFixture[str]
) -> None:
    put_days(people, "A001", today - timedelta(days=120), today - timedelta(days=1))
    listed = said(capsys, "idle", "list", "--state", "idle")
    assert "idle from 30 observed days on" in listed.splitlines()[0]
    assert f"A001  透射电子显微镜  {UNIT}  idle  never powered on  120 days since: 120 observed, 0 not" in listed
    refused = said(capsys, "idle", "remind", "--why", "look", "--by", "sun", status=1)
    assert "no right to monitoring" in refused
    reminded = said(capsys, "idle", "remind", "--why", "look", "--by", "zhao")
    assert reminded.splitlines()[-1] == "reminded=1"
    said(capsys, "idle", "answer", "1", "--why", "its laser is out", "--by", "sun")
    until = str(today + timedelta(days=30))
    accepted = said(capsys, "idle", "accept", "1", "--until", until, "--why", "seen", "--by", "zhao")
    assert "case 1  A001" in accepted
    shown = said(capsys, "idle", "show", "1")
    assert "  answered: " in shown
    assert f"  accepted, {until}: " in shown
    assert "case 1" in said(capsys, "idle", "cases", "--state", "accepted")
    late = said(capsys, "idle", "close", "1", "--outcome", "kept", "--why", "x", "--by", "zhao", status=1)
    assert "case 1 is accepted: closed cannot follow" in late
    assert "idle.accepted" in said(capsys, "audit")


def test_alarms_end_with_1_until_somebody_knows(people: Province, capsys: pytest.CaptureFixture[str]) -> None:
    people.connection.execute("UPDATE agent SET registered_at = now() - interval '2 days'")
    assert cli.main(["alarms"]) == 1
    told = capsys.readouterr()
    assert "agent-silent  agent:em-01  since " in told.out
    assert "never heard since it was registered" in told.out
    assert "alarms are open that nobody has acknowledged" in told.err
    for alarm in [line.split()[0] for line in told.out.splitlines()[:-1]]:
        said(capsys, "alarms", "--acknowledge", alarm, "--why", "new PC", "--by", "zhao")
    listed = said(capsys, "alarms")
    assert "acknowledged by zhao: new PC" in listed
    assert "opened=0 closed=0" in listed
    assert "give --why and --by" in said(capsys, "alarms", "--acknowledge", "1", status=1)


def test_the_fleet_is_counted_and_listed(people: Province, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "fleet", "--sort", "waiting").splitlines()
    assert lines[0] == "agents=1 live=0 silent=0 never=1 waiting=0 versions: unknown 1"
    assert lines[1] == "em-01  never  heard never  waiting 0  ok  version unknown  grade -  A001"
    assert said(capsys, "fleet", "--liveness", "live").count("\n") == 1
    assert "give how many agents are wanted" in said(capsys, "fleet", "--limit", "-1", status=1)


def test_settings_are_decided_by_a_person(people: Province, today: date, capsys: pytest.CaptureFixture[str]) -> None:
    assert "low-use-hours          nobody decided it" in said(capsys, "monitoring", "settings")
    words = ["monitoring", "set", "idle-days", "45", "--from-day", str(today), "--why", "meeting", "--by"]
    assert f"idle-days is 45 days from {today} on" in said(capsys, *words, "zhao")
    assert "no right to monitoring" in said(capsys, *words, "sun", status=1)
    told = said(capsys, "monitoring", "settings")
    assert "idle-days              45 days" in told
    assert f"idle-days is 45 from {today} on: meeting (zhao, " in told


def test_a_notice_is_drafted_issued_written_and_verified(
    people: Province, today: date, collector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = date(today.year - 1, 12, 1)
    put_days(people, "A001", first, first + timedelta(days=30))
    people.connection.execute("UPDATE hour_record SET owner = %s", [UNIT])
    close_days(people.connection, today=today, after_days=3)
    month = f"{first:%Y-%m}"
    said(capsys, "freeze", month, "--from", str(first), "--until", str(first + timedelta(days=30)))
    terms = [month, "--frozen", month, "--number", "No. 1", "--why", "December", "--by", "zhao"]
    assert f"# 关于{first.year}年12月大型科研仪器" in said(capsys, "notice", "draft", *terms)
    assert said(capsys, "notice", "list") == ""
    assert "notice 1  No. 1  regular  everything" in said(capsys, "notice", "issue", *terms)
    assert "No. 1 already" in said(capsys, "notice", "issue", *terms, status=1)
    said(capsys, "notice", "reply", "1", "--unit", UNIT, "--text", "it was on its way", "--by", "sun")
    assert "it was on its way" in said(capsys, "notice", "show", "1")
    page, annex = collector / "notice.html", collector / "notice.xlsx"
    said(capsys, "notice", "write", "1", "--page", str(page), "--annex", str(annex))
    assert "it was on its way" in page.read_text("utf-8")
    assert annex.read_bytes()[:2] == b"PK"
    assert said(capsys, "notice", "verify", "1") == "differences=0\n"
    assert "--page FILE.html, --annex FILE.xlsx" in said(capsys, "notice", "write", "1", status=1)
    assert "is no period" in said(capsys, "notice", "draft", "2026-13", *terms[1:], status=1)
