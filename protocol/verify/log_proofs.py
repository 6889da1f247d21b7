"""The collector's log in a bundle: its checkpoints, and what they are shown to hold. Pure.

Everything that decides hours besides the entries is proved here: facts and statements of the registry by a leaf each,
closed days by a leaf and a place in its tree, and that the trees which agents journalled as beacons are beginnings of
this one.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from protocol import log_leaf
from protocol.errors import BadProof
from protocol.keys import read_base64
from protocol.log_leaf import Closed, ClosedRecord
from protocol.merkle import leaf_hash, verify_consistency, verify_inclusion
from protocol.note import open_checkpoint, open_receipt
from protocol.topics import check_domain
from protocol.verify.layout import Closing, Continued, Proof, hashes
from protocol.verify.signed import open_by
from protocol.verify.trust import Trust

MAX_CHECKPOINT_BYTES: Final = 128 * 1024


class Head(NamedTuple):
    """A checkpoint of the collector's log that both its keys signed."""

    log: str
    size: int
    root: bytes
    time_s: int


class NoCheckpoint(BadProof):
    """The bundle holds no checkpoint, or none that may be believed, of the log that a proof leads to."""


def open_head(raw: bytes, trust: Trust, *, domain: str, log: str) -> Head:
    """The checkpoint by the keys that are trusted; UnknownSigner, BadSignature, MalformedNote, TooLarge."""
    checkpoint, _ = open_by(raw, trust.log, open_checkpoint)
    receipt, _ = open_by(raw, trust.receipt, open_receipt)
    if checkpoint.origin != f"{check_domain(domain)}/log/{log}":
        raise BadProof(f"the checkpoint is of {checkpoint.origin}, and it lies where that of log {log} should")
    return Head(log, checkpoint.size, checkpoint.root, receipt.time_s)


def check_proof(proof: Proof, heads: Mapping[str, Head]) -> str:
    """Whether the leaf is in the log and names these bytes; returns its kind. BadProof, MalformedLeaf, NoCheckpoint."""
    raw = proof.leaf.encode()
    leaf = log_leaf.decode(raw)
    if not isinstance(leaf, log_leaf.Fact | log_leaf.Registered) or leaf.sha256 != proof.sha256:
        raise BadProof(f"leaf {proof.index} of log {proof.log} names something else")
    _check_leaf(raw, proof.index, proof.proof, heads=heads, log=proof.log)
    return leaf.kind


def check_closing(closing: Closing, asset_no: str, heads: Mapping[str, Head]) -> Closed:
    """Whether the record is in the leaf's tree and the leaf in the log. BadProof, MalformedLeaf, NoCheckpoint."""
    raw = closing.leaf.encode()
    leaf = log_leaf.decode(raw)
    if not isinstance(leaf, Closed) or leaf.day != closing.day or leaf.records != closing.of:
        raise BadProof(f"leaf {closing.index} of log {closing.log} does not close {closing.day}")
    try:
        record = ClosedRecord(asset_no, closing.day, closing.revision, closing.sha256, closing.grades)
        root = bytes.fromhex(leaf.root)
    except ValueError as error:
        raise BadProof(f"not a closed record: {error}") from error
    verify_inclusion(
        leaf_hash(log_leaf.closed_leaf(record)),
        index=closing.place,
        size=closing.of,
        proof=hashes(closing.path),
        root=root,
    )
    _check_leaf(raw, closing.index, closing.proof, heads=heads, log=closing.log)
    return leaf


def check_continued(continued: Continued, head: Head) -> None:
    """Whether the tree begins that of the checkpoint; BadProof."""
    verify_consistency(
        old_size=continued.size,
        old_root=read_base64(continued.root),
        new_size=head.size,
        new_root=head.root,
        proof=hashes(continued.proof),
    )


def _check_leaf(raw: bytes, index: int, proof: tuple[str, ...], *, heads: Mapping[str, Head], log: str) -> None:
    head = heads.get(log)
    if head is None:
        raise NoCheckpoint(
            f"the proof leads to log {log}, of which the bundle holds no checkpoint that may be believed"
        )
    verify_inclusion(leaf_hash(raw), index=index, size=head.size, proof=hashes(proof), root=head.root)
