"""From a rest to a proposal: thresholds above it, the dwells that serve, and how settled that is. Pure.

Rules 4 to 6 of docs/calibration.md. Thresholds go upwards from the rest below the run, never down from a peak. What
is measured beside them says whether the hours are the instrument's own or come from the choice of a number: a
proposal whose hours depend on such a choice is kept, but it is no answer (verdict.py).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agent.calibration.counter import cut, grain_mw
from agent.calibration.dwells import Choice, Hours, Pair, choose, spread
from agent.calibration.levels import Mode, Rest, find_modes, longest_stay_ms, percentile_mw, rest_of, window_ms
from protocol.interval import Interval
from protocol.observation import Observation, between
from protocol.policy import MAX_POWER_MW, Counter

POWERED_MW = 10_000
"""A floor at or above this is an instrument that is switched on."""
LOWER, HIGHER = 0.85, 1.3
POLLS_TO_CONFIRM = 2
BELOW_THE_RUN = 0.9
"""The higher threshold that is tried stays below this share of the run's median power."""
STAYS = 0.5
STANDS_OUT = 1.5
LOOK_BACK_MS = 60_000
LONG_MS, LONG_LEVEL_MS, SHORT_LEVEL_MS = 18_000_000, 300_000, 120_000
"""Where the counter decides: windows of five minutes in a recording of five hours or more, else of two."""
VALID_FACTOR, LEAST_VALID_MW = 10, 5_000_000


class Proposal(NamedTuple):
    """Thresholds, dwells, the runs (ms) that they give, and how settled those are.

    `busy_mw`: the median power of the runs, without what lies below their thresholds; 0 where there are none.
    `threshold_spread`: by how much the hours differ with lower and higher thresholds, as a share of them. `rest_ms`:
    how much of the runs are pauses that only a dwell bridges.
    """

    standby: Pair
    run: Pair
    choice: Choice
    off_rest: Rest | None
    idle_rest: Rest
    sessions: list[Interval]
    busy_mw: int
    threshold_spread: float
    rest_ms: int
    valid_mw: tuple[int, int]


class Proposer:
    """Makes proposals from one recording: by its watts, or by the power of `counter`'s windows.

    What divides off from standby, and what is believed, is always in watts: there the grain of most counters is larger
    than all that there is to tell.
    """

    def __init__(
        self, observed: Sequence[Observation], *, poll_ms: int, gap_ms: int, counter: Counter | None = None
    ) -> None:
        self._watts, self._poll_ms, self._gap_ms, self._counter = observed, poll_ms, gap_ms, counter
        self._observed = cut(observed, counter, gap_ms=gap_ms) if counter else observed
        self._confirm_ms = max(POLLS_TO_CONFIRM * poll_ms, counter.window_ms if counter else 0)

    def modes(self) -> list[Mode]:
        """The levels at which the recording rests.

        By the counter, levels are those of long windows, which hold many periods of whatever switches within them.
        """
        span_ms = self._watts[-1].end_ms - self._watts[0].start_ms
        if self._counter is None:
            return find_modes(self._watts, window_ms(span_ms, self._poll_ms))
        length_ms = max(self._counter.window_ms, LONG_LEVEL_MS if span_ms >= LONG_MS else SHORT_LEVEL_MS)
        counter = Counter(self._counter.step_mwh, length_ms)
        windows = cut(self._watts, counter, gap_ms=self._gap_ms)
        return find_modes(windows, length_ms, grain_mw=grain_mw(counter))

    def above(self, idle: Sequence[Interval], *, off: Sequence[Interval] = (), from_reach: bool = False) -> Proposal:
        """The run is what rises above the rest in `idle`; in `off` the instrument was switched off.

        `from_reach`: what idling reaches by itself (a chiller that switches) is taken for its floor.
        """
        idle_rest = rest_of(self._observed, idle)
        if self._counter:
            idle_rest = idle_rest._replace(grain_mw=grain_mw(self._counter))
        if from_reach:
            idle_rest = idle_rest._replace(floor_mw=idle_rest.reach_mw)
        off_rest = rest_of(self._watts, off) if off else None
        run = _pair(idle_rest, 1.0)
        hours = self._hours(run)
        choice = choose(hours, self._confirm_ms)
        sessions = hours.sessions(choice.dwells)
        inside = self._during(sessions)
        return Proposal(
            standby=self._standby(off_rest, idle_rest, run=run, idle=idle),
            run=run,
            choice=choice,
            off_rest=off_rest,
            idle_rest=idle_rest,
            sessions=sessions,
            busy_mw=_busy_mw(inside, run),
            threshold_spread=self._threshold_spread(idle_rest, choice, inside),
            rest_ms=_ms(each for each in inside if each.mean_mw <= run.off_mw),
            valid_mw=_valid_mw(self._watts, _during(self._watts, sessions), run=run),
        )

    def is_rest(self, mode: Mode) -> bool:
        """Whether the power stays at this level: no wide range, no falling out of it again and again (a drum)."""
        return self._keeps_to(mode) and not mode.is_wide

    def _keeps_to(self, mode: Mode) -> bool:
        inside = _weighted(_during(self._watts, mode.rests))
        return percentile_mw(inside, 0.1) >= STAYS * percentile_mw(inside, 0.5)

    def stays_ms(self, mode: Mode) -> int:
        """How long the power kept to this level at a stretch, whatever it did within it (a chiller that switches)."""
        if not self._keeps_to(mode):
            return 0
        span_ms = self._watts[-1].end_ms - self._watts[0].start_ms
        return longest_stay_ms(self._watts, mode, window_ms(span_ms, self._poll_ms))

    def leads_from(self, idle: Mode, proposal: Proposal) -> float:
        """The share of runs before which the power was at this level."""
        before = [self._level_before(start_ms) for start_ms, _ in proposal.sessions]
        low_mw, high_mw = idle.low_mw - proposal.idle_rest.step_mw // 2, proposal.run.on_mw
        return sum(level is not None and low_mw <= level < high_mw for level in before) / max(1, len(before))

    def stands_out(self, proposal: Proposal) -> bool:
        """Whether the run is more than what the level below does by itself now and then."""
        return proposal.busy_mw >= STANDS_OUT * proposal.idle_rest.floor_mw

    def _standby(self, off_rest: Rest | None, idle_rest: Rest, *, run: Pair, idle: Sequence[Interval]) -> Pair:
        """By watts also where the counter decides the run: the run's own, where a heater's pauses look like off."""
        if self._counter is None:
            return _standby_pair(off_rest, idle_rest, run=run)
        in_watts = rest_of(self._watts, idle)
        pair = _standby_pair(off_rest, in_watts, run=run)
        return pair if in_watts.floor_mw >= pair.on_mw else run

    def _during(self, when: Iterable[Interval]) -> list[Observation]:
        return _during(self._observed, when)

    def _level_before(self, at_ms: int) -> int | None:
        before = self._during([(at_ms - LOOK_BACK_MS, at_ms)])
        return percentile_mw(_weighted(before), 0.5) if before else None

    def _hours(self, pair: Pair) -> Hours:
        return Hours(self._observed, pair, gap_ms=self._gap_ms)

    def _threshold_spread(self, rest: Rest, choice: Choice, inside: Sequence[Observation]) -> float:
        median_mw = percentile_mw(_weighted(inside), 0.5) if inside else 0
        room = (BELOW_THE_RUN * median_mw - rest.floor_mw) / rest.step_mw
        scales = (LOWER, max(1.0, min(HIGHER, room)))
        trials = [choice.run_ms, *(self._hours(_pair(rest, scale)).run_ms(choice.dwells) for scale in scales)]
        return spread(min(trials), max(trials), of_ms=choice.run_ms)


