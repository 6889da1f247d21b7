"""One failing watcher stops no other one, is tried again, and all stop promptly."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent import supervisor as supervisor_module
from agent.errors import WatcherError
from agent.reading import Channel, Sample
from agent.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Pause, Supervisor
from agent.watchers.watcher import Emit, Fault, Seen, Watcher
from tests.agent.manual_clock import ManualClock


class Scripted:
    """A watcher whose run is a function."""

    kind = "scripted"
    asset = ""
    channels = (Channel("power", "gauge", 1000),)

    def __init__(self, name: str, script: Callable[[Emit, threading.Event], None]) -> None:
        self.name = name
        self._script = script

    def run(self, emit: Emit, stop: threading.Event) -> None:
        self._script(emit, stop)


class Heard:
    """What was emitted, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[Sample | Fault | Seen] = []
        self._news = threading.Condition()

    def __call__(self, said: Sample | Fault | Seen) -> None:
        with self._news:
            self.said.append(said)
            self._news.notify_all()

    def wait_for(self, number: int, *, by: str) -> list[Sample | Fault | Seen]:
        def heard() -> list[Sample | Fault | Seen]:
            return [said for said in self.said if said.watcher == by]

        with self._news:
            assert self._news.wait_for(lambda: len(heard()) >= number, timeout=10)
        return heard()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE_S", 0.001)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def supervise(heard: Heard) -> Iterator[Callable[..., Supervisor]]:
    supervisors: list[Supervisor] = []

    def start(*watchers: Watcher) -> Supervisor:
        supervisors.append(Supervisor(watchers, heard, clock=ManualClock()))
        supervisors[-1].start()
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        supervisor.stop()


def count(emit: Emit, stop: threading.Event) -> None:
    """A good watcher."""
    clock, number = ManualClock(), 0
    while not stop.wait(0.001):
        emit(Sample("good", "power", clock.advance(1000), number))
        number += 1


def fail(emit: Emit, stop: threading.Event) -> None:
    raise ZeroDivisionError("division by zero")


def test_a_failing_watcher_is_told_tried_again_and_stops_no_other(
    supervise: Callable[..., Supervisor], heard: Heard
) -> None:
    supervisor = supervise(Scripted("bad", fail), Scripted("good", count))
    faults = heard.wait_for(5, by="bad")
    samples = heard.wait_for(5, by="good")
    assert {fault.reason for fault in faults if isinstance(fault, Fault)} == {
        "unobserved because the watcher failed (ZeroDivisionError: division by zero)"
    }
    assert all(isinstance(sample, Sample) for sample in samples)
    assert supervisor.failures["bad"] >= 5
    assert supervisor.failures["good"] == 0


def test_what_a_watcher_says_of_its_trouble_is_the_reason(supervise: Callable[..., Supervisor], heard: Heard) -> None:
    def complain(emit: Emit, stop: threading.Event) -> None:
        raise WatcherError("the card reader is not there:\nplug it in")

    supervise(Scripted("bad", complain))
    [fault, *_] = heard.wait_for(1, by="bad")
    assert isinstance(fault, Fault)
    assert fault.reason == "unobserved because the card reader is not there: plug it in"


def test_a_watcher_that_ends_by_itself_is_started_again(supervise: Callable[..., Supervisor], heard: Heard) -> None:
    supervise(Scripted("lazy", lambda emit, stop: None))
    [fault, *_] = heard.wait_for(2, by="lazy")
    assert isinstance(fault, Fault)
    assert fault.reason == "unobserved because the watcher ended by itself"


def test_all_stop_promptly_even_in_a_pause(
    supervise: Callable[..., Supervisor], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 60.0)
    supervisor = supervise(Scripted("bad", fail), Scripted("good", count))
    heard.wait_for(1, by="bad")
    before_s = time.monotonic()
    assert supervisor.stop() == []
    assert time.monotonic() - before_s < 1


def test_a_watcher_that_does_not_stop_is_named_and_left(supervise: Callable[..., Supervisor]) -> None:
    release = threading.Event()

    def hang(emit: Emit, stop: threading.Event) -> None:
        release.wait()

    supervisor = supervise(Scripted("stuck", hang), Scripted("good", count))
    assert supervisor.stop(patience_s=0.05) == ["stuck"]
    release.set()


def test_pauses_double_to_a_minute_and_shrink_back_after_a_steady_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", FIRST_PAUSE_S)
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE_S", LONGEST_PAUSE_S)
    pause = Pause()
    assert [pause.after(0.1) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause.after(STEADY_S) == FIRST_PAUSE_S
    assert pause.after(0.1) == 2 * FIRST_PAUSE_S
