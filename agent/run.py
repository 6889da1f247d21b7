"""The running agent: configuration and enrolment become threads, and a stop becomes an orderly end.

    main thread   status file every two seconds; signals
    recorder      owns the journal
    uplink        owns the connection
    one thread for each watcher, under the supervisor
    renewal       asks for the TLS certificate once a day, where the broker wants one
    desk          where one is configured: its own threads, on which nothing here waits

It ends in the order in which things depend on each other: watchers, desk, recorder (what is open, `stop`), uplink (the
last receipts). When the recorder's thread dies, which only a bug or a broken disk can bring about, the agent ends with
an error for its service manager to start it again: nothing that was promised is in memory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from agent import config, identity, policies, status
from agent.clock import Clock, SystemClock
from agent.config import Configuration
from agent.credentials import api_context, broker_context
from agent.disk import Disk
from agent.errors import AgentError, JournalError, JournalLocked
from agent.exchange import UseHints
from agent.identity import Identity
from agent.journal import Journal
from agent.notify import ServiceManager
from agent.recorder import Recorder
from agent.roads.auto import AutoLink
from agent.roads.https import HttpsLink
from agent.roads.link import Address, Link
from agent.roads.mqtt import MqttLink
from agent.scratch import Scratch
from agent.supervisor import Supervisor, make_watcher
from agent.uplink import Uplink
from agent.version import VERSION
from agent.watchers.watcher import Watcher
from protocol.entry import ConfigChange, clean_text
from protocol.message import Level

if TYPE_CHECKING:
    from agent.desk.service import DeskService
    from agent.renewal import DailyRenewal

STATUS_EVERY_S = 2.0
RECORDER_PATIENCE_S = 30.0
UPLINK_PATIENCE_S = 20.0
LEVELS = "levels.json"
IN_FORCE = "configuration.json"
MAX_CHANGED = 100
STOP_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
"""SIGBREAK is Windows' Ctrl-Break, and what a console program gets there when the machine shuts down."""

log = logging.getLogger(__name__)


class _InForce(msgspec.Struct):
    """The configuration that the journal names last: the file's hash, and what was set, by key path."""

    sha256: str
    settings: dict[str, str]


