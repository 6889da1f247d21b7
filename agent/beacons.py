"""Which of the collector's beacons are journalled, and when one is asked for. Rules and reasons: docs/beacons.md.

A welcome brings a beacon note (protocol/beacon.py). The first of each run of the agent is journalled, and the first
after a jump of its clock, then one every ten minutes while something is powered, else hourly; when the next one is due
and nothing is under way, the agent says hello again.

What is not signed by the pinned key, or is old (it took too long, or repeats what came before) is ignored: whoever
carries it could do that, and it says nothing of the collector. Where the collector itself signed a smaller tree at a
later time, or two trees of one size, it lost data or shows different people different logs: that is not journalled, and
told in `status`.

The newest of each log, with its size, root and time, is kept in a slot beside the journal, so that a restart forgets
nothing:

    {"2026-1":[88211,"nWvk…",1764554700]}
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from agent.disk import Disk
from agent.slots import BLOCK_BYTES, Slots
from agent.watchers.watcher import Watcher
from protocol.beacon import Beaconed, open_beacon
from protocol.entry import Beacon, Entry
from protocol.errors import ForeignBytesError
from protocol.keys import VerifierKey
from protocol.topics import parse_origin

EVERY_MS: Final = 600_000
IDLE_EVERY_MS: Final = 3_600_000
EARLY_MS: Final = 60_000
"""By how much a beacon that comes by itself, after a lost connection, may be early and still be journalled."""
LATE_MS: Final = 30_000
"""From a hello to its welcome. One that came later might have been signed that long ago, and would date by that much
too early whatever is dated by it: half of what a policy usually allows a clock."""
ASK_AGAIN_MS: Final = 120_000
MOST_LOGS: Final = 16
POWERED_MW: Final = 5_000
"""What counts as powered where the collector gave no levels: more than a plug or a transformer loses by itself."""
_RESTING = frozenset({"off", "open", "idle", "down", "stopped", "absent", "unknown"})
_OF_THE_PC = frozenset({"host", "card-reader"})
"""Kinds of watchers that say of an instrument nothing."""

log = logging.getLogger(__name__)


class BeaconView(NamedTuple):
    """For `status`: the newest beacon (POSIX seconds, 0: none in this run), and what is wrong with the log."""

    log: str
    size: int
    time_s: int
    problem: str


class Shown(Protocol):
    """What one watcher shows just now, by channel."""

    @property
    def watcher(self) -> Watcher: ...
    @property
    def values(self) -> Mapping[str, int | str]: ...


class Recording(Protocol):
    """What a book needs of the recorder."""

    def write(self, body: Beacon, /) -> Entry | None:
        """Journal it; the entry once it is durable, None where it was not accepted. OSError."""
        ...

    @property
    def is_powered(self) -> bool: ...

    @property
    def jumped_ms(self) -> int:
        """When the clock was last seen to have jumped, by the monotonic clock; 0: not in this run."""
        ...


class Held(NamedTuple):
    """The newest beacon of a log: its tree (root in base64), and when it was signed, in POSIX seconds."""

    size: int
    root: str
    time_s: int


class BeaconBook:
    """One journal's beacons. `due` and `take` belong to the uplink's thread, `view` to any."""

    def __init__(self, directory: Path, origin: str, *, receipt_key: VerifierKey, recording: Recording) -> None:
        self._domain = parse_origin(origin)[0]
        self._receipt_key = receipt_key
        self._recording = recording
        self._slot = Slots(directory / "beacon", slot_bytes=BLOCK_BYTES, count=2, disk=Disk())
        self._held = _read(self._slot.value)
        self._journalled_ms: int | None = None  # by the monotonic clock
        self._asked_ms = -ASK_AGAIN_MS
        self.view = BeaconView("", 0, 0, "")

    def close(self) -> None:
        """Close the slot's file."""
        self._slot.close()

    def due(self, now_ms: int) -> bool:
        """Whether a beacon ought to be asked for now; asked at most once in two minutes."""
        if self._is_early(now_ms, 0) or now_ms - self._asked_ms < ASK_AGAIN_MS:
            return False
        self._asked_ms = now_ms
        return True

    def take(self, raw: bytes, now_ms: int, *, asked_ms: int) -> None:
        """Journal the beacon in the welcome to a hello of `asked_ms`, if one is due and nothing is wrong with it."""
        if self._is_early(now_ms, EARLY_MS):
            return
        if now_ms - asked_ms > LATE_MS:
            log.info("beacon ignored", extra={"problem": f"it took {now_ms - asked_ms} ms"})
            return
        try:
            beaconed = open_beacon(raw, self._receipt_key)
        except ForeignBytesError as error:
            log.warning("beacon ignored", extra={"problem": str(error)})
            return
        if self._is_old(beaconed.body):
            log.info("beacon ignored", extra={"problem": "it is not newer than one before"})
        elif problem := self._objection(beaconed):
            if problem != self.view.problem:
                log.error("beacon refused", extra={"problem": problem})
            self.view = self.view._replace(problem=problem)
        elif self._recording.write(beaconed.body) is not None:
            self._journalled_ms = now_ms
            self._remember(beaconed.body)

    def _is_early(self, now_ms: int, allowance_ms: int) -> bool:
        if self._journalled_ms is None or self._journalled_ms < self._recording.jumped_ms:
            return False
        every_ms = EVERY_MS if self._recording.is_powered else IDLE_EVERY_MS
        return now_ms - self._journalled_ms < every_ms - allowance_ms

    def _is_old(self, body: Beacon) -> bool:
        """Whether it may be a repetition. A larger tree is none, whatever its time: a collector's clock may be mended.

        Neither is another root of the same size: no honest collector signs that at any time.
        """
        held = self._held.get(body.log)
        if held is None or body.time_s > held.time_s:
            return False
        return body.size < held.size or (body.size, body.root) == (held.size, held.root)

    def _objection(self, beaconed: Beaconed) -> str:
        """What is wrong with the log that a beacon names, in a sentence; empty where nothing is."""
        body = beaconed.body
        if beaconed.domain != self._domain:
            return f"a beacon of {beaconed.domain} came, and this agent belongs to {self._domain}"
        held = self._held.get(body.log)
        if held is not None and body.size < held.size:
            return (
                f"the collector's log {body.log} has gone back from {held.size} to {body.size} leaves: it was restored "
                "from a backup, or shows several histories; tell its operator"
            )
        if held is not None and body.size == held.size and body.root != held.root:
            return f"the collector's log {body.log} shows two trees of {held.size} leaves: tell its operator"
        return ""

    def _remember(self, body: Beacon) -> None:
        self._held.pop(body.log, None)
        self._held[body.log] = Held(body.size, body.root, body.time_s)
        while len(self._held) > MOST_LOGS:
            self._held.pop(next(iter(self._held)))
        self.view = BeaconView(body.log, body.size, body.time_s, "")
        try:
            self._slot.write(msgspec.json.encode(self._held), sync=True)
        except OSError as problem:
            log.warning("newest beacon could not be kept", extra={"problem": str(problem)})


def is_powered(observed: Iterable[Shown], levels: dict[tuple[str, str], tuple[int, ...]]) -> bool:
    """Whether something that is watched shows that it is powered; `levels` as the collector's welcome gave them.

    A gauge above the lowest of its channel's levels, a count above 0, or a state that is no word for rest. What tells
    of the PC tells nothing here. Where nothing tells of an instrument, or nothing yet: powered, to be on the safe side.
    """
    shown = False
    for each in observed:
        if each.watcher.kind in _OF_THE_PC:
            continue
        for channel in each.watcher.channels:
            value = each.values.get("power_mw" if channel.name == "power" else channel.name)
            if value is None or channel.kind == "event":
                continue
            shown = True
            if isinstance(value, str):
                active = value.lower() not in _RESTING
            else:
                known = levels.get((each.watcher.name, channel.name), ())
                lowest = min(known, default=POWERED_MW if channel.kind == "gauge" else 0)
                active = value > lowest
            if active:
                return True
    return not shown


def _read(value: bytes | None) -> dict[str, Held]:
    try:
        return msgspec.json.decode(value or b"{}", type=dict[str, Held])
    except msgspec.MsgspecError:
        return {}
