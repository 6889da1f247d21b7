"""The uplink over a real broker, with a collector that uses protocol only."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent.clock import SystemClock
from agent.exchange import UseHints
from agent.journal import Journal
from agent.roads.link import Address
from agent.roads.mqtt import MqttLink
from agent.uplink import Uplink
from collector.embedded.broker import EmbeddedBroker
from protocol.entry import decode
from protocol.hint import Showing
from protocol.keys import COSIGNATURE, SigningKey
from protocol.message import Level, SentPolicy
from tests.agent.conftest import AGENT_KEY, RECEIPT_KEY, add
from tests.agent.fake_collector import FakeCollector

Open = Callable[..., Journal]
LEVELS = (Level("meter1", "power", (30_000, 120_000)),)
SHOWING = (Showing("meter1", "power", "905800"),)
POLICIES = (SentPolicy("meter1", b"{}"),)


class Line:
    """An uplink running in its thread, and what it handed over."""

    def __init__(self, journal: Journal, port: int) -> None:
        self.hints: list[UseHints] = []
        self.uplink = Uplink(
            journal,
            AGENT_KEY,
            receipt_key=RECEIPT_KEY.verifier,
            link=MqttLink("em-01", Address("127.0.0.1", port), epoch=1, clock=SystemClock()),
            clock=SystemClock(),
            on_hints=self.hints.append,
            showing=lambda: SHOWING,
        )
        self._thread = threading.Thread(target=self.uplink.run)
        self._thread.start()

    def close(self) -> None:
        self.uplink.close()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def dial() -> Iterator[Callable[[Journal, int], Line]]:
    lines: list[Line] = []

    def start(journal: Journal, port: int) -> Line:
        lines.append(Line(journal, port))
        return lines[-1]

    yield start
    for line in lines:
        line.close()


@pytest.fixture
def collector(broker: EmbeddedBroker) -> Iterator[FakeCollector]:
    made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    yield made
    made.close()


def eventually(what: Callable[[], object], *, within_s: float = 10.0) -> float:
    """Wait until it is true, and say how long that took."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < within_s, "it did not come true in time"
        time.sleep(0.01)
    return time.monotonic() - start


def test_entries_arrive_byte_for_byte_and_are_receipted(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal, 700)
    collector.levels, collector.policies = LEVELS, POLICIES
    line = dial(journal, broker.port)
    eventually(lambda: journal.receipted_size == 700)
    assert tuple(collector.entries) == journal.entries(0, 700)
    assert journal.receipted.note == collector.receipt
    assert b"jishi-signed/v1 700 " in (journal.directory / "signed").read_bytes()
    assert line.hints == [UseHints(LEVELS, POLICIES)]
    assert [(hint.waiting, hint.showing) for hint in collector.hints] == [(700, SHOWING)]
    assert line.uplink.view().state == "welcomed"


def test_an_appended_entry_is_receipted_within_a_second(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal)
    dial(journal, broker.port)
    eventually(lambda: journal.receipted_size == 1)
    for size in range(2, 6):
        add(journal)
        assert eventually(lambda size=size: journal.receipted_size == size) < 1.0


