"""What the agent has said and what it was told about its journal's size: the signed mark and the receipt.

Both are small values in slots beside the segments and are on the medium before anything is done because of them: the
mark before a checkpoint is published, the receipt before its entries may be deleted.

    signed    jishi-signed/v1 <size> <root, hex>\\n
    receipt   jishi-receipt/v1 <size> <frontier at that size, hex or -> <time, POSIX seconds>\\n<the receipt's bytes>
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.errors import BadProof
from protocol.merkle import EMPTY_FRONTIER, Frontier
from protocol.note import Receipt

SIGNED_FORMAT = b"jishi-signed/v1"
RECEIPT_FORMAT = b"jishi-receipt/v1"


class Signed(NamedTuple):
    """The largest checkpoint that may have left this machine."""

    size: int
    root: bytes


class Receipted(NamedTuple):
    """How much of the journal the collector has confirmed, and the receipt (its exact bytes) that says so.

    The frontier is kept so that the tree can be continued even where receipted entries cannot be read any more.
    """

    frontier: Frontier
    note: bytes
    time_s: int

    @property
    def size(self) -> int:
        return self.frontier.size


NOTHING_SIGNED = Signed(0, b"")
NOTHING_RECEIPTED = Receipted(EMPTY_FRONTIER, b"", 0)


def receipted(receipt: Receipt, frontier: Frontier) -> Receipted:
    """The mark for a receipt; ValueError where it is not over the tree that this frontier stands for."""
    if receipt.checkpoint.size != frontier.size or receipt.checkpoint.root != frontier.root():
        raise ValueError(f"the receipt is over another tree than this journal's at {frontier.size}")
    return Receipted(frontier, receipt.raw, receipt.time_s)


def write_signed(mark: Signed) -> bytes:
    """The slot's value."""
    return b"%s %d %s\n" % (SIGNED_FORMAT, mark.size, mark.root.hex().encode())


def read_signed(value: bytes | None) -> Signed:
    """The mark in a slot; nothing signed where the slot holds none."""
    fields = (value or b"").split()
    if len(fields) != 3 or fields[0] != SIGNED_FORMAT:
        return NOTHING_SIGNED
    return Signed(int(fields[1]), bytes.fromhex(fields[2].decode()))


def write_receipted(mark: Receipted) -> bytes:
    """The slot's value."""
    peaks = mark.frontier.to_bytes().hex().encode() or b"-"
    return b"%s %d %s %d\n%s" % (RECEIPT_FORMAT, mark.size, peaks, mark.time_s, mark.note)


def read_receipted(value: bytes | None) -> Receipted:
    """The mark in a slot; nothing receipted where the slot holds none."""
    head, _, note = (value or b"").partition(b"\n")
    fields = head.split()
    if len(fields) != 4 or fields[0] != RECEIPT_FORMAT:
        return NOTHING_RECEIPTED
    peaks = b"" if fields[2] == b"-" else bytes.fromhex(fields[2].decode())
    try:
        return Receipted(Frontier.from_bytes(int(fields[1]), peaks), note, int(fields[3]))
    except BadProof:
        return NOTHING_RECEIPTED
