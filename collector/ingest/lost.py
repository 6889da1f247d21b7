"""What is kept of the branch that came later: its batches as they came, and the time that its readings cover.

The branch that was receipted first goes on; the other one counts nowhere, and is evidence all the same. Its time is
taken from entries only that are shown to be of the tree that the key signed: what somebody altered on the way is not
laid to anybody's charge. Bounded: 4 MiB of batches a journal, readings of those.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from collector.clock import utc
from collector.ingest.held import HeldJournal
from collector.ingest.prepare import Offer
from collector.ingest.work import Work
from collector.store.queries import load
from protocol import merkle
from protocol.batch import Batch
from protocol.branch import WIDTH, Branch
from protocol.entry import Reading, decode_all
from protocol.note import parse_checkpoint, parse_note

LOST_BYTES = 4 * 1024 * 1024
_SQL = load("forks")


class _Lost(NamedTuple):
    entry_index: int
    watcher: str
    channel: str
    start_at: datetime
    end_at: datetime


def keep_lost(
    work: Work, journal: HeldJournal, offer: Offer, *, theirs: Branch | None = None, index: int | None = None
) -> None:
    """Keep a batch of the branch that lost, and the time of its readings from `index` on that `theirs` shows.

    Without `theirs` only the bytes.
    """
    values = {
        "journal_id": journal.held.journal_id,
        "first": offer.batch.old,
        "size": parse_checkpoint(parse_note(offer.batch.note).text).size,
        "note": offer.batch.note,
        "batch": offer.raw,
        "now": work.now,
        "limit": LOST_BYTES,
    }
    row = work.connection.execute(_SQL.insert_lost_batch, values).fetchone()
    if row is None or theirs is None or index is None:
        return
    lost = list(_readings(offer.batch, theirs, index))
    if not lost:
        return
    indexes, watchers, channels, starts, ends = map(list, zip(*lost, strict=True))
    columns = {"indexes": indexes, "watchers": watchers, "channels": channels, "starts": starts, "ends": ends}
    work.connection.execute(
        _SQL.insert_lost_readings, {"journal_id": journal.held.journal_id, "lost_batch": row[0], **columns}
    )
    work.touches.update((offer.agent_id, touch) for touch in offer.touches)
    work.counts["readings_lost"] += len(lost)


def shown_entries(batch: Batch, theirs: Branch) -> Iterator[int]:
    """The indexes of those entries of a batch that are in the tree `theirs`, as far as its hashes show that."""
    leaves = [merkle.leaf_hash(raw) for raw in batch.entries]
    end = batch.old + len(leaves)
    for number in range(batch.old // WIDTH, len(theirs.tops)):
        first, last = number * WIDTH, number * WIDTH + theirs.width(number)
        if first >= end:
            return
        tile = theirs.tiles.get(number)
        if tile is None and batch.old <= first and last <= end:
            known = theirs.with_tile(number, leaves[first - batch.old : last - batch.old])
            tile = None if known is None else known.tiles[number]
        for at in range(max(first, batch.old), min(last, end)):
            if tile is not None and tile[at - first] == leaves[at - batch.old]:
                yield at


def _readings(batch: Batch, theirs: Branch, index: int) -> Iterator[_Lost]:
    entries = decode_all(batch.entries)
    for at in shown_entries(batch, theirs):
        entry = entries[at - batch.old]
        if at < index or entry is None or entry.index != at or not isinstance(entry.body, Reading):
            continue
        start_ms = entry.wall_ms - (entry.mono_ms - entry.body.start_mono_ms)
        end_ms = start_ms + sum(entry.body.durations_ms)
        yield _Lost(at, entry.body.watcher, entry.body.channel, utc(start_ms), utc(end_ms))
