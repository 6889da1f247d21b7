"""Self-evaluation reports as they stand in the database: versions, steps, and who may read what a report says.

Before it is submitted a report is its unit's own; where it stands is no secret. Nothing is changed here (reports.py).
"""

from datetime import datetime
from typing import NamedTuple

from collector.errors import NotAllowed, UnknownName
from collector.registry.access import EVERYTHING, Access, Right, Scope
from collector.self_evaluation import report as forms
from collector.self_evaluation.report import Report
from collector.self_evaluation.states import State
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("self_evaluation")


class Standing(NamedTuple):
    """Where a report stands: its newest step, and the identity of the version that the step is about."""

    report_id: int
    uscc: str
    name_zh: str
    year: int
    state: State
    version: int
    sha256: str
    made_by: str
    made_at: datetime

    @property
    def name(self) -> str:
        """What the audit trail calls it."""
        return f"{self.uscc}/{self.year}"


class Step(NamedTuple):
    """How a report came to a state; `differences` of a confirmation: how many figures were not the records' any
    more."""

    state: State
    version: int
    sha256: str
    differences: int
    why: str
    made_by: str
    made_at: datetime


class Version(NamedTuple):
    """A version of a report: its number, exact bytes and what they say."""

    number: int
    body: bytes
    report: Report

    @property
    def sha256(self) -> str:
        return forms.identity(self.body)


Place = tuple[int, str]
"""After which (minus the year, USCC) a list goes on."""


def list_reports(
    connection: Connection,
    scope: Scope,
    *,
    year: int | None = None,
    uscc: str | None = None,
    after: Place = (-10_000, ""),
    limit: int | None = None,
) -> list[Standing]:
    """Reports in a scope, the latest year first, then by code."""
    values = {
        **scope.values,
        "year": year,
        "uscc": uscc,
        "after_year": after[0],
        "after_uscc": after[1],
        "limit": limit,
    }
    return [Standing(*row) for row in connection.execute(_SQL.list_reports, values)]


def find_report(connection: Connection, uscc: str, year: int, *, scope: Scope = EVERYTHING) -> Standing:
    """Where the report stands; UnknownName where there is none in the scope."""
    found = list_reports(connection, scope, year=year, uscc=uscc)
    if not found:
        raise UnknownName(f"there is no self-evaluation report of unit {uscc[:20]!a} for {year}: draft it first")
    return found[0]


def list_steps(connection: Connection, held: Standing) -> list[Step]:
    """How it came where it is, the first step first."""
    return [Step(*row) for row in connection.execute(_SQL.list_steps, {"report_id": held.report_id})]


def load_version(connection: Connection, held: Standing, access: Access, *, number: int | None = None) -> Version:
    """A version of a report, for whoever may read it. NotAllowed, UnknownName.

    Without a number: the unit's own people get the newest one, others the newest that was submitted.
    """
    if not may_read(access, held.uscc):
        raise NotAllowed(f"what a self-evaluation report says is read by its unit and its evaluators, not by {access}")
    if access.scope == Scope("unit", held.uscc):
        return read_version(connection, held, held.version if number is None else number)
    values = {"report_id": held.report_id, "number": number}
    newest, is_submitted = connection.execute(_SQL.find_submitted, values).fetchone() or (None, False)
    if newest is None or (number is not None and not is_submitted):
        raise NotAllowed(
            f"the report of {held.name} was not submitted in that version: until then it is its unit's own"
        )
    return read_version(connection, held, newest if number is None else number)


def read_version(connection: Connection, held: Standing, number: int) -> Version:
    """A version of a report, whoever asks; UnknownName."""
    values = {"report_id": held.report_id, "number": number}
    row = connection.execute(_SQL.load_version, values, binary=True).fetchone()
    if row is None:
        raise UnknownName(f"the report of {held.name} has no version {number}: the newest is {held.version}")
    return Version(number, bytes(row[0]), forms.decode(row[0]))


def may_read(access: Access, uscc: str) -> bool:
    """Whether somebody may read reports of a unit: its own people who read facts, and whoever sees points of rounds."""
    is_own = access.scope == Scope("unit", uscc) and access.allows(Right.READINGS)
    return is_own or access.allows(Right.SCORES)
