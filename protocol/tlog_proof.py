"""C2SP tlog-proof: one entry of a log, shown to be in the tree of a signed checkpoint, in one text. Pure.

    c2sp.org/tlog-proof@v1
    index 1241
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=       the path, lowest sibling first; no line for a tree of one leaf
                                                       a blank line
    jishi.example/a/em-01/1                            the checkpoint's note as it was given: for us a receipt
    1242
    nWvkITwAgEsF7BCS8RCLuqGbtA94s0Yuqfwf4kQ1Ahk=

    — jishi.example/a/em-01/1 leduGCcyUcSOhZ…
    — jishi.example/receipt/1 CmThmAAAAABpLP…

The entry itself is not in it. An `extra` line is refused: nothing here has a use for one, and nobody signs it.
Source: https://c2sp.org/tlog-proof
"""

import re
from typing import NamedTuple

from protocol.errors import BadProof, TooLarge, excerpt
from protocol.keys import VerifierKey, base64_text, read_base64
from protocol.merkle import HASH_BYTES, MAX_SIZE, leaf_hash, verify_inclusion
from protocol.note import MAX_NOTE_BYTES, Receipt, open_checkpoint, open_receipt

HEADER = b"c2sp.org/tlog-proof@v1"
MAX_PATH = 53
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 4096
_INDEX = re.compile(rb"index (0|[1-9][0-9]{0,15})")


class TlogProof(NamedTuple):
    """Where an entry is, the path from its leaf to the root, and the note of the checkpoint; nothing is verified."""

    entry_index: int
    path: tuple[bytes, ...]
    checkpoint: bytes


def encode(proof: TlogProof) -> bytes:
    """Return the proof's text; ValueError for one that `decode` would refuse."""
    lines = [HEADER, f"index {proof.entry_index}".encode(), *(base64_text(each).encode() for each in proof.path), b""]
    raw = b"\n".join([*lines, proof.checkpoint])
    if decode(raw) != proof:
        raise ValueError("this proof would be read as another")
    return raw


def decode(raw: bytes) -> TlogProof:
    """Read a proof without verifying it; BadProof, MalformedNote, TooLarge."""
    if len(raw) > MAX_PROOF_BYTES:
        raise TooLarge(f"a proof has at most {MAX_PROOF_BYTES} bytes, not {len(raw)}")
    head, blank, checkpoint = raw.partition(b"\n\n")
    lines = head.split(b"\n", MAX_PATH + 2)
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if lines[0] != HEADER or index is None or not blank or int(index[1]) > MAX_SIZE:
        raise BadProof(f"not a proof: {HEADER.decode()}, index, a path, a blank line are expected: {excerpt(raw)}")
    if len(lines) > MAX_PATH + 2:
        raise TooLarge(f"a path has at most {MAX_PATH} hashes")
    path = tuple(read_base64(line.decode("latin-1")) for line in lines[2:])
    if any(len(each) != HASH_BYTES for each in path):
        raise BadProof(f"every hash of a path has {HASH_BYTES} bytes")
    return TlogProof(int(index[1]), path, checkpoint)


def verify(proof: TlogProof, entry: bytes, *, log_key: VerifierKey, receipt_key: VerifierKey) -> Receipt:
    """Return the receipt that shows the entry in the log; BadProof, BadSignature, MalformedNote, TooLarge."""
    checkpoint = open_checkpoint(proof.checkpoint, log_key)
    verify_inclusion(
        leaf_hash(entry), index=proof.entry_index, size=checkpoint.size, proof=proof.path, root=checkpoint.root
    )
    return open_receipt(proof.checkpoint, receipt_key)
