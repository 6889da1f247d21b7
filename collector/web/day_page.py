"""The second page: one instrument's day, from the power that was measured to the hash of its record."""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from collector.accounts import sessions
from collector.accounts.power import PowerPoint, read_power, thin_out
from collector.accounts.sessions import Session
from collector.errors import ReadingsDropped
from collector.registry.access import Scope
from collector.store.database import Connection
from collector.store.queries import load
from collector.web import figures
from collector.web.axis import Window, window_over
from collector.web.figures import TRACE_POINTS, DayColumn, Strip, Trace
from collector.web.overview import first_observed
from collector.web.registered import Registered, load_registered
from protocol import grades, hours
from protocol.agreement import Agreement, agreements
from protocol.grades import GRADES, Grade, GradeRecord, Reason
from protocol.hours import HourRecord
from protocol.interval import DAY_S, day_bounds_ms
from protocol.policy import Policy, parse_policy

RECENT_DAYS = 14
_API = load("api")
_WEB = load("web")


class Names(NamedTuple):
    """What an instrument is called, and who owns it."""

    asset_no: str
    name_zh: str
    name_en: str
    model: str
    unit_zh: str
    unit_en: str


class SessionRow(NamedTuple):
    """A session with the part of it that lies in the day, as seconds of the day."""

    session: Session
    start_s: int
    end_s: int
    is_over_midnight: bool

    @property
    def zoom(self) -> Window:
        """The part of the day that shows the session with a little on both sides."""
        margin = max(30, (self.end_s - self.start_s) // 8)
        return Window(max(0, self.start_s - margin), min(DAY_S, self.end_s + margin))


class GradeRow(NamedTuple):
    """A grade of the day: its seconds, those that are effective, and the seconds of each reason."""

    grade: Grade
    seconds: int
    effective_s: int
    reasons: list[tuple[Reason, int]]


class DayPage(NamedTuple):
    """All that the page shows; without a record, `problem` may say why."""

    names: Names
    registered: Registered | None
    day: date
    today: date
    record: HourRecord | None
    record_sha256: str
    derived_at: datetime | None
    graded: GradeRecord | None
    policy: Policy | None
    problem: str | None
    window: Window
    strip: Strip
    trace: Trace
    points: list[PowerPoint]
    is_dropped: bool
    sessions: list[SessionRow]
    recent: list[DayColumn]

    @property
    def previous(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def next(self) -> date:
        return self.day + timedelta(days=1)

    @property
    def midnight_ms(self) -> int:
        return day_bounds_ms(self.day)[0]

    @property
    def agreements(self) -> list[Agreement]:
        return [] if self.record is None else agreements(self.record)

    @property
    def grades(self) -> list[GradeRow]:
        """Every grade that any second has, the best one first."""
        if self.graded is None:
            return []
        effective = dict(self.graded.effective)
        rows = []
        for each in GRADES:
            reasons: dict[Reason, int] = {}
            for start, end, given, why in self.graded.spans:
                if given == each:
                    reasons[why] = reasons.get(why, 0) + end - start
            if reasons:
                longest = sorted(reasons.items(), key=lambda item: -item[1])
                rows.append(GradeRow(each, sum(reasons.values()), effective.get(each, 0), longest))
        return rows

    @property
    def lead_in(self) -> str:
        return "" if self.record is None else self.record.lead_in.partition(",")[0]

    @property
    def lead_out(self) -> str:
        return "" if self.record is None else self.record.lead_out.partition(",")[0]


def load_names(connection: Connection, asset_no: str, *, scope: Scope, day: date) -> Names | None:
    values = {"asset_no": asset_no, "day": day, "first_day": day, "last_day": day, **scope.values}
    row = connection.execute(_API.load_instrument, values).fetchone()
    if row is None:
        return None
    _, name_zh, name_en, model, _, _, unit_zh, unit_en = row[:8]
    return Names(asset_no, name_zh, name_en, model, unit_zh or "", unit_en or "")


def load_day_page(
    connection: Connection, asset_no: str, *, scope: Scope, day: date, today: date, second: int, asked: Window | None
) -> DayPage | None:
    """The page of a day, or None for an instrument that nobody registered or that was not in the scope on this day.

    `asked` is the part to show.
    """
    names = load_names(connection, asset_no, scope=scope, day=day)
    if names is None:
        return None
    key: dict[str, Any] = {"asset_no": asset_no, "day": day, **scope.values}
    with connection.transaction():
        row = connection.execute(_API.load_record, key, binary=True).fetchone()
        body, derived_at, raw = (None, None, None) if row is None else row
        record = None if body is None else hours.decode(body)
        policy = None if record is None else _load_policy(connection, record.policy)
        window = asked or _window(connection, key, record, today=today)
        midnight_ms, _ = day_bounds_ms(day)
        points, is_dropped = _load_points(connection, asset_no, window, midnight_ms=midnight_ms)
        found = sessions.load_sessions(connection, asset_no, first_day=day, last_day=day)
        problem = connection.execute(_API.load_problem, key).fetchone()
        registered = load_registered(connection, asset_no, day=day)
        recent = _load_recent(connection, key, today=today)
    until_s = second if day == today else DAY_S
    return DayPage(
        names,
        registered,
        day,
        today,
        record,
        "" if body is None else hashlib.sha256(body).hexdigest(),
        derived_at,
        None if raw is None else grades.decode(raw),
        policy,
        None if problem is None else problem[0],
        window,
        figures.strip(() if record is None else record.spans, window, until_s=until_s),
        figures.trace(points, window, midnight_ms=midnight_ms, policy=policy),
        points,
        is_dropped,
        [_session_row(session, midnight_ms) for session in found],
        recent,
    )


def _window(connection: Connection, key: dict[str, Any], record: HourRecord | None, *, today: date) -> Window:
    """The whole day; of an instrument's first day, while it is open, the part that was observed."""
    day = key["day"]
    first = first_observed(record)
    if record is None or first is None or day != today:
        return Window()
    before = connection.execute(_API.load_record, {**key, "day": day - timedelta(days=1)}).fetchone()
    return Window() if before is not None else window_over(first, record.until)


def _load_policy(connection: Connection, sha256: str) -> Policy | None:
    row = connection.execute(_API.load_policy, {"sha256": sha256}, binary=True).fetchone()
    return None if row is None else parse_policy(row[0])


def _load_points(
    connection: Connection, asset_no: str, window: Window, *, midnight_ms: int
) -> tuple[list[PowerPoint], bool]:
    """The power in a window; nothing and True where its readings were dropped."""
    start_ms, end_ms = midnight_ms + window.start_s * 1000, midnight_ms + window.end_s * 1000
    power = read_power(connection, asset_no, start_ms=start_ms, end_ms=end_ms)
    try:
        return thin_out(power, start_ms=start_ms, end_ms=end_ms, max_points=TRACE_POINTS), False
    except ReadingsDropped:
        return [], True


def _session_row(session: Session, midnight_ms: int) -> SessionRow:
    start_s, end_s = (session.start_ms - midnight_ms) // 1000, (session.end_ms - midnight_ms) // 1000
    inside = max(start_s, 0), min(end_s, DAY_S)
    return SessionRow(session, *inside, (start_s, end_s) != inside)


def _load_recent(connection: Connection, key: dict[str, Any], *, today: date) -> list[DayColumn]:
    """The two weeks that end today, or a week after the day shown, whichever is earlier."""
    day = key["day"]
    last = min(today, day + timedelta(days=RECENT_DAYS // 2))
    days = [last - timedelta(days=n) for n in reversed(range(RECENT_DAYS))]
    values = {**key, "first_day": days[0], "last_day": days[-1]}
    run: dict[date, int] = dict(connection.execute(_WEB.list_recent_days, values).fetchall())
    return [figures.day_column(each.isoformat(), run.get(each), is_shown=each == day) for each in days]
