"""One step of the collector's log: what is new is appended, the tree signed, all in one transaction.

    in one snapshot: head · conflicts · facts, statements, closed records · once a minute the receipts · beacons that
    agents journalled, against our own tree · append · sign · commit

Whoever calls holds the session's lock, so that one sequencer writes. The newest checkpoint counts from the commit on;
the files are written afterwards (tile_files.py) and can be made again. Where anything shows another history of the log
than this database holds, that is written down, and nothing is signed in this log any more: `LogStopped`, until
somebody opens the next one (open_next).
"""

import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from collector.clock import utc
from collector.errors import LogStopped, StoreError
from collector.evidence.pending import Pending, list_pending
from collector.keys import load_log_key, make_log_key
from collector.store.database import Connection
from collector.store.queries import load
from protocol import entry, log_leaf, merkle
from protocol.interval import local_day
from protocol.merkle import EMPTY_FRONTIER, Frontier
from protocol.note import Checkpoint, SigningKey, cosign, sign_checkpoint
from protocol.topics import log_origin

log = logging.getLogger(__name__)

RECEIPTS_AT_ONCE = 5_000
BEACONS_AT_ONCE = 1_000
LEAVES = "leaves"
"""What stands for an origin where the database's own leaves contradict its head."""
_SQL = load("log")


class Head(NamedTuple):
    """The log that grows and its newest tree; `read_to`: below this transaction all receipts are in a minute."""

    log: str
    origin: str
    vkey: str
    frontier: Frontier
    note: bytes
    time_s: int
    read_to: int

    @property
    def size(self) -> int:
        return self.frontier.size


class Keys(NamedTuple):
    """Where the log's keys lie, and the receipt key that cosigns its checkpoints."""

    data_dir: Path
    domain: str
    receipt: SigningKey


RootAt = Callable[[Head, int], bytes]
"""The root of a log at a size up to its own."""


def load_head(connection: Connection) -> Head | None:
    """The log that grows; None before the first."""
    row = connection.execute(_SQL.load_head, binary=True).fetchone()
    return None if row is None else _head(row)


def list_heads(connection: Connection) -> list[Head]:
    """Every log with its newest tree, the first one first."""
    return [_head(row) for row in connection.execute(_SQL.list_heads, binary=True)]


def find_conflict(connection: Connection, log_name: str) -> str:
    """What was shown against a log first, as a sentence; empty where nothing was."""
    rows = connection.execute(_SQL.list_conflicts, {"log": log_name}).fetchall()
    return _tell(rows) if rows else ""


class Step(NamedTuple):
    """The head after a step; `has_more`: other leaves wait for the next one."""

    head: Head
    has_more: bool


