"""An instrument on a pseudo-terminal that is asked for its state by the real child process."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent import config
from agent.clock import SystemClock
from agent.config import load
from agent.errors import ConfigurationError
from agent.reading import Sample
from agent.simulator.status import Fault as InstrumentFault
from agent.simulator.status import PtyInstrument
from agent.watchers.status_poll import StatusPoll, StatusPollSettings
from agent.watchers.watcher import Fault, Seen
from tests.agent.watchers.bench import Ears
from tests.agent.watchers.pty_bench import PtyBench

HEAD = '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:8321"\n[[watcher]]\n'
TABLE = 'name = "xrd"\nkind = "status-poll"\nport = "/dev/ttyUSB0"\n'


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[PtyBench[PtyInstrument]]:
    bench = PtyBench(tmp_path / "ttyXRD", PtyInstrument)
    yield bench
    bench.unplug()


@pytest.fixture
def watch(bench: PtyBench[PtyInstrument]) -> Iterator[Callable[..., Ears]]:
    started: list[Ears] = []

    def start(**settings: Any) -> Ears:
        table = {
            "name": "xrd", "kind": "status-poll", "asset": "A001", "port": str(bench.link), "profile": "scpi",
            "disturbs": "accepted", "poll_s": 0.2, "timeout_s": 0.2, "quiet_after_s": 0.4, **settings,
        }  # fmt: skip
        started.append(Ears(StatusPoll(msgspec.convert(table, StatusPollSettings), SystemClock())))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


@pytest.mark.parametrize("profile", ["scpi", "ascii"])
def test_the_state_is_asked_and_told(bench: PtyBench[PtyInstrument], watch: Callable[..., Ears], profile: str) -> None:
    ears = watch(profile=profile)
    assert ears.wait(Sample).value == "standby"
    bench.device.state = "run"
    said = ears.wait(Sample, lambda sample: sample.value == "run")
    assert (said.watcher, said.channel) == ("xrd", "status")
    seen = ears.said[0]
    assert isinstance(seen, Seen)
    assert ("profile", profile) in seen.particulars
    assert not [said for said in ears.said if isinstance(said, Fault)]


def test_nothing_but_the_question_is_sent(bench: PtyBench[PtyInstrument], watch: Callable[..., Ears]) -> None:
    ears = watch()
    for _ in range(4):
        ears.wait(Sample)
    ears.stop()
    assert set(bench.device.asked) == {b"STAT:OPER:COND?"}


def test_a_profile_of_ones_own_is_asked_by(watch: Callable[..., Ears]) -> None:
    own = {"ask": "STATUS?", "ends_with": "\r\n", "answers": [["IDLE", "prepare"], ["RUN", "run"]]}
    assert watch(own=own, profile="acme").wait(Sample).value == "prepare"


def test_an_echo_is_passed_over(bench: PtyBench[PtyInstrument], watch: Callable[..., Ears]) -> None:
    bench.device.fault = "echo"
    ears = watch()
    for _ in range(3):
        assert ears.wait(Sample).value == "standby"
    assert not [said for said in ears.said if isinstance(said, Fault)]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("silent", "unobserved because no answer to 'STAT:OPER:COND?' within 0.2 s: is the instrument on"),
        ("half", "unobserved because no whole answer to 'STAT:OPER:COND?' within 0.2 s, only '0': check ends_with"),
        ("unknown", "unobserved because the answer 'WARMING UP 37 %\\r' means no state by profile scpi"),
        ("garbage", "means no state by profile scpi"),
        ("flood", "unobserved because more than 200 bytes came without an end of line"),
    ],
)
def test_an_instrument_in_trouble_is_unobserved_with_the_reason_and_asked_again(
    bench: PtyBench[PtyInstrument], watch: Callable[..., Ears], fault: InstrumentFault, says: str
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.device.fault = fault
    told = ears.heard(Fault, lambda told: says in told.reason)
    bench.device.fault = None
    again = ears.wait(Sample)
    assert again.at > told.at
    assert {sample.value for sample in ears.samples()} == {"standby"}


def test_a_late_answer_is_not_taken_for_the_next_one(
    bench: PtyBench[PtyInstrument], watch: Callable[..., Ears]
) -> None:
    bench.device.state = "run"
    bench.device.fault = "late"  # by 0.6 s: within the quiet time
    ears = watch(quiet_after_s=1)
    ears.heard(Fault, lambda told: "answers only after the time-out of 0.2 s: raise timeout_s" in told.reason)
    bench.device.state, bench.device.fault = "standby", None
    assert ears.wait(Sample).value == "standby"
    assert "run" not in {sample.value for sample in ears.samples()}


def test_an_unplugged_port_is_said_and_asked_again_within_five_seconds(
    bench: PtyBench[PtyInstrument], watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.unplug()
    assert ears.heard(Fault).reason.endswith("was the adapter unplugged?")
    bench.plug()
    ears.wait(Sample, within_s=5)


def test_a_child_that_dies_is_replaced(watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    children = psutil.Process().children()
    next(one for one in children if "agent.watchers.status_port" in one.cmdline()).send_signal(signal.SIGKILL)
    assert ears.heard(Fault).reason == "unobserved because its process ended with exit code -9"
    ears.wait(Sample)


# Configuration


def configured(tmp_path: Path, table: str) -> config.Configuration:
    path = tmp_path / "agent.toml"
    path.write_text(HEAD + TABLE + table)
    return load(path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            'profile = "scpi"',
            "watcher[0].disturbs: a status poll talks to the instrument and can disturb an acquisition",
        ),
        ("timeout_s = 3", "watcher[0].quiet_after_s: expected at least twice timeout_s"),
        ("", "watcher[0].profile: no built-in profile ''; known: scpi, ascii; else describe it in own"),
        ('profile = "scpy"', "watcher[0].profile: no built-in profile 'scpy'"),
        ('[watcher.own]\nask = "*RST"\nanswers = [["1", "run"]]', "watcher[0].own.ask: '*RST' has no `?`"),
        ('[watcher.own]\nask_hex = "05"\nanswers = [["1", "run"]]', "watcher[0].own.ask: holds control characters"),
        ('[watcher.own]\nask = "S?"\nask_hex = "05"', "own.ask: expected the question as ask (text) or as ask_hex"),
        ('[watcher.own]\nask = "S?"', "watcher[0].own.answers: expected answers (patterns) or bits (masks)"),
        ('[watcher.own]\nask = "S?"\nanswers = [["(a+)+", "run"]]', "own.answers: '(a+)+' repeats a group"),
        ('[watcher.own]\nask = "S?"\nanswers = [["a", "run"]]\notherwise = "off"', "own.otherwise: goes with bits"),
        (
            '[watcher.own]\nask = "S?"\nanswers = [["a", "runs"]]',
            "watcher[0].own.answers: expected pairs like [['RUN.*', 'run']], at most 50, with the",
        ),
        ('profile_file = "none.toml"', "watcher[0].profile_file: "),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(tmp_path, table)
    assert says in str(caught.value)


def test_a_profile_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text('ask_hex = "05"\nis_query = true\nbits = [[3, "run"]]\notherwise = "standby"\n')
    [settings] = configured(tmp_path, 'profile_file = "acme.toml"\ndisturbs = "accepted"\n').watchers
    assert isinstance(settings, StatusPollSettings)
    assert settings.chosen() == ("acme", b"\x05", b"\n", (), ((3, "run"),), "standby")


def test_what_is_in_force_can_be_read_back(tmp_path: Path) -> None:
    own = '[watcher.own]\nask = "S?"\nbits = [[3, "run"]]\n'
    configuration = configured(tmp_path, f'disturbs = "accepted"\n{own}')
    path = tmp_path / "again.toml"
    path.write_text(config.effective(configuration))
    assert load(path).watchers == configuration.watchers
