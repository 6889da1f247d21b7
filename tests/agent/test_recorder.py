"""What is journalled when."""

import errno
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from agent.clock import Instant
from agent.disk import Disk
from agent.errands import Levels, ShowOpen
from agent.journal import Journal
from agent.reading import Channel, Sample
from agent.recorder import SCRATCH_EVERY_MS, Recorder
from agent.scratch import Scratch
from agent.watchers.watcher import Emit, Fault, Seen
from protocol.entry import (
    Body,
    ClockJump,
    ConfigChange,
    Declaration,
    Entry,
    Reading,
    Start,
    Stop,
    Storage,
    WatcherChange,
    decode,
)
from protocol.message import Level
from tests.agent.conftest import receipt_for
from tests.agent.disks import FaultyDisk
from tests.agent.manual_clock import ManualClock

Open = Callable[..., Journal]

SIGNED_IN = Declaration(asset="A001", operator="a" * 64, action="in", how="page", purpose="teaching")


class Meter:
    """A watcher in name; the test says what it sees."""

    name = "meter1"
    kind = "modbus-meter"
    asset = "A001"
    channels = (Channel("power", "gauge", 1000),)

    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise NotImplementedError


class Desk:
    """A recorder on a journal, with the clock in hand."""

    def __init__(self, open_journal: Open, clock: ManualClock, *, disk: Disk | None = None) -> None:
        self.clock = clock
        self.disk = disk or Disk()
        self._open = open_journal
        self.start()

    def start(self) -> None:
        """Start the agent's recording part, as after any end."""
        self.journal = self._open(disk=self.disk)
        self.scratch = Scratch(self.journal.directory, disk=Disk())
        self.recorder = Recorder(self.journal, self.scratch, clock=self.clock, watchers=[Meter()])
        self.recorder.begin(version="0.1.0", configuration=None)

    def kill(self) -> None:
        """End as kill -9 does: nothing more is written."""
        self.scratch.close()
        self.journal.close()

    def see(self, *watts: int, every_ms: int = 1000) -> None:
        """One sample for each value, a tick with each."""
        for power in watts:
            now = self.clock.advance(every_ms)
            self.recorder.take(Sample("meter1", "power", now, power * 1000, None))
            self.recorder.tick()

    def entries(self, first: int = 0) -> list[Entry]:
        return [decode(raw) for raw in self.journal.entries(first, self.journal.size)]

    def bodies(self, first: int = 0) -> list[Body]:
        return [entry.body for entry in self.entries(first)]

    def readings(self) -> list[Entry]:
        return [entry for entry in self.entries() if isinstance(entry.body, Reading)]

    def observed_ms(self) -> int:
        """How much time the blocks cover, and a check that none overlaps another within its boot."""
        spans = sorted((entry.boot, body.start_mono_ms, sum(body.durations_ms)) for entry, body in self._blocks())
        for (boot, start, length), (other, following, _) in itertools.pairwise(spans):
            assert boot != other or start + length <= following, "two blocks cover the same time"
        return sum(length for _, _, length in spans)

    def _blocks(self) -> Iterator[tuple[Entry, Reading]]:
        for entry in self.readings():
            assert isinstance(entry.body, Reading)
            yield entry, entry.body


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(open_journal: Open, clock: ManualClock) -> Iterator[Desk]:
    made = Desk(open_journal, clock)
    yield made
    made.scratch.close()


# The plain case


def test_a_start_a_watcher_that_comes_up_its_blocks_and_a_stop(desk: Desk) -> None:
    desk.see(*[5] * 20, *[900] * 40)
    desk.recorder.end("asked to stop")
    desk.recorder.run()
    kinds = [body.kind for body in desk.bodies()]
    assert kinds[:2] == ["start", "watcher"]
    assert kinds[-2:] == ["reading", "stop"]
    assert desk.bodies()[0] == Start("0.1.0")
    assert desk.bodies()[1] == WatcherChange("meter1", "up", "first sample", 1_001_000)
    assert desk.bodies()[-1] == Stop("asked to stop")
    assert desk.observed_ms() == 59_000, "from the first sample to the last"


def test_a_changed_configuration_is_journalled(desk: Desk) -> None:
    change = ConfigChange("0" * 64, ("watcher.meter1.poll_s",))
    desk.recorder.begin(version="0.1.0", configuration=change)
    assert desk.bodies()[-1] == change


