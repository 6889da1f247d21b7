"""The slip over a nonce: an entry, and the agent's own checkpoint that ends with it."""

import pytest

from protocol import entry, merkle
from protocol.entry import Inspect, Start
from protocol.errors import BadSignature, MalformedSlip
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint, sign_checkpoint
from protocol.slip import Slip, check_nonce, open_slip, parse_slip, read_slip

AGENT = SigningKey("lab.example/a/em-01/1", ED25519, bytes(range(32)))
OTHER = SigningKey(AGENT.name, ED25519, b"o" * 32)
NONCE = "0f1e2d3c" * 4
NONCED = Inspect(NONCE)


def make_slip(body: entry.Body = NONCED, *, size: int = 8, key: SigningKey = AGENT) -> Slip:
    raw = entry.encode(entry.make(body, index=7, wall_ms=1_764_554_716_036, mono_ms=5, boot="5f3a9c01"))
    return Slip(raw, sign_checkpoint(Checkpoint(AGENT.name, size, merkle.EMPTY_ROOT), key))


def test_what_is_written_is_read_again() -> None:
    slip = make_slip()
    assert parse_slip(slip.to_bytes()) == slip
    told = open_slip(slip, AGENT.verifier)
    assert (told.nonce, told.entry.index, told.checkpoint.size) == (NONCE, 7, 8)
    assert len(slip.code) == 10


def test_a_slip_by_another_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        open_slip(make_slip(key=OTHER), AGENT.verifier)


def test_the_checkpoint_ends_with_the_nonce() -> None:
    with pytest.raises(MalformedSlip, match="8 are expected"):
        read_slip(make_slip(size=9))


@pytest.mark.parametrize("body", [Start("1.0"), Inspect("hello")])
def test_only_a_nonce_makes_a_slip(body: entry.Body) -> None:
    with pytest.raises(MalformedSlip):
        read_slip(make_slip(body))


@pytest.mark.parametrize("nonce", ["", "0f" * 15, "0F" * 16, "0f" * 16 + "\n", "g" * 32])
def test_a_malformed_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(MalformedSlip, match="32 lower-case hex digits"):
        check_nonce(nonce)


def test_another_slip_has_another_code() -> None:
    assert make_slip().code != make_slip(Inspect("f" * 32)).code
