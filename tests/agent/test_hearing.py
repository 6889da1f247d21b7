"""What a watcher says is held against what it may say; nothing that anybody's code says reaches the others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import hearing
from agent.clock import Instant
from agent.hearing import BURST_MS, EVERY_MS, OLDEST_MS, STRANGE_CLOCK, YOUNGEST_MS, Ear, objection
from agent.reading import BlockBuilder, Channel, Sample
from agent.watchers.watcher import Card, Fault, Seen
from protocol.entry import MAX_INT, encode, make
from tests.agent.manual_clock import ManualClock

NOW = ManualClock().now()
CHANNELS = {
    channel.name: channel
    for channel in (
        Channel("power", "gauge", 1000),
        Channel("mode", "state", 1000),
        Channel("growth", "count", 1000),
        Channel("door", "event", 1000),
    )
}


class Odd:
    """A value of anybody's making."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "said",
    [
        Sample("one", "power", NOW, -5, 0),
        Sample("one", "power", NOW, MAX_INT),
        Sample("one", "mode", NOW, "运行"),
        Sample("one", "growth", NOW, 0),
        Sample("one", "door", NOW, "x" * 64),
        Fault("one", NOW, "gone"),
        Seen("one", NOW, (("port", "COM3"), ("pid", 7), ("locked", True))),
        Card("one", NOW, "0A1B2C"),
    ],
)
def test_what_a_watcher_may_say_is_not_objected_to(said: Any) -> None:
    assert objection(said, name="one", channels=CHANNELS) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "expected a Sample, Fault, Seen or Card, found None"),
        (("one", "power", NOW, 5), "found a tuple"),
        (Odd(), "found a Odd"),
        (Sample("two", "power", NOW, 5), "it speaks as 'two'"),
        (Sample(Odd(), "power", NOW, 5), "it speaks as a Odd"),
        (Sample("one", "power", (1, 2), 5), "expected an Instant"),
        (Sample("one", "power", Instant(1.5, 2), 5), "expected an Instant"),
        (Sample("one", "volts", NOW, 5), "it has no channel 'volts'; known: power, mode, growth, door"),
        (Sample("one", ["power"], NOW, 5), "it has no channel a list"),
        (Sample("one", "power", NOW, 5.0), "channel power takes a whole number, found 5.0"),
        (Sample("one", "power", NOW, True), "channel power takes a whole number, found True"),
        (Sample("one", "power", NOW, MAX_INT + 1), "channel power takes a whole number"),
        (Sample("one", "power", NOW, "5"), "channel power takes a whole number"),
        (Sample("one", "power", NOW, float("nan")), "channel power takes a whole number, found nan"),
        (Sample("one", "power", NOW, 5, -1), "a counter is a whole number of mWh, found -1"),
        (Sample("one", "growth", NOW, -1), "channel growth takes a whole number, found -1"),
        (Sample("one", "mode", NOW, ""), "channel mode takes a word"),
        (Sample("one", "mode", NOW, "x" * 65), "channel mode takes a word"),
        (Sample("one", "mode", NOW, "on\n"), "channel mode takes a word"),
        (Sample("one", "mode", NOW, "\udcff"), "channel mode takes a word"),
        (Sample("one", "door", NOW, 1), "channel door takes a word"),
        (Fault("one", NOW, Odd()), "expected a text, found a Odd"),
        (Card("one", NOW, 17), "expected a text, found 17"),
        (Seen("one", NOW, {"port": "COM3"}), "expected pairs"),
        (Seen("one", NOW, (("port", Odd()),)), "expected pairs"),
        (Seen("one", NOW, (("port", "x" * 501),)), "expected pairs"),
        (Seen("one", NOW, (("a", 1),) * 51), "expected pairs"),
    ],
)
def test_nonsense_is_objected_to(said: Any, why: str) -> None:
    found = objection(said, name="one", channels=CHANNELS)
    assert found is not None
    assert why in found


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.binary(max_size=9),
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=2),
    max_leaves=6,
)


SAMPLES = st.builds(Sample, st.just("one"), st.sampled_from([*CHANNELS]), st.just(NOW), ANYTHING, ANYTHING)


@given(ANYTHING | SAMPLES | st.builds(Seen, st.just("one"), st.just(NOW), ANYTHING))
def test_whatever_is_said_is_judged_and_what_passes_can_be_journalled(said: Any) -> None:
    if objection(said, name="one", channels=CHANNELS) is None and isinstance(said, Sample):
        builder = BlockBuilder("one", CHANNELS[said.channel])
        builder.add(said)
        builder.add(said._replace(at=Instant(NOW.wall_ms + 1000, NOW.mono_ms + 1000)))
        for block in builder.close():
            encode(make(block.reading, index=0, wall_ms=NOW.wall_ms, mono_ms=NOW.mono_ms, boot="5f3a9c01"))


class Watched:
    """A watcher as far as an ear sees it."""

    name = "one"

    def __init__(self, *channels: Channel) -> None:
        self.channels = channels or tuple(CHANNELS.values())


