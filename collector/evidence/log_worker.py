"""The sequencer as a process: a step each minute, the files after it, and one of its kind at a time.

A database that goes away is waited for. A log that stands still is said once an hour, and asked again each minute:
somebody may have opened the next one. Nothing else of the collector depends on this process; while it rests, agents
get no beacons, and their hours no better grade than C.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg

from collector.clock import system_now_ms
from collector.errors import CollectorError, LogStopped
from collector.evidence.log_proofs import frontier_at
from collector.evidence.sequencer import LEAVES, Head, Keys, check_conflicts, list_heads, load_head, note_conflict, step
from collector.evidence.tile_files import TileFiles
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from collector.store.queries import load
from protocol import tiles

log = logging.getLogger(__name__)

MINUTE_S = 60.0
RETRY_S = 5.0
SAY_AGAIN_S = 3600.0
_SQL = load("log")


class LogWorker:
    """One sequencer; `run` until told to stop, or `work` once on a connection that holds the lock."""

    def __init__(self, dsn: str, keys: Keys, *, directory: Path, now_ms: Callable[[], int] = system_now_ms) -> None:
        self._dsn = dsn
        self._keys = keys
        self._directory = directory
        self._now_ms = now_ms
        self._said_s = -SAY_AGAIN_S

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. MigrationError where the schema is not this program's."""
        while not stop.is_set():
            try:
                with connect(self._dsn, application="log") as connection:
                    check_migrated(connection)
                    self._run_with(connection, stop)
            except psycopg.OperationalError as error:
                log.warning("database lost retry_s=%g: %s", RETRY_S, str(error).strip())
                stop.wait(RETRY_S)

    def work(self, connection: Connection) -> Head:
        """Compare, append until nothing waits any more, and write the files. LogStopped, ConfigError, OSError."""
        self.compare_files(connection)
        with_minute = True
        while True:
            now_ms = self._now_ms()
            root_at = partial(self._root_at, connection)
            head, has_more = step(connection, self._keys, now_ms=now_ms, root_at=root_at, with_minute=with_minute)
            TileFiles(self._directory, head.log).publish(connection, head)
            if not has_more:
                return head
            with_minute = False

    def compare_files(self, connection: Connection) -> None:
        """Write a conflict down where the files hold a tree that the database does not have."""
        head = load_head(connection)
        held = None if head is None else TileFiles(self._directory, head.log).checkpoint()
        if head is None or held is None:
            return
        if self._root_in_database(connection, head, held.size) != held.root:
            note_conflict(connection, head, "files", size=held.size, root=held.root)
        check_conflicts(connection, head)

    def compare_whole(self, connection: Connection) -> None:
        """Read every leaf and every file of the log that grows: once, at the start.

        Leaves that do not lead to the signed root are a conflict. Damaged files are written again from the database,
        which was compared before.
        """
        head = load_head(connection)
        if head is None:
            return
        root = frontier_at(connection, head.log, head.size).root()
        if root != head.frontier.root():
            note_conflict(connection, head, "database", size=head.size, root=root, origin=LEAVES)
        self.compare_files(connection)
        files = TileFiles(self._directory, head.log)
        held = files.checkpoint()
        for path, _, what in () if held is None else tiles.check(files.read, held.size, held.root):
            log.warning("file of the log damaged, all are written again log=%s path=%s: %s", head.log, path, what)
            files.remove()
            break

    def _root_at(self, connection: Connection, head: Head, size: int) -> bytes:
        """By the files where they reach; else, and where they may be damaged, by the database."""
        if size == head.size:
            return head.frontier.root()
        by_files = TileFiles(self._directory, head.log).checked_root_at(size, head)
        return by_files or self._root_in_database(connection, head, size)

    def _root_in_database(self, connection: Connection, head: Head, size: int) -> bytes:
        """From the leaves, where the sizes differ; an empty one for a size that there is not."""
        if size == head.size:
            return head.frontier.root()
        return frontier_at(connection, head.log, size).root() if 0 < size < head.size else b""

    def _run_with(self, connection: Connection, stop: threading.Event) -> None:
        is_first = True
        while not stop.is_set():
            began_s = time.monotonic()
            if hold_log(connection):
                self._work_once(connection, is_first=is_first)
                is_first = False
            elif is_first:
                log.info("another process writes the log: waiting until it ends")
            stop.wait(max(0.0, MINUTE_S - (time.monotonic() - began_s)))

    def _work_once(self, connection: Connection, *, is_first: bool) -> None:
        try:
            if is_first:
                self.compare_whole(connection)
            head = self.work(connection)
            log.info("log grew log=%s size=%d", head.log, head.size)
        except psycopg.OperationalError:
            raise
        except LogStopped as error:
            if time.monotonic() - self._said_s >= SAY_AGAIN_S:
                self._said_s = time.monotonic()
                log.error("%s", error)
        except (CollectorError, OSError, psycopg.Error) as error:
            log.error("log could not grow: %s", error)


def hold_log(connection: Connection) -> bool:
    """Whether this session is now the one that writes the log; it stays so until it ends."""
    row = connection.execute(_SQL.try_lock).fetchone()
    return row is not None and bool(row[0])


def rebuild_files(connection: Connection, directory: Path) -> Iterator[tuple[str, int]]:
    """Write the files of every log again from the database; yields each log with its number of leaves."""
    for head in list_heads(connection):
        files = TileFiles(directory, head.log)
        files.remove()
        yield head.log, files.publish(connection, head)
