"""What `jishi-agent doctor` prints, and its exit code."""

import json
from pathlib import Path

import pytest

from agent import cli
from agent.commands.doctor import lines, summary
from agent.finding import Finding
from tests.agent.enrolled import enrol_in

FAILURE = Finding("port of meter1", "fail", "there is no port /dev/ttyUSB0", "a port", "plug the adapter in")
GOOD = Finding("journal", "ok", "10 entries in 1 files can be read; 5 are receipted")


def test_a_good_finding_is_one_line_and_a_bad_one_says_what_to_do() -> None:
    assert list(lines(GOOD, width=0)) == [
        "ok    journal              10 entries in 1 files can be read; 5 are receipted"
    ]
    assert list(lines(FAILURE, width=0)) == [
        "FAIL  port of meter1       there is no port /dev/ttyUSB0",
        "                           expected: a port",
        "                           remedy: plug the adapter in",
    ]


def test_at_a_terminal_no_line_is_longer_than_that() -> None:
    long = FAILURE._replace(found="word " * 40, remedy="another " * 40)
    assert max(len(line) for line in lines(long, width=80)) <= 80


def test_the_last_line_counts() -> None:
    warning, untold = FAILURE._replace(verdict="warn"), FAILURE._replace(verdict="unknown")
    assert summary([GOOD]) == "nothing is wrong"
    assert summary([FAILURE, GOOD, warning, warning]) == "1 failure, 2 warnings"
    assert summary([untold]) == "1 not told"


def test_the_exit_code_tells_whether_something_does_not_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = enrol_in(tmp_path / "pc", broker_port=9, port=tmp_path / "port")
    for verdict, code in (("ok", 0), ("warn", 0), ("unknown", 0), ("fail", 1)):
        found = [GOOD, FAILURE._replace(verdict=verdict)]
        monkeypatch.setattr("agent.doctor.round.examine", lambda *_, found=found: iter(found))
        assert cli.main(["doctor", "-c", str(path)]) == code
        capsys.readouterr()
        assert cli.main(["doctor", "-c", str(path), "--json"]) == code
        told = json.loads(capsys.readouterr().out)
        assert told["healthy"] is (code == 0)
        assert told["findings"][0] == GOOD._asdict()


def test_a_configuration_that_is_not_there_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "-c", str(tmp_path / "none.toml")]) == 1
    assert "FAIL  configuration" in capsys.readouterr().out
