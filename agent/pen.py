"""Writes entries into the journal and lives through its refusals.

While the disk takes nothing, entries are dropped and counted: their time is unobserved, `status` says so, and the
first thing written when there is room again is a `storage` entry that names the stretch. Nothing is kept back in
memory: an entry that comes minutes late would claim more than anybody could check.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from agent.clock import Clock, Instant
from agent.errors import EntryRefused
from agent.journal import Journal
from protocol.entry import Body, Storage, clean_text

PROBE_EVERY_MS = 10_000
RESERVE_EVERY_MS = 600_000

log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Since when the journal takes nothing, how many entries that has cost, and why, in one line."""

    since: Instant
    entries: int
    reason: str


class Pen:
    """What the recorder writes with. One thread."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.refusal: Refusal | None = None
        self._journal = journal
        self._clock = clock
        self._probed_ms = self._reserved_ms = clock.now().mono_ms

    def append(self, body: Body, *, at: Instant | None = None, boot: str | None = None) -> int | None:
        """Append an entry of this moment (or of `at` in `boot`); its index, or None when it was not accepted."""
        index = self._try(body, at or self._clock.now(), boot or self._clock.boot_id)
        if index is not None:
            self._tell_of_trouble()
        return index

    def tick(self, now: Instant) -> None:
        """Look whether the disk takes entries again. To be called each second or so."""
        if self.refusal is not None and now.mono_ms - self._probed_ms >= PROBE_EVERY_MS:
            self._probed_ms = now.mono_ms
            self._tell_of_trouble()
        if self.refusal is None and now.mono_ms - self._reserved_ms >= RESERVE_EVERY_MS:
            self._reserved_ms = now.mono_ms
            self._journal.restore_reserve()

    def _try(self, body: Body, at: Instant, boot: str) -> int | None:
        try:
            return self._journal.append(body, at, boot=boot)
        except EntryRefused as refused:
            before = self.refusal or Refusal(at, 0, "")
            self.refusal = Refusal(before.since, before.entries + 1, str(refused))
            if before.reason != str(refused):
                log.error("journal refused an entry", extra={"kind": body.kind, "reason": str(refused)})
        except ValueError as problem:
            # Its maker's mistake, and the only entry that suffers from it.
            log.error("entry could not be written", extra={"kind": body.kind, "reason": str(problem)})
        return None

    def _tell_of_trouble(self) -> None:
        refusal = self.refusal
        if refusal is not None:
            now = self._clock.now()
            lasted_s = (now.mono_ms - refusal.since.mono_ms) // 1000
            text = f"{refusal.entries} entries of {lasted_s} s were not accepted: {refusal.reason}"
            if self._try(Storage(clean_text(text)), now, self._clock.boot_id) is None:
                # The probe itself is no loss: count what was before.
                self.refusal = self.refusal and self.refusal._replace(entries=refusal.entries)
                return
            self.refusal = None
            log.warning("journal accepts entries again", extra={"lost_entries": refusal.entries, "lasted_s": lasted_s})
        for problem in self._journal.take_problems():
            log.warning("disk trouble survived", extra={"problem": problem})
            self._try(Storage(clean_text(problem)), self._clock.now(), self._clock.boot_id)
