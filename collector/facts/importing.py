"""Rows of orders, uses and documents become facts: each whole or refused with its reason, all in one transaction.

Rows are drafted (drafts.py), held against the registry (checks.py) and recorded (store.py) some hundred at a time, so
that memory is bounded. The marks of days come last: until the transaction ends an ingest would wait for them. One line
of the audit trail tells of the whole file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import psycopg

from collector.errors import FactError
from collector.facts.checks import check, load_known
from collector.facts.drafts import Bringer, Draft, draft
from collector.facts.mapping import SheetMapping
from collector.facts.store import New, Outcome, Recorded, Sent, insert_facts, new_of, touch_days
from collector.portions import portions
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import Actor, record_change
from collector.sheet_report import Refusal, Report
from collector.sheets import Row
from collector.store.database import Connection

AT_ONCE = 500


Tell = Callable[[Row, Sequence[Recorded]], None]


def _tell_nobody(row: Row, recorded: Sequence[Recorded]) -> None:
    """What a file's importer does with the identities of what it recorded."""


class Taking(NamedTuple):
    """Under which terms rows are taken. `what` names for the trail what they stand in; `scope` is the bringer's.

    `tell` is called with each row that was accepted and its facts, the order before the use.
    """

    bringer: Bringer
    actor: Actor
    what: str
    scope: Scope = EVERYTHING
    dry_run: bool = False
    all_or_nothing: bool = False
    tell: Tell = _tell_nobody


class Taken(NamedTuple):
    """What became of rows. Not applied: nothing was recorded, whatever the report accepted."""

    report: Report
    is_applied: bool


_Ready = tuple[Row, list[Sent]]


def take_rows(
    connection: Connection, rows: Iterable[Row], mapping: SheetMapping, *, taking: Taking, report: Report
) -> Taken:
    """Records what is good and reports the rest; `report` is also the one that whoever reads the rows fills."""
    new: list[New] = []
    with connection.transaction() as transaction:
        for some in portions(rows, AT_ONCE):
            drafts = _drafts(some, mapping, bringer=taking.bringer, report=report)
            ready = [*_ready(connection, drafts, taking=taking, report=report)]
            new += _record(connection, ready, taking=taking, report=report)
        is_applied = not taking.dry_run and not (taking.all_or_nothing and report.refused)
        if not is_applied:
            raise psycopg.Rollback(transaction)
        if new:
            touch_days(connection, new)
            _tell(connection, taking, kind=mapping.kind, report=report, facts=len(new))
    return Taken(report, is_applied)


def _drafts(rows: Sequence[Row], mapping: SheetMapping, *, bringer: Bringer, report: Report) -> list[Draft]:
    drafts = []
    for row in rows:
        made, refusals = draft(row, mapping, bringer=bringer)
        if not _refuse(report, refusals):
            drafts.append(made)
    return drafts


def _ready(connection: Connection, drafts: Sequence[Draft], *, taking: Taking, report: Report) -> Iterator[_Ready]:
    known = load_known(connection, drafts)
    for each in drafts:
        sent, refusals = check(each, known, bringer=taking.bringer, scope=taking.scope)
        if not _refuse(report, refusals):
            yield each.row, sent


def _record(connection: Connection, ready: list[_Ready], *, taking: Taking, report: Report) -> list[New]:
    """Records rows together; where one contradicts what is recorded it is taken out, and the others begin again."""
    while ready:
        sent = [each for _, of_row in ready for each in of_row]
        with connection.transaction() as savepoint:
            outcomes = insert_facts(connection, sent)
            made = list(_by_row(ready, outcomes))
            failed = {row.number for row, of_row in made if _contradiction(of_row)}
            if failed:
                raise psycopg.Rollback(savepoint)
        if not failed:
            _accept(made, report, tell=taking.tell)
            return new_of(sent, outcomes)
        for row, of_row in made:
            if error := _contradiction(of_row):
                report.refuse(
                    row.refused("key" if row.fields.get("key") else "order", why=error.why, remedy=error.remedy)
                )
        ready = [each for each in ready if each[0].number not in failed]
    return []


def _by_row(ready: Sequence[_Ready], outcomes: Sequence[Outcome]) -> Iterator[tuple[Row, list[Outcome]]]:
    following = iter(outcomes)
    for row, sent in ready:
        yield row, list(islice(following, len(sent)))


def _contradiction(outcomes: Sequence[Outcome]) -> FactError | None:
    return next((outcome for outcome in outcomes if isinstance(outcome, FactError)), None)


def _accept(made: Sequence[tuple[Row, Sequence[Outcome]]], report: Report, *, tell: Tell) -> None:
    for row, outcomes in made:
        recorded = [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
        report.accept(is_new=any(each.is_new for each in recorded))
        tell(row, recorded)


def _refuse(report: Report, refusals: Sequence[Refusal]) -> bool:
    for refusal in refusals:
        report.refuse(refusal)
    return bool(refusals)


def _tell(connection: Connection, taking: Taking, *, kind: str, report: Report, facts: int) -> None:
    new = {
        "source": taking.bringer.source,
        "kind": kind,
        "facts": facts,
        "rows": report.rows,
        "unchanged": report.unchanged,
        "refused": report.refused,
    }
    record_change(connection, taking.actor, "facts.import", target=taking.what, new=new)
