"""The first page: every instrument with today's states at a glance."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from collector.accounts.liveness import SILENT_AFTER, Liveness, liveness
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from collector.web import figures
from collector.web.axis import Window, window_over
from collector.web.figures import Strip
from protocol import hours
from protocol.hours import HourRecord
from protocol.interval import DAY_S, day_bounds_ms
from protocol.phases import DaySpan
from protocol.policy import POWER

PAGE_SIZE = 50
_SQL = load("web")
_NO_RECORD: tuple[DaySpan, ...] = ()
Zoom = Literal["day", "hour"]


class Row(NamedTuple):
    """One instrument. `state` is None while nothing fresh is known of it; `showing` is what its agents hint at then."""

    asset_no: str
    name_zh: str
    name_en: str
    model: str
    unit_zh: str
    unit_en: str
    record: HourRecord | None
    strip: Strip
    state: str | None
    agents: int
    liveness: Liveness
    last_seen_at: datetime | None
    in_doubt: bool
    forked: bool
    unreviewed: bool
    showing: list[str]
    problem: str | None
    counted_s: int | None


class Totals(NamedTuple):
    """Of all instruments today; `measured` is how many have an agent."""

    instruments: int
    agents: int
    agents_live: int
    measured: int
    effective_s: int
    counted_s: int
    observed_s: int
    running: int


class Overview(NamedTuple):
    day: date
    second: int
    totals: Totals
    rows: list[Row]
    window: Window
    zoom: Zoom | None
    next_after: str | None


def load_overview(
    connection: Connection, now: datetime, *, today: date, scope: Scope, after: str, zoom: Zoom | None
) -> Overview:
    """The page of instruments in a scope, after an asset number.

    Without `zoom` the whole day is shown, and of a system whose first day this is, only what was observed of it.
    """
    second = (round(now.timestamp() * 1000) - day_bounds_ms(today)[0]) // 1000
    live_since = now - SILENT_AFTER
    asked = {"day": today, "after": after, "limit": PAGE_SIZE + 1, "live_since": live_since, **scope.values}
    found = connection.execute(_SQL.list_overview, asked).fetchall()
    records = [None if row[6] is None else hours.decode(bytes(row[6])) for row in found[:PAGE_SIZE]]
    window = _window(connection, today, records, zoom=zoom, second=second)
    rows = [
        _row(row, record, window, now=now, second=second)
        for row, record in zip(found[:PAGE_SIZE], records, strict=True)
    ]
    values = {"day": today, "live_since": live_since, "fresh_from_s": _fresh_from(second), **scope.values}
    totals = connection.execute(_SQL.load_totals, values).fetchone()
    assert totals is not None
    next_after = rows[-1].asset_no if len(found) > PAGE_SIZE else None
    return Overview(today, second, Totals(*totals), rows, window, zoom, next_after)


def _window(
    connection: Connection, today: date, records: Sequence[HourRecord | None], *, zoom: Zoom | None, second: int
) -> Window:
    if zoom == "hour":
        return Window(max(0, second - 3_600), max(3_600, second))
    if zoom == "day":
        return Window()
    firsts = [first for first in map(first_observed, records) if first is not None]
    before = connection.execute(_SQL.has_records_before, {"day": today - timedelta(days=1)}).fetchone()
    if not firsts or before is None or before[0]:
        return Window()
    return window_over(min(firsts), second)


def first_observed(record: HourRecord | None) -> int | None:
    """The second of the day at which a record first shows a state, None where it shows none."""
    spans = () if record is None else record.spans
    return next((start for start, _, state in spans if state != "unobserved"), None)


def state_now(record: HourRecord | None, second: int) -> str | None:
    """The state at the newest evidence of today, if that is fresh."""
    if record is None or not record.spans or record.until < _fresh_from(second):
        return None
    return record.spans[-1][2]


def _fresh_from(second: int) -> int:
    return max(0, second - int(SILENT_AFTER.total_seconds()))


def _row(row: tuple[Any, ...], record: HourRecord | None, window: Window, *, now: datetime, second: int) -> Row:
    asset_no, name_zh, name_en, model, unit_zh, unit_en, _, agents, last_seen_at, *flags = row
    in_doubt, forked, unreviewed, showing, problem, counted_s = flags
    spans = _NO_RECORD if record is None else record.spans
    state = state_now(record, second)
    return Row(
        asset_no,
        name_zh,
        name_en,
        model,
        unit_zh or "",
        unit_en or "",
        record,
        figures.strip(spans, window, until_s=min(second, DAY_S)),
        state,
        agents,
        liveness(last_seen_at, now),
        last_seen_at,
        bool(in_doubt),
        bool(forked),
        bool(unreviewed),
        [] if state else [_spell(*each) for each in showing or ()],
        problem,
        counted_s,
    )


def _spell(watcher: str, channel: str, value: str) -> str:
    """`meter1 905.8 W`, `door contact closed`."""
    return (
        f"{watcher} {int(value) / 1000:.1f} W"
        if channel == POWER and value.isdigit()
        else f"{watcher} {channel} {value}"
    )
