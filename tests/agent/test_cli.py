"""The command line: what it prints, where, and the exit code."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import cli, identity, status
from agent.commands.enroll import TOKEN_VARIABLE
from tests.agent.enrolled import CONFIGURATION, enrol_in
from tests.agent.fake_registry import FakeRegistry
from tests.agent.test_status import a_status

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """`run` sets up the log of a whole process; later tests have a log of their own."""
    root, agents = logging.getLogger(), logging.getLogger("agent")
    handlers, levels = root.handlers[:], (root.level, agents.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    agents.setLevel(levels[1])


def configuration_in(directory: Path, url: str = "http://127.0.0.1:9") -> Path:
    path = directory / "agent.toml"
    text = CONFIGURATION.format(port=directory / "port", block_s=300)
    path.write_text(text.replace("http://127.0.0.1:9", url), encoding="utf-8")
    return path


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_check_shows_what_a_good_configuration_amounts_to(tmp_path: Path, capsys: Captured) -> None:
    assert run("check", "-c", configuration_in(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert 'name = "meter1"' in shown
    assert "timeout_s" in shown, "defaults are written out"
    assert "no fault; there is no enrolment" in shown


def test_check_says_as_what_it_is_enrolled(tmp_path: Path, capsys: Captured) -> None:
    path = enrol_in(tmp_path / "a", broker_port=1883, port=tmp_path / "port")
    path.write_text(path.read_text("utf-8").replace('name = "meter1"', 'name = "meter2"'), encoding="utf-8")
    assert run("check", "-c", path) == 0
    shown = capsys.readouterr().out
    assert "enrolled as jishi.example/a/em-01/1" in shown
    assert "expects a watcher 'meter1' for A001, and none has that name" in shown


def test_check_names_every_fault_with_its_key_path(tmp_path: Path, capsys: Captured) -> None:
    path = configuration_in(tmp_path)
    text = path.read_text("utf-8").replace('id = "em-01"', 'id = "E"').replace("poll_s = 1", "pol_s = 1")
    path.write_text(text, encoding="utf-8")
    assert run("check", "-c", path) == 2
    faults = capsys.readouterr().err.splitlines()
    assert [fault.split(": ")[1] for fault in faults] == ["agent.id", "watcher[0].pol_s"]


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: Captured) -> None:
    for command in ("run", "check", "status", "enroll"):
        assert run(command, "-c", tmp_path / "none.toml") == 2
        assert "cannot be read" in capsys.readouterr().err


def test_wrong_usage_exits_2(capsys: Captured) -> None:
    for words in ([], ["dance"], ["run"]):
        with pytest.raises(SystemExit) as ended:
            run(*words)
        assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_every_command_of_the_table_explains_itself(capsys: Captured) -> None:
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            run(name, "--help")
        assert ended.value.code == 0
        assert f"usage: jishi-agent {name} " in capsys.readouterr().out


def test_status_of_an_agent_that_never_ran(tmp_path: Path, capsys: Captured) -> None:
    path = configuration_in(tmp_path)
    assert run("status", "-c", path) == 1
    assert "NOT RUNNING, and it has never run" in capsys.readouterr().out
    assert run("status", "--json", "-c", path) == 1
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_status_of_another_users_agent_is_not_called_none(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configuration_in(tmp_path)

    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", forbidden)  # root, who runs the tests in CI, may search every directory
    assert run("status", "-c", path) == 1
    assert "UNKNOWN" in capsys.readouterr().out


def test_status_of_one_that_runs_and_of_one_that_was_killed(tmp_path: Path, capsys: Captured) -> None:
    from agent.clock import SystemClock

    path, now_ms = configuration_in(tmp_path), SystemClock().now().wall_ms
    (tmp_path / "state").mkdir()
    status.write(tmp_path / "state", a_status(at_ms=now_ms))
    assert run("status", "-c", path) == 0
    assert "state    running" in capsys.readouterr().out
    assert run("status", "--json", "-c", path) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["running"], shown["journal"]["size"]) == (True, 1242)
    status.write(tmp_path / "state", a_status(at_ms=now_ms, pid=2**22 + 1))
    assert run("status", "-c", path) == 1
    assert "NOT RUNNING" in capsys.readouterr().out


def test_enroll_takes_the_token_from_a_file(registry: FakeRegistry, tmp_path: Path, capsys: Captured) -> None:
    path, token = configuration_in(tmp_path, registry.url), tmp_path / "token"
    token.write_text("jt_good\n")
    assert run("enroll", "-c", path, "--token-file", token) == 0
    shown = capsys.readouterr()
    assert "enrolled as jishi.example/a/em-01/1" in shown.out
    assert "meter1 power counts for instrument A001" in shown.out
    assert "jt_good" not in shown.out + shown.err
    assert run("enroll", "-c", path, "--token-file", token) == 1
    assert "enrolled already" in capsys.readouterr().err


def test_enroll_takes_the_token_from_the_environment(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "jt_good")
    assert run("enroll", "-c", configuration_in(tmp_path, registry.url)) == 0
    assert identity.load(tmp_path / "state", agent_id="em-01").enrolment.epoch == 1
    monkeypatch.setenv(TOKEN_VARIABLE, "jt_next")
    assert run("enroll", "--again", "--why", "moved", "-c", tmp_path / "agent.toml") == 0
    assert identity.load(tmp_path / "state", agent_id="em-01").enrolment.epoch == 2


@pytest.mark.parametrize("content", ["", "two words", None])
def test_enroll_without_a_token_says_where_to_get_one(tmp_path: Path, capsys: Captured, content: str | None) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    assert run("enroll", "-c", configuration_in(tmp_path), "--token-file", token) == 1
    assert "token" in capsys.readouterr().err


def test_enroll_without_a_collector_names_the_address(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "jt_good")
    assert run("enroll", "-c", configuration_in(tmp_path)) == 1
    assert "no collector answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_run_without_an_enrolment_says_what_to_do(tmp_path: Path, capsys: Captured) -> None:
    path = configuration_in(tmp_path)
    assert run("run", "-c", path) == 1
    assert "run jishi-agent enroll" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution() -> None:
    import tomllib

    from agent.version import VERSION

    project = tomllib.loads((Path(cli.__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION


def test_the_environment_holds_no_token_for_the_tests() -> None:
    assert TOKEN_VARIABLE not in os.environ
