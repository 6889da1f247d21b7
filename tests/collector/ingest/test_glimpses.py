"""Hints: the newest word of an agent whose backlog is on the way is kept, and touches nothing that counts."""

from collections.abc import Callable

import pytest

from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.store.database import Connection
from protocol.hint import Hint, Showing, sign_hint
from tests.light_agent import LightAgent

Enrol = Callable[..., LightAgent]


def hint(agent: LightAgent, value: str, *, time_ms: int = 1_764_554_716_036) -> bytes:
    return sign_hint(Hint(agent.origin, time_ms, 8640, (Showing("meter1", "power", value),)), agent.key)


def kept(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT agent_id, origin, at_ms, waiting, showing FROM hint").fetchall()


def test_the_newest_hint_replaces_the_one_before_and_gets_no_answer(
    connection: Connection, enrol: Enrol, writer: Writer
) -> None:
    agent = enrol()
    messages = [prepare(agent.topic, hint(agent, value)) for value in ("1", "905800")]
    assert writer.write(messages) == [None, None]
    showing = [{"watcher": "meter1", "channel": "power", "value": "905800"}]
    assert kept(connection) == [("em-01", agent.origin, 1_764_554_716_036, 8640, showing)]
    for table in ("batch", "reading", "dirty_day", "held_note"):
        assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,)


@pytest.mark.parametrize("whose", ["impostor", "other agent", "stranger", "revoked"])
def test_what_the_agent_did_not_say_is_dropped(
    connection: Connection, enrol: Enrol, writer: Writer, whose: str
) -> None:
    agent, other = enrol(), enrol("em-02")
    topic, raw = agent.topic, hint(LightAgent(seed=b"i" * 32), "1")
    if whose == "other agent":
        raw = hint(other, "1")
    elif whose == "stranger":
        raw = hint(LightAgent("em-09"), "1")
    elif whose == "revoked":
        raw = hint(agent, "1")
        connection.execute("UPDATE journal SET revoked_at = now()")
    assert writer.write([prepare(topic, raw)]) == [None]
    assert kept(connection) == []
