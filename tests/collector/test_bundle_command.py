"""`jishi-collector bundle` and `trust`: what they write and print, and what they refuse."""

import zipfile
from pathlib import Path

import pytest

from collector import cli
from collector.config import Config
from protocol.verify.trust import parse_trust
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import verify
from tests.collector.evidence.evidence_world import FIRST, World, memory_of
from tests.collector.province import DOMAIN, OFF, RUN, Province


@pytest.fixture
def world(province: Province, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A day with work, closed, and the environment of its collector."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", config.dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JISHI_COLLECTOR_DOMAIN", DOMAIN)
    made = World(province, tmp_path)
    made.work(24, OFF)
    made.work(24, RUN)
    made.work(245, OFF)
    made.settle()
    return made


def test_what_is_written_is_valid_by_the_keys_that_trust_prints(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ["--from", str(FIRST), "--to", str(FIRST)]
    assert cli.main(["bundle", "A001", *days, "--out", str(tmp_path / "out"), "--by", "li"]) == 0
    assert "records=1 unproved=0" in capsys.readouterr().out
    assert cli.main(["trust"]) == 0
    trust = parse_trust(capsys.readouterr().out.encode())
    assert verify(memory_of(tmp_path / "out"), trust).verdict is Verdict.VALID
    session = ["--session", f"{FIRST}:03:10", "--out", str(tmp_path / "one.zip")]
    assert cli.main(["bundle", "A001", *session]) == 0
    with zipfile.ZipFile(tmp_path / "one.zip") as opened:
        assert "session.json" in opened.namelist()
    trail = world.province.rows("SELECT actor, target FROM audit WHERE action = 'bundle.write' ORDER BY seq")
    assert trail[0] == ("li", f"A001 {FIRST} {FIRST}")
    assert len(trail) == 2


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--from", "2026-03-02"], 2, "--from DAY --to DAY, or"),
        (["--from", "2026-03-02", "--to", "2026-03-02", "--session", "2026-03-02:10:00"], 2, "one of both"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], 1, "no period"),
        (["--session", "2026-03-02:23:00"], 1, "sessions of that day: 02:00"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_nothing(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    assert cli.main(["bundle", "A001", *words, "--out", str(tmp_path / "out")]) == status
    assert told in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
    assert world.province.rows("SELECT FROM audit WHERE action = 'bundle.write'") == []
