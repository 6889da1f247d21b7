"""The levels at which a recording rests. Pure; rules 1 and 2 of docs/calibration.md.

A recording is cut into windows; a window's level is the median power in it, which brief spikes and dips do not move.
Neighbouring windows whose levels are close form a *plateau*; plateaus that no gap divides form a *mode*. A gap is as
wide as thresholds need it: max(10 W, 0.3 of the lower level).
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from protocol.interval import Interval
from protocol.observation import Observation, between

LEAST_GAP_MW = 10_000
GAP_SHARE = 0.3
MAD_FACTOR = 8
OWN_SHARE, OWN_FACTOR = 0.95, 1.3
"""What the rest itself reaches in more than a twentieth of its time (a thermostat's bursts) begins nothing new."""
GRAINS = 4
"""What is counted in grains has a band, half a step, of two of them (protocol.policy.Counter.decides)."""
LONGEST_WINDOW_MS = 60_000
SHORTEST_WINDOW_MS = 10_000
WINDOWS = 300
"""A recording of five hours or more is cut into minutes, a shorter one into this many windows."""
POLLS_IN_A_WINDOW = 5
LEAST_SHARE_SEEN = 0.5
PLATEAU_WINDOWS = 3


class Plateau(NamedTuple):
    """[start_ms, end_ms) at levels that move slowly or not at all, from low_mw to high_mw."""

    start_ms: int
    end_ms: int
    low_mw: int
    high_mw: int


class Mode(NamedTuple):
    """Plateaus that no gap of level divides, in order of time; `grain_mw` as in Rest."""

    plateaus: tuple[Plateau, ...]
    grain_mw: int = 0

    @property
    def low_mw(self) -> int:
        return min(plateau.low_mw for plateau in self.plateaus)

    @property
    def high_mw(self) -> int:
        return max(plateau.high_mw for plateau in self.plateaus)

    @property
    def total_ms(self) -> int:
        return sum(plateau.end_ms - plateau.start_ms for plateau in self.plateaus)

    @property
    def longest_ms(self) -> int:
        return max(plateau.end_ms - plateau.start_ms for plateau in self.plateaus)

    @property
    def stretches(self) -> list[Interval]:
        """When the power was at this mode."""
        return [(plateau.start_ms, plateau.end_ms) for plateau in self.plateaus]

    @property
    def rests(self) -> list[Interval]:
        """The stretches at its bottom: all that stay within a gap of its lowest level, if any does."""
        limit_mw = self.low_mw + gap_mw(self.low_mw, self.grain_mw)
        low = [plateau for plateau in self.plateaus if plateau.high_mw < limit_mw] or self.plateaus
        return [(plateau.start_ms, plateau.end_ms) for plateau in low]

    @property
    def is_wide(self) -> bool:
        """Whether its own levels lie a gap apart."""
        return self.high_mw - self.low_mw >= gap_mw(self.low_mw, self.grain_mw)


class Rest(NamedTuple):
    """How the power rests at one level: 10th percentile, median absolute deviation from the median, 95th percentile.

    `grain_mw` is the power that one step of an energy counter makes in a window, where that counts; else 0.
    """

    floor_mw: int
    mad_mw: int
    reach_mw: int
    grain_mw: int = 0

    @property
    def step_mw(self) -> int:
        """How far above the floor something else begins: signals.md section 3, and above the rest's own bursts."""
        own_mw = round(OWN_FACTOR * (self.reach_mw - self.floor_mw))
        return max(gap_mw(self.floor_mw, self.grain_mw), MAD_FACTOR * self.mad_mw, own_mw)


def gap_mw(level_mw: int, grain_mw: int = 0) -> int:
    """How far above a level another one must lie to be told apart from it."""
    return max(LEAST_GAP_MW, round(GAP_SHARE * level_mw), GRAINS * grain_mw)


def window_ms(span_ms: int, poll_ms: int) -> int:
    """How long a window is, for a recording of this length and poll period."""
    shortest = max(SHORTEST_WINDOW_MS, POLLS_IN_A_WINDOW * poll_ms)
    return max(shortest, min(LONGEST_WINDOW_MS, span_ms // WINDOWS))


def find_modes(observed: Sequence[Observation], length_ms: int, *, grain_mw: int = 0) -> list[Mode]:
    """Modes in order of level, the lowest first; none where the power never rests. Windows are length_ms long."""
    modes: list[list[Plateau]] = []
    highest = 0
    for plateau in sorted(_plateaus(observed, length_ms, grain_mw), key=attrgetter("low_mw")):
        if modes and plateau.low_mw - highest < gap_mw(highest, grain_mw):
            modes[-1].append(plateau)
            highest = max(highest, plateau.high_mw)
        else:
            modes.append([plateau])
            highest = plateau.high_mw
    return [Mode(tuple(sorted(mode)), grain_mw) for mode in modes]


def longest_stay_ms(observed: Sequence[Observation], mode: Mode, length_ms: int) -> int:
    """How long the power kept to a mode's range at a stretch, moving as it may; windows are length_ms long."""
    margin_mw = gap_mw(mode.low_mw, mode.grain_mw) // 2
    longest = stay = 0
    last_ms: int | None = None
    for start_ms, level_mw in _windows(observed, length_ms):
        keeps = mode.low_mw - margin_mw <= level_mw <= mode.high_mw + margin_mw
        follows = last_ms is not None and start_ms == last_ms + length_ms
        stay = (stay + length_ms if follows else length_ms) if keeps else 0
        longest, last_ms = max(longest, stay), start_ms
    return longest


def rest_of(observed: Sequence[Observation], when: Iterable[Interval]) -> Rest:
    """How the power rests during some stretches, at least one of which was observed."""
    inside = [
        (each.mean_mw, each.end_ms - each.start_ms)
        for start, end in when
        for each in between(observed, start, end_ms=end)
    ]
    median_mw = percentile_mw(inside, 0.5)
    mad_mw = percentile_mw([(abs(mw - median_mw), ms) for mw, ms in inside], 0.5)
    return Rest(percentile_mw(inside, 0.1), mad_mw, percentile_mw(inside, OWN_SHARE))


def percentile_mw(weighted: Iterable[tuple[int, int]], share: float) -> int:
    """The power below which lies `share` of the weight of (mW, ms), in any order, not empty."""
    ordered = sorted(weighted)
    wanted = share * sum(weight for _, weight in ordered)
    for power_mw, weight in ordered:
        wanted -= weight
        if wanted <= 0:
            return power_mw
    return ordered[-1][0]


def _plateaus(observed: Sequence[Observation], length_ms: int, grain_mw: int) -> Iterator[Plateau]:
    """Stretches of PLATEAU_WINDOWS or more, each window less than half a gap from the one before it."""
    stretch: list[tuple[int, int]] = []
    for start_ms, level_mw in _windows(observed, length_ms):
        if stretch and not (stretch[-1][0] + length_ms == start_ms and _close(stretch[-1][1], level_mw, grain_mw)):
            yield from _plateau(stretch, length_ms)
            stretch = []
        stretch.append((start_ms, level_mw))
    yield from _plateau(stretch, length_ms)


def _plateau(stretch: list[tuple[int, int]], length_ms: int) -> Iterator[Plateau]:
    """Without the outer windows where it can do without: those hold the way to other levels."""
    if len(stretch) >= PLATEAU_WINDOWS:
        inner = stretch[1:-1] if len(stretch) >= PLATEAU_WINDOWS + 2 else stretch
        levels = [level_mw for _, level_mw in inner]
        yield Plateau(inner[0][0], inner[-1][0] + length_ms, min(levels), max(levels))


def _close(left_mw: int, right_mw: int, grain_mw: int) -> bool:
    return 2 * abs(left_mw - right_mw) < gap_mw(min(left_mw, right_mw), grain_mw)


def _windows(observed: Sequence[Observation], length_ms: int) -> Iterator[tuple[int, int]]:
    """Start and median power of each window of which enough was observed, from the first observation on."""
    shares: dict[int, list[tuple[int, int]]] = {}
    for each in observed:
        for start_ms in range(each.start_ms - each.start_ms % length_ms, each.end_ms, length_ms):
            inside_ms = min(each.end_ms, start_ms + length_ms) - max(each.start_ms, start_ms)
            shares.setdefault(start_ms, []).append((each.mean_mw, inside_ms))
    for start_ms, share in shares.items():
        if sum(ms for _, ms in share) >= LEAST_SHARE_SEEN * length_ms:
            yield start_ms, percentile_mw(share, 0.5)
