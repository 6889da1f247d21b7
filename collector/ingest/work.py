"""One transaction in memory: what is held, moved on by what is judged, and what is to be stored.

Judging (judging.py, offers.py, greetings.py) moves the held journals on, so that several batches of one log may come
together, and packs the rows; nothing is written while that goes on but the notes of suspicions and forks, what logs
began with, hints, and the epochs that begin. The writer stores the rest.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.clock import utc
from collector.ingest.accept import Fork, Gap, Suspect
from collector.ingest.clocks import Boot, Bounds, join
from collector.ingest.declarations import Declared
from collector.ingest.grants import Grants
from collector.ingest.held import HeldJournal, load_held
from collector.ingest.landmarks import Marked
from collector.ingest.prepare import Touch
from collector.store.database import Connection
from collector.store.queries import load
from protocol.beacon import beacon_note
from protocol.keys import SigningKey
from protocol.note import Checkpoint

_SQL = load("ingest")
_LANDMARKS = load("landmarks")

# An answer is made once everything is judged and receipted; None: another message's answer serves this one.
Answer = Callable[[], bytes | None]


@dataclass(slots=True)
class Work:
    """`now_ms` is the collector's clock in UTC ms, the same for all of the transaction. `can_ask`: whether an agent is
    there to answer a question.
    """

    connection: Connection
    receipt_key: SigningKey
    now_ms: int
    journals: dict[str, HeldJournal]
    grants: Grants
    batch_rows: list[bytes] = field(default_factory=list)
    reading_rows: list[bytes] = field(default_factory=list)
    touches: set[tuple[str, Touch]] = field(default_factory=set)
    declared: list[Declared] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)
    clocks: dict[Boot, Bounds] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    spread_s: int | None = None
    can_ask: bool = True
    _beacon: bytes | None = None  # b"": there is none to send

    @property
    def now(self) -> datetime:
        return utc(self.now_ms)

    def find_journal(self, origin: str) -> HeldJournal | None:
        """A journal, also one that nobody knew of when the transaction began."""
        if origin not in self.journals:
            self.journals.update(load_held(self.connection, {origin}))
        return self.journals.get(origin)

    def beacon(self) -> bytes | None:
        """A beacon note of this moment, the same for all of the transaction; None: there is no log, or it stands."""
        if self._beacon is None:
            row = self.connection.execute(_LANDMARKS.load_newest_checkpoint, binary=True).fetchone()
            self._beacon = b"" if row is None else self._sign(Checkpoint(row[0], row[1], bytes(row[2])))
        return self._beacon or None

    def _sign(self, checkpoint: Checkpoint) -> bytes:
        return beacon_note(checkpoint, self.receipt_key, time_s=self.now_ms // 1000)

    def root_at(self, journal: HeldJournal | None, size: int) -> bytes:
        """The root of what is held of a journal, at a size up to that."""
        assert journal is not None, "only a known log is compared"
        return journal.root_at(self.connection, size)

    def see(self, agent_id: str, size: int) -> None:
        """The agent spoke, and says that its journal has this size."""
        self.seen[agent_id] = max(size, self.seen.get(agent_id, 0))

    def note_clocks(self, journal_id: int, clocks: Mapping[str, Bounds]) -> None:
        """What a batch shows of its boots' clocks."""
        for boot, bounds in clocks.items():
            held = join(self.clocks.get((journal_id, boot)), bounds)
            assert held is not None
            self.clocks[journal_id, boot] = held

    def keep(self, note: bytes, raw: bytes, *, journal: HeldJournal, outcome: Gap | Suspect | Fork) -> None:
        """Remembers how the journal stands, and the note that a suspicion or a fork rests on."""
        kind = type(outcome).__name__.lower()
        journal.stand(kind)
        if isinstance(outcome, Gap):
            return
        values = {
            "journal_id": journal.held.journal_id,
            "kind": kind,
            "note": note,
            "batch": raw,
            "now": self.now,
        }
        self.connection.execute(_SQL.hold_note, values)
