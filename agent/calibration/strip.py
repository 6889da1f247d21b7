"""A trace with its states for a terminal: plain characters, no library. Pure.

1000 W ┤            ▐█▌ …      each column stands for a stretch of time, from its lowest to its highest power, on a
 100 W ┤                       scale that is linear up to 10 W and logarithmic above
       └────────────────
        ····--███--···         the state that lasts longest in it: · off, - standby, █ run, blank unobserved
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from protocol.interval import clip, length
from protocol.lead import STATES, State
from protocol.samples import Sample
from protocol.timeline import Span

LINEAR_MW = 10_000
ROWS = 12
LABEL_WIDTH = 11

_MARKS: dict[State, str] = {"off": "·", "standby": "-", "run": "█", "unobserved": " "}


class Column(NamedTuple):
    """Lowest and highest power, in mW, of the samples in [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    low_mw: int
    high_mw: int


def columns(samples: Sequence[Sample], count: int) -> list[Column]:
    """Samples in order, gathered into at most `count` stretches of equal length; those without samples are left out."""
    start_ms = samples[0].at_ms
    step_ms = -(-(samples[-1].at_ms - start_ms + 1) // count)
    found: list[Column] = []
    for sample in samples:
        begins_ms = sample.at_ms - (sample.at_ms - start_ms) % step_ms
        low, high = sample.power_mw, sample.power_mw
        if found and found[-1].start_ms == begins_ms:
            last = found.pop()
            low, high = min(low, last.low_mw), max(high, last.high_mw)
        found.append(Column(begins_ms, begins_ms + step_ms, low, high))
    return found


def strip(samples: Sequence[Sample], spans: Sequence[Span], *, width: int) -> str:
    """Lines of at most `width` characters."""
    shown = columns(samples, max(10, width - LABEL_WIDTH - 2))
    places = {column.start_ms: column for column in shown}
    step_ms = shown[0].end_ms - shown[0].start_ms
    starts = range(shown[0].start_ms, shown[-1].end_ms, step_ms)
    states = _states(spans, starts, step_ms=step_ms)
    return "\n".join(
        [*_rows(places, starts), " " * LABEL_WIDTH + " └" + "─" * len(starts), " " * (LABEL_WIDTH + 2) + states]
    )


def height(power_mw: int) -> float:
    """Where a power lies on the scale: 1 at LINEAR_MW, one more for each factor of ten above."""
    part = max(0, power_mw) / LINEAR_MW
    return part if part <= 1 else 1 + math.log10(part)


def _rows(places: dict[int, Column], starts: range) -> Iterator[str]:
    top = max(1.0, *(height(column.high_mw) for column in places.values()))
    for row in range(ROWS, 0, -1):
        floor, ceiling = (row - 1) * top / ROWS, row * top / ROWS
        marks = (_mark(places.get(start), floor=floor, ceiling=ceiling) for start in starts)
        yield f"{_label(floor):>{LABEL_WIDTH}} ┤{''.join(marks)}".rstrip()


def _mark(column: Column | None, *, floor: float, ceiling: float) -> str:
    """A tower that is solid from the lowest to the highest power; what is below 10 W shows in the lowest row."""
    if column is None or (height(column.high_mw) <= floor and floor > 0):
        return " "
    return "░" if height(column.low_mw) >= ceiling and height(column.high_mw) > ceiling else "█"


def _label(at: float) -> str:
    watts = at * LINEAR_MW / 1000 if at <= 1 else LINEAR_MW / 1000 * 10 ** (at - 1)
    return f"{watts:.3g} W" if watts < 1000 else f"{watts:.0f} W"


def _states(spans: Sequence[Span], starts: Iterable[int], *, step_ms: int) -> str:
    by_state = {state: [(span.start_ms, span.end_ms) for span in spans if span.state == state] for state in STATES}
    marks = []
    for start in starts:
        lasting = {state: length(clip(by_state[state], start, start + step_ms)) for state in STATES}
        longest = max(STATES, key=lambda state: lasting[state])
        marks.append(_MARKS[longest] if lasting[longest] else " ")
    return "".join(marks).rstrip()
