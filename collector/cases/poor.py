"""Cases of units that were rated poor 较差 (指引十): a year from the notice to rectify, remedies, evidence, a ruling.

    open      整改中   the year runs
    overdue   逾期     it is over, and nobody accepted
    closed    已完成   an evaluator accepted: the unit may take part again

A case is opened when its round is published. The unit's people enter what they did and the documents that show it; an
evaluator who entered none of it accepts or refuses, with a reason, and a refused case goes on. Until it is closed no
later round counts the unit, whatever the date (the reason `rectifying`).
"""

from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from collector.errors import CaseError, NotAllowed, UnknownName
from collector.evaluation.evidence import check_document
from collector.evaluation.rounds import By, check_why
from collector.evaluation.speaking import check_speaks
from collector.registry.access import EVERYTHING, Access, Scope
from collector.registry.audit import record_change
from collector.registry.people import Person
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("cases")
MAX_ENTRIES = 1000
Kind = Literal["remedy", "evidence"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Verdict = Literal["accepted", "refused"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
State = Literal["open", "overdue", "closed"]
STATES: tuple[State, ...] = get_args(State)


class PoorCase(NamedTuple):
    """A case; `closed_at` None while it is not closed."""

    case_id: int
    round: str
    uscc: str
    name_zh: str
    name_en: str
    notice_on: date
    due_on: date
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None

    def state(self, today: date) -> State:
        """How it stands on a local day."""
        if self.closed_at is not None:
            return "closed"
        return "overdue" if today > self.due_on else "open"


class Entry(NamedTuple):
    """What the unit did, or what shows it; evidence has a document (SHA-256)."""

    seq: int
    kind: Kind
    told: str
    document: str | None
    made_by: str
    made_at: datetime


class Ruling(NamedTuple):
    """What an evaluator said of it."""

    seq: int
    verdict: Verdict
    why: str
    made_by: str
    made_at: datetime


def list_cases(
    connection: Connection,
    *,
    scope: Scope = EVERYTHING,
    number: int | None = None,
    is_closed: bool | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[PoorCase]:
    """Cases of the units in a scope, by number."""
    values = {**scope.values, "number": number, "is_closed": is_closed, "after": after, "limit": limit}
    return [PoorCase(*row) for row in connection.execute(_SQL.list_cases, values)]


def find_case(connection: Connection, number: int, *, scope: Scope = EVERYTHING) -> PoorCase:
    """One case; UnknownName where there is none of that number in the scope."""
    found = list_cases(connection, scope=scope, number=number)
    if not found:
        raise UnknownName(f"there is no case {number}: `jishi-collector case list` lists those that there are")
    return found[0]


def list_entries(connection: Connection, case: PoorCase) -> list[Entry]:
    """What the unit entered, in order."""
    return [Entry(*row) for row in connection.execute(_SQL.list_entries, {"case_id": case.case_id})]


def list_rulings(connection: Connection, case: PoorCase) -> list[Ruling]:
    """What evaluators said, in order; the last one closed the case, where it is closed."""
    return [Ruling(*row) for row in connection.execute(_SQL.list_rulings, {"case_id": case.case_id})]


def enter(
    connection: Connection, number: int, *, kind: Kind, document: str | None, person: Person, access: Access, by: By
) -> None:
    """Keeps a remedy or a piece of evidence; what it is, is `by.why`. Raises CaseError, NotAllowed, UnknownName."""
    case = _hold(connection, number)
    check_speaks(connection, person, access, uscc=case.uscc)
    check_why(by.why)
    if kind == "evidence" and document is None:
        raise CaseError("evidence is a document: name one that is stored (jishi-collector document add)")
    check_document(connection, document)
    if len(list_entries(connection, case)) >= MAX_ENTRIES:
        raise CaseError(f"case {number} has {MAX_ENTRIES} entries, the most that are taken: sum some up")
    values = {"case_id": number, "kind": kind, "document": document, **by.values}
    connection.execute(_SQL.insert_entry, values)
    new = {"case": number, "kind": kind, "document": document}
    record_change(connection, by.actor, "case.enter", target=case.uscc, new=new, reason=by.why)


def rule(connection: Connection, number: int, *, verdict: Verdict, by: By) -> None:
    """Accepts, which closes the case for good, or refuses. Raises CaseError, NotAllowed, UnknownName."""
    case = _hold(connection, number)
    check_why(by.why)
    entries = list_entries(connection, case)
    if any(entry.made_by == by.actor.name for entry in entries):
        raise NotAllowed(f"{by.actor.name} entered something in case {number}: another person rules on it")
    if verdict == "accepted" and not {"remedy", "evidence"} <= {entry.kind for entry in entries}:
        raise CaseError(f"case {number} has no remedy, or nothing that shows one: there is nothing to accept yet")
    connection.execute(_SQL.insert_ruling, {"case_id": number, "verdict": verdict, **by.values})
    new = {"case": number, "verdict": verdict}
    record_change(connection, by.actor, "case.rule", target=case.uscc, new=new, reason=by.why)


def _hold(connection: Connection, number: int) -> PoorCase:
    """The case, which nobody else goes on with until the transaction ends; CaseError where it is closed."""
    connection.execute(_SQL.hold_case, {"number": number})
    case = find_case(connection, number)
    if case.closed_at is not None:
        raise CaseError(f"case {number} was closed on {case.closed_at:%Y-%m-%d}: nothing is added to it")
    return case
