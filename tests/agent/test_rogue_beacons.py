"""Beacons over a real broker: what its owner can do with them, and what a collector cannot take back."""

import threading
from collections.abc import Callable, Iterator

import pytest

from agent.beacons import LATE_MS, BeaconBook
from agent.clock import Instant, SystemClock
from agent.journal import Journal
from agent.roads.link import Address
from agent.roads.mqtt import MqttLink
from agent.uplink import Uplink
from collector.embedded.broker import EmbeddedBroker
from protocol.beacon import beacon_note
from protocol.entry import Beacon, Entry, decode, make
from protocol.keys import COSIGNATURE, SigningKey
from protocol.merkle import leaf_hash
from protocol.note import Checkpoint, cosign, sign_checkpoint
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY, add
from tests.agent.fake_collector import FakeCollector
from tests.agent.test_uplink_broker import eventually

ROGUE_KEY = SigningKey(RECEIPT_KEY.name, COSIGNATURE, bytes([66]) * 32)
OTHER_KEY = SigningKey("other.example/receipt/1", COSIGNATURE, bytes([67]) * 32)
BEGAN_S = 1_764_554_700


def note(
    size: int, at_s: int = 0, *, key: SigningKey = RECEIPT_KEY, of: str = "jishi.example", leaf: bytes = b"leaf"
) -> bytes:
    checkpoint = Checkpoint(f"{of}/log/2026-1", size, leaf_hash(leaf + b"%d" % size))
    return beacon_note(checkpoint, key, time_s=BEGAN_S + at_s)


class MovableClock(SystemClock):
    ahead_ms = 0

    def now(self) -> Instant:
        now = super().now()
        return Instant(now.wall_ms + self.ahead_ms, now.mono_ms + self.ahead_ms)


