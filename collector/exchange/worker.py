"""The exchange as a process: once a local day it makes messages of what closed, and every minute it sends what is due.

A database that goes away is waited for, a platform that is away is tried again by each message's own time. Another
process that sends at this moment (`exchange send` by hand) is waited for as well.
"""

import logging
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta

import psycopg

from collector.clock import day_of
from collector.errors import ExchangeError
from collector.exchange.making import Maker, make_messages
from collector.exchange.mapping import ReadMapping
from collector.exchange.records import Asked
from collector.exchange.sending import Road, send_due, sender_seat
from collector.store.database import Connection, connect

log = logging.getLogger(__name__)

ROUND_S = 60.0
RECONNECT_S = 5.0
LOOK_BACK = timedelta(days=400)
"""How far back the daily look goes: a day may get another revision until long after its year."""


class Worker:
    """`run` until told to stop, or `round` once."""

    def __init__(
        self, dsn: str, mapping: ReadMapping, road: Road, *, unit: str | None, now: Callable[[], datetime]
    ) -> None:
        self._dsn = dsn
        self._mapping = mapping
        self._road = road
        self._unit = unit
        self._now = now
        self._made_on: date | None = None

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with connect(self._dsn, application="exchange") as connection:
                    while not stop.is_set():
                        self.round(connection, stop)
                        stop.wait(ROUND_S)
            except psycopg.OperationalError as error:
                log.warning("database lost retry_s=%g: %s", RECONNECT_S, str(error).strip())
                stop.wait(RECONNECT_S)

    def round(self, connection: Connection, stop: threading.Event | None = None) -> None:
        """Makes what a new day brought, and sends what is due."""
        try:
            with sender_seat(connection):
                self._make(connection)
                may_go_on = (lambda: True) if stop is None else (lambda: not stop.is_set())
                found = send_due(connection, self._road, now=self._now, may_go_on=may_go_on)
        except ExchangeError as error:
            log.info("round left out: %s", error)
            return
        if found.is_away:
            log.warning("the platform gives no answer; messages wait for their next time")

    def _make(self, connection: Connection) -> None:
        now = self._now()
        today = day_of(now)
        if self._made_on == today:
            return
        asked = Asked(today - LOOK_BACK, today, self._unit)
        made = make_messages(connection, asked, self._mapping, maker=Maker(now))
        self._made_on = today
        log.info("messages made new=%d unchanged=%d faults=%d", made.new, made.unchanged, len(made.faults))
