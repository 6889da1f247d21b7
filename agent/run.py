"""The running agent: configuration and enrolment become threads, and a stop becomes an orderly end.

    main thread   status file every two seconds; signals; from one epoch to the next
    one thread for each watcher, under the supervisor
    the threads of the epoch in force (epoch.py)

Where a journal cannot go on, the next epoch begins (succession.py), and the watchers notice no more than a pause: what
they see meanwhile waits for the new journal. At the end watchers stop first. When the recorder's thread dies, which
only a bug or a broken disk can bring about, the agent ends with an error for its service manager to start it again:
nothing that was promised is in memory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

import msgspec

from agent import config, identity, policies, status, succession
from agent.clock import Clock, SystemClock
from agent.config import Configuration
from agent.disk import WriterLock
from agent.epoch import Epoch
from agent.errors import AgentError, JournalBehind, JournalDamaged, JournalError, JournalLocked
from agent.exchange import EndEpoch, UseHints
from agent.identity import Identity
from agent.journal import Journal
from agent.notify import ServiceManager
from agent.supervisor import Supervisor, make_watcher
from agent.watchers.watcher import Said, Watcher
from protocol.entry import ConfigChange, clean_text
from protocol.epoch import EpochReason
from protocol.message import Level

STATUS_EVERY_S = 2.0
EPOCHS_AT_ONCE, EPOCHS_WITHIN_MS = 2, 600_000
"""One because the journal cannot go on, one more where its number was gone; whatever forces more than that, waits."""
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
        self._who = who
        self._clock = clock
        self._watchers = [make_watcher(settings, clock) for settings in configuration.watchers]
        self._levels = _read_levels(configuration.state_dir)
        self._end: EndEpoch | None = None
        self._began_ms: deque[int] = deque(maxlen=EPOCHS_AT_ONCE)
        self._gate = threading.Lock()  # held while there is no epoch to record what watchers say
        self._epoch = self._open_epoch()
        self._supervisor = Supervisor(self._watchers, self._emit, clock=clock)
        _warn_of_unwatched(configuration, who)
        if configuration.desk is None:
            _warn_of_unheard(self._watchers)

    def start(self) -> None:
        """Begin to record, then to watch."""
        self._start_epoch()
        self._supervisor.start()
        self._write_status()
        log.info("agent started")

    def tend(self, manager: ServiceManager) -> None:
        """Look after watchers and hatch, write the status, tell the service manager; begin an epoch where one is due.

        AgentError when the recording has ended by itself.
        """
        self._supervisor.look()
        self._epoch.hatch.look()
        composed = self._write_status()
        manager.alive(self._epoch.recorder.beats, status.in_one_line(composed))
        if not self._epoch.is_recording:
            raise AgentError("the recorder ended by itself; the lines above say why")
        end, now_ms = self._end, self._clock.now().mono_ms
        if end is not None and (len(self._began_ms) < EPOCHS_AT_ONCE or now_ms - self._began_ms[0] >= EPOCHS_WITHIN_MS):
            self._begin_next(end, now_ms)

    def stop(self, reason: str) -> None:
        """End in order: watchers, then the epoch."""
        self._supervisor.stop()
        self._epoch.end(reason)
        before, journal = self._write_status(), self._epoch.journal
        final = status.stopped(before, agent_id=self._configuration.agent.id, reason=reason, now=self._clock.now())
        _write_status(self._configuration.state_dir, final)
        unreceipted = journal.size - journal.receipted_size
        log.info("agent stopped", extra={"reason": reason, "unreceipted": unreceipted})

    def _emit(self, said: Said) -> None:
        with self._gate:
            self._epoch.emit(said)

    def _begin_next(self, end: EndEpoch, now_ms: int) -> None:
        """Leave a journal that cannot go on. Where the disk refuses the next one, it goes on all the same, for now."""
        self._began_ms.append(now_ms)
        with self._gate:
            self._end = None
            self._epoch.end(f"the epoch ends: {end.why}")
            try:
                self._who = _succeed(self._configuration, self._who, end, clock=self._clock)
            except (OSError, AgentError) as problem:
                log.error("next epoch could not begin", extra={"problem": str(problem)})
            self._epoch = self._open_epoch()
            self._start_epoch()

    def _open_epoch(self) -> Epoch:
        self._who, journal = _open_journal(self._configuration, self._who, clock=self._clock)
        return Epoch(
            self._configuration,
            self._who,
            journal,
            watchers=self._watchers,
            levels=self._levels,
            clock=self._clock,
            on_hints=self._use_hints,
            on_end=self._note_end,
            glance=self._compose_status,
        )

    def _start_epoch(self) -> None:
        directory = self._epoch.journal.directory
        self._epoch.start(_configuration_change(self._configuration, directory))
        _remember_configuration(self._configuration, directory)

    def _note_end(self, end: EndEpoch) -> None:
        self._end = end

    def _write_status(self) -> status.Status:
        composed = self._compose_status()
        _write_status(self._configuration.state_dir, composed)
        return composed

    def _compose_status(self) -> status.Status:
        epoch = self._epoch
        return status.compose(
            self._configuration.agent.id,
            epoch.journal,
            recorder=epoch.recorder,
            uplink=epoch.uplink.view(),
            beacon=epoch.beacons.view,
            failures=self._supervisor.failures,
            desk=epoch.desk.status() if epoch.desk else None,
            now=self._clock.now(),
        )

    def _use_hints(self, hints: UseHints) -> None:
        """Take the hints of a welcome, and keep them for a start without a connection."""
        policies.keep(self._configuration, hints.policies)
        levels = hints.levels
        if levels != self._levels:
            self._levels = levels
            self._epoch.recorder.use_levels(levels)
            with contextlib.suppress(OSError):  # hints: the next welcome brings them again
                (self._configuration.state_dir / LEVELS).write_bytes(msgspec.json.encode(levels))


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
        # Not here: the main thread may hold the event's lock between two instructions of its wait, for ever then.
        threading.Thread(target=told.set, name="stop", daemon=True).start()

    numbers = [getattr(signal, name) for name in STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, tell) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_journal(configuration: Configuration, who: Identity, *, clock: Clock) -> tuple[Identity, Journal]:
    """The journal in force, or that of the next epoch where it is damaged; JournalError."""
    try:
        return who, Journal.open(who.journal, origin=who.enrolment.origin)
    except JournalDamaged as damage:
        log.error("journal cannot go on", extra={"reason": str(damage)})
        reason: EpochReason = "behind" if isinstance(damage, JournalBehind) else "damaged"
        end = EndEpoch(reason, str(damage))
    try:
        who = _succeed(configuration, who, end, clock=clock)
    except OSError as problem:
        raise JournalError(f"the next epoch cannot begin: {problem}") from problem
    return who, Journal.open(who.journal, origin=who.enrolment.origin)


def _succeed(configuration: Configuration, who: Identity, end: EndEpoch, *, clock: Clock) -> Identity:
    """Begin the next epoch, unless another process of this directory just has."""
    lock = WriterLock(who.journal)
    try:
        now = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
        if now.enrolment.origin != who.enrolment.origin:
            return now
        begun = succession.begin_next(configuration.state_dir, who, end, clock=clock)
    finally:
        lock.release()
    log.warning("next epoch began", extra={"origin": begun.enrolment.origin, "why": end.why})
    return begun


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