class Agent:
    """Everything that runs. `start`, then `tend` again and again, then `stop`."""

    def __init__(self, configuration: Configuration, who: Identity, *, clock: Clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._journal = Journal.open(who.journal, origin=who.enrolment.origin)
        try:
            self._scratch = _open_scratch(who.journal)
            watchers = [make_watcher(settings, clock) for settings in configuration.watchers]
        except BaseException:
            self._journal.close()
            raise
        self._levels = _read_levels(configuration.state_dir)
        self._recorder = Recorder(
            self._journal,
            self._scratch,
            clock=clock,
            watchers=watchers,
            levels=self._levels,
            block_ms=round(configuration.agent.block_s * 1000),
        )
        self._uplink = Uplink(
            self._journal,
            who.key,
            receipt_key=who.receipt_key,
            link=_make_link(configuration, who, clock=clock),
            clock=clock,
            on_hints=self._use_hints,
        )
        self._renewal = _make_renewal(configuration, who)
        self._desk = self._make_desk(watchers)
        emit = self._desk.emit if self._desk else self._recorder.emit
        self._supervisor = Supervisor(watchers, emit, clock=clock)
        self._threads = {
            "recorder": threading.Thread(target=self._recorder.run, name="recorder", daemon=True),
            "uplink": threading.Thread(target=self._uplink.run, name="uplink", daemon=True),
        }
        _warn_of_unwatched(configuration, who)

    def start(self) -> None:
        """Recover, say that it starts, and let everything run."""
        change = _configuration_change(self._configuration, self._journal.directory)
        self._recorder.begin(version=VERSION, configuration=change)
        _remember_configuration(self._configuration, self._journal.directory)
        for thread in self._threads.values():
            thread.start()
        self._supervisor.start()
        if self._renewal:
            self._renewal.start()
        if self._desk:
            self._desk.start()
        self._write_status()
        log.info("agent started", extra={"origin": self._journal.origin, "entries": self._journal.size})

    def tend(self, manager: ServiceManager) -> None:
        """Look after the watchers, write the status, tell the service manager.

        AgentError when the recording has ended by itself.
        """
        self._supervisor.look()
        composed = self._write_status()
        manager.alive(self._recorder.beats, status.in_one_line(composed))
        if not self._threads["recorder"].is_alive():
            raise AgentError("the recorder ended by itself; the lines above say why")

    def stop(self, reason: str) -> None:
        """End in order: watchers, desk, recorder, uplink."""
        self._supervisor.stop()
        if self._renewal:
            self._renewal.stop()
        if self._desk:
            self._desk.stop()
        self._recorder.end(reason)
        self._join("recorder", RECORDER_PATIENCE_S)
        self._uplink.close()
        self._join("uplink", UPLINK_PATIENCE_S)
        before = self._write_status()
        final = status.stopped(before, agent_id=self._configuration.agent.id, reason=reason, now=self._clock.now())
        _write_status(self._configuration.state_dir, final)
        unreceipted = self._journal.size - self._journal.receipted_size
        self._scratch.close()
        self._journal.close()
        log.info("agent stopped", extra={"reason": reason, "unreceipted": unreceipted})

    def _make_desk(self, watchers: Iterable[Watcher]) -> DeskService | None:
        if self._configuration.desk is None:
            _warn_of_unheard(watchers)
            return None
        from agent.desk.service import DeskService  # http.server and its kin: 4 MB that only a desk needs

        return DeskService(
            self._configuration.desk,
            state_dir=self._configuration.state_dir,
            journal=self._journal,
            recorder=self._recorder,
            watchers=watchers,
            clock=self._clock,
            glance=self._compose_status,
        )

    def _join(self, name: str, patience_s: float) -> None:
        thread = self._threads[name]
        if thread.ident is not None:
            thread.join(patience_s)
        if thread.is_alive():
            log.error("thread did not stop", extra={"which": name, "patience_s": patience_s})

    def _write_status(self) -> status.Status:
        composed = self._compose_status()
        _write_status(self._configuration.state_dir, composed)
        return composed

    def _compose_status(self) -> status.Status:
        return status.compose(
            self._configuration.agent.id,
            self._journal,
            recorder=self._recorder,
            uplink=self._uplink.view(),
            failures=self._supervisor.failures,
            desk=self._desk.status() if self._desk else None,
            now=self._clock.now(),
        )

    def _use_hints(self, hints: UseHints) -> None:
        """Take the hints of a welcome, and keep them for a start without a connection."""
        policies.keep(self._configuration, hints.policies)
        levels = hints.levels
        if levels != self._levels:
            self._levels = levels
            self._recorder.use_levels(levels)
            with contextlib.suppress(OSError):  # hints: the next welcome brings them again
                (self._configuration.state_dir / LEVELS).write_bytes(msgspec.json.encode(levels))


def _make_link(configuration: Configuration, who: Identity, *, clock: Clock) -> Link:
    agent_id, broker = configuration.agent.id, who.enrolment.broker
    tls = partial(broker_context, configuration.state_dir) if broker.tls else None
    mqtt = MqttLink(agent_id, Address(broker.host, broker.port), clock=clock, tls=tls)
    trust = partial(api_context, configuration.state_dir, configuration.authority)
    https = HttpsLink(agent_id, configuration.collector.url, trust=trust)
    roads: dict[str, Link] = {"mqtt": mqtt, "https": https, "auto": AutoLink(mqtt, https, clock=clock)}
    return roads[configuration.collector.road]


def run(configuration: Configuration) -> None:
    """Run until told to stop; AgentError where that cannot be, or cannot go on."""
    clock = SystemClock()
    manager = ServiceManager.from_environment(os.environ)
    try:
        who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
        with _told_to_stop() as told:
            agent = Agent(configuration, who, clock=clock)
            try:
                agent.start()
                manager.ready()
                while not told.wait(STATUS_EVERY_S):
                    agent.tend(manager)
            finally:
                manager.stopping()
                agent.stop("asked to stop" if told.is_set() else "failed")
    except JournalLocked:
        raise  # the status file is the other agent's
    except AgentError as problem:
        before = status.read(configuration.state_dir) or {}
        final = status.stopped(before, agent_id=configuration.agent.id, reason=str(problem), now=clock.now())
        _write_status(configuration.state_dir, final)
        raise


@contextlib.contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM, Ctrl-C or Ctrl-Break sets; a second one changes nothing, for the end is under way."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    numbers = [getattr(signal, name) for name in STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, tell) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_renewal(configuration: Configuration, who: Identity) -> DailyRenewal | None:
    if not who.enrolment.broker.tls:
        return None
    from agent.renewal import DailyRenewal  # urllib.request and its kin, which a plain broker does not need

    return DailyRenewal(configuration, who)


def _open_scratch(directory: Path) -> Scratch:
    try:
        return Scratch(directory, disk=Disk())
    except OSError as problem:
        raise JournalError(f"the scratch file in {directory} cannot be used: {problem}") from problem


def _write_status(state_dir: Path, composed: status.Status) -> None:
    try:
        status.write(state_dir, composed)
    except OSError as problem:
        log.debug("status could not be written", extra={"problem": str(problem)})  # a full disk; the journal says so


def _warn_of_unwatched(configuration: Configuration, who: Identity) -> None:
    names = {watcher.name for watcher in configuration.watchers}
    for watch in who.enrolment.watch:
        if watch.watcher not in names:
            log.warning("enrolled watcher is not configured", extra={"watcher": watch.watcher, "asset": watch.asset})


def _warn_of_unheard(watchers: Iterable[Watcher]) -> None:
    for watcher in watchers:
        if any(channel.name == "card" for channel in watcher.channels):
            log.warning("cards are not taken: add a [desk] table", extra={"watcher": watcher.name})


def _configuration_change(configuration: Configuration, directory: Path) -> ConfigChange | None:
    """The entry that says what differs from the configuration that this journal names last; None where nothing does."""
    before = _in_force(directory)
    if before is not None and before.sha256 == configuration.sha256:
        return None
    settings, earlier = config.settings_by_path(configuration), before.settings if before else {}
    changed = sorted(key for key in settings.keys() | earlier.keys() if settings.get(key) != earlier.get(key))
    return ConfigChange(configuration.sha256, tuple(clean_text(key) for key in changed[:MAX_CHANGED]))


def _remember_configuration(configuration: Configuration, directory: Path) -> None:
    in_force = _InForce(configuration.sha256, config.settings_by_path(configuration))
    with contextlib.suppress(OSError):  # then the next start journals it once more
        (directory / IN_FORCE).write_bytes(msgspec.json.encode(in_force))


def _in_force(directory: Path) -> _InForce | None:
    try:
        return msgspec.json.decode((directory / IN_FORCE).read_bytes(), type=_InForce)
    except (OSError, msgspec.MsgspecError):
        return None


def _read_levels(state_dir: Path) -> tuple[Level, ...]:
    try:
        return msgspec.json.decode((state_dir / LEVELS).read_bytes(), type=tuple[Level, ...])
    except (OSError, msgspec.MsgspecError):
        return ()
