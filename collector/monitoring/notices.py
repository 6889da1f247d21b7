"""Notices 通报 in the database: issued once, never changed; units' replies stand beside them and are printed with them.

draft    the form and its text, of which nothing is kept
issue    the same, kept under a number with two hashes
reply    a person of a unit that is named says something (right of reply, 申辩)
verify   the stored bytes lead to the stored text, the sums to the lines, the hours to the frozen period
"""

from datetime import date, datetime
from typing import NamedTuple

from collector.accounts.freezing import find_frozen
from collector.errors import MonitoringError, UnknownName
from collector.monitoring import notice_form
from collector.monitoring.acts import MAX_REPLY, By, check_right, check_text
from collector.monitoring.notice_form import Form, Kind
from collector.monitoring.notice_gather import Wanted, gather, hours_of, list_hours
from collector.monitoring.notice_text import Reply, write_text
from collector.registry.access import EVERYTHING, Right, Scope
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("notices")
MAX_NUMBER = 60


class Notice(NamedTuple):
    """A notice without its figures."""

    notice_id: int
    number: str
    kind: Kind
    subject: str
    first_day: date
    last_day: date
    frozen: str
    sha256: str
    text_sha256: str
    why: str
    issued_by: str
    issued_at: datetime
    units: int
    replies: int


def draft(connection: Connection, wanted: Wanted, by: By) -> Form:
    """What the notice would be; nothing is kept. Raises what `gather` raises, NotAllowed and MonitoringError."""
    check_right(connection, by, Right.MONITORING)
    check_text("number", wanted.number, most=MAX_NUMBER)
    for uscc, reason in wanted.named.items():
        check_text(f"the reason of {uscc[:18]}", reason)
    return gather(connection, wanted, at_ms=round(by.now.timestamp() * 1000))


def issue(connection: Connection, wanted: Wanted, by: By) -> Notice:
    """Keeps the notice for good, in the caller's transaction. Raises the same."""
    connection.execute(_SQL.lock_notices)
    check_text("why", by.why)
    form = draft(connection, wanted, by)
    body, text = notice_form.encode(form), write_text(form)
    values = {
        "number": form.number,
        "kind": form.kind,
        "subject": form.subject,
        "first_day": wanted.period.first_day,
        "last_day": wanted.period.last_day,
        "frozen": form.frozen,
        "body": body,
        "sha256": notice_form.identity(body),
        "text": text,
        "text_sha256": notice_form.identity(text),
        **by.values,
    }
    row = connection.execute(_SQL.insert_notice, values).fetchone()
    if row is None:
        raise MonitoringError(f"there is a notice {form.number} already, and notices never change: give another number")
    named = [{"notice_id": row[0], "uscc": each.uscc, "reason": each.reason} for each in form.units]
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.insert_notice_unit, named)
    new = {"sha256": values["sha256"], "kind": form.kind, "period": form.period, "units": len(form.units)}
    record_change(connection, by.asker.actor, "notice.issue", target=form.number, new=new, reason=by.why)
    return find_notice(connection, row[0])


def list_notices(
    connection: Connection, *, scope: Scope = EVERYTHING, before: int = 2**31 - 1, limit: int | None = None
) -> list[Notice]:
    """Notices, the latest first: all, or those that name the unit of the scope."""
    values = {**scope.values, "notice_id": None, "before": before, "limit": limit}
    return [Notice(*row) for row in connection.execute(_SQL.list_notices, values)]


def find_notice(connection: Connection, notice_id: int, *, scope: Scope = EVERYTHING) -> Notice:
    """One notice; UnknownName for one that is not there or names nobody of the scope."""
    values = {**scope.values, "notice_id": notice_id, "before": 2**62, "limit": 1}
    row = connection.execute(_SQL.list_notices, values).fetchone()
    if row is None:
        raise UnknownName(f"there is no notice {notice_id}: `jishi-collector notice list` lists those that there are")
    return Notice(*row)


def list_named(connection: Connection, held: Notice, scope: Scope) -> set[str]:
    """The USCC of the units in a scope that the notice names."""
    values = {**scope.values, "notice_id": held.notice_id}
    return {uscc for (uscc,) in connection.execute(_SQL.list_named, values)}


def load_bytes(connection: Connection, held: Notice) -> tuple[bytes, bytes]:
    """The form and the text, byte for byte."""
    row = connection.execute(_SQL.load_notice, {"notice_id": held.notice_id}, binary=True).fetchone()
    assert row is not None, "notices are never deleted"
    return bytes(row[0]), bytes(row[1])


def list_replies(connection: Connection, held: Notice) -> list[Reply]:
    """What units said, in order."""
    return [Reply(*row) for row in connection.execute(_SQL.list_replies, {"notice_id": held.notice_id})]


def reply(connection: Connection, notice_id: int, by: By, *, uscc: str, document: str | None = None) -> None:
    """A person of the unit replies: `by.why` is what it says. In the caller's transaction.

    Raises NotAllowed, UnknownName, MonitoringError.
    """
    check_right(connection, by, Right.FACTS, subject=f"unit:{uscc}")
    check_text("reply", by.why, most=MAX_REPLY)
    held = find_notice(connection, notice_id)
    values = {"notice_id": notice_id, "uscc": uscc, "document": document, **by.values}
    if connection.execute(_SQL.is_named, values).fetchone() is None:
        raise MonitoringError(f"notice {held.number} does not name unit {uscc}: who is named may reply")
    if document is not None and connection.execute(_SQL.is_stored, values).fetchone() is None:
        raise MonitoringError(f"document {document[:64]!a} is no stored file: store it first")
    connection.execute(_SQL.insert_reply, values)
    record_change(connection, by.asker.actor, "notice.reply", target=held.number, new={"unit": uscc})


def verify(connection: Connection, notice_id: int) -> list[str]:
    """What is not as it has to be, in words; empty where all is. Raises UnknownName, MonitoringError."""
    held = find_notice(connection, notice_id)
    body, text = load_bytes(connection, held)
    form = notice_form.decode(body)
    found = []
    if write_text(form) != text:
        found.append("the text is not the one that is made of the figures")
    data = find_frozen(connection, form.frozen)
    if data.sha256 != form.frozen_sha256:
        found.append(f"frozen period {form.frozen} has another identity than the notice says")
    hours = list_hours(connection, data)
    for line in form.lines:
        expected = hours_of(hours.get((line.asset, line.uscc), {}))
        if expected != {name: getattr(line, name) for name in expected}:
            found.append(f"the hours of {line.asset} are not those of the frozen period")
    return found