class Hall:
    """An ear on a clock that the test moves, and what came through it."""

    def __init__(self, *channels: Channel) -> None:
        self.clock = ManualClock()
        self.heard: list[Any] = []
        self.ear = Ear(Watched(*channels), self.heard.append, self.clock)  # type: ignore[arg-type]

    def say(self, said: Any) -> list[Any]:
        self.heard.clear()
        self.ear(said)
        return list(self.heard)

    def sample(self, at: Instant | None = None) -> Sample:
        return Sample("one", "power", at or self.clock.now(), 5)

    def wait(self, ms: int) -> None:
        """Let time pass, in steps in which the supervisor looks."""
        for step_ms in (*(10_000,) * (ms // 10_000), ms % 10_000):
            self.clock.advance(step_ms)
            self.ear.notice_silence()

    def fault(self) -> Fault:
        return Fault("one", self.clock.now(), "gone")


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_what_may_be_said_is_passed_on_as_it_is(hall: Hall) -> None:
    for said in (hall.sample(), hall.fault(), Card("one", hall.clock.now(), "0A")):
        assert hall.say(said) == [said]


def test_nonsense_becomes_a_fault_of_its_watcher(hall: Hall) -> None:
    [fault] = hall.say("nonsense")
    assert fault == Fault(
        "one",
        hall.clock.now(),
        "unobserved because the watcher said what no watcher may say: "
        "expected a Sample, Fault, Seen or Card, found 'nonsense'",
    )


@pytest.mark.parametrize("age_ms", [-YOUNGEST_MS - 1, OLDEST_MS + 1, 10**12, -(10**12)])
def test_a_time_that_is_not_now_is_nonsense(hall: Hall, age_ms: int) -> None:
    now = hall.clock.now()
    [fault] = hall.say(hall.sample(Instant(now.wall_ms - age_ms, now.mono_ms - age_ms)))
    assert "s from now on the monotonic clock" in fault.reason


def test_a_line_that_waited_in_a_pipe_is_in_time(hall: Hall) -> None:
    now = hall.clock.now()
    said = hall.sample(Instant(now.wall_ms - 3000, now.mono_ms - 3000))
    assert hall.say(said) == [said]


def test_what_was_said_before_a_jump_of_the_clock_is_not_believed_and_no_fault(hall: Hall) -> None:
    before = hall.clock.now()
    hall.clock.step(3_600_000)
    assert hall.say(hall.sample(before)) == []
    said = hall.sample()
    assert hall.say(said) == [said]


def test_a_fault_from_before_a_jump_is_told_with_the_time_of_now(hall: Hall) -> None:
    fault = hall.fault()
    hall.clock.step(-3_600_000)
    assert hall.say(fault) == [fault._replace(at=hall.clock.now())]


def test_a_clock_of_its_own_is_nonsense(hall: Hall) -> None:
    strange = Instant(0, hall.clock.now().mono_ms)
    for _ in range(STRANGE_CLOCK):
        assert hall.say(hall.sample(strange)) == []
    [fault] = hall.say(hall.sample(strange))
    assert "its two times are not those of the agent's clock" in fault.reason


def test_a_flood_is_slowed_down_in_its_own_thread(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(hearing.time, "sleep", slept.append)
    for _ in range(BURST_MS // EVERY_MS):
        hall.say(hall.sample())
    assert slept == []
    hall.say(hall.sample())
    assert slept == [EVERY_MS / 1000]
    hall.clock.advance(BURST_MS)
    hall.say(hall.sample())
    assert len(slept) == 1


def test_one_that_recovers_again_and_again_stays_failed(hall: Hall) -> None:
    recovered = 0
    for _ in range(200):
        hall.say(hall.fault())
        recovered += len(hall.say(hall.sample()))
    assert recovered == 60
    assert hall.say(hall.sample()) == [], "the last that was heard is the fault"
    hall.clock.advance(10_000)
    assert len(hall.say(hall.sample())) == 1


def test_silence_is_told_once_until_something_is_heard(hall: Hall) -> None:
    hall.say(hall.sample())
    for _ in range(2):
        hall.heard.clear()
        hall.wait(60_000)
        assert hall.heard == []
        hall.wait(30_001)
        assert [fault.reason for fault in hall.heard] == [
            "unobserved because the watcher has said nothing for 70 s; it may hang"
        ]
        assert len(hall.say(hall.sample())) == 1


def test_after_a_sleep_of_the_whole_machine_no_watcher_is_blamed(hall: Hall) -> None:
    hall.say(hall.sample())
    hall.heard.clear()
    hall.clock.advance(8 * 3_600_000)
    hall.ear.notice_silence()
    hall.wait(60_000)
    assert hall.heard == []


def test_one_that_said_why_it_sees_nothing_may_be_silent(hall: Hall) -> None:
    hall.say(hall.fault())
    hall.heard.clear()
    hall.wait(3_600_000)
    assert hall.heard == []


@pytest.mark.parametrize(
    ("channel", "is_told"), [(Channel("growth", "count", 600_000), True), (Channel("card", "event", 1000), False)]
)
def test_silence_is_measured_by_the_poll_and_events_alone_have_none(channel: Channel, is_told: bool) -> None:
    hall = Hall(channel)
    hall.wait(1_800_000)
    assert hall.heard == []
    hall.wait(1)
    assert bool(hall.heard) is is_told
