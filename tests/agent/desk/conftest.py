"""A desk on a real journal and a running recorder, with the clock in hand."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import policies
from agent.clock import Instant
from agent.desk.cards import open_cards
from agent.desk.desk import Desk
from agent.desk.readers import Readers
from agent.desk.salt import open_salt
from agent.disk import Disk
from agent.journal import Journal
from agent.reading import Channel
from agent.recorder import Recorder
from agent.scratch import Scratch
from agent.watchers.watcher import Card, Emit
from protocol.entry import Body, Declaration, Reading, decode
from tests.agent.disks import FaultyDisk
from tests.agent.manual_clock import ManualClock

HOUR_MS = 3_600_000
IDLE_MS = 4 * HOUR_MS
POLICY = b"""{"v":1,"name":"SEM","valid_mw":[0,15000000],
 "standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},
 "run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},
 "gap_ms":60000}"""


class Watcher:
    """A watcher in name; the test says what it sees."""

    kind = "test"

    def __init__(self, name: str, asset: str, *channels: Channel) -> None:
        self.name = name
        self.asset = asset
        self.channels = channels

    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise NotImplementedError


WATCHERS = (
    Watcher("meter1", "A001", Channel("power", "gauge", 1000)),
    Watcher("meter2", "A002", Channel("power", "gauge", 1000)),
    Watcher("reader1", "A001", Channel("card", "event", 1000)),
    Watcher("reader2", "A002", Channel("card", "event", 1000)),
    Watcher("host", "", Channel("host", "state", 1000)),
)


class Room:
    """The instruments' room: watchers, recorder, journal, desk and readers of one agent."""

    def __init__(self, state_dir: Path, open_journal: Callable[..., Journal]) -> None:
        self.state_dir = state_dir
        self.clock = ManualClock()
        self.disk = FaultyDisk()
        self._open_journal = open_journal
        self.open()

    def open(self) -> None:
        """Start the agent's part of it, as after any end."""
        self.journal = self._open_journal(disk=self.disk)
        self._scratch = Scratch(self.journal.directory, disk=Disk())
        self.recorder = Recorder(self.journal, self._scratch, clock=self.clock, watchers=WATCHERS)
        self.recorder.begin(version="0.1.0", configuration=None)
        self._thread = threading.Thread(target=self.recorder.run)
        self._thread.start()
        self.asset_of = {watcher.name: watcher.asset for watcher in WATCHERS}
        salt = open_salt(self.state_dir)
        self.desk = Desk(
            self.state_dir,
            self.journal,
            salt=salt,
            recorder=self.recorder,
            asset_of=self.asset_of,
            clock=self.clock,
            idle_ms=IDLE_MS,
        )
        self.readers = Readers(
            open_cards(self.state_dir),
            self.desk,
            salt=salt,
            asset_of=self.asset_of,
            emit=self.recorder.emit,
            clock=self.clock,
        )

    def close(self) -> None:
        """End the agent in order."""
        self.recorder.end("x")
        self._thread.join(10)
        self._scratch.close()
        self.journal.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def give_policy(self, asset: str = "A001", raw: bytes = POLICY) -> None:
        path = policies.path_for(self.state_dir, asset)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)

    def measure(self, watts: int, *, for_ms: int, watcher: str = "meter1") -> None:
        """The meter shows a power for some time, and the block of it is in the journal."""
        end = self.clock.now().mono_ms + for_ms
        while self.clock.now().mono_ms < end:
            self._append(watcher, watts, ms=min(300_000, end - self.clock.now().mono_ms))

    def present(self, number: str, reader: str = "reader1", *, after_ms: int = 60_000) -> None:
        """Somebody presents a card."""
        self.readers.present(Card(reader, self.clock.advance(after_ms), number))

    def said(self) -> list[Declaration]:
        return [body for body in self.bodies() if isinstance(body, Declaration)]

    def events(self) -> list[str]:
        """The words of all card events, once the recorder has taken what was said."""
        self.recorder.open_blocks()
        shown = [*self.bodies(), *(entry.body for entry in self.recorder.open_blocks())]
        return [word for body in shown if isinstance(body, Reading) for word in body.events or ()]

    def bodies(self) -> list[Body]:
        return [decode(raw).body for raw in self.journal.entries(0, self.journal.size)]

    def refuse_to_write(self, error: int = 0) -> None:
        """From now on the disk takes nothing (an errno), or everything again (0)."""
        self.disk.fail = lambda operation, number: error if operation in ("write", "sync") else 0

    def _append(self, watcher: str, watts: int, *, ms: int) -> None:
        start = self.clock.now()
        now: Instant = self.clock.advance(ms)
        mw = (watts * 1000,)
        reading = Reading(
            watcher=watcher,
            channel="power",
            start_mono_ms=start.mono_ms,
            durations_ms=(ms,),
            means=mw,
            lows=mw,
            highs=mw,
        )
        self.journal.append(reading, now, boot=self.clock.boot_id)


@pytest.fixture
def room(tmp_path: Path, open_journal: Callable[..., Journal]) -> Iterator[Room]:
    made = Room(tmp_path, open_journal)
    yield made
    made.close()
