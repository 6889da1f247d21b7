"""Key and enrolment as files."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from agent import identity
from agent.errors import NotEnrolledError
from agent.identity import PendingKey
from protocol.keys import ED25519, SigningKey
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY
from tests.agent.enrolled import answer

NEXT_KEY = SigningKey("jishi.example/a/em-01/2", ED25519, bytes([7]) * 32)


def changed(**members: object) -> bytes:
    return json.dumps({**json.loads(answer(1883)), **members}).encode()


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    who = identity.load(tmp_path, agent_id="em-01")
    assert (who.key.name, who.key.seed) == (ORIGIN, AGENT_KEY.seed)
    assert who.receipt_key == RECEIPT_KEY.verifier
    assert (who.enrolment.broker.host, who.enrolment.broker.port) == ("127.0.0.1", 1883)
    assert who.journal == tmp_path / "journal" / "1"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    identity.write_pending(tmp_path, PendingKey(NEXT_KEY, "0" * 32))
    assert stat.S_IMODE((tmp_path / identity.PENDING).stat().st_mode) == 0o600
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    assert stat.S_IMODE((tmp_path / identity.KEY).stat().st_mode) == 0o600


def test_the_secret_is_not_shown_by_accident(tmp_path: Path) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    who = identity.load(tmp_path, agent_id="em-01")
    assert AGENT_KEY.seed.hex() not in repr(who)
    assert repr(AGENT_KEY.seed) not in repr(who)


def test_a_pending_key_comes_back_with_its_nonce(tmp_path: Path) -> None:
    assert identity.read_pending(tmp_path) is None
    identity.write_pending(tmp_path, PendingKey(AGENT_KEY, "0f" * 16))
    pending = identity.read_pending(tmp_path)
    assert pending is not None
    assert (pending.key.name, pending.key.seed, pending.nonce) == (ORIGIN, AGENT_KEY.seed, "0f" * 16)


def test_a_new_epoch_keeps_the_old_key_beside(tmp_path: Path) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    identity.write_identity(tmp_path, NEXT_KEY, answer=changed(origin=NEXT_KEY.name, epoch=2))
    assert identity.load(tmp_path, agent_id="em-01").journal == tmp_path / "journal" / "2"
    old = identity.read_key(tmp_path / "agent-1.key")
    assert old is not None
    assert old.seed == AGENT_KEY.seed


def test_nothing_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolledError, match="run jishi-agent enroll with a token"):
        identity.load(tmp_path, agent_id="em-01")


def test_an_enrolment_under_way_names_the_remedy_unless_one_before_is_in_force(tmp_path: Path) -> None:
    identity.write_pending(tmp_path, PendingKey(NEXT_KEY, "0f" * 16))
    with pytest.raises(NotEnrolledError, match="not finished: run jishi-agent enroll once more"):
        identity.load(tmp_path, agent_id="em-01")
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    identity.write_pending(tmp_path, PendingKey(NEXT_KEY, "0f" * 16))
    assert identity.load(tmp_path, agent_id="em-01").key.name == ORIGIN


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be used"),
        (b"{}", "cannot be used"),
        (changed(origin="jishi.example/a/em-02/1"), "it is for jishi.example/a/em-02/1"),
        (changed(epoch=2), "and this agent is em-01"),
        (changed(receipt_vkey="nonsense"), "cannot be used"),
        (changed(receipt_vkey=str(AGENT_KEY.verifier)), "not a key for receipts"),
    ],
)
def test_an_answer_that_cannot_be_ours_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=content)
    with pytest.raises(NotEnrolledError, match=message):
        identity.load(tmp_path, agent_id="em-01")


@pytest.mark.parametrize("content", ["nonsense", "jishi-key/v1\nname\nshort\n", "\xff"])
def test_a_key_file_that_holds_no_key_is_refused(tmp_path: Path, content: str) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    (tmp_path / identity.KEY).write_text(content, encoding="latin-1")
    with pytest.raises(NotEnrolledError):
        identity.load(tmp_path, agent_id="em-01")


def test_a_key_of_another_epoch_is_refused(tmp_path: Path) -> None:
    identity.write_identity(tmp_path, NEXT_KEY, answer=answer(1883))
    with pytest.raises(NotEnrolledError, match=r"belongs to jishi\.example/a/em-01/2"):
        identity.load(tmp_path, agent_id="em-01")


@pytest.mark.parametrize("file", [identity.ENROLMENT, identity.KEY])
def test_a_file_of_another_user_is_no_reason_to_enrol_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    identity.write_identity(tmp_path, AGENT_KEY, answer=answer(1883))
    opened = Path.open

    def open_unless_forbidden(path: Path, *words: Any, **more: Any) -> Any:
        if path.name == file:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *words, **more)

    monkeypatch.setattr(Path, "open", open_unless_forbidden)  # root, who runs the tests in CI, may read everything
    with pytest.raises(NotEnrolledError) as caught:
        identity.load(tmp_path, agent_id="em-01")
    assert f"{file} may not be read by this user: run this as the agent's user" in str(caught.value)
    assert "again" not in str(caught.value)
