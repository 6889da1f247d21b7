"""One failing watcher stops no other one, is tried again, and all stop promptly."""

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent import supervisor as supervisor_module
from agent.clock import SystemClock
from agent.errors import WatcherError
from agent.hearing import SILENCE_MS
from agent.reading import Channel, Sample
from agent.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, Pause, Supervisor, make_watcher
from agent.watchers.watcher import Emit, Fault, Kind, Seen, Watcher, WatcherSettings
from tests.agent.manual_clock import ManualClock

CLOCK = SystemClock()


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
        supervisors.append(Supervisor(watchers, heard, clock=CLOCK))
        supervisors[-1].start()
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        supervisor.stop()


def count(emit: Emit, stop: threading.Event) -> None:
    """A good watcher."""
    number = 0
    while not stop.wait(0.001):
        emit(Sample("good", "power", CLOCK.now(), number))
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


def test_sys_exit_ends_nothing_but_a_run(supervise: Callable[..., Supervisor], heard: Heard) -> None:
    def leave(emit: Emit, stop: threading.Event) -> None:
        sys.exit("enough")

    supervise(Scripted("bad", leave), Scripted("good", count))
    [fault, *_] = heard.wait_for(2, by="bad")
    assert isinstance(fault, Fault)
    assert fault.reason == "unobserved because the watcher failed (SystemExit: enough)"
    heard.wait_for(5, by="good")


def test_a_watcher_that_talks_nonsense_costs_its_own_time_alone(
    supervise: Callable[..., Supervisor], heard: Heard
) -> None:
    def babble(emit: Emit, stop: threading.Event) -> None:
        while not stop.wait(0.001):
            emit("nonsense")  # type: ignore[arg-type]

    supervise(Scripted("bad", babble), Scripted("good", count))
    [fault, *_] = heard.wait_for(2, by="bad")
    assert isinstance(fault, Fault)
    assert "expected a Sample, Fault, Seen or Card, found 'nonsense'" in fault.reason
    assert all(isinstance(said, Sample) for said in heard.wait_for(5, by="good"))


def test_a_watcher_that_is_silent_is_told_to_be(supervise: Callable[..., Supervisor], heard: Heard) -> None:
    clock = ManualClock()
    supervisor = Supervisor([Scripted("mute", lambda emit, stop: None)], heard, clock=clock)
    for _ in range(SILENCE_MS // 10_000):
        clock.advance(10_000)
        supervisor.look()
    assert heard.said == []
    clock.advance(1)
    supervisor.look()
    supervisor.look()
    [fault] = heard.said
    assert isinstance(fault, Fault)
    assert fault.reason == "unobserved because the watcher has said nothing for 60 s; it may hang"


SETTINGS = WatcherSettings(name="one", kind="acme", asset="A001")


class Made(Scripted):
    """What a kind makes; its parts may be spoilt."""

    kind = "acme"
    asset = "A001"

    def __init__(self, name: str = "one", **parts: object) -> None:
        super().__init__(name, count)
        vars(self).update(parts)


def make(monkeypatch: pytest.MonkeyPatch, maker: Callable[..., object]) -> Watcher:
    kind = Kind(WatcherSettings, maker)  # type: ignore[arg-type]
    monkeypatch.setattr(supervisor_module, "find_kind", lambda name: kind)
    return make_watcher(SETTINGS, CLOCK)


def why_not(watcher: Watcher) -> str:
    with pytest.raises(WatcherError) as caught:
        watcher.run(lambda said: None, threading.Event())
    return str(caught.value)


def test_what_a_kind_makes_is_the_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make(monkeypatch, lambda settings, clock: Made()), Made)


@pytest.mark.parametrize(
    ("maker", "why"),
    [
        (lambda settings, clock: 1 // 0, "kind 'acme' could not make its watcher (ZeroDivisionError: "),
        (lambda settings, clock: sys.exit(3), "kind 'acme' could not make its watcher (SystemExit: 3)"),
        (lambda settings, clock: None, "kind 'acme' made what is no watcher (AttributeError: "),
        (lambda settings, clock: Made("other"), "does not bear the configured name, kind and asset"),
        (lambda settings, clock: Made(channels=()), "without a tuple of 1 to 32 channels"),
        (lambda settings, clock: Made(channels=("power",)), "made a channel that is none"),
        (lambda settings, clock: Made(channels=(Channel("a b", "gauge", 1000),)), "made a channel that is none"),
        (lambda settings, clock: Made(channels=(Channel("a", "wave", 1000),)), "made a channel that is none"),
        (lambda settings, clock: Made(channels=(Channel("a", "gauge", 0),)), "made a channel that is none"),
        (lambda settings, clock: Made(channels=(Channel("a", "gauge", 1),) * 2), "two channels of one name"),
        (lambda settings, clock: Made(run=None), "a watcher that cannot run"),
    ],
)
def test_a_kind_that_makes_no_watcher_is_stood_in_for_by_one_that_says_so(
    monkeypatch: pytest.MonkeyPatch, maker: Callable[..., object], why: str
) -> None:
    watcher = make(monkeypatch, maker)
    assert (watcher.name, watcher.kind, watcher.asset) == ("one", "acme", "A001")
    assert watcher.channels == ()
    assert why in why_not(watcher)


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
