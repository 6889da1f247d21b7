"""A working day of reports, without a broker and in no time: what becomes of it in the journal's blocks."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from agent.clock import Instant
from agent.reading import Block, BlockBuilder, Sample
from agent.simulator.load import Load
from agent.simulator.models import MODELS, segments
from agent.simulator.plug import DIALECTS, Moment
from agent.watchers.mqtt_judge import MqttJudge, Watched
from agent.watchers.mqtt_report import Message
from agent.watchers.mqtt_watcher import power_channel
from agent.watchers.shelly_gen1 import ShellyGen1
from agent.watchers.shelly_gen2 import ShellyGen2
from agent.watchers.tasmota_plug import Tasmota
from agent.watchers.watcher import Fault, Said
from protocol.entry import Reading
from tests.agent.watchers.dialect import settings_for

REPORT_MS = 10_000
DAY_MS = 8 * 3_600_000
HOLE_MS = (4 * 3_600_000, 4 * 3_600_000 + 600_000)  # the plug is out of reach
START = Instant(1_764_554_400_000, 1_000_000)

in_counting_dialects = pytest.mark.parametrize(
    ("plug", "dialect"),
    [
        ("tasmota", Tasmota(settings_for("tasmota-plug", topic="x"))),
        ("shelly-gen1", ShellyGen1(settings_for("shelly-gen1", device="x"))),
        ("shelly-gen2", ShellyGen2(settings_for("shelly-gen2", prefix="x"))),
    ],
    ids=["tasmota", "shelly-gen1", "shelly-gen2"],
)


def said_in_a_day(plug: str, dialect: Any) -> Iterator[Said]:
    """What a watcher says of an oven that works all day, and whose plug is away for ten minutes."""
    load = Load(segments(MODELS["oven"], seed=5, speed=4), START, changed=lambda wall_ms, segment: None)
    judge = MqttJudge(Watched("plug1", "power", dialect.topics[0], REPORT_MS, 4000, dialect.hint, apart=dialect.apart))
    judge.subscribed(START)
    for passed_ms in range(0, DAY_MS, REPORT_MS):
        at = Instant(START.wall_ms + passed_ms, START.mono_ms + passed_ms)
        load.advance(at.mono_ms)
        if not HOLE_MS[0] <= passed_ms < HOLE_MS[1]:
            moment = Moment(load.segment.power_mw, 5000 + load.energy_wh(at.mono_ms), at.wall_ms)
            for topic, payload, _ in DIALECTS[plug].report("x", moment):
                if topic in dialect.topics:
                    raw = payload.encode() if isinstance(payload, str) else payload
                    yield from judge.take(at, dialect.read(Message(topic, raw)), retained=False)
        yield from judge.look(Instant(at.wall_ms + 9_000, at.mono_ms + 9_000))


def blocks_of(said: list[Said]) -> list[Reading]:
    builder, blocks = BlockBuilder("plug1", power_channel(REPORT_MS / 1000)), []
    for one in said:
        if isinstance(one, Sample):
            blocks += builder.add(one)
        elif isinstance(one, Fault):
            blocks += builder.close()
    blocks += builder.close()
    assert all(isinstance(block, Block) for block in blocks)
    return [block.reading for block in blocks if isinstance(block, Block)]


def end_ms(reading: Reading) -> int:
    return reading.start_mono_ms + sum(reading.durations_ms)


@in_counting_dialects
def test_all_but_the_hole_is_covered_once_and_the_hole_is_told_once(plug: str, dialect: Any) -> None:
    said = list(said_in_a_day(plug, dialect))
    readings = blocks_of(said)
    seams = [(end_ms(before), after.start_mono_ms) for before, after in pairwise(readings)]
    holes = [(end, start) for end, start in seams if end != start]
    assert holes == [(START.mono_ms + HOLE_MS[0] - REPORT_MS, START.mono_ms + HOLE_MS[1])]
    assert readings[0].start_mono_ms == START.mono_ms
    assert end_ms(readings[-1]) == START.mono_ms + DAY_MS - REPORT_MS
    assert len([one for one in said if isinstance(one, Fault)]) == 1


@in_counting_dialects
def test_the_energy_of_the_blocks_is_that_of_the_counter_and_the_hole_proves_nothing(plug: str, dialect: Any) -> None:
    said = list(said_in_a_day(plug, dialect))
    samples = [one for one in said if isinstance(one, Sample)]
    before = [one.counter_mwh for one in samples if one.at.mono_ms < START.mono_ms + HOLE_MS[0]]
    after = [one.counter_mwh for one in samples if one.at.mono_ms >= START.mono_ms + HOLE_MS[1]]
    readings = blocks_of(said)
    risen_mwh = sum(sum(reading.deltas) for reading in readings if reading.deltas)
    counters = [counter for counter in (before[0], before[-1], after[0], after[-1]) if counter is not None]
    assert len(samples) == len(before) + len(after)
    assert None not in before + after
    assert risen_mwh == counters[1] - counters[0] + counters[3] - counters[2]
    assert counters[2] - counters[1] > 20_000, "what was drawn in the hole is in the counter, and in no block"
