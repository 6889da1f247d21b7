"""Judges the messages of one transaction in order, and collects what it will store.

`Work` is the transaction in memory: judging moves the held journals on, so that several batches of one log may
come together, and packs the rows; nothing is written here but the notes of suspicions and forks.

A journal gets one receipt a transaction, over the last batch that moved it: it covers those before, is stored
with each of them, and answers them all. The last batch's own note is the beginning of that receipt, and is not
stored once more: it would be a fourth of what an agent costs on disk that sends each entry alone.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial

from psycopg.types.json import Jsonb

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
    names_key,
)
from collector.ingest.declarations import Declared
from collector.ingest.grants import Grants
from collector.ingest.held import HeldJournal, load_held
from collector.ingest.prepare import Glimpse, Greeting, Offer, Poison, Prepared, Succession, Touch, stored_bundle
from collector.registry import epochs
from collector.registry.policies import hints_for_agent
from collector.store.database import Connection
from collector.store.queries import load
from protocol.batch import pack_bundle
from protocol.epoch import Taken, pack_taken
from protocol.errors import ForeignBytesError
from protocol.hint import open_hint
from protocol.interval import local_day
from protocol.keys import SigningKey
from protocol.message import Hello, Refusal, pack
from protocol.note import cosign

log = logging.getLogger(__name__)
_SQL = load("ingest")
_EPOCHS = load("epochs")


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
    declared: list[Declared] = field(default_factory=list)
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
        if isinstance(message, Succession):
            return self._succeed(message)
        if isinstance(message, Glimpse):
            return self._glimpse(message, journal)
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
            return partial(answers.refuse, outcome, journal, log=offer.origin)
        size = offer.batch.old + len(offer.batch.entries)
        self._see(offer.agent_id, size)
        self.grants.hear(offer.agent_id, size=size, now_ms=self.now_ms)
        if isinstance(outcome, Accepted):
            self._take(offer, journal, outcome)
        if isinstance(outcome, Accepted | Repeat):
            journal.asked += 1
            return partial(_receipt_for, journal, journal.asked)
        self._keep(offer.batch.note, offer.raw, journal=journal, outcome=outcome)
        return partial(answers.refuse, outcome, journal, log=offer.origin)

    def _take(self, offer: Offer, journal: HeldJournal, accepted: Accepted) -> None:
        """Moves the journal on and packs the rows of its readings."""
        dropped = len(offer.batch.entries) - len(accepted.entries)
        bundle = None if dropped else stored_bundle(offer)
        if bundle is None:
            bundle = zlib.compress(pack_bundle(accepted.entries))
        if accepted.first == 0:
            self._look_at_genesis(journal, accepted.entries[0])
        journal.take(accepted, note=offer.batch.note, bundle=bundle)
        tails = [tail for tail in offer.tails[dropped:] if tail is not None]
        self.reading_rows.append(rows.reading_rows(journal.held.journal_id, tails))
        self.touches.update((offer.agent_id, touch) for touch in offer.touches)
        journal_id = journal.held.journal_id
        self.declared += [Declared(journal_id, entry) for entry in offer.declared if entry.index >= accepted.first]
        self.counts["entries"] += len(accepted.entries)
        self.counts["entries_undecoded"] += offer.undecoded

    def _give_receipts(self) -> None:
        """Cosigns the newest note of each journal that moved, and packs the rows of its batches."""
        for journal in self.journals.values():
            if not journal.taken:
                continue
            last = journal.taken[-1]
            journal.receipt = cosign(last.note, self.receipt_key, time_s=self.now_ms // 1000)
            for taken in journal.taken:
                row = rows.batch_row(
                    journal.held.journal_id,
                    first=taken.first,
                    size=taken.size,
                    note=None if taken is last else taken.note,
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
            return partial(answers.refuse, judged, journal, log=greeting.origin)
        if isinstance(judged, Fork):
            self._keep(greeting.hello.note, b"", journal=journal, outcome=judged)
            return partial(answers.refuse, judged, journal, log=greeting.origin)
        self._see(greeting.agent_id, judged.size)
        held = journal.held.size
        window = self.grants.ask(greeting.agent_id, size=judged.size, held=held, now_ms=self.now_ms)
        if not window:
            self.counts["hellos_busy"] += 1
            return partial(answers.refuse, answers.BUSY, journal, log=greeting.origin)
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

    def _succeed(self, succession: Succession) -> Answer:
        """Opens the next epoch of an agent whose journal cannot go on, and greets it as after a hello."""
        self.counts["epochs_asked"] += 1
        begun = epochs.begin(
            self.connection,
            succession.asked.request,
            agent_id=succession.agent_id,
            compare=self._compare,
            now=self.now,
        )
        if isinstance(begun, Taken):
            return partial(pack_taken, begun)
        if isinstance(begun, epochs.NotBegun):
            return partial(answers.refuse, Refused(*begun), None, log=succession.origin)
        old = self._journal(begun.request.old.origin)
        if old is not None and begun.fits is False:
            self._keep(succession.asked.request, b"", journal=old, outcome=Fork(begun.request.old.size))
        hello = Hello(succession.asked.nonce, succession.asked.note)
        greeting = Greeting(succession.agent_id, succession.origin, hello)
        return self._greet(greeting, self._journal(succession.origin))

    def _compare(self, origin: str, size: int, root: bytes) -> tuple[int, bool | None]:
        """What is held of a log, and whether a tree of this size and root is its beginning."""
        journal = self._journal(origin)
        assert journal is not None, "only a known log ends"
        held = journal.held.size
        return held, None if size > held else journal.root_at(self.connection, size) == root

    def _journal(self, origin: str) -> HeldJournal | None:
        """A journal that nobody knew of when the transaction began."""
        if origin not in self.journals:
            self.journals.update(load_held(self.connection, {origin}))
        return self.journals.get(origin)

    def _look_at_genesis(self, journal: HeldJournal, entry: bytes) -> None:
        """Notes a log that does not begin with the key that it was enrolled with; it earns nothing either way."""
        if not names_key(entry, journal.held.key):
            values = {"journal_id": journal.held.journal_id, "now": self.now}
            self.connection.execute(_EPOCHS.note_genesis_misfit, values)

    def _glimpse(self, glimpse: Glimpse, journal: HeldJournal | None) -> Answer:
        """Keeps an agent's newest hint. It gets no answer, and one that does not verify is dropped."""
        self.counts["hints"] += 1
        if journal is None or journal.held.revoked or journal.held.agent_id != glimpse.agent_id:
            return lambda: None
        try:
            hint = open_hint(glimpse.note, journal.held.key)
        except ForeignBytesError as error:
            log.debug("dropped hint agent=%s: %s", glimpse.agent_id, error)
            return lambda: None
        values = {
            "agent_id": glimpse.agent_id,
            "origin": hint.origin,
            "at_ms": hint.time_ms,
            "waiting": hint.waiting,
            "showing": Jsonb([asdict(one) for one in hint.showing]),
            "now": self.now,
        }
        self.connection.execute(_EPOCHS.put_hint, values)
        return lambda: None

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