def test_a_fault_is_journalled_once_with_the_last_instant_seen_and_so_is_the_return(desk: Desk) -> None:
    desk.see(5, 5, 5)
    last_ms = desk.clock.now().mono_ms
    for number in range(3):
        now = desk.clock.advance(1000)
        desk.recorder.take(Fault("meter1", now, f"no answer {number}"))
    assert desk.bodies()[-2:] == [desk.readings()[-1].body, WatcherChange("meter1", "down", "no answer 0", last_ms)]
    assert desk.recorder.observed["meter1"].reason == "no answer 2"
    desk.see(5)
    assert desk.bodies()[-1] == WatcherChange("meter1", "up", "sees again", desk.clock.now().mono_ms)
    desk.see(5)
    desk.recorder.end("x")
    desk.recorder.run()
    assert desk.observed_ms() == 2000 + 1000


def test_a_fault_before_any_sample_says_so(desk: Desk) -> None:
    desk.recorder.take(Fault("meter1", desk.clock.now(), "no such port\nat all"))
    assert desk.bodies()[-1] == WatcherChange("meter1", "down", "no such port at all", None)


def test_particulars_are_for_the_status_only(desk: Desk) -> None:
    size = desk.journal.size
    desk.recorder.take(Seen("meter1", desk.clock.now(), (("voltage_mv", 230_000),)))
    assert desk.journal.size == size
    assert desk.recorder.observed["meter1"].particulars == {"voltage_mv": 230_000}


def test_levels_reach_the_builders(desk: Desk) -> None:
    desk.see(*[900] * 60)
    before = len(desk.readings())
    desk.recorder.take(Levels((Level("meter1", "power", (903_500,)),)))
    desk.see(*[903, 904] * 30)
    desk.recorder.end("x")
    desk.recorder.run()
    crossing = [len(entry.body.durations_ms) for entry in desk.readings()[before:] if isinstance(entry.body, Reading)]
    assert sum(crossing) > 20, "each crossing of the level ends an interval"


def test_a_sample_that_cannot_be_is_survived(desk: Desk) -> None:
    desk.see(5, 5)
    now = desk.clock.advance(1000)
    desk.recorder.take(Sample("meter1", "no such channel", now, 5, None))
    desk.recorder.take(Sample("meter1", "power", now, "not a number", None))
    desk.recorder.take(Sample("nobody", "power", now, 5, None))
    size = desk.journal.size
    desk.see(*[5] * 20)
    assert desk.journal.size > size


def test_the_thread_takes_what_watchers_emit_in_order(desk: Desk) -> None:
    thread = threading.Thread(target=desk.recorder.run)
    thread.start()
    for _ in range(5):
        desk.recorder.emit(Sample("meter1", "power", desk.clock.advance(1000), 5000, None))
    desk.recorder.end("x")
    thread.join(10)
    assert desk.observed_ms() == 4000


# Ends that were not asked for


def test_a_killed_agent_loses_seconds(desk: Desk) -> None:
    desk.see(*[5] * 20, *[900] * 103)
    desk.kill()
    desk.clock.advance(30_000)
    desk.start()
    covered_ms = desk.observed_ms()
    assert 122_000 - SCRATCH_EVERY_MS <= covered_ms <= 122_000
    start = next(body for body in reversed(desk.bodies()) if isinstance(body, Start))
    assert [(entry.boot, entry.index) for entry in desk.readings()][-1:] == list(start.recovered)
    desk.see(5, 5, 5)
    desk.recorder.end("x")
    desk.recorder.run()
    assert desk.observed_ms() == covered_ms + 2000


def test_a_recovered_block_keeps_its_own_boot_and_times(desk: Desk) -> None:
    desk.see(*[900] * 60)
    before = desk.readings()
    desk.kill()
    desk.clock = desk.recorder._clock = ManualClock(wall_ms=1_800_000_000_000, mono_ms=20_000, boot_id="00000002")
    desk.start()
    recovered = desk.readings()[len(before)]
    assert recovered.boot == "5f3a9c01"
    assert recovered.wall_ms < 1_764_600_000_000
    assert desk.bodies()[recovered.index + 1] == Start("0.1.0", (("5f3a9c01", recovered.index),))


