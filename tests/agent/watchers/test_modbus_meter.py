"""A meter over a real pseudo-terminal, read by the real child process: trouble has its message, recording goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent.clock import SystemClock
from agent.reading import Block, BlockBuilder, Channel, Notice, Sample
from agent.watchers import serial_watcher
from agent.watchers.child import ChildLost
from agent.watchers.modbus_maps import BUILT_IN, SDM120, Register, map_from
from agent.watchers.modbus_meter import ModbusMeter, ModbusMeterSettings
from agent.watchers.serial_port import LineSettings, argument, open_port
from agent.watchers.watcher import Fault, Seen
from tests.agent.manual_clock import ManualClock
from tests.agent.watchers.bench import POWER_MW, Bench, Ears, Said, listen, plugged


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "ttyMETER")
    bench.plug()
    yield bench
    bench.unplug()


@pytest.fixture
def watch(bench: Bench) -> Iterator[Callable[..., Ears]]:
    """Starts a watcher at the bench's port; settings may be given."""
    started: list[Ears] = []

    def start(**settings: Any) -> Ears:
        started.append(Ears(ModbusMeter(settings_for(bench.link, **settings), SystemClock())))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


def settings_for(port: Path, **settings: Any) -> ModbusMeterSettings:
    quick = {"poll_s": 0.1, "timeout_s": 0.1}
    return msgspec.convert(
        {"name": "meter1", "kind": "modbus-meter", "asset": "A001", "port": str(port), **quick, **settings},
        ModbusMeterSettings,
    )


def child_of(ears: Ears) -> psutil.Process:
    children = psutil.Process().children()
    return next(child for child in children if "agent.watchers.modbus_port" in child.cmdline())


def test_power_and_counter_come_from_the_meter_with_both_clocks(watch: Callable[..., Ears]) -> None:
    before = SystemClock().now()
    ears = watch()
    first = ears.wait(Sample)
    second = ears.wait(Sample, lambda sample: sample.at > first.at)
    assert (first.watcher, first.channel, first.value) == ("meter1", "power", POWER_MW)
    assert first.counter_mwh is not None
    assert first.counter_mwh % 1000 == 0
    assert before.mono_ms <= first.at.mono_ms < second.at.mono_ms <= SystemClock().now().mono_ms
    assert isinstance(ears.said[0], Seen)
    assert not [said for said in ears.said if isinstance(said, Fault)]


@pytest.mark.parametrize("meter", sorted(BUILT_IN))
def test_each_built_in_meter_is_read_over_a_port(tmp_path: Path, meter: str) -> None:
    with plugged(Bench(tmp_path / "ttyOTHER", meter=meter)) as bench:
        bench.set_counter(1_234_560)
        with listen(ModbusMeter(settings_for(bench.link, map=meter), SystemClock())) as ears:
            sample = ears.wait(Sample)
    assert (sample.value, sample.counter_mwh) == (POWER_MW, 1_234_560_000)
    assert not [said for said in ears.said if isinstance(said, Fault)]


def test_a_counter_that_is_reset_goes_on_from_zero_and_is_an_event(tmp_path: Path) -> None:
    with plugged(Bench(tmp_path / "ttyPZEM", meter="pzem-016")) as bench:
        bench.set_counter(2_354_257)
        with listen(ModbusMeter(settings_for(bench.link, map="pzem-016"), SystemClock())) as ears:
            ears.wait(Sample)
            bench.reset_counter()
            ears.wait(Sample, lambda sample: sample.counter_mwh is not None and sample.counter_mwh < 1000)
    [notice] = notices_of(ears)
    assert notice.reason.startswith("counter reset: it fell from 235425")


def test_a_counter_that_rolls_over_is_an_event(tmp_path: Path) -> None:
    twenty_kw = Bench(tmp_path / "ttyPZEM", meter="pzem-016", power_mw=20_000_000)  # 1 Wh in 0.18 s
    with plugged(twenty_kw) as bench:
        bench.set_counter(9_999_975)  # four seconds before it: the first sample has to come in time
        with listen(ModbusMeter(settings_for(bench.link, map="pzem-016"), SystemClock())) as ears:
            ears.wait(Sample, lambda sample: sample.counter_mwh is not None and sample.counter_mwh < 1_000_000)
    [notice] = notices_of(ears)
    assert notice.reason.startswith("counter reset: it fell from 99999")


