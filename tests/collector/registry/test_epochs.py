"""What people do about epochs: look at them, and believe keys no longer."""

from datetime import UTC, datetime

import psycopg
import pytest

from collector.errors import RegistryError, UnknownName
from collector.registry import people
from collector.registry.epochs import list_epochs, review, revoke
from collector.store.database import Connection

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def agent(connection: Connection) -> str:
    """An agent with two enrolments and one epoch that it began by itself."""
    people.register_person(connection, "inspector")
    connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES ('em-01', 3)")
    for epoch in (1, 2, 3):
        connection.execute(
            "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, 'em-01', %s, 'key')",
            [f"jishi.example/a/em-01/{epoch}", epoch],
        )
    connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, 'behind', 5, 9, true, '', now()"
        " FROM journal n, journal o WHERE (n.epoch, o.epoch) = (3, 2)"
    )
    return "em-01"


def test_an_epoch_that_began_by_itself_is_flagged_until_a_person_has_looked(connection: Connection, agent: str) -> None:
    [flagged] = list_epochs(connection, unreviewed=True)
    assert (flagged.epoch, flagged.predecessor, flagged.missing) == (3, "jishi.example/a/em-01/2", 4)
    review(connection, agent, 3, by="inspector", why="the disk was replaced", now=NOW)
    assert list_epochs(connection, unreviewed=True) == []
    found = list_epochs(connection, agent_id=agent)[2]
    assert (found.reviewed_by, found.review, found.reviewed_at) == ("inspector", "the disk was replaced", NOW)


def test_a_genesis_of_another_key_is_flagged_too(connection: Connection, agent: str) -> None:
    connection.execute("INSERT INTO genesis_misfit SELECT journal_id, now() FROM journal WHERE epoch = 1")
    assert [epoch.epoch for epoch in list_epochs(connection, unreviewed=True)] == [1, 3]


def test_one_key_or_all_of_an_agent_are_revoked_once_with_person_and_reason(connection: Connection, agent: str) -> None:
    assert revoke(connection, agent, epoch=2, by="inspector", why="found on a second machine", now=NOW) == [2]
    assert revoke(connection, agent, epoch=None, by="inspector", why="the PC was stolen", now=NOW) == [1, 3]
    facts = [(each.epoch, each.revoked_by, each.revoked_why, each.revoked_at) for each in list_epochs(connection)]
    assert facts == [
        (1, "inspector", "the PC was stolen", NOW),
        (2, "inspector", "found on a second machine", NOW),
        (3, "inspector", "the PC was stolen", NOW),
    ]
    with pytest.raises(RegistryError, match="no key in force"):
        revoke(connection, agent, epoch=None, by="inspector", why="again", now=NOW)


def test_nothing_is_said_without_a_person_and_a_reason(connection: Connection, agent: str) -> None:
    with pytest.raises(UnknownName, match="nobody"):
        revoke(connection, agent, epoch=None, by="nobody", why="because", now=NOW)
    with pytest.raises(RegistryError, match="a reason is needed"):
        revoke(connection, agent, epoch=None, by="inspector", why=" ", now=NOW)
    with pytest.raises(RegistryError, match="a reason is needed"):
        review(connection, agent, 3, by="inspector", why="two\nlines", now=NOW)
    with pytest.raises(RegistryError, match="no epoch 9"):
        review(connection, agent, 9, by="inspector", why="because", now=NOW)
    assert all(each.revoked_at is None and each.reviewed_by is None for each in list_epochs(connection))


@pytest.mark.parametrize("table", ["epoch_begun", "epoch_review", "revocation", "genesis_misfit"])
def test_what_was_said_cannot_be_unsaid(connection: Connection, agent: str, table: str) -> None:
    review(connection, agent, 3, by="inspector", why="looked", now=NOW)
    revoke(connection, agent, epoch=1, by="inspector", why="stolen", now=NOW)
    connection.execute("INSERT INTO genesis_misfit SELECT journal_id, now() FROM journal WHERE epoch = 1")
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET journal_id = journal_id"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="never updated or deleted"):
            connection.execute(change.encode())
