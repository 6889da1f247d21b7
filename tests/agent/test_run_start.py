"""What a start takes from the files of the last one."""

from pathlib import Path

import msgspec
import pytest

from agent import config, run, status
from agent.errors import NotEnrolledError
from protocol.message import Level
from tests.agent.desk.conftest import WATCHERS
from tests.agent.enrolled import enrol_in


def configuration_in(directory: Path, *, block_s: int = 300) -> config.Configuration:
    path = directory / "agent.toml"
    if not path.exists():
        enrol_in(directory, broker_port=9, port=directory / "port")
    text = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(f"block_s = {block_s}" if "block_s" in line else line for line in text), encoding="utf-8")
    return config.load(path)


def test_a_configuration_is_journalled_when_it_differs_from_the_last_with_the_keys_that_changed(tmp_path: Path) -> None:
    configuration, journal = configuration_in(tmp_path / "pc"), tmp_path / "pc" / "state" / "journal" / "1"
    first = run._configuration_change(configuration, journal)
    assert first is not None
    assert first.sha256 == configuration.sha256
    assert "watcher.meter1.port" in first.changed
    run._remember_configuration(configuration, journal)
    assert run._configuration_change(configuration, journal) is None
    changed = run._configuration_change(configuration_in(tmp_path / "pc", block_s=60), journal)
    assert changed is not None
    assert changed.changed == ("agent.block_s",)


def test_level_hints_survive_a_restart_and_nonsense_in_their_place(tmp_path: Path) -> None:
    assert run._read_levels(tmp_path) == ()
    levels = (Level("meter1", "power", (30_000, 120_000)),)
    (tmp_path / run.LEVELS).write_bytes(msgspec.json.encode(levels))
    assert run._read_levels(tmp_path) == levels
    (tmp_path / run.LEVELS).write_bytes(b"{")
    assert run._read_levels(tmp_path) == ()


def test_why_it_could_not_start_stands_in_the_status(tmp_path: Path) -> None:
    configuration = configuration_in(tmp_path / "pc")
    (configuration.state_dir / "agent.key").unlink()
    with pytest.raises(NotEnrolledError):
        run.run(configuration)
    found = status.read(configuration.state_dir)
    assert found is not None
    assert found["state"] == "stopped"
    assert "jishi-agent enroll" in found["reason"]


def test_cards_that_nobody_takes_are_said(caplog: pytest.LogCaptureFixture) -> None:
    run._warn_of_unheard(WATCHERS)
    told = [record.__dict__["watcher"] for record in caplog.records if "add a [desk] table" in record.message]
    assert told == ["reader1", "reader2"]