def test_a_broker_that_comes_late_goes_and_comes_back_costs_nothing(
    open_journal: Open, free_port: int, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal, 3)
    line = dial(journal, free_port)
    eventually(lambda: "cannot be reached" in line.uplink.view().detail)
    broker = EmbeddedBroker(free_port)
    for round_ in range(2):
        broker.start()
        collector = FakeCollector(free_port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
        if round_:
            collector.entries = list(journal.entries(0, 3))
            collector.forget(3)
        eventually(lambda: journal.receipted_size == journal.size)
        assert tuple(collector.entries) == journal.entries(0, journal.size)
        broker.process.kill()
        broker.stop()
        collector.close()
        eventually(lambda: line.uplink.view().state in ("offline", "connecting"))
        add(journal, 3)


def test_a_lost_batch_is_sent_again_after_the_gap_shows(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal)
    dial(journal, broker.port)
    eventually(lambda: journal.receipted_size == 1)
    collector.lose = 1
    add(journal)
    eventually(lambda: collector.lose == 0)
    add(journal)
    assert eventually(lambda: journal.receipted_size == 3) < 5
    assert [decode(raw).index for raw in collector.entries] == [0, 1, 2]


def test_receipts_of_a_rogue_key_are_not_believed(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal, 3)
    collector.rogue = SigningKey(RECEIPT_KEY.name, COSIGNATURE, bytes(32))
    line = dial(journal, broker.port)
    eventually(lambda: collector.size == 3)
    collector.say(b"noise")
    collector.rogue = None
    add(journal)
    eventually(lambda: journal.receipted_size == 4)
    assert line.uplink.view().state == "welcomed"


def test_a_collector_restored_from_a_backup_gets_what_it_lost(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal, 5)
    line = dial(journal, broker.port)
    eventually(lambda: journal.receipted_size == 5)
    line.close()
    collector.forget(2)
    dial(journal, broker.port)
    eventually(lambda: collector.size == 5)
    assert tuple(collector.entries) == journal.entries(0, 5)


def test_a_revoked_key_goes_to_the_slow_lane_and_the_journal_goes_on(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal)
    collector.refuse = "revoked"
    line = dial(journal, broker.port)
    eventually(lambda: line.uplink.view().state == "shunned")
    assert "revoked" in line.uplink.view().detail
    add(journal)
    assert journal.size == 2


def test_a_journal_put_back_to_an_older_copy_is_noticed_and_nothing_more_is_published(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line], directory
) -> None:
    journal = open_journal()
    add(journal, 5)
    dial(journal, broker.port).close()
    assert journal.receipted_size == 5
    journal.close()
    older = open_journal(directory.with_name("older"))
    add(older, 3, text="after the copy was put back")
    line = dial(older, broker.port)
    eventually(lambda: line.uplink.view().state == "diverged")
    published = len(collector.notes)
    add(older)
    line.close()
    assert len(collector.notes) == published


def test_closing_waits_for_the_last_receipts(
    open_journal: Open, broker: EmbeddedBroker, collector: FakeCollector, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal)
    line = dial(journal, broker.port)
    eventually(lambda: journal.receipted_size == 1)
    add(journal, 3)
    line.close()
    assert journal.receipted_size == 4


def test_closing_while_a_long_spread_is_waited_for_connects_at_once(
    open_journal: Open, free_port: int, dial: Callable[..., Line]
) -> None:
    journal = open_journal()
    add(journal)
    broker = EmbeddedBroker(free_port)
    broker.start()
    collector = FakeCollector(free_port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    collector.spread_s = 300
    line = dial(journal, free_port)
    eventually(lambda: journal.receipted_size == 1)
    broker.process.kill()
    broker.stop()
    eventually(lambda: line.uplink.view().state == "offline")
    add(journal, 2)
    broker.start()
    collector.close()
    again = FakeCollector(free_port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    again.entries = list(journal.entries(0, 1))
    again.forget(1)
    line.close()
    assert journal.receipted_size == 3
    again.close()
    broker.stop()


def test_closing_without_a_broker_is_prompt(open_journal: Open, free_port: int, dial: Callable[..., Line]) -> None:
    journal = open_journal()
    add(journal)
    line = dial(journal, free_port)
    eventually(lambda: line.uplink.view().detail)
    start = time.monotonic()
    line.close()
    assert time.monotonic() - start < 5


def test_a_peer_that_is_no_broker_is_survived(open_journal: Open, dial: Callable[..., Line]) -> None:
    journal = open_journal()
    add(journal)
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = dial(journal, server.getsockname()[1])
        for _ in range(2):
            peer, _ = server.accept()
            peer.sendall(b"\x20\x7f\x00\x00\xff\xff HTTP/1.1 400 no broker here" * 50)
            peer.close()
            eventually(lambda: line.uplink.view().state == "offline")
    assert journal.size == 1
