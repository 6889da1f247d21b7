"""An ingest worker: this thread reads MQTT and prepares, a second one owns the database connection and writes.

    broker -> Receiver -> prepare -> Mailbox -> Writer (one transaction) -> answers -> Receiver -> broker

While the database works on one transaction, the next messages are parsed. A message is acknowledged after its
answer was handed to the broker, which is after its commit. When the database is lost, the worker owns no shard
any more: it leaves the broker, forgets what it had not stored, and begins again with a new connection; nothing was
acknowledged, so nothing is lost. When the broker is lost for long, or the thread that reads from it stands still,
the worker stays, but says that it does not serve, and the others take its shards (shards.py).

This is a supervisor: an exception that nobody foresaw costs the one message that caused it, and is counted.
"""

import gc
import logging
import ssl
import sys
import threading
import time
from collections import Counter, deque
from typing import NamedTuple

import psycopg

from collector.clock import system_now_ms
from collector.errors import MigrationError
from collector.ingest import shards
from collector.ingest.backoff import Backoff
from collector.ingest.mailbox import Delivery, Mailbox
from collector.ingest.prepare import Prepared, prepare
from collector.ingest.receiver import Place, Received, Receiver
from collector.ingest.writer import DatabaseLost, Writer
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.errors import MalformedName
from protocol.note import SigningKey
from protocol.topics import down_topic

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
ABSENT_AFTER_S = 8.0
"""How long the broker may be out of reach, or our first thread busy elsewhere, until others take our shards."""
REPORT_EVERY_S = 60.0
_POLL_S = 0.5


class Gauges(NamedTuple):
    """How things stand in a worker at this moment."""

    workers: int
    shards: int
    waiting_bytes: int
    granted_bytes: int
    lag_s: float


class _Answer(NamedTuple):
    delivery: Delivery
    answer: bytes | None


_NOWHERE = Place(0, "", frozenset())


def tune_interpreter() -> None:
    """Settings of a process that is a worker and nothing else.

    The writer waits for the database a dozen times in a transaction. With Python's 5 ms the first thread, which parses,
    would let it wait as long again each time, while the database has nothing to do: at batches of one a third of the
    speed. And entries are tuples of numbers without cycles, made and dropped by the million: looking for cycles 70
    times less often saves a twelfth of the processor time.
    """
    sys.setswitchinterval(0.0005)
    gc.set_threshold(50_000, 20, 20)


