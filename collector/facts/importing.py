"""Rows of orders, uses and documents become facts: each whole or refused with its reason, all in one transaction.

Rows are drafted (drafts.py), held against the registry (checks.py) and recorded (store.py) some hundred at a time, so
that memory is bounded. The marks of days come last: until the transaction ends an ingest would wait for them. One line
of the audit trail tells of the whole file.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import psycopg

from collector.errors import FactError
from collector.facts.checks import check, load_known
from collector.facts.drafts import Bringer, Draft, draft
from collector.facts.mapping import SheetMapping
from collector.facts.store import New, Outcome, Recorded, Sent, insert_facts, new_of, touch_days
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import Actor, record_change
from collector.sheet_report import Refusal, Report
from collector.sheets import Row
from collector.store.database import Connection

AT_ONCE = 500
REMEDY = "leave it as it is recorded, or propose a correction"


class Taking(NamedTuple):
    """Under which terms rows are taken. `what` names for the trail what they stand in; `scope` is the bringer's."""

    bringer: Bringer
    actor: Actor
    what: str
    scope: Scope = EVERYTHING
    dry_run: bool = False
    all_or_nothing: bool = False


class Taken(NamedTuple):
    """What became of rows. `recorded` has the facts of each row that was accepted; not applied: nothing is recorded."""

    report: Report
    is_applied: bool


_Ready = tuple[Row, list[Sent]]


def take_rows(
    connection: Connection, rows: Iterable[Row], mapping: SheetMapping, *, taking: Taking, report: Report
) -> Taken:
    """Records what is good and reports the rest; `report` is also the one that whoever reads the rows fills."""
    new: list[New] = []
    with connection.transaction() as transaction:
        for some in _portions(iter(rows)):
            ready = [*_ready(connection, _drafts(some, mapping, taking, report), taking, report)]
            for sent, outcomes in _record(connection, ready, report):
                new += new_of(sent, outcomes)
        report.refusals.sort(key=lambda refusal: refusal.row)
        is_applied = not taking.dry_run and not (taking.all_or_nothing and report.refused)
        if not is_applied:
            raise psycopg.Rollback(transaction)
        if new:
            touch_days(connection, new)
            _tell(connection, mapping, taking, report, facts=len(new))
    return Taken(report, is_applied)


def _portions(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, AT_ONCE)):
        yield some


def _drafts(rows: Sequence[Row], mapping: SheetMapping, taking: Taking, report: Report) -> list[Draft]:
    drafts = []
    for row in rows:
        made, refusals = draft(row, mapping, taking.bringer)
        if not _refuse(report, refusals):
            drafts.append(made)
    return drafts


def _ready(connection: Connection, drafts: Sequence[Draft], taking: Taking, report: Report) -> Iterator[_Ready]:
    known = load_known(connection, drafts)
    for each in drafts:
        sent, refusals = check(each, known, bringer=taking.bringer, scope=taking.scope)
        if not _refuse(report, refusals):
            yield each.row, sent


def _record(connection: Connection, ready: list[_Ready], report: Report) -> Iterator[tuple[list[Sent], list[Outcome]]]:
    """Records rows together; where one contradicts what is recorded it is taken out, and the others begin again."""
    while ready:
        sent = [each for _, of_row in ready for each in of_row]
        with connection.transaction() as savepoint:
            outcomes = insert_facts(connection, sent)
            failed = _contradictions(ready, outcomes)
            if failed:
                raise psycopg.Rollback(savepoint)
        if not failed:
            _accept(ready, outcomes, report)
            yield sent, outcomes
            return
        for row, _ in ready:
            if row.number in failed:
                why = str(failed[row.number]).partition("; ")[0]
                report.refuse(row.refused("key" if row.fields.get("key") else "order", why=why, remedy=REMEDY))
        ready = [each for each in ready if each[0].number not in failed]


def _contradictions(ready: Sequence[_Ready], outcomes: Sequence[Outcome]) -> dict[int, FactError]:
    """By the row's number, what one of its facts contradicts."""
    return {
        row.number: outcome
        for row, of_row in _by_row(ready, outcomes)
        for outcome in of_row
        if isinstance(outcome, FactError)
    }


def _accept(ready: Sequence[_Ready], outcomes: Sequence[Outcome], report: Report) -> None:
    for _, of_row in _by_row(ready, outcomes):
        report.accept(is_new=any(isinstance(outcome, Recorded) and outcome.is_new for outcome in of_row))


def _by_row(ready: Sequence[_Ready], outcomes: Sequence[Outcome]) -> Iterator[tuple[Row, list[Outcome]]]:
    following = iter(outcomes)
    for row, sent in ready:
        yield row, list(islice(following, len(sent)))


def _refuse(report: Report, refusals: Sequence[Refusal]) -> bool:
    for refusal in refusals:
        report.refuse(refusal)
    return bool(refusals)


def _tell(connection: Connection, mapping: SheetMapping, taking: Taking, report: Report, *, facts: int) -> None:
    new = {
        "source": taking.bringer.source,
        "kind": mapping.kind,
        "facts": facts,
        "rows": report.rows,
        "unchanged": report.unchanged,
        "refused": report.refused,
    }
    record_change(connection, taking.actor, "facts.import", target=taking.what, new=new)