def step(connection: Connection, keys: Keys, *, now_ms: int, root_at: RootAt, with_minute: bool = True) -> Step:
    """Append what is new. LogStopped, ConfigError; psycopg's errors leave everything as it was."""
    head = load_head(connection)
    if head is None:
        head = open_next(connection, keys, why="first log", now_ms=now_ms)
    with _snapshot(connection):  # committed whatever follows: a conflict stays written down
        until = _check_history(connection, head, root_at=root_at)
    check_conflicts(connection, head)
    if int(head.log[:4]) < (year := local_day(now_ms).year):
        head = open_next(connection, keys, why=f"the year {year} began", now_ms=now_ms)
        until = head.read_to
    key = load_log_key(keys.data_dir, head.origin)
    with _snapshot(connection):
        fresh, has_more = list_pending(connection, now=utc(now_ms))
        read_to = head.read_to
        if with_minute:
            fresh.append(_minute(connection, since=head.read_to, until=until, time_s=now_ms // 1000))
            read_to = until
        grown = _append(connection, head, fresh, keys=(key, keys.receipt), now_ms=now_ms, read_to=read_to)
        return Step(grown, has_more)


def open_next(connection: Connection, keys: Keys, *, why: str, now_ms: int) -> Head:
    """Begin the next log of this year, with a key of its own; its first leaf names the last checkpoint before it."""
    with connection.transaction():
        connection.execute(_SQL.hold_head)
        before = load_head(connection)
        taken = {name for (name,) in connection.execute(_SQL.list_logs)}
        year = local_day(now_ms).year
        number = next(n for n in range(1, 1_000_000) if f"{year}-{n}" not in taken and not _was_begun(keys, year, n))
        key = make_log_key(keys.data_dir, log_origin(keys.domain, year, number))
        name = f"{year}-{number}"
        values = {
            "log": name,
            "origin": key.name,
            "vkey": str(key.verifier),
            "predecessor": before.log if before else None,
            "why": why,
            "now": utc(now_ms),
        }
        connection.execute(_SQL.open_log, values)
        opened = log_leaf.Opened(
            log=name,
            key=str(key.verifier),
            receipt=str(keys.receipt.verifier),
            predecessor=b64encode(before.note).decode() if before else "",
            why=why,
        )
        raw = log_leaf.encode(opened)
        connection.cursor().executemany(_SQL.insert_leaf, [(name, 0, raw, None)])
        frontier = EMPTY_FRONTIER.append(merkle.leaf_hash(raw))
        note = _sign(key, keys.receipt, frontier, time_s=now_ms // 1000)
        first = _head_values(name, frontier, note, now_ms // 1000)
        connection.execute(_SQL.insert_head, first | {"read_to": before.read_to if before else 0})
        log.warning("log opened log=%s why=%s", name, why)
        head = load_head(connection)
        assert head is not None, "it was just made"
        return head


def check_conflicts(connection: Connection, head: Head) -> None:
    """LogStopped where anything was shown against the log."""
    if reason := find_conflict(connection, head.log):
        raise LogStopped(head.log, reason)


def note_conflict(
    connection: Connection, head: Head, what: str, *, size: int, root: bytes, origin: str = "", index: int = 0
) -> None:
    """Write down that somebody shows another history of the log."""
    values = {"log": head.log, "what": what, "size": size, "root": root, "origin": origin, "entry_index": index}
    connection.execute(_SQL.note_conflict, values)
    log.error("log in conflict log=%s what=%s size=%d origin=%s index=%d", head.log, what, size, origin, index)


@contextmanager
def _snapshot(connection: Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _head(row: Sequence[Any]) -> Head:
    name, origin, vkey, size, frontier, note, time_s, read_to = row
    return Head(name, origin, vkey, Frontier.from_bytes(size, bytes(frontier)), bytes(note), time_s, read_to)


def _was_begun(keys: Keys, year: int, number: int) -> bool:
    """A key that is there though the database knows of no such log: it was restored from before that log."""
    return (keys.data_dir / "keys" / f"log-{year}-{number}.key").exists()


def _check_history(connection: Connection, head: Head, *, root_at: RootAt) -> int:
    """Compare with what agents show; returns below which transaction everything is over. Writes conflicts down."""
    row = connection.execute(_SQL.load_window, binary=True).fetchone()
    assert row is not None
    until, own = row
    if own < head.read_to:
        note_conflict(connection, head, "database", size=head.size, root=head.frontier.root())
        return head.read_to
    known = {name for (name,) in connection.execute(_SQL.list_logs)}
    for (log_name, size, root), (origin, index) in _new_beacons(connection, head.read_to, until).items():
        if log_name not in known:
            # A log that we signed and do not know: the database is older than that log.
            values = {"log": log_name, "what": "beacon", "size": size, "root": root}
            connection.execute(_SQL.note_conflict, values | {"origin": origin, "entry_index": index})
            note_conflict(connection, head, "beacon", size=size, root=root, origin=origin, index=index)
        elif log_name == head.log and (size > head.size or root_at(head, size) != root):
            note_conflict(connection, head, "beacon", size=size, root=root, origin=origin, index=index)
    return int(until)


def _new_beacons(connection: Connection, since: int, until: int) -> dict[tuple[str, int, bytes], tuple[str, int]]:
    """The trees (log, size, root) that verified beacons of the transactions in [since, until) name, and one of each.

    All agents together name few: we sign one a minute.
    """
    found: dict[tuple[str, int, bytes], tuple[str, int]] = {}
    with connection.cursor(name="beacons", binary=True) as cursor:
        cursor.itersize = BEACONS_AT_ONCE
        for origin, index, raw in cursor.execute(_SQL.list_new_beacons, {"since": since, "until": until}):
            body = entry.decode(bytes(raw)).body
            if isinstance(body, entry.Beacon):
                found.setdefault((body.log, body.size, b64decode(body.root)), (origin, index))
    return found


def _minute(connection: Connection, *, since: int, until: int, time_s: int) -> Pending:
    """The leaf over the receipts of the transactions in [since, until)."""
    frontier = EMPTY_FRONTIER
    with connection.cursor(name="receipts", binary=True) as cursor:
        cursor.itersize = RECEIPTS_AT_ONCE
        for (receipt,) in cursor.execute(_SQL.list_receipts, {"since": since, "until": until}):
            frontier = frontier.append(merkle.leaf_hash(bytes(receipt)))
    leaf = log_leaf.Minute(t=time_s, random=secrets.token_hex(32), receipts=frontier.size, root=frontier.root().hex())
    return Pending(leaf, None)


def _append(
    connection: Connection,
    head: Head,
    fresh: Sequence[Pending],
    *,
    keys: tuple[SigningKey, SigningKey],
    now_ms: int,
    read_to: int,
) -> Head:
    if not fresh:
        return head
    raws = [log_leaf.encode(each.leaf) for each in fresh]
    frontier = head.frontier.extend(merkle.leaf_hash(raw) for raw in raws)
    with connection.cursor() as cursor:
        rows = [(head.log, head.size + n, raw, each.ref) for n, (raw, each) in enumerate(zip(raws, fresh, strict=True))]
        cursor.executemany(_SQL.insert_leaf, rows)
        records = [
            (record.asset, record.day, record.revision, head.log, head.size + n, place, record.grades)
            for n, each in enumerate(fresh)
            for place, record in enumerate(each.records)
        ]
        cursor.executemany(_SQL.insert_logged_record, records)
    time_s = max(now_ms // 1000, head.time_s)
    note = _sign(*keys, frontier, time_s=time_s)
    values = _head_values(head.log, frontier, note, time_s) | {"old": head.size, "read_to": read_to}
    if connection.execute(_SQL.move_head, values).rowcount != 1:
        raise StoreError(f"log {head.log} moved on under us, or another follows it: nothing was appended")
    return head._replace(frontier=frontier, note=note, time_s=time_s, read_to=read_to)


def _sign(key: SigningKey, receipt_key: SigningKey, frontier: Frontier, *, time_s: int) -> bytes:
    signed = sign_checkpoint(Checkpoint(key.name, frontier.size, frontier.root()), key)
    return cosign(signed, receipt_key, time_s=time_s)


def _head_values(name: str, frontier: Frontier, note: bytes, time_s: int) -> dict[str, object]:
    return {
        "log": name,
        "size": frontier.size,
        "root": frontier.root(),
        "frontier": frontier.to_bytes(),
        "note": note,
        "time_s": time_s,
    }


def _tell(rows: Sequence[tuple[str, int, str, int, datetime]]) -> str:
    what, size, origin, index, _ = rows[0]
    if what == "beacon":
        return f"entry {index} of {origin} holds our checkpoint of size {size}, which this database does not have"
    if what == "files":
        return f"our own files hold a checkpoint of size {size}, which this database does not have"
    if origin == LEAVES:
        return f"the leaves in the database do not lead to the root that was signed at size {size}: they were altered"
    return "the database's transactions count from lower numbers than before: it was restored from a dump"
