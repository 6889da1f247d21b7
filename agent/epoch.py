"""What runs as long as one epoch does: its journal and whoever writes, carries and reads it. Watchers outlive it.

    recorder      owns the journal
    uplink        owns the connection
    renewal       asks for the TLS certificate once a day, where the broker wants one
    desk          where one is configured: its own threads, on which nothing here waits

It ends in the order in which things depend on each other: desk, recorder (what is open, `stop`), uplink (the last
receipts), files.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.beacons import BeaconBook
from agent.clock import Clock
from agent.config import Configuration
from agent.credentials import api_context, broker_context
from agent.disk import Disk
from agent.errors import JournalError
from agent.exchange import EndEpoch, UseHints
from agent.hatch import Hatch
from agent.identity import Identity
from agent.journal import Journal
from agent.nonces import NonceBook
from agent.recorder import Recorder
from agent.roads.auto import AutoLink
from agent.roads.https import HttpsLink
from agent.roads.link import Address, Link
from agent.roads.mqtt import MqttLink
from agent.scratch import Scratch
from agent.succession import pending_request
from agent.uplink import Uplink
from agent.version import VERSION
from agent.watchers.watcher import Said, Watcher
from protocol.entry import ConfigChange
from protocol.hint import Showing, is_showable
from protocol.message import Level

if TYPE_CHECKING:
    from agent.desk.service import DeskService
    from agent.renewal import DailyRenewal

RECORDER_PATIENCE_S = 30.0
UPLINK_PATIENCE_S = 20.0

log = logging.getLogger(__name__)


class Epoch:
    """One epoch, from `start` to `end`. It closes the journal that it is given."""

    def __init__(
        self,
        configuration: Configuration,
        who: Identity,
        journal: Journal,
        *,
        watchers: Iterable[Watcher],
        levels: tuple[Level, ...],
        clock: Clock,
        on_hints: Callable[[UseHints], None],
        on_end: Callable[[EndEpoch], None],
        glance: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`on_end` hears that the journal cannot go on; `glance` gives the agent's status, for the desk's page."""
        self.journal = journal
        self._has_ended = False
        self._configuration = configuration
        self._clock = clock
        self._scratch = _open_scratch(journal)
        self.recorder = Recorder(
            journal,
            self._scratch,
            clock=clock,
            watchers=watchers,
            levels=levels,
            block_ms=round(configuration.agent.block_s * 1000),
        )
        self.beacons = _open_beacons(journal, who, self.recorder)
        self.uplink = Uplink(
            journal,
            who.key,
            receipt_key=who.receipt_key,
            link=_make_link(configuration, who, clock=clock),
            clock=clock,
            on_hints=on_hints,
            beacons=self.beacons,
            request=pending_request(journal.directory),
            showing=lambda: showing(self.recorder),
            on_end=on_end,
        )
        self.hatch = Hatch(
            journal,
            self.uplink.bring,
            NonceBook(journal, who.key, self.recorder.write).answer,
            lambda why: on_end(EndEpoch("rotated", why)),
        )
        self._renewal = _make_renewal(configuration, who)
        self.desk = self._make_desk(watchers, glance)
        self.emit: Callable[[Said], None] = self.desk.emit if self.desk else self.recorder.emit
        self._threads = {
            "recorder": threading.Thread(target=self.recorder.run, name="recorder", daemon=True),
            "uplink": threading.Thread(target=self.uplink.run, name="uplink", daemon=True),
        }

    @property
    def is_recording(self) -> bool:
        """Whether the recorder lives; only a bug or a broken disk can end it."""
        return self._threads["recorder"].is_alive()

    def start(self, configuration: ConfigChange | None) -> None:
        """Recover, say that it starts and what has changed in the configuration, and let everything run."""
        self.recorder.begin(version=VERSION, configuration=configuration)
        for thread in self._threads.values():
            thread.start()
        if self._renewal:
            self._renewal.start()
        if self.desk:
            self.desk.start()
        log.info("epoch started", extra={"origin": self.journal.origin, "entries": self.journal.size})

    def end(self, reason: str) -> None:
        """Write what is open and why it stops; the files are closed afterwards. A second time changes nothing."""
        if self._has_ended:
            return
        self._has_ended = True
        if self._renewal:
            self._renewal.stop()
        if self.desk:
            self.desk.stop()
        self.recorder.end(reason)
        self._join("recorder", RECORDER_PATIENCE_S)
        self.uplink.close()
        self._join("uplink", UPLINK_PATIENCE_S)
        self._scratch.close()
        self.beacons.close()
        self.journal.close()

    def _make_desk(self, watchers: Iterable[Watcher], glance: Callable[[], Mapping[str, Any]]) -> DeskService | None:
        if self._configuration.desk is None:
            return None
        from agent.desk.service import DeskService  # http.server and its kin: 4 MB that only a desk needs

        return DeskService(
            self._configuration.desk,
            state_dir=self._configuration.state_dir,
            journal=self.journal,
            recorder=self.recorder,
            watchers=watchers,
            clock=self._clock,
            glance=glance,
        )

    def _join(self, name: str, patience_s: float) -> None:
        thread = self._threads[name]
        if thread.ident is not None:
            thread.join(patience_s)
        if thread.is_alive():
            log.error("thread did not stop", extra={"which": name, "patience_s": patience_s})


def showing(recorder: Recorder) -> Iterator[Showing]:
    """The newest value of each channel that is up, for a hint; events may name people and are never among them."""
    for name, observed in recorder.observed.items():
        values = observed.values
        for channel in observed.watcher.channels:
            value = str(values.get("power_mw" if channel.name == "power" else channel.name, ""))
            if channel.kind != "event" and is_showable(value):
                yield Showing(name, channel.name, value)


def _make_link(configuration: Configuration, who: Identity, *, clock: Clock) -> Link:
    agent_id, broker = configuration.agent.id, who.enrolment.broker
    tls = partial(broker_context, configuration.state_dir) if broker.tls else None
    mqtt = MqttLink(agent_id, Address(broker.host, broker.port), epoch=who.enrolment.epoch, clock=clock, tls=tls)
    trust = partial(api_context, configuration.state_dir, configuration.authority)
    https = HttpsLink(agent_id, configuration.collector.url, trust=trust, clock=clock)
    roads: dict[str, Link] = {"mqtt": mqtt, "https": https, "auto": AutoLink(mqtt, https, clock=clock)}
    return roads[configuration.collector.road]


def _make_renewal(configuration: Configuration, who: Identity) -> DailyRenewal | None:
    if not who.enrolment.broker.tls:
        return None
    from agent.renewal import DailyRenewal  # urllib.request and its kin, which a plain broker does not need

    return DailyRenewal(configuration, who)


def _open_beacons(journal: Journal, who: Identity, recorder: Recorder) -> BeaconBook:
    try:
        return BeaconBook(journal.directory, journal.origin, receipt_key=who.receipt_key, recording=recorder)
    except OSError as problem:
        journal.close()
        raise JournalError(f"the beacon's slot in {journal.directory} cannot be used: {problem}") from problem


def _open_scratch(journal: Journal) -> Scratch:
    directory: Path = journal.directory
    try:
        return Scratch(directory, disk=Disk())
    except OSError as problem:
        journal.close()
        raise JournalError(f"the scratch file in {directory} cannot be used: {problem}") from problem
