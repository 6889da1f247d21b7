"""Judges batches: what the accept rule says of each, the rows of what it accepts, and the receipts.

A journal gets one receipt a transaction, over the last batch that moved it: it covers those before, is stored
with each of them, and answers them all. The last batch's own note is the beginning of that receipt, and is not
stored once more: it would be a fourth of what an agent costs on disk that sends each entry alone.
"""

import zlib
from functools import partial

from collector.ingest import answers, rows
from collector.ingest.accept import Accepted, Gap, Outcome, Refused, Repeat, accept, can_cosign, names_key
from collector.ingest.adjudication import doubt
from collector.ingest.declarations import Declared
from collector.ingest.held import HeldJournal
from collector.ingest.landmarks import Marked
from collector.ingest.prepare import Offer, stored_bundle
from collector.ingest.work import Answer, Work
from collector.store.queries import load
from protocol.batch import pack_bundle
from protocol.note import cosign

_EPOCHS = load("epochs")


def judge_offer(work: Work, offer: Offer) -> Answer:
    """Stores in `work` what a batch is worth."""
    journal = work.journals.get(offer.origin)
    outcome = _judge(work, offer, journal)
    work.counts[f"batches_{type(outcome).__name__.lower()}"] += 1
    if journal is None or isinstance(outcome, Refused):
        assert isinstance(outcome, Refused), "a batch of an unknown origin is refused"
        return partial(answers.refuse, outcome, journal, log=offer.origin)
    size = offer.batch.old + len(offer.batch.entries)
    work.see(offer.agent_id, size)
    work.grants.hear(offer.agent_id, size=size, now_ms=work.now_ms)
    if isinstance(outcome, Accepted):
        _take(work, offer, journal, accepted=outcome)
    if isinstance(outcome, Accepted | Repeat):
        journal.asked += 1
        return partial(_receipt_for, journal, journal.asked)
    work.keep(offer.batch.note, offer.raw, journal=journal, outcome=outcome)
    if isinstance(outcome, Gap):
        return partial(answers.refuse, outcome, journal, log=offer.origin)
    return doubt(work, offer.batch.note, journal, outcome, offer=offer)


def give_receipts(work: Work) -> None:
    """Cosigns the newest note of each journal that moved, and packs the rows of its batches."""
    for journal in work.journals.values():
        if not journal.taken:
            continue
        last = journal.taken[-1]
        journal.receipt = cosign(last.note, work.receipt_key, time_s=work.now_ms // 1000)
        for taken in journal.taken:
            row = rows.batch_row(
                journal.held.journal_id,
                first=taken.first,
                size=taken.size,
                note=None if taken is last else taken.note,
                entries=taken.bundle,
                receipt=journal.receipt,
                received_ms=work.now_ms,
            )
            work.batch_rows.append(row)


def _judge(work: Work, offer: Offer, journal: HeldJournal | None) -> Outcome:
    outcome = accept(
        journal.held if journal else None,
        offer.batch,
        agent_id=offer.agent_id,
        root_at=lambda size: work.root_at(journal, size),
    )
    if isinstance(outcome, Accepted) and not can_cosign(offer.batch.note, work.receipt_key.name):
        return Refused("malformed", "the note has no room for a receipt, or bears one already")
    return outcome


def _take(work: Work, offer: Offer, journal: HeldJournal, *, accepted: Accepted) -> None:
    """Moves the journal on and packs the rows of its readings."""
    journal_id = journal.held.journal_id
    dropped = len(offer.batch.entries) - len(accepted.entries)
    bundle = None if dropped else stored_bundle(offer)
    if bundle is None:
        bundle = zlib.compress(pack_bundle(accepted.entries))
    if accepted.first == 0:
        _look_at_genesis(work, journal, accepted.entries[0])
    journal.take(accepted, note=offer.batch.note, bundle=bundle)
    tails = [tail for tail in offer.tails[dropped:] if tail is not None]
    work.reading_rows.append(rows.reading_rows(journal_id, tails))
    work.touches.update((offer.agent_id, touch) for touch in offer.touches)
    work.declared += [Declared(journal_id, entry) for entry in offer.declared if entry.index >= accepted.first]
    work.marked += [
        Marked(journal_id, offer.origin, entry, raw) for entry, raw in offer.marked if entry.index >= accepted.first
    ]
    work.note_clocks(journal_id, offer.clocks)
    work.counts["entries"] += len(accepted.entries)
    work.counts["entries_undecoded"] += offer.undecoded


def _look_at_genesis(work: Work, journal: HeldJournal, entry: bytes) -> None:
    """Notes a log that does not begin with the key that it was enrolled with; it earns nothing either way."""
    if not names_key(entry, journal.held.key):
        values = {"journal_id": journal.held.journal_id, "now": work.now}
        work.connection.execute(_EPOCHS.note_genesis_misfit, values)


def _receipt_for(journal: HeldJournal, asked: int) -> bytes | None:
    """The latest receipt, to the last of those who wait for it."""
    return journal.receipt if asked == journal.asked else None
