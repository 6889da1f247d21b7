"""The simulated meters: their registers, their counter, their truth."""

import json
import math
import struct
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import Instant
from agent.simulator.load import MW_MS_PER_WH, Load
from agent.simulator.modbus_meters import IMAGES, SERIAL_NUMBER, Measured, answer
from agent.simulator.models import MODELS, Segment, State, segments
from agent.simulator.truth import Truth
from agent.watchers.modbus_frame import ReadRequest, Refusal, Values
from agent.watchers.modbus_maps import (
    BUILT_IN,
    Register,
    decode_energy_mwh,
    decode_power_mw,
    decode_serial_number,
)

START = Instant(1_764_554_400_000, 5_000)


def steady_load(watts: int = 900) -> Load:
    stretch: Iterator[Segment] = cycle([Segment("run", 200, watts * 1000)])
    return Load(stretch, START, changed=lambda wall_ms, segment: None)


def ask(
    load: Load, register: int, *, function: int = 4, length: int = 2, mono_ms: int = 5_000, meter: str = "sdm120"
) -> Values | Refusal:
    load.advance(mono_ms)
    measured = Measured(load.segment.power_mw / 1000, 1_646 + load.energy_wh(mono_ms), address=1)
    return answer(IMAGES[meter], ReadRequest(1, function, register, length), measured)


def number_in(reply: Values | Refusal) -> float:
    assert isinstance(reply, Values)
    (number,) = struct.unpack(">f", reply.payload)
    return float(number)


@pytest.mark.parametrize(
    ("register", "value"),
    [(0x0000, 230.2), (0x0006, 900 / 0.95 / 230.2), (0x000C, 900.0), (0x0046, 50.0), (0x0156, 1.646), (0x004A, 0.0)],
)
def test_measured_values_are_floats_in_input_registers(register: int, value: float) -> None:
    assert math.isclose(number_in(ask(steady_load(), register)), value, rel_tol=1e-6)


def test_settings_are_holding_registers() -> None:
    assert number_in(ask(steady_load(), 0x000C, function=3)) == 60.0
    assert number_in(ask(steady_load(), 0x0014, function=3)) == 1.0


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ReadRequest(1, 4, 0x0002, 2), 2),
        (ReadRequest(1, 4, 0x000D, 2), 2),
        (ReadRequest(1, 3, 0x0156, 2), 2),
        (ReadRequest(1, 4, 0x000C, 1), 3),
        (ReadRequest(1, 4, 0x0000, 82), 3),
    ],
)
def test_what_the_meter_does_not_have_is_refused(request_: ReadRequest, code: int) -> None:
    assert answer(IMAGES["sdm120"], request_, Measured(900, 0, 1)) == Refusal(1, request_.function, code)


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_each_simulated_meter_is_read_right_by_the_map_of_its_name(name: str) -> None:
    def contents(register: Register) -> bytes:
        reply = ask(steady_load(), register.register, function=register.function, length=register.length, meter=name)
        assert isinstance(reply, Values)
        return reply.payload

    meter = BUILT_IN[name]
    assert meter.energy is not None
    assert decode_power_mw(meter, contents(meter.power)) == 900_000
    assert decode_energy_mwh(meter, meter.energy, contents(meter.energy)) in (1_646_000, 1_640_000)
    if meter.serial is not None:
        assert decode_serial_number(contents(meter.serial)) == str(SERIAL_NUMBER)


def test_every_built_in_map_has_its_simulated_meter() -> None:
    assert set(IMAGES) == set(BUILT_IN)


def test_a_pzem_rolls_over_after_9999_99_kwh_and_refuses_what_it_does_not_have() -> None:
    image = IMAGES["pzem-016"]
    energy = ReadRequest(1, 4, 0x0005, 2)
    last, first = (answer(image, energy, Measured(0, counter_wh, 1)) for counter_wh in (9_999_999, 10_000_001))
    assert (last, first) == (Values(1, 4, bytes.fromhex("96 7F 00 98")), Values(1, 4, bytes.fromhex("00 01 00 00")))
    assert answer(image, ReadRequest(1, 4, 0x0009, 2), Measured(0, 0, 1)) == Refusal(1, 4, 2)
    assert answer(image, ReadRequest(1, 3, 0x0002, 1), Measured(0, 0, 7)) == Values(1, 3, b"\0\7")


def test_a_block_of_registers_comes_in_one_answer() -> None:
    reply = ask(steady_load(), 0x0000, length=14)
    assert isinstance(reply, Values)
    assert [round(value, 1) for value in struct.unpack(">7f", reply.payload)] == [230.2, 0, 0, 4.1, 0, 0, 900.0]


def test_the_counter_shows_whole_watt_hours_as_they_are_drawn() -> None:
    load = steady_load(watts=900)  # 1 Wh in 4 s
    shown = [round(number_in(ask(load, 0x0156, mono_ms=5_000 + ms)), 3) for ms in (0, 3_999, 4_000, 8_100, 40_000)]
    assert shown == [1.646, 1.646, 1.647, 1.648, 1.656]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 7000), min_size=1, max_size=40), st.sampled_from(sorted(MODELS)), st.integers(0, 99))
def test_energy_is_the_integral_of_power_however_it_is_asked(steps_ms: list[int], model: str, seed: int) -> None:
    load = Load(segments(MODELS[model], seed=seed, speed=300), START, changed=lambda wall_ms, segment: None)
    drawn = segments(MODELS[model], seed=seed, speed=300)
    expected_mw_ms, left_ms, segment = 0, 0, Segment("off", 0, 0)
    at_ms = START.mono_ms
    for step_ms in steps_ms:
        for _ in range(step_ms):
            if not left_ms:
                segment = next(drawn)
                left_ms = segment.ms
            expected_mw_ms += segment.power_mw
            left_ms -= 1
        at_ms += step_ms
        load.advance(at_ms)
        assert load.energy_wh(at_ms) == expected_mw_ms // MW_MS_PER_WH


def test_the_truth_names_each_transition_at_its_exact_time(tmp_path: Path) -> None:
    pieces: list[tuple[State, int]] = [
        ("off", 200), ("off", 123), ("standby", 77), ("run", 200), ("run", 50), ("off", 999)
    ]  # fmt: skip
    stretch = iter([Segment(state, ms, 1000 * ms) for state, ms in pieces])
    truth = Truth(tmp_path / "truth.jsonl")
    load = Load(stretch, START, changed=truth.changed)
    load.advance(START.mono_ms + 650)
    truth.end(START.wall_ms + 800)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert [(line["at_ms"] - START.wall_ms, line.get("state")) for line in lines] == [
        (0, "off"),
        (323, "standby"),
        (400, "run"),
        (650, "off"),
        (800, None),
    ]
    assert lines[0] == {"at_ms": START.wall_ms, "state": "off", "power_mw": 200_000}
    assert lines[-1] == {"at_ms": START.wall_ms + 800, "end": True}
