"""`epochs`, `review` and `revoke` as an operator gives them."""

from pathlib import Path

import pytest

from collector import cli
from collector.registry import people
from collector.store.database import Connection
from protocol.epoch import EPOCH_REASONS
from tests.collector.province import Province


@pytest.fixture
def agent(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: Connection, province: Province) -> str:
    """An agent whose second epoch began by itself."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    province.add_instrument("A001")
    province.add_agent("em-01", "A001")
    province.begin_epoch("em-01", 2)
    people.register_person(connection, "inspector")
    connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, 'behind', 5, 9, true, '', now()"
        " FROM journal n, journal o WHERE (n.epoch, o.epoch) = (2, 1)"
    )
    return "em-01"


def said_by(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert cli.main(list(words)) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def changes(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT action, target, actor, reason FROM audit ORDER BY seq").fetchall()


@pytest.mark.parametrize("reason", EPOCH_REASONS)
def test_every_reason_has_words(
    agent: str, connection: Connection, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    connection.execute(
        "INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES ('jishi.example/a/em-01/3', 'em-01', 3, 'key')"
    )
    connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, %s, 5, 9, true, '', now()"
        " FROM journal n, journal o WHERE n.epoch = 3 AND o.epoch = 2",
        [reason],
    )
    assert "after jishi.example/a/em-01/2" in said_by(capsys, "epochs", "--agent", agent)


def test_what_nobody_has_looked_at_is_listed_with_what_is_missing_until_somebody_has(
    agent: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = said_by(capsys, "epochs")
    assert "began by itself (its journal was put back to an older copy) after jishi.example/a/em-01/1" in listed
    assert "the agent had 5 entries and the collector 9: 4 are missing at the agent" in listed
    assert "jishi-collector review --agent em-01 --epoch 2" in listed
    words = ("review", "--agent", agent, "--epoch", "2", "--by", "inspector", "--why", "the disk was replaced")
    assert "reviewed by inspector" in said_by(capsys, *words)
    assert said_by(capsys, "epochs") == "nothing to look at\n"
    assert "the disk was replaced" in said_by(capsys, "epochs", "--agent", agent)
    assert changes(connection) == [("journal.review", "em-01/2", "inspector", "the disk was replaced")]


def test_all_keys_of_an_agent_are_revoked_with_a_line_for_each(
    agent: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("revoke", "--agent", agent, "--by", "inspector", "--why", "the PC was stolen")
    assert "revoked epoch 1, 2 of em-01" in said_by(capsys, *words)
    assert [change[:2] for change in changes(connection)] == [("journal.revoke", f"em-01/{n}") for n in (1, 2)]
    assert said_by(capsys, "epochs", "--agent", agent).count("REVOKED") == 2
    assert "no key in force" in said_by(capsys, *words, status=1)


def test_nobody_unknown_says_anything(agent: str, connection: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("revoke", "--agent", agent, "--by", "nobody", "--why", "because")
    assert "no person 'nobody' is registered" in said_by(capsys, *words, status=1)
    assert "em-09 has no journal" in said_by(capsys, "epochs", "--agent", "em-09")
    assert changes(connection) == []
