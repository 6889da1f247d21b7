"""C2SP tlog-proof: what is written is read and verified, and nothing else is."""

import pytest

from protocol import merkle, note, tlog_proof
from protocol.errors import BadProof, BadSignature, ForeignBytesError, TooLarge
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.tlog_proof import TlogProof, decode, encode, verify

AGENT = SigningKey("lab.example/a/em-01/1", ED25519, b"a" * 32)
RECEIPTS = SigningKey("lab.example/receipt/1", COSIGNATURE, b"r" * 32)
ENTRIES = [b"entry %d" % number for number in range(11)]
LEAVES = [merkle.leaf_hash(raw) for raw in ENTRIES]


def made(index: int, size: int = 11) -> TlogProof:
    checkpoint = note.sign_checkpoint(note.Checkpoint(AGENT.name, size, merkle.root(LEAVES[:size])), AGENT)
    receipt = note.cosign(checkpoint, RECEIPTS, time_s=1764554716)
    return TlogProof(index, merkle.inclusion_proof(LEAVES[:size], index), receipt)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 11), (7, 11), (10, 11), (2, 3)])
def test_an_entry_is_shown_with_the_time_of_its_receipt(index: int, size: int) -> None:
    raw = encode(made(index, size))
    assert raw.startswith(f"c2sp.org/tlog-proof@v1\nindex {index}\n".encode())
    receipt = verify(decode(raw), ENTRIES[index], log_key=AGENT.verifier, receipt_key=RECEIPTS.verifier)
    assert (receipt.checkpoint.size, receipt.time_s) == (size, 1764554716)


def test_another_entry_place_or_signer_is_not_shown() -> None:
    proof = made(7)
    keys = {"log_key": AGENT.verifier, "receipt_key": RECEIPTS.verifier}
    with pytest.raises(BadProof):
        verify(proof, ENTRIES[6], **keys)
    with pytest.raises(BadProof):
        verify(proof._replace(entry_index=6), ENTRIES[7], **keys)
    other = SigningKey(RECEIPTS.name, COSIGNATURE, b"x" * 32).verifier
    with pytest.raises(BadSignature):
        verify(proof, ENTRIES[7], log_key=AGENT.verifier, receipt_key=other)


@pytest.mark.parametrize(
    "damage",
    [
        (b"@v1", b"@v2"),
        (b"\nindex 7", b"\nextra YWJj\nindex 7"),
        (b"index 7", b"index 07"),
        (b"index 7", b"index 99999999999999999"),
        (b"=\n", b"\n"),
        (b"\n\n", b"\n"),
    ],
)
def test_what_is_no_proof_is_refused(damage: tuple[bytes, bytes]) -> None:
    raw = encode(made(7))
    assert damage[0] in raw
    with pytest.raises(ForeignBytesError):
        verify(decode(raw.replace(*damage)), ENTRIES[7], log_key=AGENT.verifier, receipt_key=RECEIPTS.verifier)


def test_more_than_can_be_is_refused() -> None:
    path = made(7).path[:1] * (tlog_proof.MAX_PATH + 1)
    with pytest.raises(TooLarge, match="53 hashes"):
        encode(made(7)._replace(path=path))
    with pytest.raises(TooLarge):
        decode(b"x" * (tlog_proof.MAX_PROOF_BYTES + 1))
