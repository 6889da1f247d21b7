"""One day as two pictures: the strip of states and the line of power. Geometry and SVG, no words. Pure.

States differ in height as well as in colour, as on the collector's pages. Positions are in percent of the day or, for
the line, in a view box of its own that is stretched; nothing needs a script or an inline style.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from agent.preview import Day, Power
from protocol.interval import DAY_MS, UTC_OFFSET_MS
from protocol.timeline import Span

HEIGHTS = {"off": (80, 20), "standby": (45, 55), "run": (0, 100), "unobserved": (0, 100)}
"""Top and height of a state's bars, in percent."""
THIN_SHARE = 0.0008
"""A bar narrower than this share of the day would be thinner than a pixel."""
COLUMNS = 480
"""Of the power line: one for three minutes."""
_DRAWN_LAST = {"unobserved": 0, "off": 1, "standby": 2, "run": 3}
HOURS = (0, 6, 12, 18, 24)

NameState = Callable[[str], str]


Column = tuple[int, int]
"""A stretch of the day by its number, and the highest mean power in it, in mW."""


def clock(utc_ms: int) -> str:
    """The time of day in China, to the minute."""
    minutes = (utc_ms + UTC_OFFSET_MS) % DAY_MS // 60_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def draw_states(day: Day, *, label: str, name: NameState) -> str:
    """The strip of a day's states; `name` gives a state's word."""
    spans = sorted(day.spans, key=lambda span: _DRAWN_LAST[span.state])
    bars = "".join(_bar(span, day, name=name) for span in spans)
    return _figure("strip", label, f"{_grid()}{bars}{_until(day)}")


def draw_power(day: Day, *, label: str) -> str:
    """The line of a day's power, from 0 to its highest."""
    columns = _columns(day)
    top_mw = max((power_mw for _, power_mw in columns), default=0)
    pieces = "".join(f'<path class="power-line" d="{_path(piece, top_mw)}"/>' for piece in _pieces(columns))
    inside = f'<svg viewBox="0 0 {COLUMNS} 100" preserveAspectRatio="none" width="100%" height="100%">{pieces}</svg>'
    return _figure("power", label, f"{_grid()}{inside}{_until(day)}")


def draw_axis() -> str:
    """The hours below both."""
    anchors = {0: "start", 24: "end"}
    texts = "".join(
        f'<text x="{hour / 0.24:.2f}%" y="12" text-anchor="{anchors.get(hour, "middle")}">{hour:02d}:00</text>'
        for hour in HOURS
    )
    return f'<svg class="time-axis" width="100%" aria-hidden="true">{texts}</svg>'


def draw_swatch(state: str) -> str:
    """A small bar of a state, for a legend."""
    return f'<svg class="swatch" width="18" height="14" aria-hidden="true">{_rect(state, x=0, width=100)}</svg>'


def _figure(kind: str, label: str, inside: str) -> str:
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return f'<svg class="{kind}" role="img" aria-label="{escape(label)}" width="100%">{ground}{inside}</svg>'


def _grid() -> str:
    lines = (f'<line class="grid" x1="{hour / 0.24:.2f}%" x2="{hour / 0.24:.2f}%" y1="0" y2="100%"/>' for hour in HOURS)
    return "".join(lines)


def _until(day: Day) -> str:
    at = _percent(day.now_ms - day.start_ms)
    return f'<line class="until" x1="{at:.3f}%" x2="{at:.3f}%" y1="0" y2="100%"/>'


def _bar(span: Span, day: Day, *, name: NameState) -> str:
    x, width = _percent(span.start_ms - day.start_ms), _percent(span.end_ms - span.start_ms)
    title = f"<title>{clock(span.start_ms)}–{clock(span.end_ms)} {escape(name(span.state))}</title>"
    return _rect(span.state, x=x, width=width, inside=title)


def _rect(state: str, *, x: float, width: float, inside: str = "") -> str:
    top, height = HEIGHTS[state]
    kind = f"bar {state}" + (" thin" if width < 100 * THIN_SHARE else "")
    # The pattern of what was not observed is this document's own, so it is named here and not in the sheet.
    fill = ' fill="url(#unobserved)"' if state == "unobserved" else ""
    place = f'x="{x:.3f}%" width="{width:.3f}%" y="{top}%" height="{height}%"'
    return f'<rect class="{kind}"{fill} {place}>{inside}</rect>'


def _percent(ms: int) -> float:
    return 100 * ms / DAY_MS


def _columns(day: Day) -> list[Column]:
    """Many intervals become few columns, so that a page stays small whatever the load did."""
    highest: dict[int, int] = {}
    for power in day.powers:
        for number in _numbers(power, day):
            highest[number] = max(highest.get(number, 0), power.mean_mw)
    return sorted(highest.items())


def _numbers(power: Power, day: Day) -> range:
    first = (power.start_ms - day.start_ms) * COLUMNS // DAY_MS
    last = (power.end_ms - 1 - day.start_ms) * COLUMNS // DAY_MS
    return range(max(first, 0), min(last, COLUMNS - 1) + 1)


def _pieces(columns: Sequence[Column]) -> list[list[Column]]:
    """The columns in pieces without a hole: where nothing was read, there is no line."""
    pieces: list[list[Column]] = []
    for column in columns:
        if pieces and pieces[-1][-1][0] == column[0] - 1:
            pieces[-1].append(column)
        else:
            pieces.append([column])
    return pieces


def _path(piece: Sequence[Column], top_mw: int) -> str:
    """The outline of a piece down to 0; a line of power 0 keeps the thickness of its stroke."""
    steps = " ".join(f"V{100 - 95 * power_mw / max(top_mw, 1):.1f} H{number + 1}" for number, power_mw in piece)
    return f"M{piece[0][0]} 100 {steps} V100 Z"
