"""Self-evaluation reports on their way: the steps that people take them, and who may take which.

Drafting, confirming and submitting are done by the unit's own officer (a scope of that unit), returning and accepting
by the evaluator. Each step has who, when and why, beside its line in the audit trail, in the caller's transaction; one
report is changed by one at a time.
"""

from datetime import date
from typing import NamedTuple

import msgspec

from collector.clock import day_of
from collector.errors import FiguresChanged, NotAllowed, SelfEvaluationError
from collector.evaluation.rounds import FIRST_YEAR, LAST_YEAR, By
from collector.registry.access import EVERYTHING, Access, Right, Scope
from collector.registry.audit import record_change, why_fault
from collector.registry.units import check_unit
from collector.self_evaluation import report as forms
from collector.self_evaluation import states, texts
from collector.self_evaluation.changes import Difference, differences
from collector.self_evaluation.drafting import draft_report
from collector.self_evaluation.states import State
from collector.self_evaluation.versions import Standing, Version, find_report, list_reports, read_version
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("self_evaluation")
MAX_NAMED = 20
"""How many differences a refusal names."""
MAX_KEPT = 1000
"""How many are kept beside a confirmation; how many there are is kept always."""


class Doer(NamedTuple):
    """Who does something, why, when, and what he may do."""

    by: By
    access: Access

    @property
    def today(self) -> date:
        return day_of(self.by.now)


def draft(connection: Connection, uscc: str, year: int, *, given: dict[str, object], doer: Doer) -> Standing:
    """One more version: the records' figures of now, and the texts of the version before with those that are given.

    SelfEvaluationError where nothing would be different, or the texts cannot be kept; RoundError, NotAllowed.
    """
    held = _hold(connection, uscc, year, "draft", doer=doer)
    before = None if held is None else read_version(connection, held, held.version)
    merged = texts.merge({} if before is None else before.report.texts, given)
    made = draft_report(connection, uscc, year, texts=merged, today=doer.today)
    body = forms.encode(made)
    if held is not None and held.state == "draft" and body == (before and before.body):
        raise SelfEvaluationError(
            f"version {held.version} of {held.name} says this already: no record and no text is different since"
        )
    version = 1 if held is None else held.version + 1
    report_id = _report_id(connection, uscc, year)
    values = {"report_id": report_id, "number": version, "body": body, "sha256": forms.identity(body)}
    connection.execute(_SQL.insert_version, values)
    return _step(connection, report_id, uscc, year, state="draft", version=version, doer=doer)


def compare(connection: Connection, version: Version, *, today: date) -> list[Difference]:
    """What the records say otherwise now than a version does; in the caller's transaction."""
    was = version.report
    now = draft_report(connection, was.uscc, was.year, texts=was.texts, today=today)
    return differences(was, now)


def confirm(
    connection: Connection, uscc: str, year: int, *, keep_figures: bool = False, doer: Doer
) -> tuple[Standing, list[Difference]]:
    """The officer confirms the newest version; returns what the records say otherwise by now.

    FiguresChanged where they do, unless the version's figures are kept on purpose; then the differences stay beside the
    confirmation. SelfEvaluationError while the year is not over.
    """
    held = _hold(connection, uscc, year, "confirmed", doer=doer)
    assert held is not None, "only a draft can be confirmed"
    if doer.today <= date(year, 12, 31):
        raise SelfEvaluationError(f"{year} is not over: its report can be confirmed from {year + 1}-01-01 on")
    found = compare(connection, read_version(connection, held, held.version), today=doer.today)
    if found and not keep_figures:
        raise FiguresChanged(_told(held, found))
    return _step(
        connection, held.report_id, uscc, year, state="confirmed", version=held.version, doer=doer, found=found
    ), found


def go_on(connection: Connection, uscc: str, year: int, state: State, *, doer: Doer) -> Standing:
    """Submits, returns or accepts the version that the report stands at. SelfEvaluationError, NotAllowed."""
    held = _hold(connection, uscc, year, state, doer=doer)
    assert held is not None, "what these states follow is there"
    return _step(connection, held.report_id, uscc, year, state=state, version=held.version, doer=doer)


def _hold(connection: Connection, uscc: str, year: int, wanted: State, *, doer: Doer) -> Standing | None:
    """The report, which nobody else changes until the transaction ends, if this person may take it there."""
    _check_year(year, doer.today)
    check_unit(connection, uscc)
    _check_right(doer.access, uscc, wanted)
    check_why(doer.by.why)
    if wanted == "draft":
        connection.execute(_SQL.hold_report, {"uscc": uscc, "year": year})
    connection.execute(_SQL.lock_report, {"uscc": uscc, "year": year})
    found = list_reports(connection, EVERYTHING, year=year, uscc=uscc)
    held = found[0] if found else None
    states.check_step(f"{uscc}/{year}", held=None if held is None else held.state, wanted=wanted)
    return held


def _step(
    connection: Connection,
    report_id: int,
    uscc: str,
    year: int,
    *,
    state: State,
    version: int,
    doer: Doer,
    found: list[Difference] | None = None,
) -> Standing:
    changed = [*map(list, found or [])]
    values = {
        "report_id": report_id,
        "state": state,
        "version": version,
        "differences": len(changed),
        "changed": msgspec.json.encode(changed[:MAX_KEPT]),
        **doer.by.values,
    }
    connection.execute(_SQL.insert_step, values)
    made = find_report(connection, uscc, year)
    new = {"version": version, "sha256": made.sha256, **({"differences": len(changed)} if changed else {})}
    record_change(connection, doer.by.actor, f"self-evaluation.{state}", target=made.name, new=new, reason=doer.by.why)
    return made


def _report_id(connection: Connection, uscc: str, year: int) -> int:
    row = connection.execute(_SQL.lock_report, {"uscc": uscc, "year": year}).fetchone()
    assert row is not None, "it was made when it was held"
    return int(row[0])


def _check_year(year: int, today: date) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR or today <= date(year, 1, 1):
        raise SelfEvaluationError(f"year is {year}: a year of which a day is over is expected, {FIRST_YEAR} or later")


def _check_right(access: Access, uscc: str, wanted: State) -> None:
    if wanted in states.OF_UNIT:
        if access.scope != Scope("unit", uscc) or not access.allows(Right.FACTS):
            raise NotAllowed(f"a report is {wanted} by an officer of its unit; this is {access}")
    elif not access.allows(Right.ROUNDS):
        raise NotAllowed(f"a report is {wanted} by the evaluator; this is {access}")


def check_why(why: str) -> None:
    """Raises SelfEvaluationError unless a reason is given, on one line."""
    if fault := why_fault(why):
        raise SelfEvaluationError(fault)


def _told(held: Standing, found: list[Difference]) -> str:
    named = "".join(f"\n  {each.place}: {each.was or '-'} -> {each.now or '-'}" for each in found[:MAX_NAMED])
    more = f"\n  and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return (
        f"{len(found)} figures of version {held.version} of {held.name} are not what the records say now; draft it "
        f"again, or confirm it with its figures as they are:{named}{more}"
    )
