"""An enrolled agent beside a collector of its own, in this process: what roads and attacks are tried on."""

import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.beacons import BeaconBook
from agent.clock import Instant, SystemClock
from agent.identity import Identity
from agent.journal import Journal
from agent.roads.https import HttpsLink
from agent.roads.link import Address, Link
from agent.roads.mqtt import MqttLink
from agent.uplink import Uplink
from collector.store.database import Connection
from protocol.batch import parse_bundle
from protocol.entry import Beacon, Entry, Storage, make


class MovableClock(SystemClock):
    """The machine's clock, which a test may put forward."""

    ahead_ms = 0

    def now(self) -> Instant:
        now = super().now()
        return Instant(now.wall_ms + self.ahead_ms, now.mono_ms + self.ahead_ms)


class Site:
    """An agent that records a little, beside a collector of its own."""

    def __init__(self, who: Identity, url: str, connection: Connection) -> None:
        self.clock = MovableClock()
        self.journal = Journal.open(who.journal, origin=who.enrolment.origin)
        self._who, self._connection = who, connection
        self._broker = Address(who.enrolment.broker.host, who.enrolment.broker.port)
        self._url = url

    @property
    def mqtt(self) -> Link:
        return MqttLink("em-01", self._broker, epoch=1, clock=self.clock)

    @property
    def https(self) -> Link:
        return HttpsLink("em-01", self._url, trust=ssl.create_default_context, clock=self.clock)

    def record(self, count: int) -> None:
        for _ in range(count):
            self.journal.append(Storage(f"entry {self.journal.size}"), self.clock.now(), boot=self.clock.boot_id)

    @contextmanager
    def beacons(self) -> Iterator[BeaconBook]:
        """A book that journals as a recorder does."""
        book = BeaconBook(
            self.journal.directory, self.journal.origin, receipt_key=self._who.receipt_key, recording=self
        )
        try:
            yield book
        finally:
            book.close()

    is_powered = True
    jumped_ms = 0

    def write(self, body: Beacon, /) -> Entry | None:
        at = self.clock.now()
        index = self.journal.append(body, at, boot=self.clock.boot_id)
        return make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=self.clock.boot_id)

    @contextmanager
    def delivering(self, link: Link, beacons: BeaconBook | None = None) -> Iterator[Uplink]:
        uplink = Uplink(
            self.journal,
            self._who.key,
            receipt_key=self._who.receipt_key,
            link=link,
            clock=self.clock,
            on_hints=lambda _: None,
            beacons=beacons,
        )
        thread = threading.Thread(target=uplink.run)
        thread.start()
        try:
            yield uplink
        finally:
            uplink.close()
            thread.join(30)
            assert not thread.is_alive()

    def is_receipted(self) -> bool:
        return self.journal.receipted_size == self.journal.size

    def stored(self) -> tuple[bytes, ...]:
        rows = self._connection.execute("SELECT entries FROM batch ORDER BY first").fetchall()
        return tuple(entry for (bundle,) in rows for entry in parse_bundle(zlib.decompress(bundle)))

    def check_all_arrived_once(self) -> None:
        assert self.stored() == self.journal.entries(0, self.journal.size)


def eventually(what: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait until it is true."""
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it did not come true in time"
        time.sleep(0.01)
