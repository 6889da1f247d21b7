"""The host's heartbeat, boot, sleep and sessions."""

from typing import Any

import pytest

from agent.reading import Sample
from agent.watchers import host
from agent.watchers.host import HostSettings, HostWatcher
from tests.agent.manual_clock import ManualClock


class Look:
    """A watcher that looks when told to, and the words that it said."""

    def __init__(self) -> None:
        self.clock = ManualClock(boot_id="5f3a9c01")
        self.watcher = HostWatcher(HostSettings(name="host", kind="host"), self.clock)

    def __call__(self) -> list[tuple[str, Any]]:
        said: list[Any] = []
        self.watcher.look(said.append)
        assert all(isinstance(one, Sample) and one.at == self.clock.now() for one in said)
        return [(one.channel, one.value) for one in said]


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    present: list[str] = []
    monkeypatch.setattr(host, "session", lambda: "present" if present else "none")
    return present


def test_the_boot_is_told_once_and_the_heartbeat_always() -> None:
    look = Look()
    assert look() == [("boot", "boot=5f3a9c01"), ("host", "on"), ("session", "none")]
    look.clock.advance(10_000)
    assert look() == [("host", "on"), ("session", "none")]


def test_a_session_is_present_and_nobody_is_named(users: list[str]) -> None:
    look = Look()
    users.append("li.ming")
    said = look()
    assert ("session", "present") in said
    assert "li.ming" not in str(said)


def test_where_the_system_does_not_tell_a_session_is_unobserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "session", lambda: None)
    assert Look()() == [("boot", "boot=5f3a9c01"), ("host", "on")]


def test_sleep_is_told_with_its_length() -> None:
    look = Look()
    look()
    look.clock.advance(10_000)
    look.clock.sleep(3_600_000)
    assert ("boot", "slept=3600000") in look()
    look.clock.advance(10_000)
    assert look() == [("host", "on"), ("session", "none")]
