"""The doctor's round: all examinations in their order, each on its own.

From the inside out: configuration, what is kept here, the machine, the watchers, the collector. Whoever is called from
far away reads the first failure first.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from agent import config
from agent.clock import Clock
from agent.doctor.case import Case, take_up
from agent.doctor.collector import examine_collector
from agent.doctor.desk import examine_desk
from agent.doctor.journal import examine_enrolment, examine_journal
from agent.doctor.machine import examine_machine
from agent.doctor.places import examine_state_directory
from agent.doctor.roads import examine_delivery
from agent.doctor.running import examine_running
from agent.doctor.supervision import supervise
from agent.doctor.watchers import examine_watchers
from agent.errors import ConfigurationError
from agent.finding import Finding

EXAMINATIONS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    examine_state_directory,
    examine_enrolment,
    examine_journal,
    examine_machine,
    examine_running,
    examine_watchers,
    examine_desk,
    examine_collector,
    examine_delivery,
)


def examine(path: Path, clock: Clock) -> Iterator[Finding]:
    """Yield what is found, as it is found; a minute may pass between two findings."""
    try:
        configuration = config.load(path)
    except ConfigurationError as problem:
        for fault in problem.faults:
            yield Finding("configuration", "fail", fault)
        return
    watchers = ", ".join(watcher.name for watcher in configuration.watchers)
    yield Finding("configuration", "ok", f"{path} has no fault; it names {watchers}")
    case = take_up(configuration, clock)
    for examination in EXAMINATIONS:
        yield from supervise(examination.__name__.removeprefix("examine_").replace("_", " "), examination, case)
