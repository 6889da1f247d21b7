"""Judges the messages of one transaction in order, and collects what it will store.

`Work` is the transaction in memory: judging moves the held journals on, so that several batches of one log may
come together, and packs the rows; nothing is written here but the notes of suspicions and forks.

A journal gets one receipt a transaction, over the last batch that moved it: it covers those before, is stored
with each of them, and answers them all.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from collector.ingest import answers, rows
from collector.ingest.accept import (
    Accepted,
    Fork,
    Gap,
    Refused,
    Repeat,
    Suspect,
    accept,
    can_cosign,
    judge_hello,
)
from collector.ingest.grants import Grants
from collector.ingest.held import HeldJournal
from collector.ingest.prepare import Greeting, Offer, Poison, Prepared, Touch, stored_bundle
from collector.registry.policies import hints_for_agent
from collector.store.database import Connection
from collector.store.queries import load
from protocol.batch import pack_bundle
from protocol.interval import local_day
from protocol.keys import SigningKey
from protocol.message import Refusal, pack
from protocol.note import cosign

log = logging.getLogger(__name__)
_SQL = load("ingest")


# An answer is made once everything is judged and receipted; None: another message's answer serves this one.
Answer = Callable[[], bytes | None]


@dataclass(slots=True)
class Work:
    """One transaction: what is held (moved on in memory), and what is to be stored."""

    connection: Connection
    receipt_key: SigningKey
    now_ms: int
    journals: dict[str, HeldJournal]
    grants: Grants
    batch_rows: list[bytes] = field(default_factory=list)
    reading_rows: list[bytes] = field(default_factory=list)
    touches: set[tuple[str, Touch]] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    spread_s: int | None = None

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def judge(self, messages: Sequence[Prepared]) -> list[bytes | None]:
        """Judges the messages in order; returns the answers, to be sent once everything is committed."""
        answers = [self._judge(message) for message in messages]
        self._give_receipts()
        return [answer() for answer in answers]

    def _judge(self, message: Prepared) -> Answer:
        if isinstance(message, Poison):
            return self._answer_poison(message)
        journal = self.journals.get(message.origin)
        if isinstance(message, Greeting):
            return self._greet(message, journal)
        return self._judge_offer(message, journal)

    def _judge_offer(self, offer: Offer, journal: HeldJournal | None) -> Answer:
        outcome = accept(
            journal.held if journal else None,
            offer.batch,
            agent_id=offer.agent_id,
            root_at=lambda size: self._root_at(journal, size),
        )
        if isinstance(outcome, Accepted) and not can_cosign(offer.batch.note, self.receipt_key.name):
            outcome = Refused("malformed", "the note has no room for a receipt, or bears one already")
        self.counts[f"batches_{type(outcome).__name__.lower()}"] += 1
        if journal is None or isinstance(outcome, Refused):
            assert isinstance(outcome, Refused), "a batch of an unknown origin is refused"
            return partial(answers.refuse, outcome, journal)
        size = offer.batch.old + len(offer.batch.entries)
        self._see(offer.agent_id, size)
        self.grants.hear(offer.agent_id, size=size, now_ms=self.now_ms)
        if isinstance(outcome, Accepted):
            self._take(offer, journal, outcome)
        if isinstance(outcome, Accepted | Repeat):
            journal.asked += 1
            return partial(_receipt_for, journal, journal.asked)
        self._keep(offer.batch.note, offer.raw, journal=journal, outcome=outcome)
        return partial(answers.refuse, outcome, journal)

    def _take(self, offer: Offer, journal: HeldJournal, accepted: Accepted) -> None:
        """Moves the journal on and packs the rows of its readings."""
        dropped = len(offer.batch.entries) - len(accepted.entries)
        bundle = None if dropped else stored_bundle(offer)
        if bundle is None:
            bundle = zlib.compress(pack_bundle(accepted.entries))
        journal.take(accepted, note=offer.batch.note, bundle=bundle)
        tails = [tail for tail in offer.tails[dropped:] if tail is not None]
        self.reading_rows.append(rows.reading_rows(journal.held.journal_id, tails))
        self.touches.update((offer.agent_id, touch) for touch in offer.touches)
        self.counts["entries"] += len(accepted.entries)
        self.counts["entries_undecoded"] += offer.undecoded

    def _give_receipts(self) -> None:
        """Cosigns the newest note of each journal that moved, and packs the rows of its batches."""
        for journal in self.journals.values():
            if not journal.taken:
                continue
            journal.receipt = cosign(journal.taken[-1].note, self.receipt_key, time_s=self.now_ms // 1000)
            for taken in journal.taken:
                row = rows.batch_row(
                    journal.held.journal_id,
                    first=taken.first,
                    size=taken.size,
                    note=taken.note,
                    entries=taken.bundle,
                    receipt=journal.receipt,
                    received_ms=self.now_ms,
                )
                self.batch_rows.append(row)

    def _greet(self, greeting: Greeting, journal: HeldJournal | None) -> Answer:
        self.counts["hellos"] += 1
        judged = judge_hello(
            journal.held if journal else None,
            greeting.hello.note,
            agent_id=greeting.agent_id,
            root_at=lambda size: self._root_at(journal, size),
        )
        if journal is None or isinstance(judged, Refused):
            assert isinstance(judged, Refused), "a hello of an unknown origin is refused"
            return partial(answers.refuse, judged, journal)
        if isinstance(judged, Fork):
            self._keep(greeting.hello.note, b"", journal=journal, outcome=judged)
            return partial(answers.refuse, judged, journal)
        self._see(greeting.agent_id, judged.size)
        held = journal.held.size
        window = self.grants.ask(greeting.agent_id, size=judged.size, held=held, now_ms=self.now_ms)
        if not window:
            self.counts["hellos_busy"] += 1
            return partial(answers.refuse, answers.BUSY, journal)
        hints = hints_for_agent(self.connection, greeting.agent_id, day=local_day(self.now_ms))
        return partial(
            answers.welcome,
            greeting.hello,
            journal,
            window=window,
            hints=hints,
            spread_s=self._spread_s(),
            now_ms=self.now_ms,
        )

    def _spread_s(self) -> int:
        """Over how long agents are to come back; they are counted once for all hellos of a transaction."""
        if self.spread_s is None:
            row = self.connection.execute(_SQL.count_agents).fetchone()
            self.spread_s = answers.spread_for(0 if row is None else row[0])
        return self.spread_s

    def _answer_poison(self, poison: Poison) -> Answer:
        """A refusal with what is held of the agent's newest log; an agent that nobody enrolled gets none."""
        self.counts["messages_malformed"] += 1
        log.debug("refused message agent=%s code=%s: %s", poison.agent_id, poison.code, poison.detail)
        row = self.connection.execute(_SQL.load_newest_journal, {"agent_id": poison.agent_id}).fetchone()
        if row is None:
            return lambda: None
        return partial(pack, Refusal(poison.code, row[0], poison.detail, row[1]))

    def _keep(self, note: bytes, raw: bytes, *, journal: HeldJournal, outcome: Gap | Suspect | Fork) -> None:
        """Remembers how the journal stands, and the note that a suspicion or a fork rests on."""
        journal.stand(type(outcome).__name__.lower())
        if isinstance(outcome, Gap):
            return
        values = {
            "journal_id": journal.held.journal_id,
            "kind": type(outcome).__name__.lower(),
            "note": note,
            "batch": raw,
            "now": self.now,
        }
        self.connection.execute(_SQL.hold_note, values)

    def _see(self, agent_id: str, size: int) -> None:
        self.seen[agent_id] = max(size, self.seen.get(agent_id, 0))

    def _root_at(self, journal: HeldJournal | None, size: int) -> bytes:
        assert journal is not None, "only a known log is compared"
        return journal.root_at(self.connection, size)


def _receipt_for(journal: HeldJournal, asked: int) -> bytes | None:
    """The latest receipt, to the last of those who wait for it."""
    return journal.receipt if asked == journal.asked else None
