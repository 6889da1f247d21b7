"""What a watcher says of what a plug reports: the rules that all plugs and gateways share. Pure: it is told the time.

1. A sample needs a value that was just delivered. A retained message is of unknown age: it is never a sample. What a
   message leaves out is unknown: it is never zero.
2. The time of a sample is that of its arrival. Clocks of plugs are often local, without a zone, or wrong.
3. While anybody says that the plug is offline (its last will, its bridge), values are repetitions and are not used.
4. An energy counter is believed as `CounterJudge` says. Where power and counter are told apart, one waits a second for
   the other; a sample for which none comes carries the one before, for three minutes or three reports. Over a hole in
   the samples no counter is carried: it would seem to stand still there, and so to prove that nothing ran.
5. The very same power for so long that the counter must have moved, and it has not: the values are frozen.
6. No sample for three report periods: unobserved, and why. Unusable messages are borne that long, and counted.
7. A fault is said once, until its reason changes or a sample comes. A plug that comes and goes again and again costs
   60 returns at once, then one each ten seconds: nothing that it sends can fill the journal.
"""

from typing import Literal, NamedTuple

from agent.clock import Instant
from agent.intervals import TokenBucket
from agent.reading import MISSED_POLLS, Sample
from agent.watchers.counter import SLACK_MWH, CounterJudge
from agent.watchers.mqtt_report import Nonsense, Report
from agent.watchers.watcher import Fault, Said, Seen
from protocol.entry import clean_text

COUNTER_AGE_MS = 180_000
PAIR_MS = 1_000
FROZEN_MWH = 2 * SLACK_MWH
"""Twice the largest step that a counter shows."""

MS_PER_HOUR = 3_600_000

Word = Literal["broker", "silent", "mute", "garbage", "absurd", "counter", "frozen", "offline", "flood"]


class Watched(NamedTuple):
    """What is judged. `hint` ends the message that nothing came.

    `apart`: value and counter may come in messages of their own, the value first.
    """

    watcher: str
    channel: str
    topic: str
    report_ms: int
    max_w: float
    hint: str
    apart: bool = False
    particulars: tuple[tuple[str, str | int], ...] = ()


class _Held(NamedTuple):
    """Since when value and counter have been exactly these."""

    value: int | str
    counter_mwh: int | None
    since_ms: int


