"""An enrolled agent and a real collector, by every road: the same journal arrives, once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.beacons import EVERY_MS
from agent.roads.auto import AutoLink
from agent.roads.choice import FIRST_TRIAL_MS, PATIENCE_MS
from collector.config import Config
from collector.embedded.broker import EmbeddedBroker
from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Keys
from collector.ingest.worker import Worker
from collector.keys import ensure_receipt_key
from collector.store.database import Connection
from protocol.entry import decode
from tests.integration.site import Site, eventually


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


def test_both_roads_at_once_bring_everything_once(site: Site, config: Config, idle_broker: EmbeddedBroker) -> None:
    """No agent does this; a copy of one that is being moved to another road may, for a moment."""
    idle_broker.start()
    site.record(600)
    with working(config), site.delivering(site.mqtt), site.delivering(site.https):
        for _ in range(20):
            site.record(10)
            eventually(lambda: site.journal.receipted_size >= site.journal.size - 40)
        eventually(site.is_receipted)
    site.check_all_arrived_once()
    assert site.journal.size == 801


def test_an_agent_goes_round_a_broker_that_stays_away_and_comes_back_to_it(
    site: Site, config: Config, idle_broker: EmbeddedBroker
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
        idle_broker.start()
        with working(config):
            site.clock.ahead_ms += FIRST_TRIAL_MS
            uplink.wake()
            eventually(lambda: (uplink.view().road, uplink.view().state) == ("mqtt", "welcomed"))
            site.record(3)
            eventually(site.is_receipted)
    site.check_all_arrived_once()


@pytest.mark.parametrize("road", ["mqtt", "https"])
def test_beacons_of_the_collectors_log_come_by_every_road_and_count(
    site: Site, config: Config, idle_broker: EmbeddedBroker, connection: Connection, road: str
) -> None:
    """Each side holds the other's history: the collector's tree stands in the agent's journal, signed."""
    keys = Keys(config.data_dir, config.domain, ensure_receipt_key(config.data_dir, config.domain))
    log = LogWorker(config.dsn, keys, directory=config.data_dir / "log")
    sizes = [log.work(connection).size]
    idle_broker.start()
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
