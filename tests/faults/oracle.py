"""The one oracle: what must hold after every scenario, whatever happened. Pure; each violation is a sentence.

    1  acknowledged means delivered: every receipt that an agent has or was sent is the collector's own, and over
       entries that the collector stores byte for byte
    2  delivered means issued: every stored entry was at that place in the agent's journal
    3  nothing twice, nothing missing between: the stored batches of a journal follow each other from 0 to its size
    4  the journal that goes on is stored whole, and its newest receipt is over all of it
    5  derived rows are of stored entries, one each
    6  the agent's own signature is over what is stored
    7  no two readings of a channel cover the same time within a boot
    8  nothing is stored under a key after its revocation
    9  hours equal the truth outside of what is declared unobserved, and no more is unobserved than was; where the
       agent's wall clock lies they cannot be dated, and what its readings cover is held against what it lived

That a fresh event still flows is seen by the world while it settles; a world that does not settle says where it stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from deploy.demo.truth import Span, compare
from protocol.entry import Reading, decode
from protocol.errors import ForeignBytesError
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from protocol.note import VerifierKey, open_checkpoint, open_receipt
from tests.faults.facts import Issued, Stored, contiguous_size, origin_of, size_of

TOLERANCE_S = 4
"""How far from a true transition a recorded one may lie: as in the demo, three polls of 1 s and the rounding."""
UNOBSERVED_AT_REST_S = 10
"""What a crowded machine may leave unobserved without any fault: a poll that comes later than the policy's gap."""


@dataclass(frozen=True)
class Log:
    """One journal on its two sides. `goes_on`: it is its agent's newest, and its key holds. `revoked_size`: what was
    stored when its key was revoked. `sent`: receipts that went down the line."""

    issued: Issued
    stored: Stored | None
    key: VerifierKey | None
    goes_on: bool
    revoked_size: int | None = None
    sent: frozenset[bytes] = field(repr=False, default=frozenset())


@dataclass(frozen=True)
class Watched:
    """One instrument: what was true, what is recorded, how many seconds nobody could have observed."""

    asset: str
    truth: Sequence[Span] = field(repr=False)
    records: Sequence[Span] = field(repr=False)
    unobservable_s: float = 0.0
    covered_s: float | None = None
    """By its readings and the monotonic clock, where the wall clock lies; None where it is right."""


def judge(logs: Iterable[Log], watched: Iterable[Watched], *, receipt_key: VerifierKey) -> list[str]:
    """All violations."""
    found: list[str] = []
    for log in logs:
        found += _receipts_hold(log, receipt_key)
        if log.stored is not None:
            found += _stored_was_issued(log.issued, log.stored)
            found += _stored_once(log.stored)
            found += _rows_are_of_entries(log.stored)
            found += _signed_is_stored(log.stored, log.key)
            found += _covered_once(log.stored)
            found += _revoked_stands_still(log)
        if log.goes_on:
            found += _all_is_stored(log.issued, log.stored)
    for instrument in watched:
        found += _hours_are_true(instrument) if instrument.covered_s is None else _is_covered(instrument)
    return found


def covered_s(stored: Stored) -> float:
    """How long its readings cover, all channels together."""
    return sum(end_ms - start_ms for spans in _covered_ms(stored).values() for start_ms, end_ms in spans) / 1000


def promised_too_early(sent: Iterable[bytes], stored: Sequence[Stored], *, receipt_key: VerifierKey) -> list[str]:
    """Receipts of ours that are over more than is stored; asked whenever a database comes back."""
    held = {each.origin: each for each in stored}
    found: list[str] = []
    for note in sent:
        journal = held.get(origin_of(note))
        if journal is not None and _is_ours(note, receipt_key) and size_of(note) > journal.size:
            found.append(
                f"{journal.origin}: a receipt over {size_of(note)} entries was sent, and {journal.size} are stored"
            )
    return found


def _receipts_hold(log: Log, receipt_key: VerifierKey) -> Iterator[str]:
    """1"""
    origin = log.issued.origin
    entries = log.stored.entries if log.stored else []
    roots = _roots(entries, map(size_of, log.issued.receipts | log.sent))
    for note in sorted(log.issued.receipts | log.sent, key=size_of):
        try:
            receipt = open_receipt(note, receipt_key)
        except ForeignBytesError as problem:
            if note in log.issued.receipts:
                yield f"{origin}: the agent keeps a receipt that is not the collector's ({problem})"
            continue
        size = receipt.checkpoint.size
        if size > len(entries):
            yield f"{origin}: a receipt over {size} entries was given, and the collector stores {len(entries)}"
        elif roots[size] != receipt.checkpoint.root:
            yield f"{origin}: the receipt over {size} entries is over others than the collector stores"


def _stored_was_issued(issued: Issued, stored: Stored) -> Iterator[str]:
    """2"""
    for index, entry in enumerate(stored.entries):
        known = issued.entries.get(index)
        if known is None:
            yield f"{stored.origin}: entry {index} is stored, and no journal ever held it"
            return
        if entry not in known:
            yield f"{stored.origin}: entry {index} is stored with other bytes than the journal's"
            return


def _stored_once(stored: Stored) -> Iterator[str]:
    """3"""
    reach = contiguous_size(stored.batches)
    if reach != stored.size or len(stored.entries) != stored.size:
        yield (
            f"{stored.origin}: the collector counts {stored.size} entries, its batches hold {len(stored.entries)} and "
            f"follow each other up to {reach}"
        )


