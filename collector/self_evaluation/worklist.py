"""What waits for a unit's information officer 信息员 (意见二(三)): one line a thing, with how many, and the way to it.

    claimed           external hours of orders that no document proves: they do not count
    unresolved        effective time for which nobody said whom it served
    network-overdue   instruments that ought to be in the network by now
    network-pending   instruments whose term runs
    proposals         proposals that nobody ruled on
    idle              reminders of idle or silent instruments that want a reason
    report            a self-evaluation report that the unit has to draft, confirm, submit or answer

Each source is a function of `Asked` that yields what it knows; a further one is one more line in SOURCES. Nothing is
stored: a line is there for as long as the records say so.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec

from collector.approvals.proposals import list_proposals
from collector.errors import CalendarUnknown
from collector.monitoring.cases import list_cases
from collector.network.states import State as NetworkState
from collector.network.states import list_standings
from collector.registry.access import Access, Scope
from collector.self_evaluation.timeliness import find_due
from collector.self_evaluation.versions import list_reports
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours

_SQL = load("worklist")
Kind = Literal["claimed", "unresolved", "network-overdue", "network-pending", "proposals", "idle", "report"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_EVERY = 1_000_000
"""More than a unit has of anything."""
_MOST_PROPOSALS = 1000
_ROWS_AT_ONCE = 500


class Asked(NamedTuple):
    """Whose list, on which local day; what was before `first_day` is not looked at."""

    uscc: str
    today: date

    @property
    def first_day(self) -> date:
        """The first day of the year before: its report may still have to be submitted."""
        return date(self.today.year - 1, 1, 1)

    @property
    def scope(self) -> Scope:
        return Scope("unit", self.uscc)

    @property
    def days(self) -> dict[str, object]:
        """What the queries ask for."""
        return {"uscc": self.uscc, "first_day": self.first_day, "last_day": self.today}


class Waiting(NamedTuple):
    """Something that waits: how many of it (`seconds`: how much of it, where it is time), since when, until when.

    `what` says in which state it is, where it has one; `about` names the first few; `link` is the question to the API
    that lists it.
    """

    kind: Kind
    number: int
    link: str
    seconds: int | None = None
    since: date | None = None
    due_on: date | None = None
    what: str = ""
    about: tuple[str, ...] = ()


Source = Callable[[Connection, Asked], Iterable[Waiting]]
MAX_NAMED = 5


class _Served(msgspec.Struct):
    """What is read of an hour record (protocol/hours.py)."""

    day: str
    served: list[tuple[str, str, str, int, int]]


_decode = msgspec.json.Decoder(_Served).decode


def is_in_scope(connection: Connection, scope: Scope, asked: Asked) -> bool:
    """Whether there is such a unit, and whoever has this scope may look at its list."""
    values = {**scope.values, "uscc": asked.uscc, "day": asked.today}
    row = connection.execute(_SQL.is_in_scope, values).fetchone()
    return row is not None and bool(row[0])


def list_waiting(connection: Connection, asked: Asked) -> list[Waiting]:
    """All that waits for a unit, in the order of SOURCES; in the caller's transaction."""
    return [each for source in SOURCES for each in source(connection, asked)]


