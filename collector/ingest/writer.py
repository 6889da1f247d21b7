"""One transaction for many messages: judged in memory, swapped in, stored with COPY, committed, then answered.

    hold measurements · load the journals · judge each message in order · swap the journals WHERE size = old ·
    COPY batches and readings · store landmarks and clocks · touch days · store declarations · note who was seen ·
    commit · only then hand out the answers

The compare-and-swap is the only authority on who may append: where it moves fewer journals than were judged,
somebody else was here, everything is rolled back and each message is judged again alone. The same happens on
any database error that leaves the connection usable; after an error during COMMIT nothing is assumed, because
judging again begins with reading what is held. When the connection is gone, DatabaseLost goes up: nothing was
answered, nothing was acknowledged, the broker sends it all again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import psycopg

from collector.ingest import grants, rows
from collector.ingest.clocks import bounds_of, note_clocks
from collector.ingest.declarations import store_declarations
from collector.ingest.held import load_held
from collector.ingest.judging import judge
from collector.ingest.landmarks import store_landmarks
from collector.ingest.prepare import Offer, Poison, Prepared
from collector.ingest.work import Work
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load
from protocol.note import SigningKey

log = logging.getLogger(__name__)

SEEN_EVERY_MS = 5_000
_ATTEMPTS_ALONE = 3
_SQL = load("ingest")


class DatabaseLost(Exception):
    """The connection is gone; what was being written may or may not be stored."""


class Overtaken(Exception):
    """The compare-and-swap failed: what we judged by is no longer what is held."""


class Writer:
    """Owns the connection's transactions. `counts` says what became of the messages."""

    def __init__(
        self, connection: Connection, receipt_key: SigningKey, *, clock_ms: Callable[[], int], can_ask: bool = True
    ) -> None:
        """`can_ask`: whether who sends is there to answer; else a doubt is answered at once."""
        self._connection = connection
        self._receipt_key = receipt_key
        self._clock_ms = clock_ms
        self._can_ask = can_ask
        self._seen_ms: dict[str, int] = {}
        self._grants = grants.Grants(grants.BUDGET_BYTES)
        self.counts: Counter[str] = Counter()

    @property
    def granted_bytes(self) -> int:
        return self._grants.granted_bytes

    def write(self, messages: Sequence[Prepared]) -> list[bytes | None]:
        """Stores what is acceptable and returns the answer to each message, in order; None: no answer, or that
        of a later message to the same agent covers it.

        The answers may be sent as soon as this returns. Raises DatabaseLost.
        """
        try:
            return self._attempt(messages)
        except (psycopg.Error, Overtaken) as error:
            self._check_connection(error)
            self.counts["transactions_repeated"] += 1
            log.warning("rolled back messages=%d, trying each alone: %s", len(messages), error)
        return [self._write_alone(message) for message in messages]

    def _write_alone(self, message: Prepared) -> bytes | None:
        """One message in its own transaction; where even that fails it gets no answer, and is sent again."""
        problem: Exception | None = None
        for _ in range(_ATTEMPTS_ALONE):
            try:
                return self._attempt([message])[0]
            except (psycopg.Error, Overtaken) as error:
                self._check_connection(error)
                problem = error
                if _is_about_values(error) and isinstance(message, Offer):
                    # Rows are derived and can be made again: they must not keep evidence out.
                    log.error("stored without its rows origin=%s: %s", message.origin, error)
                    message = replace(
                        message, tails=(None,) * len(message.tails), touches=frozenset(), declared=(), marked=()
                    )
        self.counts["messages_failed"] += 1
        log.error("could not store message agent=%s: %s", message.agent_id, problem)
        return None

    def _check_connection(self, error: Exception) -> None:
        """Goes up with DatabaseLost unless the connection can carry another transaction."""
        if self._connection.closed or self._connection.broken:
            raise DatabaseLost(str(error)) from error

    def _attempt(self, messages: Sequence[Prepared]) -> list[bytes | None]:
        origins = {message.origin for message in messages if not isinstance(message, Poison)}
        with self._connection.transaction():
            self._connection.execute(_SQL.hold_measurements)
            held = load_held(self._connection, origins) if origins else {}
            work = Work(
                self._connection, self._receipt_key, self._clock_ms(), held, self._grants, can_ask=self._can_ask
            )
            answers = judge(work, messages)
            self._swap(work)
            self._copy(rows.COPY_BATCH, work.batch_rows)
            self._copy(rows.COPY_READING, work.reading_rows)
            fixes = store_landmarks(self._connection, work.marked, self._receipt_key.verifier)
            # Before any day is marked: whoever moves readings (accounts/clocks.py) locks the boot first, then the days.
            note_clocks(self._connection, own=work.clocks, fixes=bounds_of(fixes))
            self._touch_days(work)
            store_declarations(self._connection, work.declared)
            seen = self._note_seen(work)
        self.counts.update(work.counts)
        self.counts["transactions"] += 1
        self._seen_ms.update(dict.fromkeys(seen, work.now_ms))
        return answers

    def _swap(self, work: Work) -> None:
        for journal in work.journals.values():
            if journal.standing == journal.stored_standing:
                continue
            log.warning("journal now stands %s origin=%s", journal.standing, journal.held.key.name)
            if not journal.moved:
                values = {"journal_id": journal.held.journal_id, "standing": journal.standing}
                self._connection.execute(_SQL.set_standing, values)
        moved = [journal for journal in work.journals.values() if journal.moved]
        if not moved:
            return
        moved.sort(key=lambda journal: journal.held.journal_id)
        columns = {
            "now": work.now,
            "journals": [journal.held.journal_id for journal in moved],
            "olds": [journal.base.size for journal in moved],
            "sizes": [journal.held.size for journal in moved],
            "frontiers": [journal.held.frontier.to_bytes() for journal in moved],
            "receipts": [journal.receipt for journal in moved],
            "standings": [journal.standing for journal in moved],
        }
        swapped = self._connection.execute(_SQL.swap_journals, columns).rowcount
        if swapped != len(moved):
            raise Overtaken(f"{len(moved) - swapped} of {len(moved)} journals moved meanwhile")

    def _copy(self, statement: bytes, packed_rows: list[bytes]) -> None:
        if not any(packed_rows):
            return
        with self._connection.cursor().copy(statement) as copy:
            copy.write(b"".join((rows.COPY_HEADER, *packed_rows, rows.COPY_TRAILER)))

    def _touch_days(self, work: Work) -> None:
        if not work.touches:
            return
        touches = [(agent_id, *touch) for agent_id, touch in work.touches]
        agents, watchers, channels, days = map(list, zip(*touches, strict=True))
        values = {"agents": agents, "watchers": watchers, "channels": channels, "days": days, "reason": "readings"}
        if self._connection.execute(_SQL.touch_days, values).rowcount:
            self._connection.execute(_SQL.notify, {"channel": DIRTY_DAY_CHANNEL})

    def _note_seen(self, work: Work) -> list[str]:
        """Updates last_seen_at of those who were not updated in the last seconds; returns them."""
        due = [agent_id for agent_id in work.seen if self._is_due(agent_id, work.now_ms)]
        if due:
            values = {"now": work.now, "agents": due, "sizes": [work.seen[agent_id] for agent_id in due]}
            self._connection.execute(_SQL.see_agents, values)
        return due

    def _is_due(self, agent_id: str, now_ms: int) -> bool:
        seen_ms = self._seen_ms.get(agent_id)
        return seen_ms is None or not 0 <= now_ms - seen_ms < SEEN_EVERY_MS


def _is_about_values(error: Exception) -> bool:
    """Whether the database refuses the values themselves (SQLSTATE classes 22 and 54), and always will."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in ("22", "54")
