"""The audit trail: a line with each change or neither, never altered, readable by people."""

from datetime import timedelta

import psycopg
import pytest

from collector.registry.audit import MAX_TEXT, Actor, list_changes, record_change, record_refusal
from collector.store.database import Connection

BY = Actor("li.ming", "command", "root@host")


def test_a_change_and_its_line_are_there_together_or_not_at_all(connection: Connection) -> None:
    with connection.transaction():
        record_change(connection, BY, "key.revoke", target="7")
        raise psycopg.Rollback
    assert list_changes(connection) == []
    with connection.transaction():
        record_change(connection, BY, "key.revoke", target="7", old={"person": "wang"}, reason="lost laptop")
    [change] = list_changes(connection)
    assert change[2:] == (
        "li.ming", "command", "root@host", "key.revoke", "7", "done", {"person": "wang"}, None, "lost laptop",
    )  # fmt: skip


def test_a_line_outside_of_a_transaction_is_a_mistake_of_the_program(connection: Connection) -> None:
    with pytest.raises(RuntimeError, match="belong into one transaction"):
        record_change(connection, BY, "key.revoke", target="7")


def test_the_trail_is_read_from_an_instant_and_from_a_number_on(connection: Connection) -> None:
    for target in "abc":
        record_refusal(connection, BY, "audit.read", target=target, reason="")
    first, second, third = list_changes(connection)
    assert list_changes(connection, since=second.at) == [second, third]
    assert list_changes(connection, after=first.seq, limit=1) == [second]
    assert list_changes(connection, since=third.at + timedelta(seconds=1)) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'somebody else'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_the_database_refuses_to_alter_a_line(connection: Connection, statement: str) -> None:
    record_refusal(connection, BY, "audit.read", target="x", reason="")
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement.encode())
    assert len(list_changes(connection)) == 1


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31mred", "\x00", "\ud800", "x" * 10_000, "", "电镜"])
def test_whatever_is_recorded_stays_on_one_short_line(connection: Connection, text: str) -> None:
    record_refusal(connection, BY, "audit.read", target=text, reason=text)
    [change] = list_changes(connection)
    assert change.target.isprintable()
    assert len(change.target) <= MAX_TEXT