def claimed(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Orders of which no document is known, and what they were served."""
    seconds: dict[str, int] = {}
    days = []
    with connection.cursor(name="claimed", binary=True) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        for (body,) in cursor.execute(_SQL.list_claimed, asked.days):
            record = _decode(body)
            days.append(record.day)
            for order, _, standing, served_s, _ in record.served:
                if standing == "claimed":
                    seconds[order] = seconds.get(order, 0) + served_s
    if seconds:
        yield Waiting(
            "claimed",
            len(seconds),
            f"/api/v1/orders?{urlencode({'unit': asked.uscc})}",
            seconds=sum(seconds.values()),
            since=date.fromisoformat(min(days)),
            about=tuple(sorted(seconds))[:MAX_NAMED],
        )


def unresolved(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Instruments with effective time for which nobody said whom it served."""
    row = connection.execute(_SQL.sum_unresolved, asked.days).fetchone()
    assert row is not None, "a sum has one row always"
    assets, seconds, since = row
    if seconds:
        asked_for = urlencode({"year": since.year, "by": "instrument", "uscc": asked.uscc})
        yield Waiting(
            "unresolved",
            len(assets),
            f"/api/v1/figures?{asked_for}",
            seconds=int(seconds),
            since=since,
            about=tuple(assets[:MAX_NAMED]),
        )


def in_network(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Instruments that have to join, those that are late first; where a year's calendar is unknown none is late."""
    states: tuple[tuple[Kind, NetworkState], ...] = (("network-overdue", "overdue"), ("network-pending", "pending"))
    try:
        list_standings(connection, day=asked.today, scope=asked.scope, state="overdue", limit=1)
    except CalendarUnknown:
        states = states[1:]
    standings = list_standings(connection, day=asked.today, scope=asked.scope, limit=_EVERY)
    for kind, state in states:
        found = [each for each in standings if each.state == state]
        if found:
            yield Waiting(
                kind,
                len(found),
                f"/api/v1/network?{urlencode({'state': state})}",
                due_on=min((each.due_on for each in found if each.due_on), default=None),
                about=tuple(each.asset_no for each in found[:MAX_NAMED]),
            )


def proposals(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Proposals about the unit or its instruments that wait for a second person."""
    access = Access("officer", asked.scope)
    found = list_proposals(connection, access, today=asked.today, is_open=True, limit=_MOST_PROPOSALS)
    if found:
        yield Waiting(
            "proposals",
            len(found),
            f"/api/v1/proposals?{urlencode({'open': 'true'})}",
            due_on=min(each.due_on for each in found),
            about=tuple(str(each.proposal_id) for each in reversed(found))[:MAX_NAMED],
        )


def idle(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Reminders that the unit has not answered yet, of instruments that were long not powered on (意见二(二))."""
    found = list_cases(connection, scope=asked.scope, today=asked.today, state="reminded")
    if found:
        yield Waiting(
            "idle",
            len(found),
            f"/api/v1/idle/cases?{urlencode({'state': 'reminded'})}",
            since=min(each.begins for each in found),
            due_on=min(each.answer_by for each in found),
            about=tuple(sorted(each.asset_no for each in found))[:MAX_NAMED],
        )


def reports(connection: Connection, asked: Asked) -> Iterator[Waiting]:
    """Reports of the last year, and of any other year that came back, that are the unit's turn."""
    held = {each.year: each for each in list_reports(connection, asked.scope, uscc=asked.uscc)}
    last_year = asked.today.year - 1
    owes = connection.execute(_SQL.owned_anything, {**asked.days, "last_day": date(last_year, 12, 31)}).fetchone()
    years = {year for year, each in held.items() if each.state in ("draft", "confirmed", "returned")}
    if last_year not in held and owes is not None and owes[0]:
        years.add(last_year)
    for year in sorted(years):
        due = find_due(connection, year)
        yield Waiting(
            "report",
            1,
            f"/api/v1/self-evaluations?{urlencode({'year': year})}",
            due_on=None if due is None else due.due_on,
            what=held[year].state if year in held else "none",
            about=(str(year),),
        )


SOURCES: tuple[Source, ...] = (claimed, unresolved, in_network, proposals, idle, reports)


def told(waiting: Waiting) -> str:
    """One line for a terminal."""
    parts = [f"{waiting.kind:<16} {waiting.number}"]
    if waiting.seconds is not None:
        parts.append(f"{hours.hours_text(waiting.seconds)} h")
    if waiting.what:
        parts.append(waiting.what)
    if waiting.since:
        parts.append(f"since {waiting.since}")
    if waiting.due_on:
        parts.append(f"due {waiting.due_on}")
    more = ", …" if waiting.number > len(waiting.about) else ""
    return "  ".join([*parts, f"{', '.join(waiting.about)}{more}", waiting.link])
