"""Which dwells serve a pair of thresholds. Pure; rules 5 and 6 of docs/calibration.md.

Hours that depend on the exact dwell are nobody's hours. So a dwell is judged by its *spread*: by how much the hours of
run differ when it is half as long again and when it is two thirds as long, as a share of the hours. Of the dwells whose
spread is small, those count first that miss little: with which the runs hold nearly all of the time at their power.
The first in the order below is taken; where no spread is small, the pair of least spread.

Hours come from the kernel itself. What makes that quick is that neighbours on the same side of both thresholds are
joined first: cuts decide nothing (timeline.py, rule 11).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from protocol.interval import Interval, length, subtract, union
from protocol.lead import UNOBSERVED
from protocol.observation import Observation
from protocol.policy import MAX_POWER_MW, Policy, Trigger
from protocol.timeline import derive

ON_MS = (15_000, 20_000, 30_000, 10_000, 7_000, 5_000)
"""How long a rise must last, in order of preference. signals.md: 10 to 30 s; less where runs come in short bursts."""
OFF_MS = (60_000, 90_000, 120_000, 180_000, 240_000, 300_000)
"""How long a fall must last: the shortest that serves."""
STRETCH = 1.5
SMALL = 0.02


class Pair(NamedTuple):
    """The thresholds of one trigger."""

    off_mw: int
    on_mw: int


class Dwells(NamedTuple):
    """How long a crossing must last to count, upwards and downwards."""

    on_ms: int
    off_ms: int


class Choice(NamedTuple):
    """The dwells taken, the ms of run that they give, and the spread of each of them, as a share of these.

    `missed_ms`: how long the power was as high as in a run, too briefly to become one.
    """

    dwells: Dwells
    run_ms: int
    on_spread: float
    off_spread: float
    missed_ms: int

    @property
    def is_settled(self) -> bool:
        """Whether there is a run, of about the same length with either dwell shorter and longer."""
        return self.run_ms > 0 and max(self.on_spread, self.off_spread) <= SMALL

    @property
    def misses_little(self) -> bool:
        """Whether the runs hold nearly all of the time at their power."""
        return self.missed_ms <= SMALL * self.run_ms


class Hours:
    """How long the instrument ran by a pair of thresholds, for any dwells; remembers what it was asked."""

    def __init__(self, observed: Sequence[Observation], pair: Pair, *, gap_ms: int) -> None:
        self._pair, self._gap_ms = pair, gap_ms
        self._joined = _join(observed, pair)
        self._known: dict[Dwells, list[Interval]] = {}

    def sessions(self, dwells: Dwells) -> list[Interval]:
        """The runs, in ms."""
        if dwells not in self._known:
            self._known[dwells] = self._derive(dwells)
        return self._known[dwells]

    def run_ms(self, dwells: Dwells) -> int:
        """Their sum."""
        return sum(end - start for start, end in self.sessions(dwells))

    def missed_ms(self, dwells: Dwells) -> int:
        """How long the power was as high as in a run, outside of them."""
        high = [(each.start_ms, each.end_ms) for each in self._joined if each.high_mw >= self._pair.on_mw]
        return length(subtract(union(high), self.sessions(dwells)))

    def _derive(self, dwells: Dwells) -> list[Interval]:
        trigger = Trigger(self._pair.on_mw, self._pair.off_mw, dwells.on_ms, dwells.off_ms)
        policy = Policy(
            name="trial",
            valid_mw=(-MAX_POWER_MW, MAX_POWER_MW),
            standby=trigger,
            run=trigger,
            gap_ms=self._gap_ms,
            sha256="",
        )
        start_ms, end_ms = self._joined[0].start_ms, self._joined[-1].end_ms
        spans = derive(self._joined, policy, start_ms=start_ms, end_ms=end_ms, lead_in=UNOBSERVED).spans
        return [(span.start_ms, span.end_ms) for span in spans if span.state == "run"]


def choose(hours: Hours, shortest_ms: int) -> Choice:
    """Take the dwells that the hours depend on least, none shorter than what confirms a crossing."""
    trials = [
        _judge(hours, Dwells(max(on_ms, shortest_ms), max(off_ms, shortest_ms)))
        for on_ms, off_ms in product(ON_MS, OFF_MS)
    ]
    settled = [trial for trial in trials if trial.is_settled]
    complete = [trial for trial in settled if trial.misses_little]
    return next(iter(complete or settled), None) or min(trials, key=_by_spread)


def spread(lower_ms: int, upper_ms: int, *, of_ms: int) -> float:
    """A difference as a share; all of it where there is nothing to compare with."""
    if lower_ms == upper_ms:
        return 0.0
    return abs(upper_ms - lower_ms) / of_ms if of_ms else 1.0


def _judge(hours: Hours, dwells: Dwells) -> Choice:
    run_ms = hours.run_ms(dwells)
    on_ms = [hours.run_ms(dwells._replace(on_ms=_scaled(dwells.on_ms, by))) for by in (1 / STRETCH, STRETCH)]
    off_ms = [hours.run_ms(dwells._replace(off_ms=_scaled(dwells.off_ms, by))) for by in (1 / STRETCH, STRETCH)]
    spreads = spread(*on_ms, of_ms=run_ms), spread(*off_ms, of_ms=run_ms)
    return Choice(dwells, run_ms, *spreads, hours.missed_ms(dwells))


def _by_spread(choice: Choice) -> tuple[bool, float]:
    return not choice.run_ms, max(choice.on_spread, choice.off_spread)


def _scaled(ms: int, by: float) -> int:
    return round(ms * by)


def _join(observed: Sequence[Observation], pair: Pair) -> list[Observation]:
    """Join touching neighbours that are on the same side of both thresholds, or on both sides of them."""
    joined: list[Observation] = []
    last_side = (False, False)
    for each in observed:
        side = each.high_mw >= pair.on_mw, each.low_mw <= pair.off_mw
        if joined and side == last_side and joined[-1].end_ms == each.start_ms:
            joined[-1] = _one(joined[-1], each)
        else:
            joined.append(each._replace(delta_mwh=None))
        last_side = side
    return joined


def _one(left: Observation, right: Observation) -> Observation:
    low_mw, high_mw = min(left.low_mw, right.low_mw), max(left.high_mw, right.high_mw)
    return Observation(left.start_ms, right.end_ms, low_mw, low_mw, high_mw, None)
