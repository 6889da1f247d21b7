"""The two pictures of the pages as plain geometry: the strip of states and the trace of power. Pure.

States differ in height as well as in colour, so that a strip can be read without seeing colours, and in print. The
templates draw these values and decide nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from collector.accounts.liveness import SILENT_AFTER
from collector.accounts.power import PowerPoint
from collector.web.axis import PowerScale, Tick, Window, percent, power_scale
from protocol.phases import DaySpan
from protocol.policy import Policy, Trigger

AWAITED = "awaited"
"""The part of today that an agent has not reported yet, but is not late with: it may still become any state."""
HEIGHTS = {
    "off": ("80%", "20%"),
    "standby": ("45%", "55%"),
    "run": ("0%", "100%"),
    "unobserved": ("0%", "100%"),
    AWAITED: ("0%", "100%"),
}
"""Top and height of a state's bars."""
THIN_SHARE = 0.0008
"""A bar narrower than this share of the figure would be thinner than a pixel."""
_DRAWN_LAST = {AWAITED: 0, "unobserved": 0, "off": 1, "standby": 2, "run": 3}
TRACE_POINTS = 600
TRACE_WIDTH, TRACE_HEIGHT = 10_000, 1_000
"""The trace's own coordinates; the drawing is stretched to the figure."""


class Bar(NamedTuple):
    """One state over a part of the window; start_s and end_s are the whole span's."""

    state: str
    x: str
    width: str
    y: str
    height: str
    start_s: int
    end_s: int
    is_thin: bool


class Strip(NamedTuple):
    """States over a window; `until` is where the present is, None where it lies outside."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    until: str | None


def strip(spans: Sequence[DaySpan], window: Window, *, until_s: int) -> Strip:
    """The spans inside the window up to the second `until_s`, which is the present on an open day.

    What no record covers up to there is awaited, or unobserved once the agent counts as silent. Runs are drawn last, so
    that no neighbour hides a short one.
    """
    told_s = spans[-1][1] if spans else 0
    is_late = until_s - told_s > SILENT_AFTER.total_seconds()
    silence = [(told_s, until_s, "unobserved" if is_late else AWAITED)] if told_s < until_s else []
    bars = [_bar(span, window) for span in [*spans, *silence] if span[0] < window.end_s and window.start_s < span[1]]
    bars.sort(key=lambda bar: _DRAWN_LAST[bar.state])
    ends_inside = window.start_s <= until_s < window.end_s
    return Strip(tuple(bars), tuple(window.ticks()), window.at(until_s) if ends_inside else None)


def _bar(span: tuple[int, int, str], window: Window) -> Bar:
    start_s, end_s, state = span
    length = window.end_s - window.start_s
    inside = min(end_s, window.end_s) - max(start_s, window.start_s)
    share = inside / length
    top, height = HEIGHTS[state]
    return Bar(state, window.at(start_s), percent(share), top, height, start_s, end_s, share < THIN_SHARE)


class Threshold(NamedTuple):
    """The band between a trigger's off and on thresholds."""

    name: str
    y: str
    height: str
    on_mw: int
    off_mw: int


class Trace(NamedTuple):
    """Power over a window: `band` between the extremes, `line` of means, in the trace's own coordinates."""

    band: str
    line: str
    scale: PowerScale
    ticks: tuple[Tick, ...]
    thresholds: tuple[Threshold, ...]
    is_empty: bool


def trace(points: Sequence[PowerPoint], window: Window, *, midnight_ms: int, policy: Policy | None) -> Trace:
    """The points drawn as steps, broken where nobody observed, by what the instrument drew (the policy's `ratio`)."""
    points = points if policy is None else [_behind_transformers(point, policy) for point in points]
    triggers = [] if policy is None else [("standby", policy.standby), ("run", policy.run)]
    marks = [power for _, trigger in triggers for power in (trigger.on_mw, trigger.off_mw)]
    scale = power_scale([*(point.high_mw for point in points), *(point.low_mw for point in points), *marks])
    pieces = _unbroken(points)
    start_ms = midnight_ms + window.start_s * 1000
    per_ms = TRACE_WIDTH / ((window.end_s - window.start_s) * 1000)

    def steps(piece: Sequence[PowerPoint], power: str) -> list[str]:
        corners = []
        for point in piece:
            y = round(scale.share(getattr(point, power)) * TRACE_HEIGHT)
            corners += [
                f"{round((point.start_ms - start_ms) * per_ms)} {y}",
                f"{round((point.end_ms - start_ms) * per_ms)} {y}",
            ]
        return corners

    band = [f"M{'L'.join([*steps(piece, 'high_mw'), *reversed(steps(piece, 'low_mw'))])}Z" for piece in pieces]
    line = [f"M{'L'.join(steps(piece, 'mean_mw'))}" for piece in pieces]
    thresholds = tuple(_threshold(name, trigger, scale) for name, trigger in triggers)
    return Trace("".join(band), "".join(line), scale, tuple(window.ticks()), thresholds, not points)


def _behind_transformers(point: PowerPoint, policy: Policy) -> PowerPoint:
    """The thresholds beside it are those of the instrument, not of the meter's secondary side."""
    mean_mw, low_mw, high_mw = map(policy.scaled, (point.mean_mw, point.low_mw, point.high_mw))
    return point._replace(mean_mw=mean_mw, low_mw=low_mw, high_mw=high_mw)


def _unbroken(points: Sequence[PowerPoint]) -> list[list[PowerPoint]]:
    pieces: list[list[PowerPoint]] = []
    for point in points:
        if pieces and pieces[-1][-1].end_ms == point.start_ms:
            pieces[-1].append(point)
        else:
            pieces.append([point])
    return pieces


def _threshold(name: str, trigger: Trigger, scale: PowerScale) -> Threshold:
    top, bottom = scale.share(trigger.on_mw), scale.share(trigger.off_mw)
    return Threshold(name, scale.at(trigger.on_mw), f"{(bottom - top) * 100:.3f}%", trigger.on_mw, trigger.off_mw)


class DayColumn(NamedTuple):
    """One day of the row of recent days: its run as a share of the day, None where there is no record."""

    day: str
    label: str
    run_s: int | None
    height: str
    is_shown: bool


def day_column(day: str, run_s: int | None, *, is_shown: bool) -> DayColumn:
    share = 0.0 if run_s is None else run_s / 86_400
    return DayColumn(day, str(int(day[-2:])), run_s, f"{share * 100:.1f}%", is_shown)
