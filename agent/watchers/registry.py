"""Which kinds of watchers there are: the built-in ones, and those that installed packages bring by entry point.

    [project.entry-points."jishi.watchers"]
    vacuum-gauge = "acme_jishi.vacuum:KIND"

The object named is a `Kind`. A built-in name cannot be taken over by a package: what a configuration says would mean
something else on another machine.
"""

import difflib
import logging
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from agent.errors import AgentError, BrokenKind, WatcherError
from agent.watchers.watcher import Kind, WatcherSettings

ENTRY_POINT_GROUP = "jishi.watchers"

_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)

# Imported only when a configuration names them: a host without a meter does without its code.
BUILT_IN = {
    "modbus-meter": "agent.watchers.modbus_meter",
    "dlt645-meter": "agent.watchers.dlt645_meter",
    "contact": "agent.watchers.contact",
    "card-reader": "agent.watchers.card_reader",
    "status-poll": "agent.watchers.status_poll",
    "process": "agent.watchers.process",
    "host": "agent.watchers.host",
    "tasmota-plug": "agent.watchers.tasmota_plug",
    "shelly-gen1": "agent.watchers.shelly_gen1",
    "shelly-gen2": "agent.watchers.shelly_gen2",
    "zigbee2mqtt-plug": "agent.watchers.zigbee2mqtt_plug",
    "esphome-meter": "agent.watchers.esphome_meter",
    "mqtt-topic": "agent.watchers.mqtt_topic",
    "data-files": "agent.watchers.data_files",
}


def kind_names() -> list[str]:
    """Return the names of all kinds that a configuration may use."""
    return sorted({*BUILT_IN, *_installed()})


def find_kind(name: str) -> Kind:
    """Return the kind of this name; WatcherError, with the nearest name, when there is none, BrokenKind."""
    kind = import_module(BUILT_IN[name]).KIND if name in BUILT_IN else _load_installed(name)
    if not isinstance(kind, Kind):
        raise BrokenKind(f"kind {name!r} names {type(kind).__name__}, not a Kind of agent.watchers.watcher")
    if not (isinstance(kind.settings, type) and issubclass(kind.settings, WatcherSettings) and callable(kind.make)):
        raise BrokenKind(f"kind {name!r} is no Kind(settings, make) with settings that are WatcherSettings")
    return kind


def ask(question: str, answer: Callable[[], _Answer]) -> _Answer:
    """Return what anybody's code answers; BrokenKind for whatever it raises that is none of ours, sys.exit included."""
    try:
        return answer()
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
        log.debug("foreign code raised", exc_info=True)
        raise BrokenKind(f"{question} ({type(error).__name__}: {error})") from error


def _load_installed(name: str) -> object:
    installed = _installed()
    if name not in installed:
        names = kind_names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
        raise WatcherError(f"no kind of watcher is named {name!r}; {hint}")
    module, _, attribute = installed[name].partition(":")
    return ask(
        f"kind {name!r} cannot be loaded from {installed[name]}",
        lambda: getattr(import_module(module), attribute or "KIND"),
    )


def _installed() -> dict[str, str]:
    # importlib.metadata costs some megabytes, so it is not imported before a kind is asked for that is not built in.
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in BUILT_IN}