class Worker:
    """`run` until `stop`, which may be called from another thread (a signal handler has to make one)."""

    def __init__(
        self,
        dsn: str,
        *,
        broker_host: str,
        broker_port: int,
        receipt_key: SigningKey,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._dsn = dsn
        self._receipt_key = receipt_key
        self._receiver = Receiver(broker_host, broker_port, tls=tls)
        self._mailbox = Mailbox()
        self._answers: deque[_Answer] = deque()
        self._place = _NOWHERE
        self._incarnation = 0
        self._connected_s = -ABSENT_AFTER_S
        self._stopping = threading.Event()
        self._fatal: MigrationError | None = None
        self.counts: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()
        self._seat: shards.Seat | None = None
        self._writer: Writer | None = None

    def stop(self) -> None:
        """Asks `run` to end after the transaction under way."""
        self._stopping.set()
        self._receiver.wake()

    @property
    def is_listening(self) -> bool:
        """Whether the broker delivers to this worker."""
        return self._receiver.is_listening

    def gauges(self) -> Gauges:
        """Callable from any thread."""
        seat, writer, waiting = self._seat, self._writer, self._mailbox
        return Gauges(
            workers=len(seat.roster.serving) if seat else 0,
            shards=len(seat.tenure.owned) if seat else 0,
            waiting_bytes=waiting.waiting_bytes,
            granted_bytes=writer.granted_bytes if writer else 0,
            lag_s=waiting.lag_s(),
        )

    def run(self) -> None:
        """Works until `stop`. Raises MigrationError when the database has not the schema of this program."""
        writing = threading.Thread(target=self._keep_writing, name="ingest-writer", daemon=True)
        writing.start()
        report_s = time.monotonic() + REPORT_EVERY_S
        while not self._stopping.is_set():
            self._receiver.listen(self._place)
            self._note_presence()
            for received in self._receiver.poll(timeout_s=_POLL_S, read=self._mailbox.has_room()):
                self._post(received)
            self._send_answers()
            if time.monotonic() >= report_s:
                report_s += REPORT_EVERY_S
                self._report()
        self._mailbox.close()
        writing.join()
        self._send_answers()
        self._receiver.close()
        self._report()
        if self._fatal is not None:
            raise self._fatal

    def _note_presence(self) -> None:
        if self._receiver.is_connected:
            if not self._is_present():
                self._mailbox.interrupt()  # the writer need not wait to take its portion
            self._connected_s = time.monotonic()

    def _is_present(self) -> bool:
        return time.monotonic() - self._connected_s < ABSENT_AFTER_S

    def _post(self, received: Received) -> None:
        """Prepares one message for the writer; what belongs to nobody is counted and acknowledged."""
        self._note_presence()
        self.counts["messages"] += 1
        prepared: Prepared | None = None
        try:
            prepared = prepare(received.topic, received.payload)
        except MalformedName as error:
            self.counts["messages_misaddressed"] += 1
            log.debug("dropped message: %s", error)
        except Exception:  # one message must not stop the others
            self.counts["messages_failed"] += 1
            log.exception("could not read message topic=%s bytes=%d", received.topic, len(received.payload))
        if prepared is None:
            self._receiver.send(received.connection_no, received.mid, topic="", answer=None)
            return
        self._mailbox.put([Delivery(received.connection_no, received.mid, prepared, time.monotonic())])

    def _send_answers(self) -> None:
        while self._answers:
            delivery, answer = self._answers.popleft()
            topic = down_topic(delivery.message.agent_id)
            self._receiver.send(delivery.connection_no, delivery.mid, topic=topic, answer=answer)

    def _keep_writing(self) -> None:
        """The second thread: a connection, its shards, and transactions, again and again."""
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._dsn, application="ingest") as connection:
                    check_migrated(connection)
                    backoff.succeeded(time.monotonic())
                    self._incarnation += 1
                    self._write_with(connection)
            except MigrationError as error:
                self._fatal = error
                self.stop()
            except (psycopg.Error, DatabaseLost) as error:
                self._leave()
                wait_s = backoff.failed(time.monotonic())
                log.warning("database lost, next attempt in %.1f s: %s", wait_s, error)
                self._stopping.wait(wait_s)

    def _write_with(self, connection: Connection) -> None:
        self._writer = writer = Writer(connection, self._receipt_key, clock_ms=system_now_ms)
        self._seat = seat = shards.Seat(connection)
        look_s = 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= look_s or self._is_present() != seat.serves:
                look_s = time.monotonic() + LOOK_EVERY_S
                self._look(seat)
            deliveries = self._mailbox.take(timeout_s=1.0)
            if deliveries:
                self._answers.extend(self._write(writer, deliveries))
                self._receiver.wake()
                self.counts.update(writer.counts)
                writer.counts.clear()

    def _write(self, writer: Writer, deliveries: list[Delivery]) -> list[_Answer]:
        try:
            answers = writer.write([delivery.message for delivery in deliveries])
            return [_Answer(*pair) for pair in zip(deliveries, answers, strict=True)]
        except DatabaseLost:
            raise
        except Exception:  # one message must not stop the others
            log.exception("could not write messages=%d", len(deliveries))
        if len(deliveries) == 1:
            self.counts["messages_failed"] += 1
            return [_Answer(deliveries[0], None)]
        return [answer for delivery in deliveries for answer in self._write(writer, [delivery])]

    def _look(self, seat: shards.Seat) -> None:
        """Moves towards our portion, and tells the first thread what to listen to."""
        before = seat.tenure
        seat.look(serves=self._is_present())
        # Agents' client ids are their ids: the slash keeps ours out of their reach.
        self._place = Place(self._incarnation, f"jishi-ingest/{seat.number}", seat.tenure.heard)
        self._receiver.wake()
        if seat.tenure != before:
            owned, leaving = len(seat.tenure.owned), len(seat.tenure.leaving)
            log.info("worker=%d of=%d owns shards=%d leaves=%d", seat.number, len(seat.roster.serving), owned, leaving)

    def _leave(self) -> None:
        """Owns nothing any more; what waits was not acknowledged and comes again."""
        self._place = _NOWHERE
        self._seat = self._writer = None
        self._mailbox.clear()
        self._receiver.wake()

    def _report(self) -> None:
        """What was counted so far, when that changed: a broken agent must not fill the log line by line."""
        if self.counts == self._reported:
            return
        self._reported = self.counts.copy()
        log.info("counted %s", " ".join(f"{name}={count}" for name, count in sorted(self.counts.items())))