def _during(observed: Sequence[Observation], when: Iterable[Interval]) -> list[Observation]:
    return [each for start, end in when for each in between(observed, start, end_ms=end)]


def _pair(rest: Rest, scale: float) -> Pair:
    """Half a step above the floor, and a whole one (signals.md section 3)."""
    step_mw = scale * rest.step_mw
    return Pair(rest.floor_mw + round(step_mw / 2), rest.floor_mw + round(step_mw))


def _standby_pair(off_rest: Rest | None, idle_rest: Rest, *, run: Pair) -> Pair:
    """What divides off from standby: the rest of off, where it was seen; else, for a floor that is switched on, a
    quarter and a half of it; else the run's own thresholds, for below those there is nothing to tell apart."""
    if off_rest:
        pair = _pair(off_rest, 1.0)
        return Pair(min(pair.off_mw, run.off_mw), min(pair.on_mw, run.on_mw))
    if idle_rest.floor_mw >= POWERED_MW:
        return Pair(idle_rest.floor_mw // 4, idle_rest.floor_mw // 2)
    return run


def _busy_mw(inside: Sequence[Observation], run: Pair) -> int:
    busy = [each for each in inside if each.mean_mw > run.off_mw]
    return percentile_mw(_weighted(busy), 0.5) if busy else 0


def _valid_mw(observed: Sequence[Observation], inside: Sequence[Observation], *, run: Pair) -> tuple[int, int]:
    """What to believe: up to ten times what the runs drew, for the instrument may do more than it did here."""
    busiest_mw = percentile_mw([(each.high_mw, each.end_ms - each.start_ms) for each in inside], 0.99) if inside else 0
    highest_mw = max(LEAST_VALID_MW, VALID_FACTOR * max(busiest_mw, run.on_mw))
    return min(0, 2 * min(each.low_mw for each in observed)), min(MAX_POWER_MW, highest_mw)


def _ms(observed: Iterable[Observation]) -> int:
    return sum(each.end_ms - each.start_ms for each in observed)


def _weighted(observed: Iterable[Observation]) -> list[tuple[int, int]]:
    return [(each.mean_mw, each.end_ms - each.start_ms) for each in observed]
