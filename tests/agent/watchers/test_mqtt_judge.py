"""What a plug's reports are worth, told in times only: no broker, no thread."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Instant
from agent.reading import Channel, Sample
from agent.watchers.mqtt_judge import COUNTER_AGE_MS, MqttJudge, Watched
from agent.watchers.mqtt_report import Nonsense, Reachable, Report
from agent.watchers.watcher import Fault, Said, Seen

WATTS = 905_000
WILL = "the last will of the plug"
HINT = "set TelePeriod 10"


def at(mono_ms: int) -> Instant:
    return Instant(1_764_554_400_000 + mono_ms, mono_ms)


class Plug:
    """A judged plug that reports every 10 s; each method returns what was said, `Seen` left out."""

    def __init__(self, **settings: Any) -> None:
        usual = {"watcher": "plug1", "channel": "power", "topic": "tele/x/SENSOR", "report_ms": 10_000, "hint": HINT}
        self.judge = MqttJudge(Watched(**{**usual, "max_w": 4000.0, **settings}))
        self.judge.subscribed(at(0))
        self.seen: list[Seen] = []

    def report(
        self, mono_ms: int, power_mw: int | None = None, counter_mwh: int | None = None, *, retained: bool = False
    ) -> list[Said]:
        return self._heard(self.judge.take(at(mono_ms), Report(power_mw, counter_mwh), retained=retained))

    def reachable(self, mono_ms: int, yes: bool, *, source: str = WILL, retained: bool = True) -> list[Said]:
        return self._heard(self.judge.take(at(mono_ms), Report(reachable=Reachable(source, yes)), retained=retained))

    def garbage(self, mono_ms: int, word: Any = "garbage") -> list[Said]:
        return self._heard(self.judge.unusable(at(mono_ms), Nonsense(word, "it is nonsense")))

    def look(self, mono_ms: int) -> list[Said]:
        return self._heard(self.judge.look(at(mono_ms)))

    def _heard(self, said: list[Said]) -> list[Said]:
        self.seen += [one for one in said if isinstance(one, Seen)]
        return [one for one in said if not isinstance(one, Seen)]


def sample(mono_ms: int, power_mw: int | str = WATTS, counter_mwh: int | None = None) -> Sample:
    return Sample("plug1", "power", at(mono_ms), power_mw, counter_mwh)


def reasons(said: list[Said]) -> list[str]:
    return [one.reason for one in said if isinstance(one, Fault)]


def test_a_report_is_a_sample_at_the_time_of_its_arrival() -> None:
    plug = Plug()
    assert plug.report(1000, WATTS, 5_000_000) == [sample(1000, WATTS, 5_000_000)]
    assert plug.report(11_000, 0, 5_002_000) == [sample(11_000, 0, 5_002_000)]


def test_a_retained_message_is_never_a_sample_and_the_silence_after_it_is_explained() -> None:
    plug = Plug()
    assert plug.report(100, WATTS, 5_000_000, retained=True) == []
    [told] = reasons(plug.look(30_200))
    assert told == (
        "unobserved because nothing came on tele/x/SENSOR for 30 s; a retained message was there, but it may be of any "
        "age: set TelePeriod 10"
    )


def test_a_message_without_power_is_no_sample() -> None:
    plug = Plug()
    assert plug.report(1000) == plug.report(2000, None, 5_000_000) == []
    assert plug.report(3000, WATTS) == [sample(3000, WATTS, 5_000_000)]


def test_silence_is_told_after_three_reports_and_once() -> None:
    plug = Plug()
    plug.report(1000, WATTS)
    assert plug.look(31_000) == []
    assert reasons(plug.look(31_001)) == [f"unobserved because nothing came on tele/x/SENSOR for 30 s: {HINT}"]
    assert plug.look(40_000) == plug.look(400_000) == []
    assert plug.report(400_500, WATTS) == [sample(400_500)]


def test_a_plug_that_speaks_of_other_things_only_is_told_apart_from_a_silent_one() -> None:
    plug = Plug()
    for mono_ms in range(1000, 40_000, 1000):
        plug.report(mono_ms)
    assert reasons(plug.look(40_000)) == [f"unobserved because messages came for 30 s, but no power: {HINT}"]
    assert reasons(plug.look(80_000)) == [f"unobserved because nothing came on tele/x/SENSOR for 30 s: {HINT}"]


@pytest.mark.parametrize("word", ["garbage", "absurd"])
def test_nonsense_is_borne_for_three_reports_and_counted(word: str) -> None:
    plug = Plug()
    plug.report(1000, WATTS)
    assert plug.garbage(11_000, word) == plug.garbage(21_000, word) == plug.garbage(31_000, word) == []
    assert reasons(plug.garbage(41_000, word)) == ["unobserved because it is nonsense"]
    assert plug.garbage(51_000, word) == plug.look(51_100) == []
    assert plug.report(61_000, WATTS) == [sample(61_000)]
    assert dict(plug.seen[-1].particulars)["unusable"] == 5


def test_nonsense_before_the_first_sample_is_told_at_once() -> None:
    assert reasons(Plug().garbage(1000)) == ["unobserved because it is nonsense"]


def test_while_the_last_will_stands_values_count_as_repetitions() -> None:
    plug = Plug()
    plug.report(1000, WATTS)
    told = f"unobserved because {WILL} says that it is offline; until that is taken back, values count as repetitions"
    assert reasons(plug.reachable(5000, False)) == [told]
    assert plug.report(11_000, WATTS) == plug.report(21_000, WATTS) == plug.look(100_000) == []
    assert plug.reachable(101_000, True) == []
    assert plug.report(102_000, WATTS) == [sample(102_000)]


def test_one_who_says_online_does_not_take_back_what_another_said() -> None:
    plug = Plug()
    plug.reachable(1000, False, source="the bridge of itself")
    plug.reachable(2000, True)
    assert plug.report(3000, WATTS) == []
    plug.reachable(4000, True, source="the bridge of itself")
    assert plug.report(5000, WATTS) == [sample(5000)]


def test_a_plug_that_is_back_online_and_then_says_nothing_is_silent_again() -> None:
    plug = Plug()
    plug.reachable(1000, False)
    plug.reachable(50_000, True)
    assert plug.look(80_000) == []
    assert len(reasons(plug.look(110_001))) == 1


def test_a_lost_broker_is_told_at_once_and_what_it_said_is_forgotten() -> None:
    plug = Plug()
    plug.reachable(500, False)
    lost = plug.judge.lost(at(1000), "broker", reason="the broker is gone")
    assert reasons(lost) == ["unobserved because the broker is gone"]
    assert plug.judge.lost(at(2000), "broker", reason="the broker is gone") == []
    plug.judge.subscribed(at(3000))
    assert plug.report(4000, WATTS) == [sample(4000)]


# The counter


def test_a_counter_that_no_load_explains_holds_its_report_back_and_a_reset_goes_through() -> None:
    plug = Plug()
    plug.report(0, WATTS, 5_000_000)
    assert plug.report(10_000, WATTS, 900_000_000) == []
    assert plug.report(20_000, WATTS, 5_002_000) == [sample(20_000, WATTS, 5_002_000)]
    assert plug.report(30_000, WATTS, 0) == []
    assert plug.report(40_000, WATTS, 1000) == [sample(40_000, WATTS, 1000)]


def test_a_counter_that_leapt_and_stays_there_ends_the_block_so_that_the_leap_becomes_no_energy() -> None:
    plug = Plug()
    plug.report(1_000, WATTS, 1_000_000)
    assert plug.report(11_000, WATTS, 900_000_000) == []
    fault, after = plug.report(21_000, WATTS, 900_002_000)
    assert "and stays there: the meter was replaced" in reasons([fault])[0]
    assert after == sample(21_000, counter_mwh=900_002_000)
    assert plug.report(31_000, WATTS, 900_004_000) == [sample(31_000, counter_mwh=900_004_000)]


def test_a_value_waits_a_second_for_its_counter_where_they_come_apart() -> None:
    plug = Plug(apart=True)
    assert plug.report(1000, WATTS) == []
    assert plug.report(1020, None, 5_000_000) == [sample(1000, WATTS, 5_000_000)]
    assert plug.report(11_000, 7000) == plug.look(11_900) == []
    assert plug.look(12_001) == [sample(11_000, 7000, 5_000_000)]
    assert plug.report(21_000, WATTS) == []
    assert plug.report(21_500, 8000) == [sample(21_000, WATTS, 5_000_000)]
    assert plug.report(21_510, None, 5_002_000) == [sample(21_500, 8000, 5_002_000)]


def test_a_value_that_is_told_twice_is_one_sample_with_the_counter_of_the_second() -> None:
    plug = Plug(apart=True)
    assert plug.report(1000, WATTS) == []
    assert plug.report(1005, WATTS, 5_000_000) == [sample(1005, WATTS, 5_000_000)]


def test_no_counter_is_carried_over_a_hole_for_it_would_prove_that_nothing_ran() -> None:
    plug = Plug()
    plug.report(1000, WATTS, 5_000_000)
    assert plug.report(2000, WATTS) == [sample(2000, WATTS, 5_000_000)]
    plug.look(40_000)
    assert plug.report(50_000, WATTS) == [sample(50_000, WATTS, None)]
    assert plug.report(60_000, WATTS, 5_100_000) == [sample(60_000, WATTS, 5_100_000)]
    assert plug.report(100_000, WATTS) == [sample(100_000, WATTS, None)]  # nobody looked, and it is a hole all the same


def test_a_counter_that_grew_old_is_not_carried_on() -> None:
    plug = Plug()
    plug.report(0, WATTS, 5_000_000)
    carried = [plug.report(mono_ms, WATTS + mono_ms) for mono_ms in range(10_000, COUNTER_AGE_MS + 30_000, 10_000)]
    counters = [one.counter_mwh for [one] in carried if isinstance(one, Sample)]
    assert counters == [5_000_000] * 18 + [None] * 2


def test_power_and_counter_that_both_repeat_themselves_for_too_long_are_frozen() -> None:
    plug = Plug()
    said = [one for mono_ms in range(0, 1_200_000, 10_000) for one in plug.report(mono_ms, WATTS, 5_000_000)]
    [told] = reasons(said)
    assert "power and counter repeat themselves, though this counter should have risen" in told
    fault = next(one for one in said if isinstance(one, Fault))
    assert 790_000 <= fault.at.mono_ms <= 800_000  # 905 W need 796 s for 0.2 kWh
    assert said[-1] is fault
    assert plug.report(1_200_000, WATTS + 1000, 5_000_000) == [sample(1_200_000, WATTS + 1000, 5_000_000)]


@pytest.mark.parametrize(("power_mw", "counter_mwh"), [(0, 5_000_000), (-2000, 5_000_000), (WATTS, None)])
def test_repeating_oneself_at_rest_or_without_a_counter_is_no_sign_of_anything(
    power_mw: int, counter_mwh: int | None
) -> None:
    plug = Plug()
    said = [one for mono_ms in range(0, 3_600_000, 10_000) for one in plug.report(mono_ms, power_mw, counter_mwh)]
    assert len(said) == 360
    assert reasons(said) == []


# What nobody may be able to do


def test_a_plug_that_comes_and_goes_again_and_again_cannot_fill_the_journal() -> None:
    plug = Plug()
    said: list[Said] = []
    for mono_ms in range(0, 600_000, 100):
        said += plug.reachable(mono_ms, False)
        said += plug.reachable(mono_ms + 10, True)
        said += plug.report(mono_ms + 20, WATTS)
    assert len([one for one in said if isinstance(one, Sample)]) <= 60 + 60
    assert len(reasons(said)) <= 60 + 61


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40_000),
        st.sampled_from(["report", "partial", "retained", "garbage", "offline", "online", "look", "lost", "again"]),
        st.integers(-5_000_000, 5_000_000),
        st.none() | st.integers(0, 10**13),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_whatever_comes_samples_are_in_order_and_only_of_live_reports_while_nobody_says_offline(
    steps: list[tuple[int, str, int, int | None]], apart: bool
) -> None:
    plug, mono_ms, offline, live = Plug(apart=apart), 0, False, set()
    samples: list[Sample] = []
    for passed_ms, what, power_mw, counter_mwh in steps:
        mono_ms += passed_ms
        said: list[Said] = []
        match what:
            case "report":
                live.add((mono_ms, power_mw))
                said = plug.report(mono_ms, power_mw, counter_mwh)
            case "partial":
                said = plug.report(mono_ms, None, counter_mwh)
            case "retained":
                said = plug.report(mono_ms, power_mw, counter_mwh, retained=True)
            case "garbage":
                said = plug.garbage(mono_ms)
            case "offline" | "online":
                offline = what == "offline"
                said = plug.reachable(mono_ms, not offline)
            case "look":
                said = plug.look(mono_ms)
            case "lost":
                said = plug.judge.lost(at(mono_ms), "broker", reason="gone")
                offline = False
            case "again":
                plug.judge.subscribed(at(mono_ms))
        new = [one for one in said if isinstance(one, Sample)]
        assert not (new and offline)
        samples += new
    assert [one.at.mono_ms for one in samples] == sorted(one.at.mono_ms for one in samples)
    assert {(one.at.mono_ms, one.value) for one in samples} <= live


def test_words_are_judged_as_numbers_are() -> None:
    plug = Plug(channel="shutter")
    report = Report("open")
    said = plug.judge.take(at(1000), report, retained=False)
    assert said[-1] == Sample("plug1", "shutter", at(1000), "open")
    assert Channel("shutter", "state", 10_000).name == "shutter"
