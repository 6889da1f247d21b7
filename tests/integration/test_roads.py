"""An enrolled agent and a real collector, by every road: the same journal arrives, once."""

import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import identity
from agent.beacons import EVERY_MS, BeaconBook
from agent.clock import Instant, SystemClock
from agent.enrolment import enrol, http
from agent.identity import Identity
from agent.journal import Journal
from agent.roads.auto import AutoLink
from agent.roads.choice import FIRST_TRIAL_MS, PATIENCE_MS
from agent.roads.https import HttpsLink
from agent.roads.link import Address, Link
from agent.roads.mqtt import MqttLink
from agent.uplink import Uplink
from collector.app import create_app
from collector.config import Api, Broker, Config
from collector.embedded.broker import EmbeddedBroker
from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Keys
from collector.ingest.worker import Worker
from collector.keys import ensure_receipt_key
from collector.registry import enrolment, instruments
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol.batch import parse_bundle
from protocol.entry import Beacon, Entry, Storage, decode, make
from tests.light_agent import DOMAIN
from tests.serving import serving


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


@pytest.fixture
def broker(free_port: int) -> Iterator[EmbeddedBroker]:
    """Not started yet."""
    made = EmbeddedBroker(free_port)
    yield made
    made.stop()


@pytest.fixture
def config(dsn: str, tmp_path: Path, broker: EmbeddedBroker) -> Config:
    ensure_receipt_key(tmp_path, DOMAIN)
    return Config(DOMAIN, tmp_path, Broker("127.0.0.1", broker.port), Api(), given_dsn=dsn)


@pytest.fixture
def site(config: Config, connection: Connection, tmp_path: Path) -> Iterator[Site]:
    """Enrolled at the collector that serves beside it."""
    instruments.register_instrument(connection, "A001", name_zh="电子显微镜")
    watch = [Watch("meter1", "power", "A001")]
    now, hour = datetime.now(UTC), timedelta(hours=1)
    token = enrolment.make_token(connection, "em-01", watch=watch, now=now, valid_for=hour)
    with serving(create_app(config)) as port:
        url = f"http://127.0.0.1:{port}"
        state_dir = tmp_path / "state"
        enrol(state_dir, agent_id="em-01", token=token, ask=http(url), clock=SystemClock())
        made = Site(identity.load(state_dir, agent_id="em-01"), url, connection)
        yield made
        made.journal.close()


@contextmanager
def working(config: Config) -> Iterator[None]:
    """An ingest worker at the broker."""
    key = ensure_receipt_key(config.data_dir, config.domain)
    worker = Worker(config.dsn, broker_host="127.0.0.1", broker_port=config.broker.port, receipt_key=key)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        eventually(lambda: worker.is_listening)
        yield
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


def eventually(what: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait until it is true."""
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it did not come true in time"
        time.sleep(0.01)


def test_a_backlog_and_what_follows_it_arrive_by_https(site: Site) -> None:
    site.record(700)
    with site.delivering(site.https) as uplink:
        eventually(site.is_receipted)
        site.record(3)
        eventually(site.is_receipted)
        assert (uplink.view().state, uplink.view().road) == ("welcomed", "https")
    site.check_all_arrived_once()


def test_closing_waits_for_the_last_receipts_by_https(site: Site) -> None:
    with site.delivering(site.https):
        eventually(site.is_receipted)
        site.record(3)
    assert site.is_receipted()


def test_both_roads_at_once_bring_everything_once(site: Site, config: Config, broker: EmbeddedBroker) -> None:
    """No agent does this; a copy of one that is being moved to another road may, for a moment."""
    broker.start()
    site.record(600)
    with working(config), site.delivering(site.mqtt), site.delivering(site.https):
        for _ in range(20):
            site.record(10)
            eventually(lambda: site.journal.receipted_size >= site.journal.size - 40)
        eventually(site.is_receipted)
    site.check_all_arrived_once()
    assert site.journal.size == 801


def test_an_agent_goes_round_a_broker_that_stays_away_and_comes_back_to_it(
    site: Site, config: Config, broker: EmbeddedBroker
) -> None:
    site.record(3)
    link = AutoLink(site.mqtt, site.https, clock=site.clock)
    with site.delivering(link) as uplink:
        eventually(lambda: "cannot be reached" in uplink.view().detail)
        site.clock.ahead_ms += PATIENCE_MS
        uplink.wake()
        eventually(site.is_receipted)
        assert uplink.view().road == "https"
        assert "the broker at" in uplink.view().road_why
        broker.start()
        with working(config):
            site.clock.ahead_ms += FIRST_TRIAL_MS
            uplink.wake()
            eventually(lambda: (uplink.view().road, uplink.view().state) == ("mqtt", "welcomed"))
            site.record(3)
            eventually(site.is_receipted)
    site.check_all_arrived_once()


@pytest.mark.parametrize("road", ["mqtt", "https"])
def test_beacons_of_the_collectors_log_come_by_every_road_and_count(
    site: Site, config: Config, broker: EmbeddedBroker, connection: Connection, road: str
) -> None:
    """Each side holds the other's history: the collector's tree stands in the agent's journal, signed."""
    keys = Keys(config.data_dir, config.domain, ensure_receipt_key(config.data_dir, config.domain))
    log = LogWorker(config.dsn, keys, directory=config.data_dir / "log")
    sizes = [log.work(connection).size]
    broker.start()
    site.record(3)
    link = site.mqtt if road == "mqtt" else site.https
    with working(config), site.beacons() as book, site.delivering(link, book) as uplink:
        eventually(lambda: book.view.size == sizes[0])
        eventually(site.is_receipted)
        sizes.append(log.work(connection).size)
        site.clock.ahead_ms += EVERY_MS
        uplink.wake()
        eventually(lambda: book.view.size == sizes[1])
        eventually(site.is_receipted)
    site.check_all_arrived_once()
    found = connection.execute(
        "SELECT body, beacon_s FROM landmark WHERE kind = 'beacon' ORDER BY entry_index"
    ).fetchall()
    assert [decode(bytes(raw)).body.size for raw, _ in found] == sizes  # type: ignore[union-attr]
    assert all(time_s is not None and abs(time_s - time.time()) < 300 for _, time_s in found)
    log.work(connection)  # it finds nothing wrong with what the agents hold
