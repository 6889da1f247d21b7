"""The deriver as a process: waits for dirty days, derives them, and never lets one stop the others.

Ingest marks days in its own transaction and notifies; whoever missed that finds the marks by asking every two
seconds. At each local midnight the days that ended with an open record are marked as well, and when nothing is due the
days that are over for long enough close (closing.py). A day that cannot be derived keeps its mark, gets its reason
written down, and is tried again after a while. Several workers may run: an instrument is one worker's at a time.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import psycopg

from collector.accounts.clocks import settle_clocks
from collector.accounts.closing import CLOSE_AFTER_DAYS, close_days
from collector.accounts.deriver import Outcome, derive_dirty_day
from collector.accounts.undisturbed import undisturbed
from collector.clock import system_now_ms, utc
from collector.errors import DerivationError
from collector.store.database import DIRTY_DAY_CHANNEL, Connection, connect
from collector.store.queries import load
from protocol.interval import local_day

log = logging.getLogger(__name__)

POLL_S = 2.0
RETRY_MS = 30_000
RECONNECT_S = 2.0
INSTRUMENTS_AT_ONCE = 64
_SQL = load("accounts")


class Worker:
    """One worker; `run` until told to stop, or `drain` once.

    `when_idle` is called with the local day each time that nothing is due; it must not take long.
    """

    def __init__(
        self,
        dsn: str,
        *,
        now_ms: Callable[[], int] = system_now_ms,
        close_after_days: int = CLOSE_AFTER_DAYS,
        when_idle: Callable[[Connection, date], object] | None = None,
    ) -> None:
        self._dsn = dsn
        self._now_ms = now_ms
        self._close_after_days = close_after_days
        self._when_idle = when_idle
        self._ended_before: date | None = None

    def run(self, stop: threading.Event) -> None:
        """Derives what is due until `stop` is set; a database that goes away is waited for."""
        while not stop.is_set():
            try:
                with connect(self._dsn, application="account") as connection:
                    connection.execute(b"LISTEN " + DIRTY_DAY_CHANNEL.encode())
                    while not stop.is_set():
                        self.drain(connection, stop)
                        _wait(connection)
            except psycopg.OperationalError as error:
                log.warning("database lost retry_s=%g: %s", RECONNECT_S, str(error).strip())
                stop.wait(RECONNECT_S)

    def drain(self, connection: Connection, stop: threading.Event | None = None) -> int:
        """Derives until nothing is due any more, and closes what may close; returns how many derivations that took."""
        derived = 0
        while stop is None or not stop.is_set():
            now_ms = self._now_ms()
            today = local_day(now_ms)
            self._end_days(connection, today)
            if moved := settle_clocks(connection):
                log.warning("readings moved to where beacons put them rows=%d", moved)
            values = {"today": today, "now": utc(now_ms), "limit": INSTRUMENTS_AT_ONCE}
            due = connection.execute(_SQL.list_due_days, values).fetchall()
            with _set_for_days(connection):
                outcomes = [
                    self._derive(connection, asset_no, day=day, today=today)
                    for asset_no, day in due
                    if stop is None or not stop.is_set()
                ]
            derived += sum(outcome in (Outcome.STORED, Outcome.UNCHANGED) for outcome in outcomes)
            if all(outcome is Outcome.ELSEWHERE for outcome in outcomes):
                self._close_days(connection, today)
                if self._when_idle is not None:
                    self._when_idle(connection, today)
                break
        return derived

    def _end_days(self, connection: Connection, today: date) -> None:
        """Once a day, and at the start: days that are over get their record to midnight."""
        if self._ended_before != today:
            marked = connection.execute(_SQL.mark_days_that_ended, {"today": today}).rowcount
            self._ended_before = today
            log.info("days ended today=%s marked=%d", today, marked)

    def _close_days(self, connection: Connection, today: date) -> None:
        if closed := close_days(connection, today=today, after_days=self._close_after_days):
            log.info("days closed today=%s closed=%d", today, closed)

    def _derive(self, connection: Connection, asset_no: str, *, day: date, today: date) -> Outcome | None:
        """One day; None where it failed, which is written down and holds up nobody."""
        try:
            with undisturbed():
                outcome = derive_dirty_day(connection, asset_no, day=day, today=today)
        except psycopg.OperationalError:
            raise
        except DerivationError as error:
            self._put_off(connection, asset_no, day=day, problem=str(error))
            return None
        except Exception as error:  # the supervisor: a bug in one day must not stop the others
            log.exception("derivation failed asset_no=%s day=%s", asset_no, day)
            self._put_off(connection, asset_no, day=day, problem=f"{type(error).__name__}: {error}")
            return None
        log.debug("day derived asset_no=%s day=%s outcome=%s", asset_no, day, outcome.value)
        return outcome

    def _put_off(self, connection: Connection, asset_no: str, *, day: date, problem: str) -> None:
        now_ms = self._now_ms()
        log.warning("day not derived asset_no=%s day=%s: %s", asset_no, day, problem)
        connection.execute(
            _SQL.put_problem,
            {
                "asset_no": asset_no,
                "day": day,
                "problem": problem,
                "now": utc(now_ms),
                "retry_at": utc(now_ms + RETRY_MS),
            },
        )


@contextmanager
def _set_for_days(connection: Connection) -> Iterator[None]:
    """How the server treats the short transactions of days, each of which is a dozen looks by key.

    Their plans are made once: left to itself PostgreSQL goes on planning where an array comes in, whose length it
    cannot know. Their commits do not wait for the disk: a record that a crash takes back takes its mark back as well,
    so that the day is derived again; and whoever signs something about it commits behind it, and waits.
    """
    connection.execute("SET plan_cache_mode = force_generic_plan; SET synchronous_commit = off")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET plan_cache_mode; RESET synchronous_commit")


def _wait(connection: Connection) -> None:
    """Until ingest says that there is work, at most POLL_S."""
    for _ in connection.notifies(timeout=POLL_S, stop_after=1):
        pass
