"""Kinds of watchers: built in, installed, misspelt, broken."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import msgspec
import pytest

from agent.errors import BrokenKind, WatcherError
from agent.watchers import registry
from agent.watchers.registry import BUILT_IN, ENTRY_POINT_GROUP, find_kind, kind_names
from agent.watchers.watcher import Kind, WatcherSettings
from tests.agent.manual_clock import ManualClock

ACME = Kind(WatcherSettings, lambda settings, clock: None)  # type: ignore[arg-type,return-value]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings a good kind, some that are none, and one with a built-in's name."""
    module = ModuleType("acme_jishi")
    module.KIND = ACME  # type: ignore[attr-defined]
    module.OTHER = "nothing"  # type: ignore[attr-defined]
    module.BARE = Kind(dict, lambda settings, clock: None)  # type: ignore[arg-type,attr-defined,return-value]
    monkeypatch.setitem(sys.modules, "acme_jishi", module)
    brought = {
        "vacuum": "acme_jishi:KIND",
        "broken": "acme_none:KIND",
        "no-kind": "acme_jishi:OTHER",
        "no-settings": "acme_jishi:BARE",
        "host": "acme_jishi:KIND",
    }
    points = [EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in brought.items()]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == ENTRY_POINT_GROUP else [])


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_kinds_make_watchers_with_frozen_settings(name: str) -> None:
    kind = find_kind(name)
    site = {"host": "192.168.1.5"}
    needed = {
        "modbus-meter": {"port": "/dev/null"},
        "dlt645-meter": {"port": "/dev/null", "address": "any"},
        "process": {"executable": "sem"},
        "data-files": {"directory": "/data"},
        "contact": {"port": "/dev/null", "cts": {}},
        "card-reader": {"port": "/dev/null"},
        "status-poll": {"port": "/dev/null", "profile": "scpi"},
        "tasmota-plug": {**site, "topic": "bench3"},
        "shelly-gen1": {**site, "device": "shellyplug-s-7A1B2C"},
        "shelly-gen2": {**site, "prefix": "shellyplusplugs-7c87ce65bd9c"},
        "zigbee2mqtt-plug": {**site, "friendly_name": "bench plug"},
        "esphome-meter": {**site, "node": "em-node", "power_unit": "W"},
        "mqtt-topic": {**site, "topic": "site/vacuum"},
    }.get(name, {})
    settings = msgspec.convert({"name": "one", "kind": name, "asset": "A001", **needed}, kind.settings)
    with pytest.raises(AttributeError):
        settings.name = "two"  # type: ignore[misc]
    watcher = kind.make(settings, ManualClock())
    assert (watcher.name, watcher.kind, watcher.asset) == ("one", name, "A001")
    assert watcher.channels


def test_an_installed_kind_is_found(installed: None) -> None:
    assert find_kind("vacuum") is ACME
    assert "vacuum" in kind_names()


def test_an_installed_package_cannot_take_over_a_built_in_name(installed: None) -> None:
    assert find_kind("host") is not ACME


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("modbus-meeter", "no kind of watcher is named 'modbus-meeter'; did you mean 'modbus-meter'?"),
        ("vacum", "did you mean 'vacuum'?"),
        ("zzz", f"known: {', '.join(sorted([*BUILT_IN, 'broken', 'no-kind', 'no-settings', 'vacuum']))}"),
        ("broken", "kind 'broken' cannot be loaded from acme_none:KIND (ModuleNotFoundError: No module named"),
        ("no-kind", "kind 'no-kind' names str, not a Kind"),
        ("no-settings", "kind 'no-settings' is no Kind(settings, make) with settings that are WatcherSettings"),
    ],
)
def test_a_kind_that_is_none_is_said_clearly(installed: None, name: str, says: str) -> None:
    with pytest.raises(WatcherError) as caught:
        registry.find_kind(name)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["broken", "no-kind", "no-settings"])
def test_a_kind_that_is_installed_and_broken_is_told_from_one_that_is_misspelt(installed: None, name: str) -> None:
    with pytest.raises(BrokenKind):
        registry.find_kind(name)


@pytest.mark.parametrize("problem", [ZeroDivisionError("zero"), SystemExit(3), ImportError("none")])
def test_whatever_foreign_code_raises_is_its_own_fault(problem: BaseException) -> None:
    def answer() -> None:
        raise problem

    with pytest.raises(BrokenKind, match="it could not be asked"):
        registry.ask("it could not be asked", answer)


def test_what_foreign_code_raises_of_ours_stays_what_it_is() -> None:
    def answer() -> None:
        raise WatcherError("the gauge is off")

    with pytest.raises(WatcherError, match="the gauge is off") as caught:
        registry.ask("it could not be asked", answer)
    assert type(caught.value) is WatcherError
