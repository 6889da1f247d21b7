"""Explanations out of the database, and by the command."""

import json
from datetime import date, timedelta

import pytest

from collector.accounts.explaining import explain_second
from collector.cli import main
from collector.errors import DerivationError, UnknownName
from collector.facts.store import record_fact
from protocol import facts
from protocol.interval import day_bounds_ms
from tests.collector.province import OFF, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
HOUR = 3600


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    return origin


def test_a_second_is_explained_down_to_the_entry(province: Province, sem: str) -> None:
    province.derive(MONDAY)
    found = explain_second(province.connection, "A001", day=MONDAY, second=10 * HOUR)
    assert (found.state, found.is_effective, found.standings) == ("run", True, ("unresolved",))
    assert found.steps[0].refs == (f"entry:{sem}#10",)


def test_a_use_is_in_the_explanation_at_once(province: Province, sem: str) -> None:
    province.derive(MONDAY)
    begins = day_bounds_ms(MONDAY)[0] + 9 * HOUR * 1000
    use = facts.Use(v=1, at=begins, by="lims", asset="A001", start=begins, end=begins + HOUR * 1000, purpose="teaching")
    with province.connection.transaction():
        sha256 = record_fact(province.connection, use).sha256
    found = explain_second(province.connection, "A001", day=MONDAY, second=9 * HOUR + 600)
    assert found.standings == ("internal",)
    assert (f"fact:{sha256}",) in [step.refs for step in found.steps]


def test_what_is_not_there_is_said(province: Province, sem: str) -> None:
    province.derive(MONDAY)
    with pytest.raises(UnknownName):
        explain_second(province.connection, "Z999", day=MONDAY, second=0)
    with pytest.raises(DerivationError, match="nothing was observed on that day"):
        explain_second(province.connection, "A001", day=TUESDAY, second=0)
    with pytest.raises(DerivationError, match="reaches to 12:00:00"):
        explain_second(province.connection, "A001", day=MONDAY, second=13 * HOUR)


def test_the_command_prints_sentences_or_json(
    dsn: str, province: Province, sem: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    province.derive(MONDAY)
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    assert main(["explain", "A001", "2026-11-16T10:15:30"]) == 0
    assert "A001 at 2026-11-16 10:15:30 (UTC+8): run, effective, unresolved" in capsys.readouterr().out
    assert main(["explain", "A001", "2026-11-16T10:15:30", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_effective"] is True
    assert main(["explain", "A001", "2026-11-17T10:15:30"]) == 1
    assert "has no record on 2026-11-17" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["explain", "A001", "2026-11-16T10:15:30Z"])
    assert "has an offset" in capsys.readouterr().err
