"""A trace with its states as a picture in a file. Needs matplotlib, the extra `calibrate`.

Power from the lowest to the highest of each stretch of time, so that no spike is lost, on a scale that is linear up to
10 W and logarithmic above; the proposed thresholds as lines, the states as the colour behind. The same recording gives
the same bytes of SVG.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.calibration.examine import Result
from agent.calibration.strip import LINEAR_MW, columns
from agent.errors import CalibrationError
from protocol.interval import UTC_OFFSET_MS
from protocol.lead import STATES, State
from protocol.timeline import Span

SUFFIXES = (".svg", ".png")
COLUMNS = 1600
REMEDY = "the picture needs the extra `calibrate`: pip install 'jishi[agent,calibrate]'"

_COLOURS: dict[State, str] = {"off": "#dfe3e8", "standby": "#f6dda0", "run": "#9fd3a9", "unobserved": "#ffffff"}
_HOUR_MS = 3_600_000


class NoPicture(CalibrationError):
    """The library that draws is not installed; everything else works without it."""


def draw(result: Result, path: Path) -> None:
    """Write a picture; its suffix, .svg or .png, says which kind. NoPicture where matplotlib is missing."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPicture(REMEDY) from error
    with mpl.rc_context({"svg.hashsalt": "jishi"}):
        figure = Figure(figsize=(12, 4.5), layout="constrained")
        _fill(figure.subplots(), result)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _fill(axes: Any, result: Result) -> None:
    midnight_ms = _midnight_ms(result.recording.samples[0].at_ms)
    _shade(axes, result.spans, midnight_ms)
    shown = columns(result.recording.samples, COLUMNS)
    hours = [(column.start_ms - midnight_ms) / _HOUR_MS for column in shown]
    axes.vlines(hours, [c.low_mw / 1000 for c in shown], [c.high_mw / 1000 for c in shown], color="#1f4e79", lw=0.8)
    axes.plot(hours, [c.high_mw / 1000 for c in shown], color="#1f4e79", lw=0.5)
    if result.policy:
        for level_mw, style in zip(result.policy.levels(), (":", "--") * 2, strict=False):
            axes.axhline(level_mw / 1000, color="#b03a2e", lw=0.8, ls=style)
    axes.set_yscale("symlog", linthresh=LINEAR_MW / 1000)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("power in W")
    axes.set_xlabel("hours since midnight, UTC+8")
    axes.set_title(", ".join(f"{state} {seconds / 3600:.2f} h" for state, seconds in result.seconds.items()))


def _shade(axes: Any, spans: Sequence[Span], midnight_ms: int) -> None:
    for state in STATES:
        pieces = [
            ((span.start_ms - midnight_ms) / _HOUR_MS, (span.end_ms - span.start_ms) / _HOUR_MS)
            for span in spans
            if span.state == state
        ]
        transform = axes.get_xaxis_transform()
        axes.broken_barh(pieces, (0, 1), transform=transform, facecolor=_COLOURS[state], lw=0, zorder=0)


def _midnight_ms(at_ms: int) -> int:
    """The beginning of the local day."""
    return at_ms - (at_ms + UTC_OFFSET_MS) % (24 * _HOUR_MS)
