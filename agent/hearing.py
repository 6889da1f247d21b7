"""What a watcher says, held against what it may say, before anything else hears it.

A watcher may be anybody's code. Whatever it says, the recorder and the other watchers go on:

- what is no Sample, Fault, Seen or Card of its own, on a channel of its own, with a value of the channel's kind and a
  time of the agent's clock, becomes a Fault of that watcher that says so;
- more than a hundred things a second are slowed down, in the watcher's own thread;
- a watcher that fails and recovers again and again stays failed, for each change is an entry: sixty recoveries at
  once, then one in ten seconds;
- one that falls silent though it has something to measure is told to be silent.

The judging is pure (`objection`); an `Ear` stands between one watcher and the recorder.
"""

import time
from typing import Any

from agent.clock import Clock, Instant, jump_ms
from agent.intervals import TokenBucket
from agent.reading import MISSED_POLLS, Channel, Sample
from agent.watchers.watcher import Card, Emit, Fault, Seen, Watcher
from protocol.entry import MAX_INT, clean_text

OLDEST_MS = 60_000
YOUNGEST_MS = 1000
"""How far the time of what is said may lie before and after now: a child's line waits in a pipe for a moment."""

STRANGE_CLOCK = 10
"""So many in a row that do not fit the agent's clocks are no jump of the clock, which spoils one or two."""

SILENCE_MS = 60_000
STOOD_STILL_MS = 30_000
EVERY_MS = 10
BURST_MS = 10_000  # a thousand at once
SHOWN = 100
MAX_WORD = 64
MAX_PARTICULARS = 50
MAX_PARTICULAR = 500

_PLAIN = (str, bytes, int, float, bool, type(None))


def objection(said: object, *, name: str, channels: dict[str, Channel]) -> str | None:
    """Return what is wrong with something said by watcher `name`, apart from its time; None when nothing is."""
    if not isinstance(said, (Sample, Fault, Seen, Card)):
        return f"expected a Sample, Fault, Seen or Card, found {_shown(said)}"
    if said.watcher != name:
        return f"it speaks as {_shown(said.watcher)}"
    if not (isinstance(said.at, Instant) and all(type(ms) is int for ms in said.at)):
        return f"expected an Instant of whole milliseconds, found {_shown(said.at)}"
    match said:
        case Sample():
            return _objection_to_sample(said, channels)
        case Fault(reason=text) | Card(number=text):
            return None if isinstance(text, str) else f"expected a text, found {_shown(text)}"
        case Seen(particulars=particulars):
            return None if _is_shown(particulars) else "expected pairs of short names and values, found others"


class Ear:
    """Hears one watcher. It is an Emit: any thread may call it; it may wait, and never raises."""

    def __init__(self, watcher: Watcher, emit: Emit, clock: Clock) -> None:
        self._name = watcher.name
        self._channels = {channel.name: channel for channel in watcher.channels}
        self._emit = emit
        self._clock = clock
        self._recoveries = TokenBucket()
        self._is_down = False
        self._strange = 0
        self._due_ms = 0  # by when as much as was said would have been said at the usual pace
        self._heard_ms = self._noticed_ms = clock.now().mono_ms
        measured = [channel.poll_ms for channel in watcher.channels if channel.kind != "event"]
        self._patience_ms = max(SILENCE_MS, MISSED_POLLS * max(measured)) if measured else None

    def __call__(self, said: Any) -> None:
        """Pass it on, or a Fault in its place."""
        now = self._clock.now()
        self._heard_ms = now.mono_ms
        self._keep_pace(now.mono_ms)
        wrong = objection(said, name=self._name, channels=self._channels) or self._untimely(said.at, now)
        if wrong:
            self.complain(f"the watcher said what no watcher may say: {wrong}")
            return
        if self._strange:
            if not isinstance(said, Fault):
                return  # from before a jump of the clock: the recorder could not place it
            said = said._replace(at=now)
        if self._may_recover(said, now):
            self._is_down = isinstance(said, Fault) or (self._is_down and not isinstance(said, Sample))
            self._emit(said)

    def complain(self, reason: str) -> None:
        """Say in the watcher's place that it observes nothing, and why."""
        self._is_down = True
        self._emit(Fault(self._name, self._clock.now(), clean_text(f"unobserved because {reason}")))

    def notice_silence(self) -> None:
        """Complain when nothing has been heard for too long of a watcher that has something to measure.

        To be called every few seconds: where that was not so, the whole program stood still, and no watcher is to
        blame.
        """
        now_ms = self._clock.now().mono_ms
        if now_ms - self._noticed_ms > STOOD_STILL_MS:
            self._heard_ms = now_ms
        self._noticed_ms = now_ms
        silent_ms = now_ms - self._heard_ms
        if self._patience_ms is not None and silent_ms > self._patience_ms and not self._is_down:
            self.complain(f"the watcher has said nothing for {silent_ms // 1000} s; it may hang")

    def _may_recover(self, said: Sample | Fault | Seen | Card, now: Instant) -> bool:
        recovers = self._is_down and isinstance(said, Sample)
        return not recovers or self._recoveries.take(now.mono_ms, keep=0)

    def _untimely(self, at: Instant, now: Instant) -> str | None:
        """Say what is wrong with the time; nothing is said of one or two that a jump of the clock may explain."""
        if not -YOUNGEST_MS <= now.mono_ms - at.mono_ms <= OLDEST_MS:
            return f"its time lies {(at.mono_ms - now.mono_ms) / 1000:+.1f} s from now on the monotonic clock"
        self._strange = self._strange + 1 if jump_ms(at, now) else 0
        if self._strange > STRANGE_CLOCK:
            return "its two times are not those of the agent's clock"
        return None

    def _keep_pace(self, now_ms: int) -> None:
        self._due_ms = max(self._due_ms, now_ms) + EVERY_MS
        if self._due_ms > now_ms + BURST_MS:
            time.sleep(EVERY_MS / 1000)


def _objection_to_sample(sample: Sample, channels: dict[str, Channel]) -> str | None:
    channel = channels.get(sample.channel) if isinstance(sample.channel, str) else None
    if channel is None:
        return f"it has no channel {_shown(sample.channel)}; known: {', '.join(channels)}"
    value, counter = sample.value, sample.counter_mwh
    if channel.kind in ("state", "event"):
        if not (isinstance(value, str) and 0 < len(value) <= MAX_WORD and value.isprintable()):
            return f"channel {channel.name} takes a word of 1 to {MAX_WORD} characters, found {_shown(value)}"
    elif not (type(value) is int and -MAX_INT <= value <= MAX_INT and (value >= 0 or channel.kind == "gauge")):
        return f"channel {channel.name} takes a whole number, found {_shown(value)}"
    if counter is not None and not (type(counter) is int and 0 <= counter <= MAX_INT):
        return f"a counter is a whole number of mWh, found {_shown(counter)}"
    return None


def _is_shown(particulars: object) -> bool:
    """Whether `status` can show them."""
    return (
        isinstance(particulars, tuple)
        and len(particulars) <= MAX_PARTICULARS
        and all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in particulars)
        and all(_is_plain(value) for pair in particulars for value in pair)
    )


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_PARTICULAR
    return isinstance(value, int) and -MAX_INT <= value <= MAX_INT


def _shown(thing: object) -> str:
    """Return how something foreign looks, in little room; anything but plain values is named by its type alone."""
    return clean_text(repr(thing), SHOWN) if type(thing) in _PLAIN else f"a {type(thing).__name__}"
