"""The detection kernel: readings and a policy become operating states. Hour arithmetic begins here.

Causal, deterministic, integer milliseconds; no I/O, no clock. Rules, by signals.md section 3 (S3.n) and domain.md
section 3 (D3); docs/decisions/0003-detection-kernel.md says why, where those leave room.

 1 Observation. A gauge interval of channel `power`, placed in UTC by its own entry's clocks: t - (m - x) (evidence.md
   section 3). It stands for every instant of [start, end). One whose low or high lies outside `valid_mw` is dropped,
   and so is what a frozen meter goes on saying (freshness.py): there is a hole (S3.1). A counter that falls cannot be
   written in an entry.
 2 Once only. At any instant at most one observation holds: where several claim it (a clock set back, a block sent
   twice), the entry of the lower index; at equal index the one that sorts first. Nothing is counted twice, and the
   order and number of deliveries change nothing (D3 duplicate).
 3 Several sources (journals, meters) are layered in an order of preference: a lower one fills only those holes of
   the higher ones that are longer than `gap_ms`, so that two meters never chatter against each other.
 4 Hole. Up to `gap_ms` without an observation takes the values of the observation that ends it: a sample speaks for
   the time since the one before it. A longer hole is *unobserved* from the end of the last observation to the start
   of the next (S3.4). So is the time before the first and after the last observation. A change of boot is no hole.
 5 Triggers. T1 separates off from standby, T2 standby from run. An observation is *up* for a trigger when high >=
   on_mw, and *down* when low <= off_mw (S3.3). Only up: the trigger's output is high from the observation's start.
   Only down: low from its start. Neither (inside the band): the output stays. Both: the output stays.
 6 Dwell. An output that differs from the confirmed one is pending. It is confirmed once it has lasted on_ms (high) or
   off_ms (low), and then dated back to where it began. A *both* restarts that: the pending time, and so the date,
   begins anew at the end of that observation, for inside it the power was on the other side too. An output that turns
   back before its dwell is as if it had never been: a spike, or a dip that is bridged.
 7 T2 confirmed high confirms T1 high, from T1's own beginning. T1 confirmed low confirms T2 low, from T2's own
   beginning. (Since standby's thresholds are not above run's, T1's beginning is never the later one going up, nor
   T2's going down: spans stay in order.)
 8 State: off while T1 is low, run while T2 is high, standby between; *unobserved* by rule 4.
 9 After a long hole, and at the very first observation, both triggers are low and nothing is pending: what is up
   becomes up by its dwell, dated back to the start of that observation. What was pending when a long hole began is
   forgotten, unless its dwell had been reached: the confirmed state lasts to the last observation (S3.4).
10 Chaining (S3.7, D3 "over midnight"). `derive` over [start, end) begins in `lead_in` and returns `lead_out`, the
   whole state of the machine at `end`: what was observed before `end` decides it, nothing later. Observations past
   `end`, as far as Policy.horizon_ms, only settle what is pending there. Deriving piece by piece so gives exactly
   what deriving in one piece gives. The word alone would not do; see `Lead`.
11 Cuts decide nothing: an observation divided into parts of the same low and high gives the same states (S3.7).
12 Counter or watts. A trigger for which the policy's `counter` is fine enough takes `counted_mw` (counted.py) for both
   low and high, wherever an observation has it; else the watts decide (S3.2). Where the two triggers so look at
   different things, what T2 is shown above its off_mw counts for T1 as well: the pause of a heater that the counter
   sees at work is not off, and rule 7 finds T1 beginning no later, and ending no earlier, than T2.

What other watchers tell enters afterwards, by interval algebra (fusion.py, rules 13 to 15).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from protocol.freshness import Freshness
from protocol.interval import Interval
from protocol.lead import STATES, UNSEEN, Lead, State, parse_lead
from protocol.observation import Observation, between
from protocol.policy import Policy

_NEVER = 2**62


class Span(NamedTuple):
    """One state over [start_ms, end_ms) UTC."""

    start_ms: int
    end_ms: int
    state: State


class Timeline(NamedTuple):
    """Spans that cover a stretch of time without gap or overlap, neighbours differing; and how it hands over."""

    spans: tuple[Span, ...]
    lead_out: str


def derive(observed: Sequence[Observation], policy: Policy, *, start_ms: int, end_ms: int, lead_in: str) -> Timeline:
    """Rules 4 to 11: the states over [start_ms, end_ms), which must not be empty.

    `observed` as from `observations` or `layer`; what lies before start_ms is ignored. For exact chaining it reaches
    to end_ms + policy.horizon_ms(). `lead_in` is the `lead_out` of the piece before, or `unobserved`. ValueError for a
    lead that is none, an empty stretch, and observations that are not in order.
    """
    if start_ms >= end_ms:
        raise ValueError(f"nothing to derive from {start_ms} to {end_ms} ms")
    lead = parse_lead(lead_in)
    machine, freshness = _Triggers(policy, lead, start_ms=start_ms), Freshness(policy, lead.steady)
    machine.follow(freshness.believed(between(observed, start_ms, end_ms=end_ms)))
    lead_out = machine.lead(end_ms)._replace(steady=freshness.steady)
    machine.follow(freshness.believed(between(observed, end_ms, end_ms=end_ms + policy.horizon_ms())))
    return Timeline(_spans(machine.changes(end_ms), start_ms, end_ms=end_ms), str(lead_out))


class _Triggers:
    """The machine: outputs of two triggers, the level they have confirmed, what is pending, the changes so far."""

    __slots__ = (
        "_changes",
        "_counted",
        "_due_ms",
        "_dwells_ms",
        "_gap_ms",
        "_level",
        "_raised",
        "_seen_ms",
        "_since_ms",
        "_triggers",
    )

    def __init__(self, policy: Policy, lead: Lead, *, start_ms: int) -> None:
        self._triggers = (policy.standby, policy.run)
        self._counted = tuple(policy.counter is not None and policy.counter.decides(each) for each in self._triggers)
        self._dwells_ms = [(each.off_ms, each.on_ms) for each in self._triggers]  # by output
        self._gap_ms = policy.gap_ms
        self._level = lead.level  # confirmed
        self._raised = lead.raised()  # output of each trigger
        self._since_ms = [0, 0]  # where a pending output began
        self._due_ms = [_NEVER, _NEVER]  # when it will be confirmed; _NEVER while it is not pending
        for k, ms in enumerate(lead.pending_ms):
            self._date(k, start_ms - (ms or 0))
        self._seen_ms = start_ms - lead.hole_ms  # end of the last observation
        self._changes = [(start_ms, lead.level)]

    def follow(self, observed: Iterable[Observation]) -> None:
        """Take observations in order. Most lie where they can change nothing (`_quiet`); those cost nearly nothing."""
        if any(self._counted):
            self._follow_counted(observed)
            return
        gap_ms, seen = self._gap_ms, self._seen_ms
        floor, ceiling, due = self._quiet()
        for start, end, _mean, low, high, _delta, _counter, _counted in observed:
            if floor < low and high < ceiling and seen <= start < end < due and start - seen <= gap_ms:
                seen = end
                continue
            self._seen_ms = seen
            self._take(start, end, ranges=((low, high), (low, high)))
            seen = end
            floor, ceiling, due = self._quiet()
        self._seen_ms = seen

    def _follow_counted(self, observed: Iterable[Observation]) -> None:
        """The same, each trigger by the counter where that decides."""
        standby, run = self._counted
        for each in observed:
            watts = (each.low_mw, each.high_mw)
            counted = watts if each.counted_mw is None else (each.counted_mw, each.counted_mw)
            shown = (counted if standby else watts, counted if run else watts)
            self._take(each.start_ms, each.end_ms, ranges=_nested(*shown, above_mw=self._triggers[1].off_mw))
            self._seen_ms = each.end_ms

    def lead(self, at_ms: int) -> Lead:
        """The handover at an instant that is not before the last observation's end."""
        hole_ms = at_ms - self._seen_ms
        if self._level == UNSEEN or hole_ms > self._gap_ms:
            return Lead(UNSEEN)
        standby, run = (
            None if due == _NEVER else at_ms - since for due, since in zip(self._due_ms, self._since_ms, strict=True)
        )
        return Lead(self._level, (standby, run), hole_ms)

    def changes(self, end_ms: int) -> list[tuple[int, int]]:
        """(instant, level) in order, for a timeline that ends at end_ms."""
        if self._level != UNSEEN and self._seen_ms < end_ms:
            return [*self._changes, (self._seen_ms, UNSEEN)]
        return self._changes

    def _quiet(self) -> tuple[int, int, int]:
        """Powers between which, and the instant before which, an observation leaves everything as it is."""
        standby, run = self._triggers
        due = min(self._due_ms)
        if self._level == UNSEEN:
            return _NEVER, -_NEVER, due
        if self._raised[1]:
            return run.off_mw, _NEVER, due
        if self._raised[0]:
            return standby.off_mw, run.on_mw, due
        return -_NEVER, standby.on_mw, due

    def _take(self, start: int, end: int, *, ranges: tuple[Interval, Interval]) -> None:
        """Rules 4, 5, 6 and 9 for one observation; `ranges` are lowest and highest power, by trigger."""
        if not self._seen_ms <= start < end:
            raise ValueError(f"observation [{start}, {end}) ms is not after the one that ends at {self._seen_ms} ms")
        if self._level == UNSEEN or start - self._seen_ms > self._gap_ms:
            self._begin_anew(start)
        else:
            start = self._seen_ms
        for k, (trigger, (low, high)) in enumerate(zip(self._triggers, ranges, strict=True)):
            if high >= trigger.on_mw:
                if low > trigger.off_mw:
                    self._put_out(k, True, start)
                else:
                    self._date(k, end)
            elif low <= trigger.off_mw:
                self._put_out(k, False, start)
        self._confirm(end)

    def _begin_anew(self, start: int) -> None:
        """A long hole ends here."""
        if self._level != UNSEEN:
            self._changes.append((self._seen_ms, UNSEEN))
        self._changes.append((start, 0))
        self._level, self._raised, self._due_ms = 0, [False, False], [_NEVER, _NEVER]

    def _put_out(self, k: int, output: bool, start: int) -> None:
        if self._raised[k] != output:
            self._raised[k] = output
            self._date(k, start)

    def _date(self, k: int, since: int) -> None:
        """The output of trigger k counts from here; it is pending if it is not the confirmed one."""
        output = self._raised[k]
        self._since_ms[k] = since
        self._due_ms[k] = _NEVER if output == (self._level > k) else since + self._dwells_ms[k][output]

    def _confirm(self, now: int) -> None:
        """Rules 6 and 7: the first trigger going down takes the second along, the second going up takes the first."""
        for k in (0, 1):
            if self._due_ms[k] <= now:
                self._move(k + 1 if self._raised[k] else k)

    def _move(self, level: int) -> None:
        """Change the confirmed level, each step dated back to where its trigger's output began."""
        while self._level != level:
            rising = level > self._level
            k = self._level if rising else self._level - 1
            self._level = k + rising
            self._changes.append((self._since_ms[k], self._level))
            self._due_ms[k] = _NEVER


def _nested(standby: Interval, run: Interval, *, above_mw: int) -> tuple[Interval, Interval]:
    """Rule 12: what is up for the run is up for standby, and what is down for standby is down for the run."""
    low, high = (max(by_t1, by_t2) if by_t2 > above_mw else by_t1 for by_t1, by_t2 in zip(standby, run, strict=True))
    return (low, high), run


def _spans(changes: list[tuple[int, int]], start_ms: int, *, end_ms: int) -> tuple[Span, ...]:
    """Changes to spans inside [start_ms, end_ms); those without duration vanish and equal neighbours become one."""
    spans: list[Span] = []
    for (at, level), (until, _) in pairwise([*changes, (_NEVER, UNSEEN)]):
        start, end = max(at, start_ms), min(until, end_ms)
        if start >= end:
            continue
        if spans and spans[-1].state == STATES[level]:
            start = spans.pop().start_ms
        spans.append(Span(start, end, STATES[level]))
    return tuple(spans)