class MqttJudge:
    """Remembers what one plug said. Each method returns what the watcher is to say; times come in order."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._patience_ms = MISSED_POLLS * watched.report_ms
        self._counter_judge = CounterJudge(watched.max_w)
        self._counter: tuple[int, int] | None = None  # when it came, and what it was
        self._hole_ms = 0  # a counter from before this is not carried on
        self._pending: tuple[Instant, int | str] | None = None  # a value that waits for its counter
        self._objection: str | None = None
        self._leap = ""  # of the counter, until it is said
        self._returns = TokenBucket()
        self._offline: dict[str, None] = {}
        self._told: Word | None = None  # the word of the last fault, until a sample comes
        self._good_ms: int | None = None
        self._waiting_ms = 0  # since when a sample has been due
        self._heard_ms: int | None = None
        self._old_value = False  # a retained message came that is none of a last will
        self._held: _Held | None = None
        self._unusable = self._unusable_told = 0
        self._particulars: dict[str, str | int] = dict(watched.particulars)

    def subscribed(self, at: Instant) -> None:
        """The broker has taken the subscription: from now on a report is due."""
        self._waiting_ms = at.mono_ms
        self._heard_ms = None
        self._old_value = False

    def lost(self, at: Instant, word: Word, *, reason: str) -> list[Said]:
        """The connection is gone, so nothing is observed. What the broker said of the plug is not known any more."""
        self._offline = {}
        self._held = self._pending = None
        return self._complain(at, word, reason=reason)

    def unusable(self, at: Instant, nonsense: Nonsense) -> list[Said]:
        """A message came that tells nothing that can be used."""
        self._unusable += 1
        self._heard_ms = at.mono_ms
        return self._complain(at, nonsense.word, reason=str(nonsense))

    def take(self, at: Instant, report: Report, *, retained: bool) -> list[Said]:
        """A message came, and this is what it tells."""
        self._heard_ms = at.mono_ms
        self._particulars |= dict(report.particulars)
        said = self._mind_reachability(at, report)
        if retained:
            self._old_value = self._old_value or report.reachable is None
            return said
        if report.value is not None:
            said += self._take_value(at, report.value)
        if report.counter_mwh is not None:
            self._take_counter(at, report.counter_mwh)
        if report.counter_mwh is not None or not self._watched.apart:
            said += self._settle()
        return said

    def look(self, now: Instant) -> list[Said]:
        """Say what has been due for too long. To be called a few times each second while subscribed."""
        if self._pending is not None and now.mono_ms - self._pending[0].mono_ms > PAIR_MS:
            return self._settle()
        waited_ms = now.mono_ms - max(self._waiting_ms, self._good_ms or 0)
        if waited_ms <= self._patience_ms or self._offline:
            return []
        waited, hint = f"for {self._patience_ms // 1000} s", self._watched.hint
        if self._heard_ms is None or now.mono_ms - self._heard_ms > self._patience_ms:
            old = "; a retained message was there, but it may be of any age" if self._old_value else ""
            reason = f"nothing came on {self._watched.topic} {waited}{old}: {hint}"
            return self._complain(now, "silent", reason=reason)
        if self._told not in ("garbage", "absurd", "counter", "frozen"):
            return self._complain(now, "mute", reason=f"messages came {waited}, but no {self._watched.channel}: {hint}")
        return []

    def _mind_reachability(self, at: Instant, report: Report) -> list[Said]:
        if report.reachable is None:
            return []
        if report.reachable.yes:
            self._offline.pop(report.reachable.source, None)
            self._waiting_ms = at.mono_ms
            return []
        self._offline[report.reachable.source] = None
        return self._say_offline(at)

    def _say_offline(self, at: Instant) -> list[Said]:
        source = next(iter(self._offline))
        reason = f"{source} says that it is offline; until that is taken back, values count as repetitions"
        return self._complain(at, "offline", reason=reason)

    def _take_value(self, at: Instant, value: int | str) -> list[Said]:
        repeats = self._pending is not None and self._pending[1] == value  # told in two messages, by Shelly for one
        said = [] if repeats else self._settle()  # the one before has waited long enough
        self._pending = (at, value)
        if self._good_ms is not None and at.mono_ms - self._good_ms > self._patience_ms:
            self._hole_ms = at.mono_ms - PAIR_MS
        return said

    def _take_counter(self, at: Instant, counter_mwh: int) -> None:
        self._objection = self._counter_judge.objection(at.mono_ms, counter_mwh)
        if self._objection is None:
            self._counter = (at.mono_ms, counter_mwh)
            self._leap = self._counter_judge.leap

    def _settle(self) -> list[Said]:
        """Say what the value that waits is worth."""
        if self._pending is None:
            return []
        (at, value), self._pending = self._pending, None
        counter_mwh = self._counter_at(at)
        if self._offline:
            return self._say_offline(at)
        if self._objection is not None:
            return self._complain(at, "counter", reason=self._objection)
        if self._is_frozen(at, value, counter_mwh):
            reason = f"{self._watched.channel} and counter repeat themselves, though this counter should have risen"
            return self._complain(at, "frozen", reason=f"{reason}: restart the plug, or its gateway")
        sample = Sample(self._watched.watcher, self._watched.channel, at, value, counter_mwh)
        return [*self._say_leap(at), *self._accept(sample)]

    def _say_leap(self, at: Instant) -> list[Said]:
        """A fault ends the block, so that a leap becomes no energy; where one was said already, it has ended."""
        leap, self._leap = self._leap, ""
        if not leap or self._told is not None:
            return []
        return [Fault(self._watched.watcher, at, clean_text(f"unobserved because {leap}"))]

    def _counter_at(self, at: Instant) -> int | None:
        if self._counter is None:
            return None
        came_ms, counter_mwh = self._counter
        is_young = at.mono_ms - came_ms <= max(COUNTER_AGE_MS, self._patience_ms)
        return counter_mwh if is_young and came_ms >= self._hole_ms else None

    def _is_frozen(self, at: Instant, value: int | str, counter_mwh: int | None) -> bool:
        """Rule 5. Without a counter, or at 0 W, repeating oneself is no sign of anything."""
        held = self._held
        if held is None or (held.value, held.counter_mwh) != (value, counter_mwh):
            self._held = _Held(value, counter_mwh, at.mono_ms)
            return False
        if not isinstance(value, int) or counter_mwh is None:
            return False
        return value * (at.mono_ms - held.since_ms) > FROZEN_MWH * MS_PER_HOUR

    def _accept(self, sample: Sample) -> list[Said]:
        if self._told is not None and not self._returns.take(sample.at.mono_ms, keep=0):
            return []
        said: list[Said] = [sample]
        if self._good_ms is None or self._told is not None or self._unusable != self._unusable_told:
            self._unusable_told = self._unusable
            unusable = (("unusable", self._unusable),) if self._unusable else ()
            said.insert(0, Seen(self._watched.watcher, sample.at, (*self._particulars.items(), *unusable)))
        self._good_ms = sample.at.mono_ms
        self._told = None
        return said

    def _complain(self, at: Instant, word: Word, *, reason: str) -> list[Said]:
        bears_with = self._good_ms is not None and at.mono_ms - self._good_ms <= self._patience_ms
        if word == self._told or (bears_with and word in ("garbage", "absurd", "counter")):
            return []
        self._told = word
        self._hole_ms = at.mono_ms
        if word == "silent":
            self._held = None  # whatever comes next is not a repetition in a row
        return [Fault(self._watched.watcher, at, clean_text(f"unobserved because {reason}"))]
