"""Which of the collector's beacons are journalled, and when one is asked for. Rules in protocol/beacon.py.

A welcome brings a beacon note. The first of each run of the agent is journalled, then one every ten minutes while
something is powered, else hourly; when the next one is due and nothing is under way, the agent says hello again. A
beacon that is not signed by the pinned key, names another collector's log, or takes back what an earlier one said
(a smaller tree, another root of the same size) is not journalled: the last is told in `status`, because it means that
the collector lost data, or shows different people different logs.

The newest of each log is kept in a slot beside the journal, so that a restart forgets nothing:

    {"2026-1":[88211,"nWvk…"]}
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
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
ASK_AGAIN_MS: Final = 120_000
MOST_LOGS: Final = 16
POWERED_MW: Final = 5_000
"""What counts as powered where the collector gave no levels: more than a plug or a transformer loses by itself."""
_RESTING = frozenset({"off", "open", "idle", "down", "stopped", "absent", "unknown"})

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


class BeaconBook:
    """One journal's beacons. `due` and `take` belong to the uplink's thread, `view` to any."""

    def __init__(
        self,
        directory: Path,
        origin: str,
        *,
        receipt_key: VerifierKey,
        write: Callable[[Beacon], Entry | None],
        is_powered: Callable[[], bool],
    ) -> None:
        """`write` journals an entry and returns it once it is durable, None where it was not accepted. OSError."""
        self._domain = parse_origin(origin)[0]
        self._receipt_key = receipt_key
        self._write = write
        self._is_powered = is_powered
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

    def take(self, raw: bytes, now_ms: int) -> None:
        """Journal the beacon in a welcome, if one is due and nothing is wrong with it."""
        if self._is_early(now_ms, EARLY_MS):
            return
        try:
            beaconed = open_beacon(raw, self._receipt_key)
            problem = self._objection(beaconed)
        except ForeignBytesError as error:
            log.warning("beacon ignored", extra={"problem": str(error)})
            return
        if problem:
            if problem != self.view.problem:
                log.error("beacon refused", extra={"problem": problem})
            self.view = self.view._replace(problem=problem)
            return
        if self._write(beaconed.body) is not None:
            self._journalled_ms = now_ms
            self._remember(beaconed.body)

    def _is_early(self, now_ms: int, allowance_ms: int) -> bool:
        if self._journalled_ms is None:
            return False
        every_ms = EVERY_MS if self._is_powered() else IDLE_EVERY_MS
        return now_ms - self._journalled_ms < every_ms - allowance_ms

    def _objection(self, beaconed: Beaconed) -> str:
        """What is wrong with the log that a beacon names, in a sentence; empty where nothing is."""
        body = beaconed.body
        if beaconed.domain != self._domain:
            return f"a beacon of {beaconed.domain} came, and this agent belongs to {self._domain}"
        size, root = self._held.get(body.log, (0, ""))
        if body.size < size:
            return (
                f"the collector's log {body.log} has gone back from {size} to {body.size} leaves: it was restored "
                "from a backup, or shows several histories; tell its operator"
            )
        if body.size == size and body.root != root:
            return f"the collector's log {body.log} shows two trees of {size} leaves: tell its operator"
        return ""

    def _remember(self, body: Beacon) -> None:
        self._held.pop(body.log, None)
        self._held[body.log] = (body.size, body.root)
        while len(self._held) > MOST_LOGS:
            self._held.pop(next(iter(self._held)))
        self.view = BeaconView(body.log, body.size, body.time_s, "")
        try:
            self._slot.write(msgspec.json.encode(self._held), sync=True)
        except OSError as problem:
            log.warning("newest beacon could not be kept", extra={"problem": str(problem)})


def is_powered(observed: Iterable[Shown], levels: dict[tuple[str, str], tuple[int, ...]]) -> bool:
    """Whether something that is watched shows that it is powered; `levels` as the collector's welcome gave them.

    A gauge above the lowest of its channel's levels, a count above 0, or a state that is no word for rest. An agent
    whose watchers show nothing yet, or that has none of these, runs on the instrument's own PC: powered.
    """
    shown = False
    for each in observed:
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


def _read(value: bytes | None) -> dict[str, tuple[int, str]]:
    try:
        return msgspec.json.decode(value or b"{}", type=dict[str, tuple[int, str]])
    except msgspec.MsgspecError:
        return {}
