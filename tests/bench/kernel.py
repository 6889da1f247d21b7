"""The kernel's cost per interval: readings' intervals to states, over some 140 days of three instruments.

The streams are made like the agent's blocks (signals.md section 2): about 1 500 intervals a day, steady ones of 300 s,
short ones wherever the power moves. The peer is the least that any kernel does: a bare loop over the same tuples with
two comparisons. `restless` is the worst case, in which every interval crosses both thresholds of both triggers.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator

from protocol.derivation import derive_day, evidence_window
from protocol.entry import Reading, make
from protocol.interval import day_bounds_ms, local_day
from protocol.observation import Observation, between, observations
from protocol.policy import Policy, Trigger
from protocol.timeline import derive
from protocol.witness import Evidence

INTERVALS = 200_000
LIMIT_US = 1.0
REPEATS = 5
START_MS = 1_764_518_400_000  # 2025-12-01 00:00 Asia/Shanghai

POLICY = Policy(
    name="bench",
    valid_mw=(0, 15_000_000),
    standby=Trigger(on_mw=60_000, off_mw=40_000, on_ms=20_000, off_ms=60_000),
    run=Trigger(on_mw=700_000, off_mw=500_000, on_ms=20_000, off_ms=180_000),
    gap_ms=60_000,
    sha256="0" * 64,
)


def measure() -> Iterable[dict[str, object]]:
    """µs per interval: derive on the mixed stream beside its peer and limit, then each way it can differ."""
    mixed = _stream(INTERVALS, [_microscope, _chromatograph, _oven])
    peer = _us_per_interval(lambda: _bare_loop(mixed), len(mixed))
    kernel = _us_per_interval(lambda: _derive(mixed), len(mixed))
    yield _figure("kernel", kernel, intervals=len(mixed), limit=LIMIT_US, peer=round(peer, 3), ratio=kernel / peer)
    for name, load in (("microscope", _microscope), ("chromatograph", _chromatograph), ("oven", _oven)):
        stream = _stream(INTERVALS // 4, [load])
        kernel = _us_per_interval(lambda stream=stream: _derive(stream), len(stream))
        yield _figure(f"kernel.{name}", kernel, intervals=len(stream), limit=LIMIT_US, ratio=kernel / LIMIT_US)
    restless = _stream(INTERVALS // 4, [_restless])
    kernel = _us_per_interval(lambda: _derive(restless), len(restless))
    yield _figure("kernel.restless", kernel, intervals=len(restless), peer=round(peer, 3), ratio=kernel / peer)
    yield from _around(mixed)


def _around(mixed: list[Observation]) -> Iterator[dict[str, object]]:
    """What stands around the kernel: readings to observations, and whole records day by day."""
    readings = _readings(mixed)
    mapping = _us_per_interval(lambda: observations(readings, POLICY), len(mixed))
    yield _figure("observations", mapping, intervals=len(mixed))
    yield _figure("derive_day", _us_per_interval(lambda: _days(mixed), len(mixed)), intervals=len(mixed))


def _figure(name: str, value: float, **more: float) -> dict[str, object]:
    more = {key: round(number, 3) for key, number in more.items()}
    return {"name": name, "value": round(value, 3), "unit": "us/interval", **more}


def _us_per_interval(work: Callable[[], object], intervals: int) -> float:
    """The best of some repeats: the machine is shared, and noise only adds."""
    best = float("inf")
    for _ in range(REPEATS):
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return best / intervals * 1e6


def _bare_loop(stream: list[Observation]) -> int:
    crossed = 0
    for _start, _end, _mean, low, high, *_ in stream:
        if high >= 700_000 or low <= 40_000:
            crossed += 1
    return crossed


def _derive(stream: list[Observation]) -> object:
    return derive(stream, POLICY, start_ms=stream[0].start_ms, end_ms=stream[-1].end_ms, lead_in="unobserved")


def _days(stream: list[Observation]) -> None:
    lead = "unobserved"
    day = local_day(stream[0].start_ms)
    while day_bounds_ms(day)[0] < stream[-1].end_ms:
        start_ms, end_ms = evidence_window(day, POLICY)
        window = between(stream, start_ms, end_ms=end_ms)
        record = derive_day(
            "A001",
            day,
            evidence=Evidence(window, (), ()),
            policy=POLICY,
            lead_in=lead,
            journals={},
            observed_until_ms=end_ms,
        )
        lead = record.lead_out
        day = local_day(day_bounds_ms(day)[1])


Load = Callable[[random.Random], Iterator[tuple[int, int, int]]]


def _stream(intervals: int, loads: list[Load]) -> list[Observation]:
    """Contiguous observations of the loads in turn, a day of each, now and then a hole of 2 ms as clocks make them."""
    draw = random.Random(20251201)
    cycles = [load(draw) for load in loads]
    at, found = START_MS, []
    while len(found) < intervals:
        cycle = cycles[(at - START_MS) // 86_400_000 % len(cycles)]
        duration, mean, spread = next(cycle)
        at += draw.choice((0, 0, 0, 0, 2))
        found.append(Observation(at, at + duration, mean, max(0, mean - spread), mean + spread, 0))
        at += duration
    return found


def _microscope(draw: random.Random) -> Iterator[tuple[int, int, int]]:
    """Idle for hours, then a long run whose pumps come and go."""
    while True:
        yield from ((300_000, draw.randint(180_000, 190_000), 4_000) for _ in range(20))
        for _ in range(600):
            yield draw.randint(2_000, 60_000), draw.choice((950_000, 1_400_000)), draw.randint(0, 30_000)


def _chromatograph(draw: random.Random) -> Iterator[tuple[int, int, int]]:
    """Gradients: the power climbs through both triggers and falls again, over and over."""
    while True:
        for mean in [*range(120_000, 1_200_000, 25_000), *range(1_200_000, 120_000, -25_000)]:
            yield draw.randint(10_000, 40_000), mean, 12_000
        yield from ((300_000, 115_000, 3_000) for _ in range(3))


def _oven(draw: random.Random) -> Iterator[tuple[int, int, int]]:
    """Warm and thermostatted: the heater is on for less than the dwell of a fall."""
    while True:
        yield draw.randint(15_000, 40_000), draw.randint(1_800_000, 1_900_000), 20_000
        yield draw.randint(40_000, 90_000), draw.randint(80_000, 90_000), 2_000


def _restless(draw: random.Random) -> Iterator[tuple[int, int, int]]:
    while True:
        yield 1_000, 2_000_000, 0
        yield 1_000, 10_000, 0


def _readings(stream: list[Observation]) -> list[tuple[object, Reading]]:
    """Blocks of five intervals, as entries carry them."""
    found = []
    for index in range(0, len(stream), 5):
        part = stream[index : index + 5]
        reading = Reading(
            watcher="meter1",
            channel="power",
            start_mono_ms=part[0].start_ms - START_MS,
            durations_ms=tuple(each.end_ms - each.start_ms for each in part),
            means=tuple(each.mean_mw for each in part),
            lows=tuple(each.low_mw for each in part),
            highs=tuple(each.high_mw for each in part),
        )
        wall_ms = part[-1].end_ms
        found.append(
            (make(reading, index=index, wall_ms=wall_ms, mono_ms=wall_ms - START_MS, boot="5f3a9c01"), reading)
        )
    return found