@pytest.mark.parametrize(
    ("expected", "says"),
    [("20231618", ""), ("999", "the meter with serial number 20231618 answered, expected 999: connect that meter")],
)
def test_only_the_meter_with_the_given_serial_number_will_do(
    watch: Callable[..., Ears], expected: str, says: str
) -> None:
    ears = watch(serial_number=expected)
    if says:
        assert says in ears.heard(Fault).reason
        assert not ears.samples()
    else:
        assert ears.wait(Sample).value == POWER_MW


def test_a_meter_that_was_put_in_the_place_of_another_is_noticed(
    bench: Bench, watch: Callable[..., Ears], tmp_path: Path
) -> None:
    ears = watch(serial_number="20231618")
    ears.wait(Sample)
    bench.become("pzem-016")
    assert (
        "the meter has no register 0xfc00 for function 3"
        in ears.heard(Fault, lambda told: "0xfc00" in told.reason).reason
    )


def test_stopping_takes_less_than_two_seconds_and_leaves_no_child(watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    child = child_of(ears)
    assert ears.stop() < 2
    assert not child.is_running()


@pytest.mark.parametrize("fault", ["echo", "noise"])
def test_echo_and_noise_do_no_harm(bench: Bench, watch: Callable[..., Ears], fault: Any) -> None:
    bench.suffer(fault)
    ears = watch()
    for _ in range(8):
        ears.wait(Sample)
    assert {sample.value for sample in ears.samples()} == {POWER_MW}
    assert not [said for said in ears.said if isinstance(said, Fault)]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("silent", "unobserved because no answer from address 1 within 0.1 s: check power, wiring (A/B)"),
        ("garbage", "unobserved because no intact frame in"),
        ("half", "unobserved because no intact frame in"),
        ("flood", "unobserved because a flood of bytes without an answer"),
        ("wrong-address", "unobserved because address 2 answered though address 1 was asked"),
        ("late", "unobserved because the meter at address 1 answers only after the time-out of 0.1 s"),
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
    assert recovered.value == POWER_MW
    assert silent_since < told.at.mono_ms < recovered.at.mono_ms
    assert {sample.value for sample in ears.samples()} == {POWER_MW}
    assert len([said for said in ears.said if isinstance(said, Fault)]) <= 3  # told once each, not at every poll


def test_an_unplugged_port_is_said_at_once_and_the_watcher_is_back_within_five_seconds(
    bench: Bench, watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.unplug()
    told = ears.heard(Fault)
    assert told.reason.startswith(f"unobserved because {bench.link} failed")
    assert told.reason.endswith("was the adapter unplugged?")
    bench.plug()
    plugged_s = time.monotonic()
    ears.wait(Sample)
    assert time.monotonic() - plugged_s < 5
    assert len([said for said in ears.said if isinstance(said, Fault)]) == 1


def test_a_port_that_is_not_there_is_named(bench: Bench, watch: Callable[..., Ears]) -> None:
    bench.unplug()
    ears = watch()
    told = ears.heard(Fault)
    assert told.reason == f"unobserved because there is no port {bench.link}: plug the adapter in, or correct `port`"
    bench.plug()
    assert ears.wait(Sample).value == POWER_MW


def test_two_programs_on_one_port_get_a_clear_message(bench: Bench, watch: Callable[..., Ears]) -> None:
    with open_port(str(bench.link), LineSettings()):
        ears = watch()
        assert "is in use by another program" in ears.heard(Fault).reason
    assert ears.wait(Sample).value == POWER_MW


def test_a_watched_port_is_held_against_other_programs(bench: Bench, watch: Callable[..., Ears]) -> None:
    watch().wait(Sample)
    with pytest.raises(OSError, match="Could not exclusively lock port"):
        open_port(str(bench.link), LineSettings())


@pytest.mark.parametrize(
    ("registers", "says"),
    [
        ({"power": {"register": 0x2004}}, "the meter has no register 0x2004 for function 4; check map acme"),
        ({"power": {"register": 0x000C, "word_order": "low-first"}}, "check register, format, word_order and unit"),
        ({"power": {"register": 0x000C, "format": "int32"}}, "is more than a meter of map acme can measure"),
        ({"power": {"register": 0x000C}, "energy": {"register": 0x3000}}, "has no register 0x3000 for function 4"),
    ],
)
def test_a_wrong_register_map_is_named(watch: Callable[..., Ears], registers: dict[str, Any], says: str) -> None:
    defaults = {"function": 4, "format": "float32"}
    registers = {
        key: {**defaults, "unit": "W" if key == "power" else "kWh", **given} for key, given in registers.items()
    }
    ears = watch(map="acme", registers=registers)
    told = ears.heard(Fault)
    assert says in told.reason
    assert not ears.samples()


def test_a_child_that_hangs_is_replaced(watch: Callable[..., Ears], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_watcher, "CHILD_PATIENCE_S", 0.5)
    ears = watch()
    ears.wait(Sample)
    child = child_of(ears)
    child.send_signal(signal.SIGSTOP)
    told = ears.heard(Fault)
    assert told.reason == "unobserved because its process said nothing for 3.2 s and was ended"
    assert ears.wait(Sample).value == POWER_MW
    assert not child.is_running()


def test_a_child_that_dies_is_replaced(watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    child_of(ears).kill()
    assert ears.heard(Fault).reason == "unobserved because its process ended with exit code -9"
    assert ears.wait(Sample).value == POWER_MW


def test_the_child_ends_with_its_watcher_however_that_ends(bench: Bench) -> None:
    settings = settings_for(bench.link)
    task = {"address": 1, "timeout_s": 0.1, "poll_s": 0.1, "serial_number": "", "meter": SDM120}
    words = argument(settings.where, settings.line, {"meter1": task})
    script = (
        "import sys, time; from agent.watchers.child import Child; "
        f"print(Child('agent.watchers.modbus_port', {words!r}).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        child = psutil.Process(int(watcher.stdout.readline()))
        os.kill(watcher.pid, signal.SIGKILL)
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running()


# The parent's judgement, without any port


class Desk:
    """A watcher that is handed the child's lines."""

    def __init__(self, **settings: Any) -> None:
        self.watcher = ModbusMeter(settings_for(Path("/dev/null"), poll_s=1, **settings), ManualClock())
        self.said: list[Said] = []

    def hand(self, mono_ms: int, **members: Any) -> list[Said]:
        line = {"wall_ms": 1_764_554_400_000 + mono_ms, "mono_ms": mono_ms, **members}
        before = len(self.said)
        self.watcher.take(msgspec.json.encode(line), self.said.append)
        return [said for said in self.said[before:] if not isinstance(said, Seen)]


def test_a_failed_poll_or_two_are_borne_and_a_lasting_trouble_is_told_once() -> None:
    desk = Desk()
    assert len(desk.hand(1000, power_mw=5, energy_mwh=1000)) == 1
    assert desk.hand(2000, error="silent", reason="no answer") == []
    assert desk.hand(3000, error="garbage", reason="nonsense") == []
    assert desk.hand(4000, error="silent", reason="no answer") == []
    [told] = desk.hand(5000, error="silent", reason="no answer")
    assert isinstance(told, Fault)
    assert told.reason == "unobserved because no answer"
    assert desk.hand(6000, error="silent", reason="no answer") == []
    assert [type(said) for said in desk.hand(7000, error="garbage", reason="nonsense")] == [Fault]
    assert [type(said) for said in desk.hand(8000, power_mw=5, energy_mwh=1000)] == [Sample]
    assert desk.hand(9000, error="garbage", reason="nonsense") == []
    assert [type(said) for said in desk.hand(12_000, error="garbage", reason="nonsense")] == [Fault]


def test_trouble_before_the_first_sample_is_told_at_once() -> None:
    assert [type(said) for said in Desk().hand(1000, error="silent", reason="no answer")] == [Fault]


def test_a_counter_that_no_load_explains_holds_its_poll_back_and_a_reset_goes_through() -> None:
    desk = Desk()
    desk.hand(1000, power_mw=5, energy_mwh=5_000_000)
    assert desk.hand(2000, power_mw=5, energy_mwh=900_000_000) == []
    assert [
        said.counter_mwh for said in desk.hand(3000, power_mw=5, energy_mwh=5_000_000) if isinstance(said, Sample)
    ] == [5_000_000]
    assert desk.hand(4000, power_mw=5, energy_mwh=0) == []
    assert len(desk.hand(5000, power_mw=5, energy_mwh=0)) == 1


def test_a_counter_that_leaps_upwards_becomes_no_energy() -> None:
    """A meter with more on its counter was put in the place of this one, within the time that a sample may cover."""
    desk = Desk()
    desk.hand(1000, power_mw=5, energy_mwh=5_000_000)
    desk.hand(2000, power_mw=5, energy_mwh=5_000_000)
    assert desk.hand(3000, power_mw=5, energy_mwh=900_000_000) == []
    fault, sample = desk.hand(4000, power_mw=5, energy_mwh=900_000_000)
    assert isinstance(fault, Fault)
    assert fault.reason == (
        "unobserved because the counter went from 5.000 to 900.000 kWh, and stays there: "
        "the meter was replaced or its counter set"
    )
    assert isinstance(sample, Sample)
    assert [type(said) for said in desk.hand(5000, power_mw=5, energy_mwh=900_001_000)] == [Sample]
    assert sum(energies_of(desk.said)) == 1000


def test_a_leap_after_a_fault_is_not_told_again() -> None:
    """The fault has ended the block already."""
    desk = Desk()
    desk.hand(1000, power_mw=5, energy_mwh=5_000_000)
    assert [type(said) for said in desk.hand(2000, error="port", reason="unplugged")] == [Fault]
    assert desk.hand(9000, power_mw=5, energy_mwh=900_000_000) != []
    assert [type(said) for said in desk.hand(10_000, power_mw=5, energy_mwh=900_000_000)] == [Sample]


def test_a_line_that_is_none_ends_the_child() -> None:
    desk = Desk()
    with pytest.raises(ChildLost, match="its process said Traceback"):
        desk.watcher.take(b"Traceback (most recent call last):\n", desk.said.append)


def test_a_map_survives_the_childs_command_line() -> None:
    own = SDM120._replace(energy=None, power=Register(7, 3, "int32", "kW", "low-first", 0.1), serial=None)
    for meter in (SDM120, own):
        assert map_from(msgspec.json.decode(msgspec.json.encode(meter))) == meter


def energies_of(said: list[Said]) -> list[int]:
    """What the recorder would write of the counter, in mWh."""
    builder, blocks = BlockBuilder("meter1", Channel("power", "gauge", 1000)), []
    for one in said:
        blocks += builder.add(one) if isinstance(one, Sample) else builder.close() if isinstance(one, Fault) else []
    readings = [block.reading for block in [*blocks, *builder.close()] if isinstance(block, Block)]
    return [delta for reading in readings for delta in reading.deltas or ()]


def notices_of(ears: Ears) -> list[Notice]:
    """What the recorder would note of the samples."""
    builder = BlockBuilder("meter1", Channel("power", "gauge", 100))
    finished = [one for sample in ears.samples() for one in builder.add(sample)]
    return [one for one in finished if isinstance(one, Notice)]


def test_the_silent_stretch_is_covered_by_no_block_and_the_rest_is(bench: Bench, watch: Callable[..., Ears]) -> None:
    ears = watch()
    for _ in range(5):
        ears.wait(Sample)
    bench.suffer("silent")
    told = ears.heard(Fault)
    bench.suffer(None)
    for _ in range(5):
        ears.wait(Sample)
    ears.stop()
    builder, blocks = BlockBuilder("meter1", Channel("power", "gauge", 100)), []
    for said in ears.said:
        if isinstance(said, Sample):
            blocks += builder.add(said)
        elif isinstance(said, Fault):
            blocks += builder.close()
    blocks += builder.close()
    before, after = (block.reading for block in blocks if isinstance(block, Block))
    samples = ears.samples()
    last_before = max(sample.at.mono_ms for sample in samples if sample.at < told.at)
    first_after = min(sample.at.mono_ms for sample in samples if sample.at > told.at)
    assert before.start_mono_ms == samples[0].at.mono_ms
    assert before.start_mono_ms + sum(before.durations_ms) == last_before
    assert after.start_mono_ms == first_after
    assert after.start_mono_ms + sum(after.durations_ms) == samples[-1].at.mono_ms
