"""A DL/T 645 meter over a real pseudo-terminal, read by the real child process: trouble has its message."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent.clock import SystemClock
from agent.reading import Block, BlockBuilder, Channel, Notice, Sample
from agent.simulator.dlt645_meter import ADDRESS, NEXT_ADDRESS, Dlt645Meter
from agent.watchers import dlt645_port
from agent.watchers.dlt645_meter import Dlt645Meter as Watcher
from agent.watchers.dlt645_meter import Dlt645MeterSettings
from agent.watchers.serial_port import LineSettings, open_port
from agent.watchers.watcher import Fault, Seen
from tests.agent.manual_clock import ManualClock
from tests.agent.watchers.bench import POWER_MW, Bench, Ears, Said


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Plugs a meter in at a name."""
    plugged = []

    def at(name: str, **more: Any) -> Bench:
        plugged.append(Bench(tmp_path / name, meter="dlt645", **more))
        plugged[-1].plug()
        return plugged[-1]

    yield at
    for bench in plugged:
        bench.unplug()


@pytest.fixture
def bench(plug: Callable[..., Bench]) -> Bench:
    return plug("ttyMETER")


@pytest.fixture
def watch(bench: Bench) -> Iterator[Callable[..., Ears]]:
    """Starts a watcher at the bench's port; settings may be given."""
    started: list[Ears] = []

    def start(**settings: Any) -> Ears:
        started.append(Ears(Watcher(settings_for(bench.link, **settings), SystemClock())))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


def settings_for(link: Path, **settings: Any) -> Dlt645MeterSettings:
    given = {"name": "meter1", "kind": "dlt645-meter", "asset": "A001", "port": str(link), "address": ADDRESS}
    quick = {"poll_s": 0.1, "timeout_s": 0.1, "baudrate": 19_200}
    return msgspec.convert({**given, **quick, **settings}, Dlt645MeterSettings)


def faults_of(ears: Ears) -> list[Fault]:
    return [said for said in ears.said if isinstance(said, Fault)]


def address_of(ears: Ears) -> str:
    seen = [said for said in ears.said if isinstance(said, Seen)]
    return str(dict(seen[-1].particulars)["address"])


def recorded(ears: Ears) -> list[Block | Notice]:
    """What would be journalled of what was said."""
    builder = BlockBuilder("meter1", Channel("power", "gauge", 100))
    done: list[Block | Notice] = []
    for said in ears.said:
        if isinstance(said, Sample):
            done += builder.add(said)
        elif isinstance(said, Fault):
            done += builder.close()
    return done + builder.close()


def test_power_and_counter_come_from_the_meter_with_both_clocks(watch: Callable[..., Ears]) -> None:
    before = SystemClock().now()
    ears = watch()
    first = ears.wait(Sample)
    second = ears.wait(Sample, lambda sample: sample.at > first.at)
    assert (first.watcher, first.channel, first.value) == ("meter1", "power", POWER_MW)
    assert first.counter_mwh is not None
    assert first.counter_mwh % 10_000 == 0
    assert before.mono_ms <= first.at.mono_ms < second.at.mono_ms <= SystemClock().now().mono_ms
    assert not faults_of(ears)


