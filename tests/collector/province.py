"""A small province with real journals in a real database, for the tests of accounts, API and pages.

It writes what ingest would have written: entries in canonical form, their bundle, the decoded rows, the
dirty marks. Time is told in local (UTC+8) days and seconds of the day.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

from collector.accounts.worker import Worker
from collector.ingest.declarations import Declared, store_declarations
from collector.registry import instruments, policies
from collector.store.database import Connection
from protocol.batch import pack_bundle
from protocol.entry import Declaration, Entry, Reading, Stop, encode
from protocol.facts import target_of_declaration
from protocol.interval import DAY_MS, day_bounds_ms, days_touched
from protocol.merkle import EMPTY_ROOT
from protocol.note import ED25519, Checkpoint, SigningKey, sign_checkpoint
from protocol.policy import Policy

POLICY = (
    b'{"v":1,"name":"test policy","valid_mw":[0,15000000],'
    b'"standby":{"on_mw":40000,"off_mw":25000,"on_ms":10000,"off_ms":20000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":10000,"off_ms":60000},"gap_ms":60000}'
)
OFF, IDLE, RUN = 5_000, 200_000, 1_000_000
"""Powers in mW that the test policy calls off, standby and run."""
USCC = "91610131MA6TYUUC74"
DOMAIN = "jishi.example"


class Piece(NamedTuple):
    """[start_s, end_s) of a local day at one power."""

    day: date
    start_s: float
    end_s: float
    power_mw: int


class MovableClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Province:
    """A registry with one agent per instrument, and journals that only grow."""

    connection: Connection
    policy: Policy
    sizes: dict[str, int] = field(default_factory=dict)

    def add_instrument(self, asset_no: str, *, name_zh: str = "电子显微镜", name_en: str = "", model: str = "") -> None:
        instruments.register_instrument(self.connection, asset_no, name_zh=name_zh, name_en=name_en, model=model)
        self.connection.execute(
            "INSERT INTO ownership (asset_no, uscc, from_day) VALUES (%s, %s, '2020-01-01')", [asset_no, USCC]
        )

    def add_agent(self, agent_id: str, asset_no: str, *, from_day: date = date(2020, 1, 1)) -> str:
        """An agent with one journal whose watcher meter1 measures the instrument; returns the origin."""
        origin = f"{DOMAIN}/a/{agent_id}/1"
        self.connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES (%s, 1)", [agent_id])
        self.connection.execute(
            "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, 1, 'key')", [origin, agent_id]
        )
        self.bind(agent_id, asset_no, from_day=from_day)
        self.sizes[origin] = 0
        return origin

    def begin_epoch(self, agent_id: str, epoch: int) -> str:
        """A further journal of the agent, whose watchers measure what they measured; returns the origin."""
        origin = f"{DOMAIN}/a/{agent_id}/{epoch}"
        self.connection.execute(
            "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, %s, 'key')", [origin, agent_id, epoch]
        )
        self.sizes[origin] = 0
        return origin

    def bind(
        self, agent_id: str, asset_no: str | None, *, from_day: date, watcher: str = "meter1", channel: str = "power"
    ) -> None:
        with self.connection.transaction():
            instruments.register_measurement(
                self.connection, agent_id, watcher=watcher, channel=channel, asset_no=asset_no, from_day=from_day
            )

    def put_policy(
        self, body: bytes = POLICY, *, asset_no: str | None = None, from_day: date = date(2020, 1, 1)
    ) -> str:
        policy = policies.register_policy(self.connection, body)
        policies.put_in_force(self.connection, policy, asset_no=asset_no, from_day=from_day, approved_by="approver")
        return policy.sha256

    def observe(self, origin: str, *pieces: Piece, watcher: str = "meter1") -> list[bytes]:
        """One entry per piece (in parts of at most an hour), one batch in all; returns the entries' bytes."""
        readings = [part for piece in pieces for part in _parts(piece)]
        return self.write(origin, [_reading(watcher, start, end, power) for start, end, power in readings])

    def show(self, origin: str, source: str, day: date, *, start_s: int, **shape: object) -> None:
        """One hour of `WATCHER:CHANNEL`, which is no meter: states=(…,) or counts=(…,)."""
        watcher, _, channel = source.partition(":")
        wall_ms = day_bounds_ms(day)[0] + (start_s + 3600) * 1000
        start_ms = wall_ms % DAY_MS + DAY_MS - 3_600_000
        self.write(origin, [(wall_ms, Reading(watcher, channel, start_ms, (3_600_000,), **shape))])  # type: ignore[arg-type]

    def declare(self, origin: str, day: date, at_s: int, declaration: Declaration) -> str:
        """What somebody says at the instrument at a second of the day; returns how a correction names it."""
        index = self.sizes[origin]
        self.write(origin, [(day_bounds_ms(day)[0] + at_s * 1000, declaration)])
        return target_of_declaration(origin, index)

    def write(self, origin: str, written: Sequence[tuple[int, Reading | Declaration]]) -> list[bytes]:
        """Stores readings or declarations, each with the wall time (ms) at which it was written, as one batch."""
        first = self.sizes[origin]
        entries = [
            Entry(index, wall_ms, wall_ms % DAY_MS + DAY_MS, "0000abcd", reading)
            for index, (wall_ms, reading) in enumerate(written, first)
        ]
        self._store(origin, first, entries)
        return [encode(entry) for entry in entries]

    def _store(self, origin: str, first: int, entries: Sequence[Entry]) -> None:
        with self.connection.transaction():
            journal_id, agent_id = self._store_bytes(origin, first, [encode(entry) for entry in entries])
            for entry in entries:
                self._insert_row(journal_id, agent_id, entry)
            said = [Declared(journal_id, entry) for entry in entries if isinstance(entry.body, Declaration)]
            store_declarations(self.connection, said)
        self.sizes[origin] = first + len(entries)

    def _store_bytes(self, origin: str, first: int, entries: Sequence[bytes]) -> tuple[int, str]:
        size = first + len(entries)
        row = self.connection.execute(
            "UPDATE journal SET size = %(size)s, receipt = %(receipt)s, receipted_at = now()"
            " WHERE origin = %(origin)s RETURNING journal_id, agent_id",
            {"size": size, "receipt": f"{origin}\n{size}\nreceipt\n".encode(), "origin": origin},
        ).fetchone()
        assert row is not None
        journal_id, agent_id = row
        self.connection.execute(
            "INSERT INTO batch VALUES (%s, %s, %s, 'note', %s, %s, now())",
            [journal_id, first, size, zlib.compress(pack_bundle(tuple(entries))), _receipt(origin, size)],
        )
        self.connection.execute(
            "UPDATE agent SET last_seen_at = now(), reported_size = %s WHERE agent_id = %s", [size, agent_id]
        )
        return journal_id, agent_id

    def _insert_row(self, journal_id: int, agent_id: str, entry: Entry) -> None:
        reading = entry.body
        if not isinstance(reading, Reading):
            return
        start_ms = entry.wall_ms - (entry.mono_ms - reading.start_mono_ms)
        end_ms = start_ms + sum(reading.durations_ms)
        values = [
            journal_id, entry.index, entry.wall_ms, entry.mono_ms, reading.start_mono_ms, _utc(start_ms), _utc(end_ms),
            reading.counter, reading.watcher, reading.channel, entry.boot, *map(_array, (
                reading.durations_ms, reading.means, reading.lows, reading.highs, reading.deltas, reading.states,
                reading.counts, reading.events,
            )),
        ]  # fmt: skip
        places = ", ".join(["%s"] * len(values))
        self.connection.execute(f"INSERT INTO reading VALUES ({places})".encode(), values)
        # Like ingest: the days touched, and the one before where the reading may still decide how it ended.
        for day in days_touched(start_ms - 2 * 3_600_000, end_ms + 1):
            self.connection.execute(
                "INSERT INTO dirty_day SELECT asset_no, %(day)s, clock_timestamp() FROM (SELECT DISTINCT asset_no"
                " FROM measurement WHERE agent_id = %(agent_id)s AND asset_no IS NOT NULL) measured"
                " ON CONFLICT (asset_no, day) DO UPDATE SET touched_at = excluded.touched_at",
                {"day": day, "agent_id": agent_id},
            )

    def add_worthless_entries(self, origin: str, day: date) -> None:
        """What is stored and earns nothing: no reading, no entry at all, and readings that claim another place."""
        first = self.sizes[origin]
        wall_ms, reading = _reading("meter1", *next(iter(_parts(Piece(day, 0, 86_400, 10**6)))))
        claimed = [
            encode(Entry(first, 1, 1, "0000abcd", Stop("test"))),
            b"not an entry",
            encode(Entry(first + 7, wall_ms, wall_ms % DAY_MS + DAY_MS, "0000abcd", reading)),
        ]
        self._store_bytes(origin, first, claimed)
        self.sizes[origin] = first + len(claimed)

    def derive(self, today: date) -> int:
        """Derives all that is due at noon of `today`; returns how many derivations that took."""
        noon_ms = day_bounds_ms(today)[0] + DAY_MS // 2
        return Worker("", now_ms=lambda: noon_ms).drain(self.connection)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        return self.connection.execute(query.encode(), values).fetchall()


