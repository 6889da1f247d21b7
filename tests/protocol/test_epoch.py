"""The request for the next epoch: who may sign it, what it says, and everything else refused."""

import pytest

from protocol.epoch import (
    EPOCH_REASONS,
    EpochRequest,
    NextEpoch,
    Taken,
    open_request,
    pack_next_epoch,
    pack_taken,
    parse_next_epoch,
    parse_taken,
    read_request,
    sign_request,
)
from protocol.errors import BadSignature, ForeignBytesError, MalformedMessage
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.merkle import EMPTY_ROOT
from protocol.message import parse_down, parse_up
from protocol.note import Checkpoint, open_checkpoint, sign, sign_checkpoint

OLD = SigningKey("jishi.example/a/em-01/1", ED25519, bytes([1]) * 32)
NEW = SigningKey("jishi.example/a/em-01/2", ED25519, bytes([2]) * 32)
STRANGER = SigningKey("jishi.example/a/em-01/1", ED25519, bytes([3]) * 32)
REQUEST = EpochRequest(Checkpoint(OLD.name, 1242, EMPTY_ROOT), "fork", NEW.verifier)
SIGNED = sign_request(REQUEST, old_key=OLD, new_key=NEW)
HELLO = sign_checkpoint(Checkpoint(NEW.name, 0, EMPTY_ROOT), NEW)
NONCE = "0f" * 16


@pytest.mark.parametrize("reason", EPOCH_REASONS)
def test_a_request_says_what_is_left_and_why_and_whose_key_comes(reason: str) -> None:
    request = EpochRequest(REQUEST.old, reason, NEW.verifier)  # type: ignore[arg-type]
    signed = sign_request(request, old_key=OLD, new_key=NEW)
    assert open_request(signed, OLD.verifier) == read_request(signed) == request
    assert signed.decode().split("\n")[:6] == [
        "jishi-epoch/v1",
        OLD.name,
        "1242",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        reason,
        str(NEW.verifier),
    ]


def test_both_keys_must_have_signed() -> None:
    with pytest.raises(BadSignature):
        open_request(sign(REQUEST.text, NEW), OLD.verifier)
    with pytest.raises(BadSignature):
        open_request(sign(REQUEST.text, OLD), OLD.verifier)
    with pytest.raises(BadSignature):
        open_request(sign(REQUEST.text, STRANGER, NEW), OLD.verifier)
    with pytest.raises(ValueError, match="no others"):
        sign_request(REQUEST, old_key=NEW, new_key=NEW)


def test_a_request_is_no_checkpoint_and_a_checkpoint_no_request() -> None:
    with pytest.raises(ForeignBytesError):
        open_checkpoint(SIGNED, OLD.verifier)
    with pytest.raises(MalformedMessage):
        read_request(HELLO)


@pytest.mark.parametrize(
    "name", ["jishi.example/a/em-02/2", "other.example/a/em-01/2", "jishi.example/a/em-01/1", "jishi.example/receipt/1"]
)
def test_only_another_epoch_of_the_same_agent_can_be_asked_for(name: str) -> None:
    key = SigningKey(name, ED25519, bytes([4]) * 32)
    with pytest.raises(ValueError):
        EpochRequest(REQUEST.old, "fork", key.verifier)
    text = REQUEST.text.replace(str(NEW.verifier), str(key.verifier))
    with pytest.raises(ForeignBytesError):
        read_request(sign(text, OLD))


def test_a_key_for_receipts_cannot_begin_a_log() -> None:
    with pytest.raises(ValueError, match="0x01"):
        EpochRequest(REQUEST.old, "fork", SigningKey(NEW.name, COSIGNATURE, bytes(32)).verifier)


@pytest.mark.parametrize("spoilt", ["why", "", "fork\nfork"])
def test_a_reason_that_nobody_knows_is_refused(spoilt: str) -> None:
    with pytest.raises(MalformedMessage):
        read_request(sign(REQUEST.text.replace("\nfork\n", f"\n{spoilt}\n"), OLD))


def test_what_travels_comes_back() -> None:
    message = NextEpoch(NONCE, SIGNED, HELLO)
    raw = pack_next_epoch(message)
    assert raw.startswith(f"jishi-epoch/v1\nnonce {NONCE}\nrequest {len(SIGNED)}\nnote {len(HELLO)}\n\n".encode())
    assert parse_up(raw) == parse_next_epoch(raw) == message
    taken = Taken(NEW.name, 3)
    assert pack_taken(taken) == b"jishi-taken/v1\nlog jishi.example/a/em-01/2\nnext 3\n\n"
    assert parse_down(pack_taken(taken)) == parse_taken(pack_taken(taken)) == taken


@pytest.mark.parametrize(
    "raw",
    [
        pack_next_epoch(NextEpoch(NONCE, SIGNED, HELLO))[:-1],
        pack_next_epoch(NextEpoch(NONCE, SIGNED, HELLO)).replace(b"nonce 0f", b"nonce 0F"),
        b"jishi-epoch/v1\nnonce " + NONCE.encode() + b"\nrequest 0\nnote 1\n\nx",
    ],
)
def test_a_frame_that_says_otherwise_than_it_is_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_up(raw)
    with pytest.raises(ValueError, match="32 lower-case"):
        pack_next_epoch(NextEpoch("short", SIGNED, HELLO))


@pytest.mark.parametrize(
    "raw", [b"log jishi.example/a/em-01/2\nnext 0\n\n", b"log jishi.example\nnext 3\n\n", b"log x\n\n"]
)
def test_a_number_that_cannot_be_is_refused(raw: bytes) -> None:
    with pytest.raises(ForeignBytesError):
        parse_down(b"jishi-taken/v1\n" + raw)


def test_what_agents_send_does_not_come_down() -> None:
    with pytest.raises(MalformedMessage, match="only agents send"):
        parse_down(pack_next_epoch(NextEpoch(NONCE, SIGNED, HELLO)))
