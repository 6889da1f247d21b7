"""Rounds in the database: one yearly evaluation each, where it stands, and who took it there and why.

Whatever a person does to a round is a line of its own with who, when and why, beside its line in the audit trail; the
tables refuse to be altered. Functions that change something run in the caller's transaction, and one round is changed
by one at a time.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from collector.errors import RoundError, UnknownName
from collector.evaluation.indicators import EDITION
from collector.evaluation.population import Choice, Rules, Verdict
from collector.evaluation.states import State, check_deed, check_step
from collector.registry.audit import Actor, record_change, why_fault
from collector.registry.units import check_unit
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("rounds")
_NAME = re.compile(r"[0-9]{4}[A-Za-z0-9._-]{0,36}")
FIRST_YEAR, LAST_YEAR = 2000, 2199


class By(NamedTuple):
    """Who does something, why, and when."""

    actor: Actor
    why: str
    now: datetime

    @property
    def values(self) -> dict[str, object]:
        """What the queries ask for."""
        return {"by": self.actor.name, "why": self.why, "now": self.now}


class Round(NamedTuple):
    """A round; `frozen` is the name of the period that its figures are from, `grade_seq` up to which grade record they
    know, `scheme` the SHA-256 of its scoring scheme: each None until the round is there. `edition`: which measures it
    computes (indicators.py)."""

    round_id: int
    name: str
    year: int
    as_of: date
    rules: Rules
    state: State
    frozen: str | None
    grade_seq: int | None
    scheme: str | None
    edition: int

    @property
    def first_day(self) -> date:
        return date(self.year, 1, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, 12, 31)


class Step(NamedTuple):
    """How a round came to a state."""

    state: State
    why: str
    made_by: str
    made_at: datetime


def create_round(
    connection: Connection, name: str, *, year: int, as_of: date | None = None, rules: Rules | None = None, by: By
) -> Round:
    """A draft of that name; as of the last day of the year where no other day is said. Raises RoundError."""
    limits = rules or Rules()
    day = as_of or date(min(max(year, 1), 9999), 12, 31)
    if faults := list(_faults(name, year, day, limits)):
        raise RoundError("; ".join(faults))
    check_why(by.why)
    values = {"name": name, "year": year, "as_of": day, "edition": EDITION, **limits._asdict()}
    row = connection.execute(_SQL.insert_round, values).fetchone()
    if row is None:
        raise RoundError(f"there is a round {name} already, and rounds are never changed: choose another name")
    connection.execute(_SQL.insert_step, {"round_id": row[0], "state": "draft", **by.values})
    new = {"year": year, "as_of": day.isoformat(), **limits._asdict()}
    record_change(connection, by.actor, "round.create", target=name, new=new, reason=by.why)
    return find_round(connection, name)


def list_rounds(connection: Connection, name: str | None = None) -> list[Round]:
    """The rounds, the latest first; of that name, where one is given."""
    rows = connection.execute(_SQL.list_rounds, {"name": name}).fetchall()
    return [
        Round(round_id, name, year, as_of, Rules(least, over), *rest)
        for round_id, name, year, as_of, least, over, *rest in rows
    ]


def find_round(connection: Connection, name: str) -> Round:
    """The round of that name; raises UnknownName."""
    found = list_rounds(connection, name)
    if not found:
        raise UnknownName(f"there is no round {name[:40]!a}: `jishi-collector evaluate` lists those that there are")
    return found[0]


def hold_round(connection: Connection, name: str) -> Round:
    """The round, which nobody else changes until the transaction ends; raises UnknownName."""
    connection.execute(_SQL.hold_round, {"name": name})
    return find_round(connection, name)


def list_steps(connection: Connection, held: Round) -> list[Step]:
    """How it came where it is, the first step first."""
    return [Step(*row) for row in connection.execute(_SQL.list_steps, {"round_id": held.round_id})]


def step(connection: Connection, held: Round, wanted: State, *, by: By, new: dict[str, object]) -> None:
    """The round goes on, with its line in the audit trail. Raises RoundError where it cannot."""
    check_step(held.name, held=held.state, wanted=wanted)
    check_why(by.why)
    connection.execute(_SQL.insert_step, {"round_id": held.round_id, "state": wanted, **by.values})
    record_change(connection, by.actor, f"round.{wanted}", target=held.name, new=new, reason=by.why)


def choose(connection: Connection, name: str, *, subject: str, verdict: Verdict, by: By) -> None:
    """A person counts `instrument:A001` or `facility:F01`, or does not; or leaves `unit:USCC` out of the round."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="choose")
    check_why(by.why)
    kind, _, what = subject.partition(":")
    if kind == "unit":
        check_unit(connection, what)
    else:
        row = connection.execute(_SQL.is_registered, {"kind": kind, "name": what}).fetchone()
        if row is None or not row[0]:
            raise UnknownName(
                f"{subject[:80]!a} is nothing that can be counted: instrument:ASSET, facility:NUMBER or unit:USCC of "
                "what is registered is expected"
            )
    values = {"round_id": held.round_id, "subject": subject, "verdict": verdict, **by.values}
    connection.execute(_SQL.insert_choice, values)
    new = {"subject": subject, "verdict": verdict}
    record_change(connection, by.actor, "round.choose", target=name, new=new, reason=by.why)


def list_choices(connection: Connection, held: Round) -> list[Choice]:
    """What people decided, in order."""
    return [Choice(*row) for row in connection.execute(_SQL.list_choices, {"round_id": held.round_id})]


def check_why(why: str) -> None:
    """Raises RoundError unless a reason is given, on one line."""
    if fault := why_fault(why):
        raise RoundError(fault)


def _faults(name: str, year: int, as_of: date, rules: Rules) -> Iterable[str]:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        yield f"year is {year}: {FIRST_YEAR} to {LAST_YEAR} is expected"
    elif not _NAME.fullmatch(name) or not name.startswith(f"{year}"):
        yield (
            f"{name[:50]!a} is no name of a round of {year}: it begins with the year and has at most 40 letters, "
            f"digits, dots, underscores and hyphens, as {year} or {year}-trial"
        )
    if as_of.year != year:
        yield f"as_of is {as_of}: a day of {year} is expected, as {year}-12-31"
    yield from rules.faults()