def _receipt(origin: str, size: int) -> bytes:
    """A note of a receipt's form; nobody here looks at its root or its signature."""
    return sign_checkpoint(Checkpoint(origin, size, EMPTY_ROOT), SigningKey(origin, ED25519, bytes(32)))


def _parts(piece: Piece) -> Iterable[tuple[int, int, int]]:
    midnight_ms, _ = day_bounds_ms(piece.day)
    start_ms, end_ms = midnight_ms + round(piece.start_s * 1000), midnight_ms + round(piece.end_s * 1000)
    while start_ms < end_ms:
        until_ms = min(end_ms, start_ms + 3_600_000)
        yield start_ms, until_ms, piece.power_mw
        start_ms = until_ms


def _reading(watcher: str, start_ms: int, end_ms: int, power_mw: int) -> tuple[int, Reading]:
    wall_ms = end_ms + 500
    mono_ms = wall_ms % DAY_MS + DAY_MS
    reading = Reading(
        watcher=watcher,
        channel="power",
        start_mono_ms=mono_ms - (wall_ms - start_ms),
        durations_ms=(end_ms - start_ms,),
        means=(power_mw,),
        lows=(power_mw,),
        highs=(power_mw,),
        deltas=(power_mw * (end_ms - start_ms) // 3_600_000,),
        counter=10**9,
    )
    return wall_ms, reading


def _array(values: Sequence[object] | None) -> list[object] | None:
    return None if values is None else list(values)


def _utc(instant_ms: int) -> datetime:
    return datetime.fromtimestamp(instant_ms / 1000, UTC)
