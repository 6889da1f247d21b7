"""What the tests of all dialects do: settings from a table as in TOML, and a message read as the watcher does."""

from typing import Any

import msgspec

from agent.watchers.mqtt_report import Message, Nonsense, Report
from agent.watchers.registry import find_kind


def settings_for(kind: str, **given: Any) -> Any:
    table = {"name": "plug1", "kind": kind, "asset": "A001", "host": "127.0.0.1", **given}
    settings = msgspec.convert(table, find_kind(kind).settings)
    faults = list(settings.faults())
    assert not faults
    return settings


def faults_of(kind: str, **given: Any) -> dict[str, str]:
    table = {"name": "plug1", "kind": kind, "host": "127.0.0.1", **given}
    return dict(msgspec.convert(table, find_kind(kind).settings).faults())


def read(dialect: Any, topic: str, payload: str | bytes, *, retained: bool = False) -> Report:
    raw = payload.encode() if isinstance(payload, str) else payload
    assert topic in dialect.topics, f"{topic} is not subscribed to"
    report = dialect.read(Message(topic, raw, retained))
    assert isinstance(report, Report)
    return report


def read_or_nothing(dialect: Any, topic: str, payload: bytes) -> Report | None:
    """What a message tells, None for nonsense; whatever else is raised fails the test."""
    try:
        return read(dialect, topic, payload)
    except Nonsense:
        return None
