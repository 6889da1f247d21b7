"""Judges the messages of one transaction in order, and collects what it will store.

`Work` is the transaction in memory: judging moves the held journals on, so that several batches of one log may
come together, and packs the rows; nothing is written here but the notes of suspicions and forks.
"""

import logging
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collector.ingest import answers, rows
from collector.ingest.accept import Accepted, Fork, Gap, Refused, Repeat, Suspect, accept, judge_hello
from collector.ingest.held import HeldJournal
from collector.ingest.prepare import Greeting, Offer, Poison, Prepared, Touch, stored_bundle
from collector.registry.policies import levels_for_agent
from collector.store.database import Connection
from collector.store.queries import load
from protocol.batch import pack_bundle
from protocol.errors import ForeignBytesError
from protocol.interval import local_day
from protocol.message import Refusal, Welcome, pack
from protocol.note import SigningKey, cosign

log = logging.getLogger(__name__)
_SQL = load("ingest")


@dataclass(slots=True)
class Work:
    """One transaction: what is held (moved on in memory), and what is to be stored."""

    connection: Connection
    receipt_key: SigningKey
    now_ms: int
    journals: dict[str, HeldJournal]
    batch_rows: list[bytes] = field(default_factory=list)
    reading_rows: list[bytes] = field(default_factory=list)
    touches: set[tuple[str, Touch]] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    spread_s: int | None = None

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def judge(self, message: Prepared) -> bytes | None:
        """Judges one message; returns the answer, to be sent once everything is committed."""
        if isinstance(message, Poison):
            return self._answer_poison(message)
        journal = self.journals.get(message.origin)
        if isinstance(message, Greeting):
            return self._greet(message, journal)
        return self._judge_offer(message, journal)

    def _judge_offer(self, offer: Offer, journal: HeldJournal | None) -> bytes | None:
        outcome = accept(
            journal.held if journal else None,
            offer.batch,
            agent_id=offer.agent_id,
            root_at=lambda size: self._root_at(journal, size),
        )
        if journal is not None and isinstance(outcome, Accepted):
            outcome = self._take(offer, journal, outcome)
        self.counts[f"batches_{type(outcome).__name__.lower()}"] += 1
        if journal is None or isinstance(outcome, Refused):
            assert isinstance(outcome, Refused), "a batch of an unknown origin is refused"
            return answers.refuse(outcome, journal)
        self._see(offer.agent_id, offer.batch.old + len(offer.batch.entries))
        if isinstance(outcome, Accepted | Repeat):
            return journal.receipt
        self._keep(offer.batch.note, offer.raw, journal=journal, outcome=outcome)
        return answers.refuse(outcome, journal)

    def _take(self, offer: Offer, journal: HeldJournal, accepted: Accepted) -> Accepted | Refused:
        """Moves the journal on and packs the rows; Refused where the note cannot be cosigned."""
        try:
            receipt = cosign(offer.batch.note, self.receipt_key, time_s=self.now_ms // 1000)
        except ForeignBytesError as error:  # it bears our line already, or has no room for one
            return Refused("malformed", str(error))
        dropped = len(offer.batch.entries) - len(accepted.entries)
        bundle = None if dropped else stored_bundle(offer)
        journal_id = journal.held.journal_id
        self.batch_rows.append(
            rows.batch_row(
                journal_id,
                first=accepted.first,
                size=accepted.frontier.size,
                note=offer.batch.note,
                entries=zlib.compress(pack_bundle(accepted.entries)) if bundle is None else bundle,
                receipt=receipt,
                received_ms=self.now_ms,
            )
        )
        tails = [tail for tail in offer.tails[dropped:] if tail is not None]
        self.reading_rows.append(rows.reading_rows(journal_id, tails))
        self.touches.update((offer.agent_id, touch) for touch in offer.touches)
        self.counts["entries"] += len(accepted.entries)
        self.counts["entries_undecoded"] += offer.undecoded
        journal.move(accepted, receipt=receipt)
        return accepted

    def _greet(self, greeting: Greeting, journal: HeldJournal | None) -> bytes:
        self.counts["hellos"] += 1
        judged = judge_hello(
            journal.held if journal else None,
            greeting.hello.note,
            agent_id=greeting.agent_id,
            root_at=lambda size: self._root_at(journal, size),
        )
        if journal is None or isinstance(judged, Refused):
            assert isinstance(judged, Refused), "a hello of an unknown origin is refused"
            return answers.refuse(judged, journal)
        if isinstance(judged, Fork):
            self._keep(greeting.hello.note, b"", journal=journal, outcome=judged)
            return answers.refuse(judged, journal)
        self._see(greeting.agent_id, judged.size)
        today = local_day(self.now_ms)
        return pack(
            Welcome(
                nonce=greeting.hello.nonce,
                time_ms=self.now_ms,
                held=journal.held.size,
                window=answers.WINDOW,
                spread_s=self._spread_s(),
                levels=tuple(levels_for_agent(self.connection, greeting.agent_id, day=today)),
                receipt=journal.receipt,
            )
        )

    def _spread_s(self) -> int:
        """Over how long agents are to come back; they are counted once for all hellos of a transaction."""
        if self.spread_s is None:
            row = self.connection.execute(_SQL.count_agents).fetchone()
            self.spread_s = answers.spread_s(0 if row is None else row[0])
        return self.spread_s

    def _answer_poison(self, poison: Poison) -> bytes | None:
        """A refusal with what is held of the agent's newest log; an agent that nobody enrolled gets none."""
        self.counts["messages_malformed"] += 1
        log.debug("refused message agent=%s code=%s: %s", poison.agent_id, poison.code, poison.detail)
        row = self.connection.execute(_SQL.load_newest_journal, {"agent_id": poison.agent_id}).fetchone()
        return None if row is None else pack(Refusal(poison.code, row[0], poison.detail, row[1]))

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
