"""The child process that looks at one directory of data files: `python -m agent.watchers.data_scan SETTINGS`.

A share whose server is gone can block a look at it for ever, and nothing but the end of the process helps, so it has
one of its own. It prints one JSON line for each look, and ends when its standard input closes.

    {"wall_ms": 1764554716036, "mono_ms": 72893813, "grown": 8388608, "events": ["new 09af3c1d22b4e7f0 8388608"],
     "files": 1242, "active": 1, "unreadable": 0, "too_deep": 0, "other_disks": 0}
    {"wall_ms": 1764554726041, "mono_ms": 72903818, "error": "missing", "reason": "the directory is not there: …"}

A file's head is read when it is done: a file that is being written is left alone, and many formats write their head
last.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from agent.watchers.data_listing import ScanSettings, Unseen, head_digest, list_files
from agent.watchers.growth import Follower, Happening, name_digest

EVENTS_KEPT = 40
EVENT_EVERY_MS = 15_000
"""So that bursts are told file by file, and the block builder (60 at once, one in 10 s) never has to drop any."""


class Telling:
    """Bounds what is told: file by file while there are few, by number alone when there are many."""

    def __init__(self) -> None:
        self._left = EVENTS_KEPT
        self._earned_ms = 0
        self._untold: Counter[str] = Counter()

    def tell(self, happenings: Sequence[Happening], mono_ms: int, *, event: Callable[[Happening], str]) -> list[str]:
        """Return the events of this look; `event` makes one, and is not called for what is told by number."""
        earned = (mono_ms - self._earned_ms) // EVENT_EVERY_MS
        self._earned_ms += earned * EVENT_EVERY_MS
        self._left = min(EVENTS_KEPT, self._left + earned)
        fits = not self._untold and len(happenings) <= self._left
        singly = happenings if fits else happenings[: max(0, self._left - 1)]
        self._untold.update(happening.word for happening in happenings[len(singly) :])
        told = [event(happening) for happening in singly]
        if self._untold and len(told) < self._left:
            told.append(f"more {self._untold.total()} new={self._untold['new']} done={self._untold['done']}")
            self._untold.clear()
        self._left -= len(told)
        return told


def main() -> None:
    """Look until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the watcher ends this process
    threading.Thread(target=_end_with_watcher, daemon=True).start()
    scan_for_ever(ScanSettings._make(json.loads(sys.argv[1])))


def scan_for_ever(settings: ScanSettings) -> None:
    """Say what each look found. Half of the time is left to the disk, however long a look takes."""
    follower, telling = Follower(round(settings.quiet_s * 1000)), Telling()
    while True:
        began_s = time.monotonic()
        try:
            _say(**look(settings, follower, telling))
        except Unseen as unseen:
            _say(error=unseen.word, reason=str(unseen))
        took_s = time.monotonic() - began_s
        time.sleep(max(settings.poll_s - took_s, took_s))


def look(settings: ScanSettings, follower: Follower, telling: Telling) -> dict[str, object]:
    """Look once; what to say of it, or Unseen."""
    listing = list_files(settings)
    if follower.has_lost_its_disk(listing):
        raise Unseen("unmounted", "the directory is empty and on another disk than before: is its share mounted?")
    mono_ms = time.monotonic_ns() // 1_000_000
    growth = follower.look(listing, mono_ms)
    return {
        "grown": growth.grown,
        "events": telling.tell(growth.happenings, mono_ms, event=partial(_event, settings.directory)),
        "files": len(listing.files),
        "active": follower.active,
        "unreadable": len(listing.unreadable),
        "too_deep": listing.too_deep,
        "other_disks": listing.other_disks,
    }


def _event(directory: str, happening: Happening) -> str:
    word, name, size, other = happening
    match word:
        case "moved":
            return f"moved {name_digest(other)} {name_digest(name)}"
        case "done":
            return f"done {name_digest(name)} {size} {head_digest(Path(directory, name))}"
    return f"{word} {name_digest(name)} {size}"


def _say(**members: object) -> None:
    now = {"wall_ms": time.time_ns() // 1_000_000, "mono_ms": time.monotonic_ns() // 1_000_000}
    try:
        sys.stdout.write(json.dumps({**now, **members}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def _end_with_watcher() -> None:
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