def _all_is_stored(issued: Issued, stored: Stored | None) -> Iterator[str]:
    """4"""
    size = 0 if stored is None else stored.size
    if size != issued.size:
        yield f"{issued.origin}: the journal holds {issued.size} entries, and the collector stores {size}"
    if issued.receipted != issued.size:
        yield f"{issued.origin}: the agent has receipts over {issued.receipted} of its {issued.size} entries"
    holes = [index for index in range(issued.size) if index not in issued.entries]
    if holes and stored is not None and stored.size <= holes[-1]:
        yield f"{issued.origin}: entry {holes[-1]} is neither in the journal nor stored"


def _rows_are_of_entries(stored: Stored) -> Iterator[str]:
    """5"""
    expected = [index for index, entry in enumerate(stored.entries) if _is_reading(entry, index)]
    if list(stored.readings) != expected:
        odd = sorted(set(stored.readings) ^ set(expected))
        what = f"entry {odd[0]}" if odd else "an entry has two"
        yield f"{stored.origin}: {len(stored.readings)} rows for {len(expected)} readings, the first at odds: {what}"


def _signed_is_stored(stored: Stored, key: VerifierKey | None) -> Iterator[str]:
    """6"""
    if key is None:
        return
    roots = _roots(stored.entries, (batch.size for batch in stored.batches))
    for batch in stored.batches:
        try:
            checkpoint = open_checkpoint(batch.note, key)
        except ForeignBytesError as problem:
            yield f"{stored.origin}: the batch from {batch.first} bears no signature of the agent ({problem})"
            continue
        if checkpoint.root != roots.get(checkpoint.size):
            yield f"{stored.origin}: the agent signed another tree of {checkpoint.size} entries than is stored"


def _revoked_stands_still(log: Log) -> Iterator[str]:
    """8"""
    if log.stored is not None and log.revoked_size is not None and log.stored.size > log.revoked_size:
        more = log.stored.size - log.revoked_size
        yield f"{log.stored.origin}: {more} entries were stored after its key was revoked"


def _hours_are_true(instrument: Watched) -> Iterator[str]:
    """9"""
    result = compare(instrument.truth, instrument.records, tolerance_s=TOLERANCE_S)
    observed = sum(end - start for start, end, state in instrument.records if state != "unobserved")
    if not observed:
        yield f"{instrument.asset}: no second is recorded as observed"
        return
    if result.lost_s:
        yield f"{instrument.asset}: {result.lost_s} s are recorded as what they were not, or not at all"
    if result.doubled_s:
        yield f"{instrument.asset}: {result.doubled_s} s of run are recorded that were none, or twice"
    allowed_s = round(instrument.unobservable_s) + UNOBSERVED_AT_REST_S
    if result.unobserved_s > allowed_s:
        yield f"{instrument.asset}: {result.unobserved_s} s are unobserved, and nobody could observe {allowed_s} s"


def _is_covered(instrument: Watched) -> Iterator[str]:
    """9, undated"""
    true_s = instrument.truth[-1][1] - instrument.truth[0][0]
    missing_s = round(true_s - (instrument.covered_s or 0))
    allowed_s = round(instrument.unobservable_s) + UNOBSERVED_AT_REST_S
    if missing_s > allowed_s:
        yield f"{instrument.asset}: {missing_s} s are in no reading, and nobody could observe {allowed_s} s"
    elif missing_s < -TOLERANCE_S:
        yield f"{instrument.asset}: the readings cover {-missing_s} s more than there were"


def _covered_once(stored: Stored) -> Iterator[str]:
    """7"""
    for (boot, watcher, channel), spans in _covered_ms(stored).items():
        for (_, end_ms), (start_ms, _) in pairwise(sorted(spans)):
            if start_ms < end_ms:
                yield (
                    f"{stored.origin}: two readings of {watcher} {channel} cover the same {end_ms - start_ms} ms from "
                    f"{start_ms} on in boot {boot}"
                )


def _covered_ms(stored: Stored) -> dict[tuple[str, str, str], list[tuple[int, int]]]:
    """By boot, watcher and channel: from where to where on the monotonic clock each reading reaches."""
    spans: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for index, entry in enumerate(stored.entries):
        if _is_reading(entry, index):
            boot, body = decode(entry).boot, cast(Reading, decode(entry).body)
            span = (body.start_mono_ms, body.start_mono_ms + sum(body.durations_ms))
            spans.setdefault((boot, body.watcher, body.channel), []).append(span)
    return spans


def _roots(entries: Sequence[bytes], sizes: Iterable[int]) -> dict[int, bytes]:
    """The Merkle roots of the first `size` entries, for all sizes that there are, in one pass."""
    frontier, roots = EMPTY_FRONTIER, {}
    for size in sorted(size for size in set(sizes) if size <= len(entries)):
        frontier = frontier.extend(map(leaf_hash, entries[frontier.size : size]))
        roots[size] = frontier.root()
    return roots


def _is_reading(entry: bytes, index: int) -> bool:
    try:
        decoded = decode(entry)
    except ForeignBytesError:
        return False
    return decoded.index == index and isinstance(decoded.body, Reading)


def _is_ours(note: bytes, key: VerifierKey) -> bool:
    try:
        open_receipt(note, key)
    except ForeignBytesError:
        return False
    return True
