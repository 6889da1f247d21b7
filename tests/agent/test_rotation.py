"""Replacing an agent's key: the next epoch, asked for by the old key, with nothing lost."""

import threading
from pathlib import Path

import pytest

from agent import cli, hatch, identity
from agent.errors import AgentError
from agent.hatch import Hatch
from agent.identity import journal_directory
from agent.journal import Journal
from agent.rotation import rotate
from agent.succession import pending_request
from protocol import entry
from protocol.entry import Genesis
from protocol.epoch import open_request
from tests.agent.conftest import AGENT_KEY, ORIGIN, add
from tests.agent.enrolled import enrol_in
from tests.agent.manual_clock import ManualClock


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = enrol_in(tmp_path / "agent", broker_port=9, port=tmp_path / "port")
    journal = Journal.open(journal_directory(path.parent / "state", 1), origin=ORIGIN)
    add(journal, 3)
    journal.close()
    return path


def test_the_next_epoch_has_a_new_key_that_the_old_one_asks_for(config: Path) -> None:
    state_dir = config.parent / "state"
    assert cli.main(["rotate", "-c", str(config), "--why", "once a year"]) == 0
    who = identity.load(state_dir, agent_id="em-01")
    assert who.enrolment.origin == "jishi.example/a/em-01/2"
    assert who.key.seed != AGENT_KEY.seed
    raw = pending_request(who.journal)
    assert raw is not None
    request = open_request(raw, AGENT_KEY.verifier)
    assert (request.reason, request.key, request.old.origin) == ("rotated", who.key.verifier, ORIGIN)


def test_the_new_journal_says_why(config: Path) -> None:
    state_dir = config.parent / "state"
    who = rotate(state_dir, identity.load(state_dir, agent_id="em-01"), "once a year", clock=ManualClock())
    assert who is not None
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    [first] = [entry.decode(raw).body for raw in journal.entries(0, 1)]
    journal.close()
    assert isinstance(first, Genesis)
    assert (first.key, first.why) == (str(who.key.verifier), "once a year")


@pytest.mark.parametrize("why", ["", "  ", "a\nb", "x" * 301])
def test_a_reason_is_needed(config: Path, why: str) -> None:
    state_dir = config.parent / "state"
    with pytest.raises(AgentError, match="a reason is needed"):
        rotate(state_dir, identity.load(state_dir, agent_id="em-01"), why, clock=ManualClock())
    assert identity.load(state_dir, agent_id="em-01").enrolment.origin == ORIGIN


def test_a_running_agent_is_asked(config: Path) -> None:
    state_dir = config.parent / "state"
    who = identity.load(state_dir, agent_id="em-01")
    journal = Journal.open(who.journal, origin=ORIGIN)
    asked: list[str] = []
    side, ended = Hatch(journal, lambda _: None, rotate=asked.append), threading.Event()

    def tend() -> None:
        while not ended.wait(0.01):
            side.look()

    thread = threading.Thread(target=tend)
    thread.start()
    assert rotate(state_dir, who, "换密钥", clock=ManualClock(), patience_s=5) is None
    ended.set()
    thread.join(10)
    assert asked == ["换密钥"]
    with pytest.raises(AgentError, match="does not answer"):
        rotate(state_dir, who, "again", clock=ManualClock(), patience_s=0.05)
    assert not (who.journal / hatch.ROTATE_WANTED).exists()
    journal.close()