@pytest.mark.parametrize("fault", ["echo", "noise"])
def test_echo_and_noise_do_no_harm(bench: Bench, watch: Callable[..., Ears], fault: Any) -> None:
    bench.suffer(fault)
    ears = watch()
    for _ in range(8):
        ears.wait(Sample)
    assert {sample.value for sample in ears.samples()} == {POWER_MW}
    assert not faults_of(ears)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("silent", f"unobserved because no answer from meter {ADDRESS} within 0.1 s: check power, wiring (A/B)"),
        ("garbage", "unobserved because no intact frame in"),
        ("half", "unobserved because no intact frame in"),
        ("flood", "unobserved because a flood of bytes without an answer"),
        ("wrong-address", f"unobserved because meter {NEXT_ADDRESS} answered though meter {ADDRESS} was asked"),
        ("late", f"unobserved because meter {ADDRESS} answers only after the time-out of 0.1 s"),
        ("refused", "unobserved because the meter refused 02030000: other error"),
        ("followed", "unobserved because the meter answered 02030000 with 3 bytes of several parts instead of 3"),
    ],
)
def test_a_meter_in_trouble_is_unobserved_with_the_reason_and_recorded_again_afterwards(
    bench: Bench, watch: Callable[..., Ears], fault: Any, says: str
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.suffer(fault)
    told = ears.heard(Fault, lambda told: says in told.reason)
    silent_since = ears.samples()[-1].at.mono_ms
    bench.suffer(None)
    recovered = ears.wait(Sample)
    assert silent_since < told.at.mono_ms < recovered.at.mono_ms
    assert {sample.value for sample in ears.samples()} == {POWER_MW}
    assert len(faults_of(ears)) <= 3  # told once each, not at every poll


def test_an_unplugged_port_is_said_at_once_and_the_watcher_is_back_within_five_seconds(
    bench: Bench, watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.unplug()
    assert ears.heard(Fault).reason.endswith("was the adapter unplugged?")
    bench.plug()
    plugged_s = time.monotonic()
    ears.wait(Sample)
    assert time.monotonic() - plugged_s < 5
    assert len(faults_of(ears)) == 1


def test_a_child_that_dies_is_replaced_at_the_same_port_with_the_same_settings(watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    children = psutil.Process().children()
    next(child for child in children if Watcher.child_module in child.cmdline()).kill()
    assert ears.heard(Fault).reason == "unobserved because its process ended with exit code -9"
    assert ears.wait(Sample).value == POWER_MW
    assert len(faults_of(ears)) == 1


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A meter in a process of its own, so that it can hang."""
    command = [sys.executable, "-m", "agent.simulator.cli", "--model", "oven", "--meter", "dlt645"]
    command += ["--link", str(tmp_path / "ttySIM"), "--truth", str(tmp_path / "truth.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_a_meter_that_hangs_is_unobserved_and_its_belated_answers_are_no_values(
    tmp_path: Path, simulator: subprocess.Popen[str], watch: Callable[..., Ears]
) -> None:
    ears = watch(port=str(tmp_path / "ttySIM"))
    for _ in range(3):
        ears.wait(Sample)
    simulator.send_signal(signal.SIGSTOP)
    hung = ears.heard(Fault)
    assert "no answer from meter" in hung.reason
    simulator.send_signal(signal.SIGCONT)
    for _ in range(3):
        ears.wait(Sample)
    before, after = (block.reading for block in recorded(ears) if isinstance(block, Block))
    assert before.start_mono_ms + sum(before.durations_ms) < hung.at.mono_ms < after.start_mono_ms


def test_power_that_flows_back_is_negative(plug: Callable[..., Bench], watch: Callable[..., Ears]) -> None:
    ears = watch(port=str(plug("ttyBACK", power_mw=-POWER_MW).link))
    assert ears.wait(Sample).value == -POWER_MW


@pytest.mark.parametrize("to_wh", [0, 1_000_000_000], ids=["reset by command", "rolled over after 999999.99 kWh"])
def test_a_counter_that_starts_again_is_noted_and_goes_on(bench: Bench, watch: Callable[..., Ears], to_wh: int) -> None:
    bench.set_counter(999_999_980)
    ears = watch()
    before = ears.wait(Sample)
    assert before.counter_mwh == 999_999_980_000
    bench.set_counter(to_wh)
    after = ears.wait(Sample, lambda sample: sample.counter_mwh != before.counter_mwh)
    ears.wait(Sample)
    assert after.counter_mwh == 0
    assert not faults_of(ears)
    [notice] = [each for each in recorded(ears) if isinstance(each, Notice)]
    assert notice.reason.startswith("counter reset: it fell from 999999980000 to 0 mWh")


# Which meter


def test_a_meter_alone_on_its_line_is_found_by_any(watch: Callable[..., Ears]) -> None:
    ears = watch(address="any")
    assert ears.wait(Sample).value == POWER_MW
    assert address_of(ears) == ADDRESS


def test_the_port_is_the_one_where_the_meter_with_this_address_answers(
    tmp_path: Path, plug: Callable[..., Bench], watch: Callable[..., Ears]
) -> None:
    plug("ttyUSB0").become(Dlt645Meter(NEXT_ADDRESS))
    plug("ttyUSB1").suffer("silent")
    plug("ttyUSB2")
    ears = watch(port=[f"{tmp_path}/ttyUSB*"])
    ears.wait(Sample)
    [seen] = [said for said in ears.said if isinstance(said, Seen)]
    assert dict(seen.particulars) == {"port": f"{tmp_path}/ttyUSB2", "address": ADDRESS}


# Settings


def test_the_defaults_are_those_of_a_meter_as_it_leaves_the_factory() -> None:
    given = {"name": "m", "kind": "dlt645-meter", "port": "/dev/ttyUSB0", "address": ADDRESS}
    settings = msgspec.convert(given, Dlt645MeterSettings)
    assert settings.line == LineSettings(baudrate=2400, parity="E", stopbits=1, bytesize=8)
    assert (settings.poll_s, settings.wake_bytes) == (1.0, 4)
    assert settings.timeout_s > 0.5, "the standard lets a meter think for half a second"
    assert list(settings.faults()) == []


@pytest.mark.parametrize("address", ["161", "00000000016A", "AAAAAAAAAAAA", "0000000001611", "", "ANY"])
def test_an_address_has_twelve_digits(address: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="address"):
        settings_for(Path("/dev/null"), address=address)


def test_polling_faster_than_the_wire_can_carry_is_refused() -> None:
    [(key, says)] = settings_for(Path("/dev/null"), baudrate=1200, poll_s=0.5).faults()
    assert key == "poll_s"
    assert says == (
        "at 1200 baud a poll takes 0.85 s on the wire alone; raise poll_s, or the baudrate, here and in the meter"
    )


def test_a_byte_of_wrong_parity_is_made_a_zero_by_the_system(bench: Bench) -> None:
    line = settings_for(bench.link).line
    with open_port(str(bench.link), line) as port:
        assert not termios.tcgetattr(port.fileno())[0] & termios.INPCK, "pyserial lets it through"
        dlt645_port.observe(port, line, {"address": ADDRESS, "timeout_s": 0.1, "wakes": 4, "poll_s": 1})
        assert termios.tcgetattr(port.fileno())[0] & termios.INPCK


def test_a_port_that_cannot_heed_parity_is_left_as_it_is() -> None:
    with Path(os.devnull).open("rb") as no_terminal:
        dlt645_port.heed_parity(no_terminal)  # type: ignore[arg-type]


# The parent's judgement, without any port


class Desk:
    """A watcher that is handed the child's lines, one a second."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._watcher = Watcher(settings_for(Path("/dev/null"), poll_s=1, address=address), ManualClock())
        self._mono_ms = 0

    def hand(self, energy_mwh: int, *, address: str = ADDRESS) -> list[Said]:
        self._mono_ms += 1000
        line = {"wall_ms": 1_764_554_400_000 + self._mono_ms, "mono_ms": self._mono_ms, "power_mw": 5}
        said: list[Said] = []
        self._watcher.take(msgspec.json.encode({**line, "energy_mwh": energy_mwh, "address": address}), said.append)
        return said


def test_a_counter_that_rises_faster_than_eighty_kilowatts_can_holds_its_poll_back() -> None:
    desk = Desk()
    assert [type(said) for said in desk.hand(5_000_000)] == [Seen, Sample]
    assert [type(said) for said in desk.hand(5_120_000)] == [Sample]
    assert desk.hand(5_320_000) == []
    assert [type(said) for said in desk.hand(5_130_000)] == [Sample]


def test_a_meter_that_was_exchanged_is_told_at_once_and_counts_from_then_on() -> None:
    desk = Desk("any")
    desk.hand(5_000_000)
    [told] = desk.hand(9_000_000, address=NEXT_ADDRESS)
    assert isinstance(told, Fault)
    assert told.reason == (
        f"unobserved because meter {NEXT_ADDRESS} answers where meter {ADDRESS} did; it counts from now on"
    )
    desk.hand(9_000_000, address=NEXT_ADDRESS)
    seen, sample = desk.hand(9_000_000, address=NEXT_ADDRESS)
    assert dict(seen.particulars)["address"] == NEXT_ADDRESS  # type: ignore[union-attr]
    assert isinstance(sample, Sample)
