"""Days as strips: an inline SVG of one day's states, like the collector's day page. Pure text, nothing foreign.

Run, standby and off are bars of different height, so that a print in black and white tells them apart; what nobody
observed is hatched, never blank. Below the bars a thin line shows what was bridged.
"""

from typing import Final

from protocol.hours import HourRecord
from protocol.interval import DAY_S

WIDTH: Final = 960
HEIGHT: Final = 30
_BARS: Final = {"run": (2, 24), "standby": (12, 14), "off": (21, 5), "unobserved": (2, 24)}
MAX_BARS: Final = 400

PATTERN: Final = (
    '<svg width="0" height="0" aria-hidden="true"><defs><pattern id="unseen" width="6" height="6" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>'
    '<rect width="2" height="6" fill="#c9d2db"/></pattern></defs></svg>'
)
"""What hatches unobserved time; once in a page."""


def strip(record: HourRecord) -> str:
    """The SVG of a day, from midnight to midnight."""
    bars = [_bar(start, end, state) for start, end, state in _merged(record.spans)]
    if record.until < DAY_S:
        bars.append(_bar(record.until, DAY_S, "unobserved"))
    marks = [
        f'<rect class="bridged" x="{_x(start)}" y="27" width="{_width(start, end)}" height="2"/>'
        for start, end in record.bridged[:MAX_BARS]
    ]
    hours = "".join(f'<path class="hour" d="M{_x(hour * 3600)} 0V{HEIGHT}"/>' for hour in range(6, 24, 6))
    return (
        f'<svg class="strip" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{record.day}">{hours}{"".join(bars)}{"".join(marks)}</svg>'
    )


def axis() -> str:
    """Hours above a column of strips."""
    return '<span class="axis">' + "".join(f"<i>{hour}</i>" for hour in range(0, 25, 6)) + "</span>"


def _merged(spans: tuple[tuple[int, int, str], ...]) -> list[tuple[int, int, str]]:
    """At most MAX_BARS bars: where there are more, the shortest ones go to what stands before them."""
    if len(spans) <= MAX_BARS:
        return list(spans)
    shortest = sorted((end - start for start, end, _ in spans), reverse=True)[MAX_BARS - 1]
    found: list[tuple[int, int, str]] = []
    for start, end, state in spans:
        if found and (end - start < shortest or found[-1][2] == state or len(found) >= MAX_BARS):
            found[-1] = (found[-1][0], end, found[-1][2])
        else:
            found.append((start, end, state))
    return found


def _bar(start: int, end: int, state: str) -> str:
    top, height = _BARS[state]
    return f'<rect class="{state}" x="{_x(start)}" y="{top}" width="{_width(start, end)}" height="{height}"/>'


def _x(second: int) -> str:
    return f"{second * WIDTH / DAY_S:.2f}".rstrip("0").rstrip(".")


def _width(start: int, end: int) -> str:
    return f"{max(0.5, (end - start) * WIDTH / DAY_S):.2f}".rstrip("0").rstrip(".")