def test_killed_at_any_second_nothing_is_covered_twice(open_journal: Open, directory: Path) -> None:
    for lived_s in range(1, 75, 3):
        clock = ManualClock()
        where = directory / str(lived_s)
        desk = Desk(lambda where=where, **settings: open_journal(where, **settings), clock)
        desk.see(*([5] * 15 + [900] * 25 + [30] * 40)[:lived_s])
        desk.kill()
        clock.advance(2000)
        desk.start()
        covered_ms = desk.observed_ms()
        assert covered_ms >= (lived_s - 1) * 1000 - SCRATCH_EVERY_MS
        desk.kill()
        desk.start()
        assert desk.observed_ms() == covered_ms, "a second start recovers nothing anew"
        desk.kill()


def test_a_recovery_that_was_killed_names_its_blocks_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.see(*[900] * 60)
    desk.kill()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("agent.recorder.Start", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.start()
    covered_ms = desk.observed_ms()
    index = desk.readings()[-1].index
    desk.kill()
    desk.start()
    assert desk.observed_ms() == covered_ms
    assert desk.bodies()[-1] == Start("0.1.0", (("5f3a9c01", index),))


def test_a_clean_end_leaves_nothing_to_recover(desk: Desk) -> None:
    desk.see(*[900] * 30)
    desk.recorder.end("asked to stop")
    desk.recorder.run()
    covered_ms = desk.observed_ms()
    desk.kill()
    desk.start()
    assert desk.observed_ms() == covered_ms
    assert desk.bodies()[-1] == Start("0.1.0")


# What people say


@pytest.fixture
def running(desk: Desk) -> Iterator[Desk]:
    """The recorder's thread at work."""
    thread = threading.Thread(target=desk.recorder.run)
    thread.start()
    yield desk
    desk.recorder.end("x")
    thread.join(10)


def test_what_a_person_said_is_returned_as_the_entry_that_stands_in_the_journal(running: Desk) -> None:
    written = running.recorder.write(SIGNED_IN)
    assert written is not None
    assert written.body == SIGNED_IN
    assert running.entries()[written.index] == written


def test_what_the_disk_refuses_was_not_said(open_journal: Open, clock: ManualClock) -> None:
    disk = FaultyDisk()
    desk = Desk(open_journal, clock, disk=disk)
    thread = threading.Thread(target=desk.recorder.run)
    thread.start()
    disk.fail = lambda operation, number: errno.ENOSPC if operation in ("write", "sync") else 0
    assert desk.recorder.write(SIGNED_IN) is None
    disk.fail = lambda operation, number: 0
    desk.recorder.end("x")
    thread.join(10)
    assert [body for body in desk.bodies() if isinstance(body, Declaration)] == []
    desk.scratch.close()


def test_what_nobody_takes_up_in_time_is_withdrawn_and_never_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recorder.PATIENCE_S", 0.01)
    assert desk.recorder.write(SIGNED_IN) is None
    desk.recorder.end("x")
    desk.recorder.run()
    assert [body for body in desk.bodies() if isinstance(body, Declaration)] == []


def test_the_open_blocks_are_shown_as_the_entries_that_they_would_be(desk: Desk) -> None:
    desk.see(*[900] * 20)
    size = desk.journal.size
    errand = ShowOpen(Future())
    desk.recorder.take(errand)
    (shown,) = errand.result.result(0)
    assert isinstance(shown.body, Reading)
    assert (shown.index, shown.wall_ms) == (size, desk.clock.now().wall_ms)
    assert sum(shown.body.durations_ms) > 0
    assert desk.journal.size == size


# Clocks


@pytest.mark.parametrize("cause", ["step", "suspend"])
def test_a_jump_of_the_clock_closes_the_blocks_with_the_time_they_had(desk: Desk, cause: str) -> None:
    desk.see(*[900] * 20)
    before = desk.clock.now()
    jump = desk.clock.sleep if cause == "suspend" else desk.clock.step
    jump(8 * 3_600_000)
    desk.see(*[900] * 5)
    jumps = [(entry.index, entry.body) for entry in desk.entries() if isinstance(entry.body, ClockJump)]
    assert [body for _, body in jumps] == [ClockJump(8 * 3_600_000, cause)]
    last_before = desk.entries()[jumps[0][0] - 1]
    assert isinstance(last_before.body, Reading)
    assert Instant(last_before.wall_ms, last_before.mono_ms) == before
    desk.recorder.end("x")
    desk.recorder.run()
    assert desk.observed_ms() == 19_000 + 4_000


def test_a_jump_is_noticed_without_any_sample(desk: Desk) -> None:
    desk.clock.advance(1000)
    desk.clock.step(-3600_000)
    desk.recorder.tick()
    assert desk.bodies()[-1] == ClockJump(-3600_000, "step")
    desk.recorder.tick()
    assert desk.bodies()[-1] == ClockJump(-3600_000, "step")
    assert len([body for body in desk.bodies() if isinstance(body, ClockJump)]) == 1
    assert desk.recorder.jumped_ms == desk.clock.now().mono_ms, "then the next beacon is due"


def test_a_sample_from_before_a_jump_that_comes_late_is_not_given_the_time_after_it(desk: Desk) -> None:
    desk.see(*[900] * 5)
    late = [Sample("meter1", "power", desk.clock.advance(1000), 900_000, None) for _ in range(3)]
    desk.clock.step(60_000)
    desk.clock.advance(100)
    desk.recorder.tick()
    size = desk.journal.size
    for sample in late:
        desk.recorder.take(sample)
    desk.recorder.end("x")
    desk.recorder.run()
    assert [body.kind for body in desk.bodies(size)] == ["stop"]
    assert isinstance(desk.bodies()[size - 1], ClockJump)


# A disk that takes nothing


def test_while_the_disk_refuses_time_is_unobserved_and_afterwards_the_journal_says_so(
    open_journal: Open, clock: ManualClock
) -> None:
    disk = FaultyDisk()
    desk = Desk(open_journal, clock, disk=disk)
    desk.see(*[5] * 15)
    disk.fail = lambda operation, number: errno.ENOSPC if operation in ("write", "sync") else 0
    size = desk.journal.size
    desk.see(*[900] * 40, *[5] * 40)
    assert desk.journal.size == size
    refusal = desk.recorder.pen.refusal
    assert refusal is not None
    assert "the disk is full" in refusal.reason
    assert refusal.entries >= 2
    disk.fail = lambda operation, number: 0
    desk.see(*[5] * 12)
    assert desk.recorder.pen.refusal is None
    told = [body.problem for body in desk.bodies(size) if isinstance(body, Storage)]
    assert any(f"{refusal.entries} entries of " in problem and "were not accepted" in problem for problem in told)
    covered_ms = desk.observed_ms()
    desk.see(*[5] * 20)
    desk.recorder.end("x")
    desk.recorder.run()
    assert desk.observed_ms() > covered_ms
    desk.scratch.close()


def test_an_agent_that_starts_on_a_full_disk_says_so_when_there_is_room(open_journal: Open, clock: ManualClock) -> None:
    disk = FaultyDisk()
    desk = Desk(open_journal, clock, disk=disk)
    desk.kill()
    disk.fail = lambda operation, number: errno.ENOSPC if operation == "write" else 0
    desk.start()
    desk.see(*[5] * 15)
    assert [body.kind for body in desk.bodies()] == ["start"], "what was there before"
    disk.fail = lambda operation, number: 0
    desk.see(*[5] * 12)
    assert [body.kind for body in desk.bodies()][:4] == ["start", "storage", "storage", "start"]
    desk.scratch.close()


def test_a_survived_failure_of_the_disk_is_journalled(open_journal: Open, clock: ManualClock) -> None:
    disk = FaultyDisk()
    desk = Desk(open_journal, clock, disk=disk)
    desk.see(5, 5)
    failing = disk.log.count("sync") + 1
    disk.fail = lambda operation, number: errno.EIO if (operation, number) == ("sync", failing) else 0
    desk.recorder.take(Fault("meter1", clock.now(), "gone"))
    assert [body.problem for body in desk.bodies() if isinstance(body, Storage)] == [
        "writing failed (Input/output error); the journal goes on in a new segment"
    ]
    assert any(isinstance(body, Reading) for body in desk.bodies())
    desk.scratch.close()


def test_damage_found_at_the_start_is_journalled_once(open_journal: Open, clock: ManualClock, directory: Path) -> None:
    desk = Desk(open_journal, clock)
    desk.see(*[5] * 20)
    desk.journal.store_receipt(receipt_for(desk.journal, desk.journal.size))
    desk.kill()
    path = directory / "00000000000000000000.log"
    raw = bytearray(path.read_bytes())
    raw[raw.index(b'"start"')] ^= 1
    path.write_bytes(raw)
    desk.start()
    desk.kill()
    desk.start()
    told = [
        body.problem
        for body in (decode(raw).body for raw in desk.journal.entries(1, desk.journal.size))
        if isinstance(body, Storage)
    ]
    assert told == [f"{path.name}: 1 receipted entries cannot be read, the first is 0; the collector holds them"]
    desk.scratch.close()