class Agent:
    """A journal, its book of beacons, and an uplink at a broker; something is powered all the time."""

    is_powered = True
    jumped_ms = 0

    def __init__(self, journal: Journal, port: int) -> None:
        self.clock = MovableClock()
        self.journal = journal
        self.book = BeaconBook(journal.directory, ORIGIN, receipt_key=RECEIPT_KEY.verifier, recording=self)
        self.uplink = Uplink(
            journal,
            AGENT_KEY,
            receipt_key=RECEIPT_KEY.verifier,
            link=MqttLink("em-01", Address("127.0.0.1", port), epoch=1, clock=self.clock),
            clock=self.clock,
            on_hints=lambda _: None,
            beacons=self.book,
        )
        self._thread = threading.Thread(target=self.uplink.run)
        self._thread.start()

    def write(self, body: Beacon, /) -> Entry | None:
        at = self.clock.now()
        index = self.journal.append(body, at, boot=self.clock.boot_id)
        return make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=self.clock.boot_id)

    def let_pass(self, ms: int) -> None:
        self.clock.ahead_ms += ms
        self.uplink.wake()

    @property
    def beacons(self) -> list[int]:
        """The sizes that the journal's beacons name."""
        entries = [decode(raw) for raw in self.journal.entries(0, self.journal.size)]
        return [entry.body.size for entry in entries if isinstance(entry.body, Beacon)]

    def close(self) -> None:
        self.uplink.close()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.book.close()


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times a second: where the clock leaps by minutes, the link is taken for dead."""
    for name, value_ms in (("EVERY_MS", 100), ("EARLY_MS", 50), ("ASK_AGAIN_MS", 100)):
        monkeypatch.setattr(f"agent.beacons.{name}", value_ms)


@pytest.fixture
def collector(broker: EmbeddedBroker) -> Iterator[FakeCollector]:
    made = FakeCollector(broker.port, agent=AGENT_KEY.verifier, key=RECEIPT_KEY)
    yield made
    made.close()


@pytest.fixture
def start(open_journal: Callable[..., Journal], broker: EmbeddedBroker) -> Iterator[Callable[[], Agent]]:
    agents: list[Agent] = []

    def start_it() -> Agent:
        agents.append(Agent(open_journal(), broker.port))
        return agents[-1]

    yield start_it
    for agent in agents:
        agent.close()


def bring(agent: Agent, collector: FakeCollector, raw: bytes) -> None:
    """Let the agent ask twice more, be given this, and deliver an entry after it."""
    collector.beacon = raw
    asked = len(collector.hellos)

    def has_asked() -> bool:
        agent.uplink.wake()
        return len(collector.hellos) >= asked + 2

    eventually(has_asked)
    add(agent.journal)
    eventually(lambda: agent.journal.receipted_size == agent.journal.size)


def test_a_broker_that_forges_or_repeats_beacons_gets_none_journalled_and_nobody_accused(
    collector: FakeCollector, start: Callable[[], Agent]
) -> None:
    collector.beacon = note(30)
    agent = start()
    eventually(lambda: agent.beacons == [30])
    other_log = cosign(sign_checkpoint(Checkpoint(ORIGIN, 31, leaf_hash(b"x")), AGENT_KEY), RECEIPT_KEY, time_s=1)
    for raw in (
        note(31, 600, key=ROGUE_KEY),
        note(31, 600, key=OTHER_KEY, of="other.example"),
        note(30),
        note(20, -600),
        note(30).replace(b"\n30\n", b"\n31\n"),
        other_log,
        b"noise",
    ):
        bring(agent, collector, raw)
        assert agent.beacons == [30]
        assert agent.book.view.problem == ""
    bring(agent, collector, note(31, 600))
    assert agent.beacons == [30, 31]
    assert tuple(collector.entries) == agent.journal.entries(0, agent.journal.size)


def test_a_welcome_that_was_held_back_dates_nothing_and_is_asked_for_again(
    collector: FakeCollector, start: Callable[[], Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hello = property(lambda collector: note(30 + len(collector.hellos)), lambda *_: None)
    monkeypatch.setattr(FakeCollector, "beacon", by_hello, raising=False)
    collector.deaf = True
    agent = start()
    eventually(lambda: agent.uplink.view().state == "greeting")
    agent.let_pass(LATE_MS + 1000)
    collector.deaf = False
    eventually(lambda: agent.beacons)
    assert agent.beacons[0] > 31, "the answer to the first hello might have been signed long ago"


def test_a_collector_that_takes_back_what_it_signed_is_told_of_and_not_journalled(
    collector: FakeCollector, start: Callable[[], Agent]
) -> None:
    collector.beacon = note(30)
    agent = start()
    eventually(lambda: agent.beacons == [30])
    bring(agent, collector, note(29, 600))
    assert "has gone back from 30 to 29 leaves" in agent.book.view.problem
    bring(agent, collector, note(30, 1200, leaf=b"other"))
    assert "shows two trees of 30 leaves" in agent.book.view.problem
    assert agent.beacons == [30]
    assert agent.journal.receipted_size == agent.journal.size, "delivery goes on"


def test_asking_for_beacons_is_no_news(
    collector: FakeCollector, start: Callable[[], Agent], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="agent.uplink")
    agent = start()
    eventually(lambda: agent.uplink.view().state == "welcomed")
    since_ms = agent.uplink.view().since_ms
    for size in (30, 31):
        bring(agent, collector, note(size, size))
    assert agent.beacons == [30, 31]
    assert abs(agent.uplink.view().since_ms - since_ms) <= 1
    assert [vars(record)["state"] for record in caplog.records if record.msg == "uplink changed"] == ["welcomed"]


def test_at_the_end_no_beacon_is_journalled_because_nobody_writes_any_more(
    collector: FakeCollector, start: Callable[[], Agent]
) -> None:
    collector.beacon = note(30)
    collector.deaf = True
    agent = start()
    add(agent.journal)
    eventually(lambda: agent.uplink.view().state == "greeting")
    agent.uplink.close()
    collector.deaf = False
    eventually(lambda: agent.journal.receipted_size == 1)
    assert agent.beacons == []
