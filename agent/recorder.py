"""Owns journal, open blocks and scratch file: everything that anybody wants recorded passes through its one thread.

    watchers ──emit──▶ queue ──▶ builders ──blocks──▶ pen ──▶ journal ──▶ (told) uplink
        desk ─declare─▶  │          └── every 5 s ──▶ scratch

Decides what is journalled when: blocks as they finish; a watcher's fault once, and once that it is back; a jump of the
clock, before which every open block is closed with the time it had; start, findings and configuration at the
beginning; stop at the end. What a watcher says can make its own block begin afresh and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Literal

from agent.beacons import is_powered
from agent.clock import Clock, Instant, jump_ms
from agent.errands import Ending, Errand, Levels, ShowOpen, Write, fulfil, wait_for
from agent.journal import Journal
from agent.pen import Pen
from agent.reading import BLOCK_MS, Block, BlockBuilder, Channel, Notice, Sample
from agent.scratch import NOTHING_SAVED, Scratch, judge
from agent.shelf import decodable
from agent.watchers.watcher import Card, Fault, Said, Seen, Watcher
from protocol.entry import (
    Body,
    ClockJump,
    ConfigChange,
    Entry,
    Start,
    Stop,
    Storage,
    WatcherChange,
    clean_text,
    make,
)
from protocol.message import Level

TICK_MS = 1000
SCRATCH_EVERY_MS = 5000
QUEUE_ITEMS = 4096
PATIENCE_S = 5.0
MAX_RECOVERED = 64  # as many as a `start` entry can name

log = logging.getLogger(__name__)


Item = Said | Levels | Errand | Ending


@dataclass(slots=True)
class Observed:
    """What is known of one watcher. The values are replaced, never changed, so that `status` may read them any time."""

    watcher: Watcher
    builders: dict[str, BlockBuilder]
    state: Literal["starting", "up", "down"] = "starting"
    reason: str = ""
    last: Instant | None = None  # instant of the last sample
    values: dict[str, int | str] = field(default_factory=dict)
    particulars: dict[str, int | str] = field(default_factory=dict)


class Recorder:
    """The one writer. `emit`, `use_levels` and `end` may be called by any thread, `run` by one."""

    def __init__(
        self,
        journal: Journal,
        scratch: Scratch,
        *,
        clock: Clock,
        watchers: Iterable[Watcher],
        levels: Iterable[Level] = (),
        block_ms: int = BLOCK_MS,
    ) -> None:
        self.pen: Final = Pen(journal, clock)
        self.dropped = 0  # what watchers said that found the queue full
        self.beats = 0  # ticks that were finished: it stands still when the recorder does
        self._journal = journal
        self._scratch = scratch
        self._clock = clock
        self._block_ms = block_ms
        self._levels = {(level.watcher, level.channel): level.values for level in levels}
        self.observed = {watcher.name: Observed(watcher, {}) for watcher in watchers}
        for seen in self.observed.values():
            seen.builders.update(
                {channel.name: self._builder(seen.watcher, channel) for channel in seen.watcher.channels}
            )
        self._beginning: list[Body] = []  # entries of the beginning that are still to be written
        self._items: queue.Queue[Item] = queue.Queue(QUEUE_ITEMS)
        self._seen = clock.now()  # the latest instant that was looked at
        self._jumped = Instant(0, 0)  # when the clock was first seen after it jumped
        self._asleep_ms = clock.asleep_ms()
        self._scratched_ms = self._seen.mono_ms

    def emit(self, said: Said) -> None:
        """Take what a watcher says; waits while the disk is slow, and drops it when that lasts."""
        try:
            self._items.put(said, timeout=PATIENCE_S)
        except queue.Full:
            self.dropped += 1

    def use_levels(self, levels: tuple[Level, ...]) -> None:
        """Cut intervals at these values from now on."""
        with contextlib.suppress(queue.Full):  # hints: the next welcome brings them again
            self._items.put_nowait(Levels(levels))

    def write(self, body: Body) -> Entry | None:
        """Journal this now; the entry once it is durable, None when it was not and will not be accepted."""
        return wait_for(Write(body, Future()), self._items, patience_s=PATIENCE_S)

    @property
    def is_powered(self) -> bool:
        """Whether anything that is watched shows that it is powered (beacons.py); any thread."""
        return is_powered(self.observed.values(), self._levels)

    @property
    def jumped_ms(self) -> int:
        """When the clock was last seen to have jumped, by the monotonic clock; 0: not in this run. Any thread."""
        return self._jumped.mono_ms

    def refuses(self) -> str:
        """Why the journal takes nothing at the moment; empty while it does."""
        refusal = self.pen.refusal
        return refusal.reason if refusal is not None else ""

    def open_blocks(self) -> tuple[Entry, ...]:
        """The open blocks as the entries that they would be now; none when the recorder has no time for it."""
        return wait_for(ShowOpen(Future()), self._items, patience_s=PATIENCE_S) or ()

    def end(self, reason: str) -> None:
        """Make `run` write what is open and return, after all that was said before."""
        try:
            self._items.put(Ending(reason), timeout=PATIENCE_S)
        except queue.Full:
            log.error("recorder is stuck; it ends without a stop entry")

    def begin(self, *, version: str, configuration: ConfigChange | None) -> None:
        """Write what a crash left open, then `start`, what was found on the disk, and a changed configuration."""
        recovered = self._recover()
        self._beginning = [
            Start(version, tuple(recovered), self._journal.quarantined_bytes),
            *(Storage(clean_text(finding.text)) for finding in self._journal.findings),
            *([configuration] if configuration is not None else []),
        ]
        self._say_beginning()

    def run(self) -> None:
        """Record until `end`."""
        next_tick_ms = self._clock.now().mono_ms
        while True:
            now_ms = self._clock.now().mono_ms
            if now_ms >= next_tick_ms:
                self.tick()
                next_tick_ms = now_ms + TICK_MS
            try:
                item = self._items.get(timeout=max(next_tick_ms - now_ms, 0) / 1000)
            except queue.Empty:
                continue
            if isinstance(item, Ending):
                self._finish(item.reason)
                return
            self.take(item)

    def take(self, item: Said | Levels | Errand) -> None:
        """Record one item. A watcher's nonsense costs its own open blocks and nothing else."""
        if isinstance(item, Levels):
            self._use_levels(item.levels)
            return
        if isinstance(item, Write):
            fulfil(item, lambda: self._write(item.body))
            return
        if isinstance(item, ShowOpen):
            fulfil(item, self._open_entries)
            return
        if isinstance(item, Card):
            return  # there is no desk, and a card number is never recorded as it is
        observed = self.observed.get(item.watcher)
        if observed is None or self._is_from_before_a_jump(item.at):
            return
        self._notice_jump(item.at)
        try:
            self._record(observed, item)
        except Exception as problem:  # one watcher's nonsense must not end the recording of all
            log.exception("sample could not be recorded", extra={"watcher": item.watcher, "problem": repr(problem)})
            observed.builders = {
                channel.name: self._builder(observed.watcher, channel) for channel in observed.watcher.channels
            }

    def tick(self) -> None:
        """Finish what has waited too long, and save the rest. `run` does this each second."""
        now = self._clock.now()
        self._notice_jump(now)
        for builder in self._builders():
            self._append_blocks(builder.tick(now))
        self.pen.tick(now)
        if self._beginning and self.pen.refusal is None:
            self._say_beginning()
        if now.mono_ms - self._scratched_ms >= SCRATCH_EVERY_MS:
            self._save(now)
        self.beats += 1

    def _write(self, body: Body) -> Entry | None:
        at = self._clock.now()
        self._notice_jump(at)
        index = self.pen.append(body, at=at)
        if index is None:
            return None
        return make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=self._clock.boot_id)

    def _open_entries(self) -> tuple[Entry, ...]:
        size, boot = self._journal.size, self._clock.boot_id
        return tuple(
            make(block.reading, index=size + offset, wall_ms=block.at.wall_ms, mono_ms=block.at.mono_ms, boot=boot)
            for offset, block in enumerate(self._open_blocks())
        )

    def _open_blocks(self) -> list[Block]:
        return [block for builder in self._builders() if (block := builder.snapshot()) is not None]

    def _record(self, observed: Observed, item: Sample | Fault | Seen) -> None:
        if isinstance(item, Sample):
            self._record_sample(observed, item)
        elif isinstance(item, Fault):
            self._record_fault(observed, item)
        else:
            observed.particulars = dict(item.particulars)

    def _record_sample(self, observed: Observed, sample: Sample) -> None:
        builder = observed.builders[sample.channel]
        if observed.state != "up":
            reason = "first sample" if observed.state == "starting" else "sees again"
            self._change(observed, "up", reason=reason, since_ms=sample.at.mono_ms)
        self._append_blocks(builder.add(sample))
        observed.last = sample.at
        observed.values = observed.values | _values(sample)

    def _record_fault(self, observed: Observed, fault: Fault) -> None:
        for builder in observed.builders.values():
            self._append_blocks(builder.close())
        observed.values = {}
        if observed.state != "down":
            self._change(observed, "down", reason=fault.reason, since_ms=observed.last and observed.last.mono_ms)
        observed.reason = fault.reason

    def _change(self, observed: Observed, state: Literal["up", "down"], *, reason: str, since_ms: int | None) -> None:
        name = observed.watcher.name
        self.pen.append(WatcherChange(name, state, clean_text(reason), since_ms))
        observed.state = state
        observed.reason = "" if state == "up" else reason
        log.warning("watcher changed", extra={"watcher": name, "state": state, "reason": reason})

    def _append_blocks(self, finished: Iterable[Block | Notice]) -> None:
        for one in finished:
            if isinstance(one, Notice):
                self.pen.append(WatcherChange(one.watcher, "up", clean_text(one.reason), one.at.mono_ms))
                continue
            now = self._clock.now()
            # UTC of the intervals is told from the entry's pair of times: it must be one of theirs.
            self.pen.append(one.reading, at=one.at if jump_ms(one.at, now) else now)

    def _notice_jump(self, at: Instant) -> None:
        if at.mono_ms < self._seen.mono_ms:
            return  # said before what was looked at last
        jump = jump_ms(self._seen, at)
        self._seen = at
        asleep_ms, self._asleep_ms = self._asleep_ms, self._clock.asleep_ms()
        if not jump:
            return
        cause: Literal["step", "suspend"] = "suspend" if 2 * (self._asleep_ms - asleep_ms) > abs(jump) else "step"
        self._jumped = at
        for builder in self._builders():
            for block in builder.close():
                self.pen.append(block.reading, at=block.at)
        self.pen.append(ClockJump(jump, cause), at=at)
        log.warning("clock jumped", extra={"jump_ms": jump, "cause": cause})

    def _is_from_before_a_jump(self, at: Instant) -> bool:
        return at.mono_ms < self._jumped.mono_ms and jump_ms(at, self._jumped) != 0

    def _use_levels(self, levels: tuple[Level, ...]) -> None:
        self._levels = {(level.watcher, level.channel): level.values for level in levels}
        for builder in self._builders():
            builder.set_levels(self._levels.get((builder.watcher, builder.channel.name), ()))

    def _save(self, now: Instant) -> None:
        self._scratched_ms = now.mono_ms
        try:
            self._scratch.write(self._open_blocks(), boot=self._clock.boot_id, journal_size=self._journal.size, now=now)
        except OSError as problem:
            log.error("scratch file could not be written", extra={"problem": str(problem)})

    def _recover(self) -> list[tuple[str, int]]:
        saved = self._scratch.saved
        if saved.journal_size < self._journal.readable_from:
            saved = NOTHING_SAVED  # so old that it cannot be told what became of its blocks
        since = self._journal.entries(saved.journal_size, self._journal.size) if saved.blocks else ()
        verdict = judge(saved, decodable(since))
        recovered = [(entry.boot, entry.index) for entry in verdict.recovered]
        for block in verdict.outstanding[:MAX_RECOVERED]:
            at = Instant(block.wall_ms, block.mono_ms)
            index = self.pen.append(block.body, at=at, boot=block.boot)
            if index is not None:
                recovered.append((block.boot, index))
        return recovered[:MAX_RECOVERED]

    def _say_beginning(self) -> None:
        """Say that it started, as soon as the disk takes it."""
        while self._beginning and self.pen.append(self._beginning[0]) is not None:
            del self._beginning[0]
        if self._beginning:
            return
        try:
            self._journal.settle_findings()
        except OSError as problem:
            log.warning("finding will be reported again", extra={"problem": str(problem)})
        self._save(self._clock.now())

    def _finish(self, reason: str) -> None:
        for builder in self._builders():
            self._append_blocks(builder.close())
        self.pen.append(Stop(clean_text(reason)))
        self._save(self._clock.now())

    def _builders(self) -> Iterator[BlockBuilder]:
        for observed in self.observed.values():
            yield from observed.builders.values()

    def _builder(self, watcher: Watcher, channel: Channel) -> BlockBuilder:
        levels = self._levels.get((watcher.name, channel.name), ())
        return BlockBuilder(watcher.name, channel, levels=levels, block_ms=self._block_ms)


def _values(sample: Sample) -> dict[str, int | str]:
    name = "power_mw" if sample.channel == "power" else sample.channel
    values: dict[str, int | str] = {name: sample.value}
    if sample.counter_mwh is not None:
        values["energy_mwh"] = sample.counter_mwh
    return values
