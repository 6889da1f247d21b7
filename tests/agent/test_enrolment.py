"""A token and a fresh key become a log that the collector accepts."""

import socket
import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import enrolment, identity
from agent.clock import SystemClock
from agent.enrolment import Enrolled, enrol, http
from agent.errors import EnrolmentError
from agent.journal import Journal
from protocol.entry import Genesis, decode
from protocol.note import open_receipt
from tests.agent.conftest import RECEIPT_KEY, add
from tests.agent.fake_registry import FakeRegistry


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


def enrol_with(registry: FakeRegistry, state_dir: Path, token: str = "jt_good", *, why: str | None = None) -> Enrolled:
    return enrol(state_dir, agent_id="em-01", token=token, ask=http(registry.url), clock=SystemClock(), why=why)


def genesis_of(state_dir: Path, epoch: int) -> Genesis:
    origin = f"jishi.example/a/em-01/{epoch}"
    journal = Journal.open(identity.journal_directory(state_dir, epoch), origin=origin)
    try:
        body = decode(journal.entries(0, 1)[0]).body
    finally:
        journal.close()
    assert isinstance(body, Genesis)
    return body


def test_a_token_makes_key_answer_and_journal(registry: FakeRegistry, tmp_path: Path) -> None:
    enrolled = enrol_with(registry, tmp_path / "state")
    who = identity.load(tmp_path / "state", agent_id="em-01")
    assert who.enrolment == enrolled.enrolment
    assert str(who.key.verifier) == registry.keys["jt_good"]
    genesis = genesis_of(tmp_path / "state", 1)
    assert (genesis.assets, genesis.key) == (("A001",), str(who.key.verifier))
    assert len(genesis.build) == 64
    assert (genesis.predecessor, genesis.why) == (None, None)
    assert enrolled.remarks == ()
    assert not (tmp_path / "state" / identity.PENDING).exists()


def test_the_token_is_nowhere_on_the_disk(registry: FakeRegistry, tmp_path: Path) -> None:
    enrol_with(registry, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"jt_good" in path.read_bytes()]


def test_a_lost_reply_is_asked_for_again_with_the_same_key(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.lose_reply = True
    with pytest.raises(EnrolmentError, match="no collector answers"):
        enrol_with(registry, tmp_path)
    registered = registry.keys["jt_good"]
    enrol_with(registry, tmp_path)
    assert str(identity.load(tmp_path, agent_id="em-01").key.verifier) == registered


@pytest.mark.parametrize("step", ["_begin_journal", "identity.write_identity"])
def test_an_enrolment_cut_short_after_the_answer_is_finished_by_the_next_attempt(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"agent.enrolment.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            enrol_with(registry, tmp_path)
    enrol_with(registry, tmp_path)
    who = identity.load(tmp_path, agent_id="em-01")
    assert str(who.key.verifier) == registry.keys["jt_good"] == genesis_of(tmp_path, 1).key


def test_a_used_token_is_refused_in_clear_words(registry: FakeRegistry, tmp_path: Path) -> None:
    enrol_with(registry, tmp_path / "one")
    with pytest.raises(EnrolmentError, match="the collector refused: this token was used already"):
        enrol_with(registry, tmp_path / "two")


@pytest.mark.parametrize("token", ["jt_never", "jt_other"])
def test_an_unknown_token_or_one_for_another_agent_is_refused(
    registry: FakeRegistry, tmp_path: Path, token: str
) -> None:
    with pytest.raises(EnrolmentError, match="the collector refused: no such token for agent 'em-01'"):
        enrol_with(registry, tmp_path, token)
    assert not any(path.is_file() for path in tmp_path.rglob("*")), "nothing was changed"


def test_an_enrolled_agent_is_not_enrolled_twice_by_accident(registry: FakeRegistry, tmp_path: Path) -> None:
    enrol_with(registry, tmp_path)
    with pytest.raises(EnrolmentError, match=r"enrolled already, as jishi\.example/a/em-01/1.*enroll --again"):
        enrol_with(registry, tmp_path, "jt_next")
    assert "jt_next" not in registry.keys


def test_enrolling_again_begins_the_next_epoch_beside_the_old_and_names_it(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    from protocol.note import Checkpoint, cosign, sign_checkpoint

    enrol_with(registry, tmp_path)
    who = identity.load(tmp_path, agent_id="em-01")
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    add(journal, 3)
    checkpoint = sign_checkpoint(Checkpoint(journal.origin, 4, journal.root_at(4)), who.key)
    journal.store_receipt(open_receipt(cosign(checkpoint, RECEIPT_KEY, time_s=1), RECEIPT_KEY.verifier))
    entries = journal.entries(0, 4)
    journal.close()

    enrol_with(registry, tmp_path, "jt_next", why="the disk was damaged")
    assert identity.load(tmp_path, agent_id="em-01").enrolment.epoch == 2
    genesis = genesis_of(tmp_path, 2)
    assert genesis.why == "the disk was damaged"
    assert genesis.predecessor is not None
    assert open_receipt(b64decode(genesis.predecessor), RECEIPT_KEY.verifier).checkpoint.size == 4
    old = Journal.open(who.journal, origin=who.enrolment.origin)
    assert old.entries(0, 4) == entries
    old.close()


def test_an_agent_that_runs_must_be_stopped_first(registry: FakeRegistry, tmp_path: Path) -> None:
    enrol_with(registry, tmp_path)
    who = identity.load(tmp_path, agent_id="em-01")
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    with pytest.raises(EnrolmentError, match="the agent is running: stop it"):
        enrol_with(registry, tmp_path, "jt_next", why="because")
    journal.close()


def test_a_collector_that_is_not_there_is_named(tmp_path: Path, free_port: int) -> None:
    for url in (f"http://127.0.0.1:{free_port}", "http://no-such-host.invalid"):
        with pytest.raises(EnrolmentError, match=r"\[collector\] url"):
            enrol(tmp_path, agent_id="em-01", token="x", ask=http(url), clock=SystemClock())


def test_something_else_at_the_address_is_no_collector(registry: FakeRegistry, tmp_path: Path) -> None:
    for broken in (b"<html>", b"[]", b"", b'{"origin":"x","nonce":"y"}', b'{"origin":"jishi.example/a/em-99/1"}'):
        registry.broken = broken
        with pytest.raises(EnrolmentError, match=r"not a jishi collector|cannot be used|and this agent is em-01"):
            enrol_with(registry, tmp_path)


def test_a_peer_that_does_not_speak_http_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(EnrolmentError, match="no collector answers"):
            enrol(tmp_path, agent_id="em-01", token="x", ask=http(url), clock=SystemClock())
        thread.join()


@pytest.mark.parametrize(("ahead_s", "words"), [(3600, "behind"), (-86_400, "ahead of")])
def test_a_wrong_clock_is_remarked(registry: FakeRegistry, tmp_path: Path, ahead_s: int, words: str) -> None:
    registry.ahead_s = ahead_s
    (remark,) = enrol_with(registry, tmp_path).remarks
    assert f"s {words} the collector's" in remark
    assert enrolment.CLOCK_LIMIT_S == 60
