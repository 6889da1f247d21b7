"""Several meters on one line: their watchers share the port's child, and each hears of its own meter only."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent.clock import SystemClock
from agent.reading import Sample
from agent.simulator.modbus_meters import IMAGES
from agent.simulator.modbus_meters import ModbusMeter as SimulatedMeter
from agent.watchers import serial_bus
from agent.watchers.modbus_meter import ModbusMeter, ModbusMeterSettings
from agent.watchers.watcher import Fault
from tests.agent.watchers.bench import POWER_MW, Bench, Ears, listen


class Meters:
    """Meters on one line, by address; those in `mute` say nothing."""

    def __init__(self, *addresses: int) -> None:
        self.mute: set[int] = set()
        self.faults: dict[str, Callable[[bytes], bytes]] = {}
        self._meters = {address: SimulatedMeter(IMAGES["sdm120"], address) for address in addresses}

    def questions(self, heard: bytes) -> list[bytes]:
        heeding = [meter for address, meter in self._meters.items() if address not in self.mute]
        return [question for meter in heeding for question in meter.questions(heard)]

    def answer(self, question: bytes, *, power_mw: int, counter_wh: int) -> bytes:
        return self._meters[question[0]].answer(question, power_mw=power_mw + 1000 * question[0], counter_wh=counter_wh)


@pytest.fixture
def meters() -> Meters:
    return Meters(1, 2, 3)


@pytest.fixture
def bench(tmp_path: Path, meters: Meters) -> Iterator[Bench]:
    bench = Bench(tmp_path / "ttyBUS", dialect=meters)
    bench.plug()
    yield bench
    bench.unplug()


@pytest.fixture
def watch(bench: Bench) -> Iterator[Callable[[int], Ears]]:
    """Starts the watcher of the meter at an address."""
    with ExitStack() as started:

        def start(address: int) -> Ears:
            given: dict[str, Any] = {"name": f"meter{address}", "kind": "modbus-meter", "port": str(bench.link)}
            given |= {"address": address, "poll_s": 0.1, "timeout_s": 0.05}
            return started.enter_context(
                listen(ModbusMeter(msgspec.convert(given, ModbusMeterSettings), SystemClock()))
            )

        yield start


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "agent.watchers.modbus_port" in child.cmdline()]


def faults(ears: Ears) -> list[str]:
    return [said.reason for said in ears.said if isinstance(said, Fault)]


def test_each_watcher_reads_its_own_meter_and_all_share_one_child(watch: Callable[[int], Ears]) -> None:
    all_ears = {address: watch(address) for address in (1, 2, 3)}
    for address, ears in all_ears.items():
        for _ in range(3):
            ears.wait(Sample)
        assert {sample.value for sample in ears.samples()} == {POWER_MW + 1000 * address}
        assert {sample.watcher for sample in ears.samples()} == {f"meter{address}"}
        assert not faults(ears)
    [child] = children()
    assert set(json.loads(child.cmdline()[-1])[2]) == {"meter1", "meter2", "meter3"}


def test_a_meter_that_is_silent_is_told_by_its_own_watcher_alone(meters: Meters, watch: Callable[[int], Ears]) -> None:
    first, second = watch(1), watch(2)
    second.wait(Sample)
    meters.mute = {2}
    assert "no answer from address 2" in second.heard(Fault).reason
    first.wait(Sample)
    meters.mute = set()
    assert second.wait(Sample).value == POWER_MW + 2000
    assert "no answer" not in " ".join(faults(first))


def test_a_port_that_is_unplugged_is_told_by_all_and_all_come_back(bench: Bench, watch: Callable[[int], Ears]) -> None:
    both = [watch(1), watch(2)]
    for ears in both:
        ears.wait(Sample)
    bench.unplug()
    bench.plug()
    for ears in both:
        ears.wait_for_return("was the adapter unplugged?")


def test_when_the_watcher_that_drives_ends_another_takes_over(watch: Callable[[int], Ears]) -> None:
    first, second = watch(1), watch(2)
    first.wait(Sample)
    second.wait(Sample)
    first.stop()
    before = len(second.samples())
    second.wait(Sample)
    second.wait(Sample)
    assert len(second.samples()) > before
    [child] = children()
    assert set(json.loads(child.cmdline()[-1])[2]) == {"meter2"}


def test_a_watcher_that_comes_later_is_let_in(watch: Callable[[int], Ears]) -> None:
    first = watch(1)
    first.wait(Sample)
    assert watch(3).wait(Sample).value == POWER_MW + 3000
    first.wait(Sample)
    assert not faults(first)


def test_a_child_that_dies_is_told_by_all_and_replaced(watch: Callable[[int], Ears]) -> None:
    both = [watch(1), watch(2)]
    for ears in both:
        ears.wait(Sample)
    [child] = children()
    os.kill(child.pid, signal.SIGKILL)
    for ears in both:
        ears.wait_for_return("unobserved because its process ended with exit code -9")


def test_a_bus_that_everybody_has_left_is_forgotten(watch: Callable[[int], Ears]) -> None:
    ears = watch(1)
    ears.wait(Sample)
    assert len(serial_bus._buses) == 1
    ears.stop()
    assert not serial_bus._buses
