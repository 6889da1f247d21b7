"""Beacons: made, verified from the note and from the entry, and refused where anything is altered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from protocol import beacon, entry, merkle, note
from protocol.errors import BadSignature, ForeignBytesError, MalformedName
from protocol.keys import COSIGNATURE, ED25519, SigningKey

RECEIPTS = SigningKey("lab.example/receipt/1", COSIGNATURE, bytes(range(32)))
OTHERS = SigningKey("lab.example/receipt/2", COSIGNATURE, bytes(range(1, 33)))
CHECKPOINT = note.Checkpoint("lab.example/log/2026-1", 7, merkle.root([merkle.leaf_hash(b"x")]))
NOTE = beacon.beacon_note(CHECKPOINT, RECEIPTS, time_s=1764554716)


def test_a_beacon_says_log_size_root_and_time() -> None:
    opened = beacon.open_beacon(NOTE, RECEIPTS.verifier)
    assert (opened.domain, opened.log) == ("lab.example", "2026-1")
    assert (opened.receipt.checkpoint, opened.receipt.time_s) == (CHECKPOINT, 1764554716)
    assert len(NOTE) < 260


def test_its_entry_can_be_verified_by_whoever_has_the_keys() -> None:
    body = beacon.open_beacon(NOTE, RECEIPTS.verifier).body
    keys = [OTHERS.verifier, RECEIPTS.verifier]
    assert beacon.verify_beacon(body, domain="lab.example", receipt_keys=keys) == CHECKPOINT
    raw = entry.encode(entry.make(body, index=3, wall_ms=1764554716036, mono_ms=5, boot="5f3a9c01"))
    assert entry.decode(raw).body == body


@pytest.mark.parametrize("change", [
    {"log": "2026-2"}, {"size": 8}, {"root": "A" * 43 + "="}, {"time_s": 1764554717}, {"signature": "A" * 96},
])  # fmt: skip
def test_an_entry_that_says_anything_else_was_signed_by_nobody(change: dict[str, object]) -> None:
    body = beacon.open_beacon(NOTE, RECEIPTS.verifier).body
    altered = entry.Beacon(**{name: change.get(name, getattr(body, name)) for name in body.__struct_fields__})  # type: ignore[arg-type]
    with pytest.raises(BadSignature):
        beacon.verify_beacon(altered, domain="lab.example", receipt_keys=[RECEIPTS.verifier])


def test_another_domain_or_another_key_does_not_fit() -> None:
    body = beacon.open_beacon(NOTE, RECEIPTS.verifier).body
    with pytest.raises(BadSignature, match="none of the receipt keys"):
        beacon.verify_beacon(body, domain="other.example", receipt_keys=[RECEIPTS.verifier])
    with pytest.raises(BadSignature, match="none of the receipt keys"):
        beacon.verify_beacon(body, domain="lab.example", receipt_keys=[OTHERS.verifier])
    with pytest.raises(BadSignature):
        beacon.open_beacon(NOTE, OTHERS.verifier)


def test_a_receipt_is_no_beacon() -> None:
    agent = SigningKey("lab.example/a/em-01/1", ED25519, bytes(32))
    signed = note.sign_checkpoint(note.Checkpoint(agent.name, 1, merkle.EMPTY_ROOT), agent)
    receipt = note.cosign(signed, RECEIPTS, time_s=1)
    with pytest.raises(MalformedName, match="log"):
        beacon.open_beacon(receipt, RECEIPTS.verifier)
    with pytest.raises(MalformedName):
        beacon.beacon_note(note.Checkpoint(agent.name, 1, merkle.EMPTY_ROOT), RECEIPTS, time_s=1)


def test_a_line_that_bears_the_keys_id_under_another_name_is_not_taken_for_it() -> None:
    text, _, line = NOTE.partition(b"\n\n")
    added = note.SignatureLine("other.example/receipt/1", RECEIPTS.verifier.key_id, bytes(72))
    body = beacon.open_beacon(text + b"\n\n" + str(added).encode() + line, RECEIPTS.verifier).body
    assert body == beacon.open_beacon(NOTE, RECEIPTS.verifier).body


def test_the_time_beside_the_signature_must_be_the_one_that_it_is_over() -> None:
    body = beacon.open_beacon(NOTE, RECEIPTS.verifier).body
    altered = structs.replace(body, signature="B" + body.signature[1:])
    with pytest.raises(BadSignature, match="another time"):
        beacon.verify_beacon(altered, domain="lab.example", receipt_keys=[RECEIPTS.verifier])


@given(at=st.integers(0, len(NOTE) - 1), bit=st.integers(0, 7))
def test_no_altered_bit_goes_through(at: int, bit: int) -> None:
    altered = NOTE[:at] + bytes([NOTE[at] ^ 1 << bit]) + NOTE[at + 1 :]
    with pytest.raises(ForeignBytesError):
        beacon.open_beacon(altered, RECEIPTS.verifier)
