"""What the agent says to the collector and when: hello, welcome, batches, receipts. No I/O; it is told the time.

Events go in, actions come out, and `due_ms` says when to call again at the latest. The table at the end says what
each phase does with each event; what is absent is illegal and raises.

    OFFLINE ─due─▶ CONNECTING ─connected─▶ GREETING ─welcome─▶ WELCOMED ──30 s without receipt──▶ GREETING
       ▲               │ lost                  │                  │
       └───────────────┴───────────────────────┴─────── lost ─────┘      busy, suspect, malformed ─▶ PAUSED ─▶ GREETING
    revoked, unknown-key, fork, nothing to go on with ─▶ SHUNNED (off for 15 to 60 min)
    a receipt over another history, unreadable entries, a number that is gone ─▶ DIVERGED: the next epoch begins

A journal of an epoch that this agent began by itself asks for it in place of its hello until there is a receipt over
it: nothing else proves that it was granted. Only receipts count, and each is verified against the pinned key and
against the agent's own root at its size. All else that comes down is unsigned: it may cost repetition and delay, and
nothing is discarded on its word (decisions 0004, 0010). Rules: faults.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from agent.asked import AskLimit
from agent.backoff import Backoff
from agent.errors import JournalDamaged
from agent.exchange import (
    Action,
    Appended,
    BeaconDue,
    Brought,
    Closing,
    Connect,
    Connected,
    Damaged,
    Disconnect,
    Due,
    EndEpoch,
    Event,
    KeepBeacon,
    KeepReceipt,
    Ledger,
    Lost,
    Phase,
    Received,
    SendBatch,
    SendHello,
    SendHint,
    Tell,
    UseHints,
)
from protocol.epoch import EpochReason, Taken
from protocol.errors import ForeignBytesError
from protocol.keys import VerifierKey
from protocol.leaves import Ask
from protocol.message import Refusal, Welcome, parse_down
from protocol.note import open_receipt

WINDOW = 4
MOST_ENTRIES = 256
MOST_BYTES = 256 << 10
RECEIPT_WITHIN_MS = 30_000
ANSWER_WITHIN_MS = 5_000
STEADY_MS = 60_000
SHUN_MS = (15 * 60_000, 60 * 60_000)
SPREAD_CAP_S = 300
STRIKES = 3
HINT_BACKLOG = MOST_ENTRIES  # entries that wait: fewer are there in a moment
HINT_EVERY_MS = 30_000

AGAIN = "enrol the agent again (jishi-agent enroll --again); until then it goes on recording here"


class _Flight(NamedTuple):
    old: int
    size: int
    root: bytes
    sent_ms: int


class Conversation:
    """One agent's side. `handle` each event with the monotonic time in ms; do what it returns."""

    def __init__(
        self,
        ledger: Ledger,
        receipt_key: VerifierKey,
        *,
        request: bytes | None = None,
        nonce: Callable[[], str],
        chance: Random,
        now_ms: int,
    ) -> None:
        """`request`: the signed request for this journal's epoch, where the agent began it by itself."""
        self.phase = Phase.OFFLINE
        self.since_ms = now_ms
        self.detail = ""
        self.due_ms: int | None = now_ms
        self.collector_time_ms: int | None = None  # what the last welcome said, and ...
        self.welcomed_ms: int | None = None  # ... when that was by the monotonic clock
        self._ledger = ledger
        self._receipt_key = receipt_key
        self._request = request
        self._is_doubted = False  # the collector does not know this epoch (any more): it was restored from a backup
        self._nonce = nonce
        self._chance = chance
        self._backoff = Backoff()
        self._asks = AskLimit()
        self._window = WINDOW
        self._spread_ms = 0
        self._greeting = ""
        self._receipted = ledger.receipted_size
        self._next = self._receipted
        self._flights: list[_Flight] = []
        self._most_entries = MOST_ENTRIES
        self._strikes = 0
        self._progress_ms = now_ms
        self._gone_back, self._gone_back_ms = -1, now_ms
        self._hinted_ms = now_ms - HINT_EVERY_MS

    def handle(self, event: Event, now_ms: int) -> list[Action]:
        """Take an event; ValueError for one that cannot happen in this phase."""
        step = _TABLE.get((self.phase, type(event)))
        if step is None:
            raise ValueError(f"{type(event).__name__} in phase {self.phase.name}")
        try:
            return step(self, event, now_ms)
        except JournalDamaged as damage:
            return self._damaged(Damaged(str(damage)), now_ms)

    @property
    def is_caught_up(self) -> bool:
        """Whether everything in the journal is receipted."""
        return self._receipted == self._ledger.size

    # Connecting

    def _connect(self, _event: Event, now_ms: int) -> list[Action]:
        self._enter(Phase.CONNECTING, now_ms, due_ms=None)
        return [Connect()]

    def _connected(self, _event: Event, now_ms: int) -> list[Action]:
        return self._greet(now_ms)

    def _lost(self, event: Lost, now_ms: int) -> list[Action]:
        self._settle_backoff(now_ms)
        # Also after the first attempt: those who came too early would else come back at short waits, all together.
        wait_ms = self._backoff.draw_ms(self._chance, at_least_spread_ms=self._spread_ms)
        self._backoff = self._backoff.failed()
        self._enter(Phase.OFFLINE, now_ms, due_ms=now_ms + wait_ms, detail=event.reason)
        return []

    # Hello and welcome

    def _greet(self, now_ms: int) -> list[Action]:
        self._settle_backoff(now_ms)
        self._flights.clear()
        self._greeting = self._nonce()
        self._enter(Phase.GREETING, now_ms, due_ms=None, detail=self.detail)
        return self._say_hello(now_ms)

    def _resume(self, _event: Event, now_ms: int) -> list[Action]:
        return self._greet(now_ms)

    def _repeat_hello(self, _event: Event, now_ms: int) -> list[Action]:
        self._backoff = self._backoff.failed()
        self.detail = "the collector does not answer"
        return self._say_hello(now_ms)

    def _say_hello(self, now_ms: int) -> list[Action]:
        # The same nonce until it is answered: an answer slower than the repetition must still count.
        self.due_ms = now_ms + ANSWER_WITHIN_MS + self._backoff.draw_ms(self._chance)
        size = self._ledger.size
        return [SendHello(self._greeting, size, self._ledger.root_at(size), self._asked_for)]

    @property
    def _asked_for(self) -> bytes | None:
        """The request, as long as no receipt says that it was granted, and where the collector has forgotten it."""
        return None if self._receipted and not self._is_doubted else self._request

    def _welcomed(self, welcome: Welcome, now_ms: int) -> list[Action]:
        if not self._is_in(Phase.GREETING) or welcome.nonce != self._greeting:
            return [Tell("ignored a welcome that answers no hello of ours")]
        actions = self._take_receipt(welcome.receipt, now_ms) if welcome.receipt else []
        if not self._is_in(Phase.GREETING):
            return actions  # the receipt inside was over another history
        self._window = max(1, min(welcome.window, WINDOW))
        self._spread_ms = max(0, min(welcome.spread_s, SPREAD_CAP_S)) * 1000
        self.collector_time_ms, self.welcomed_ms = welcome.time_ms, now_ms
        self._next = min(welcome.held, self._receipted)
        if self._next < self._ledger.readable_from:
            return actions + self._cannot_go_on(now_ms)
        self._is_doubted = False
        self._progress_ms = now_ms
        actions += [KeepBeacon(welcome.beacon, self.since_ms)] if welcome.beacon else []
        self._enter(Phase.WELCOMED, now_ms, due_ms=now_ms + STEADY_MS)
        return [*actions, UseHints(welcome.levels, welcome.policies), *self._send(now_ms)]

    # Batches

    @property
    def is_idle(self) -> bool:
        """Whether it is welcome and nothing is under way: then a hello costs nobody anything."""
        return self._is_in(Phase.WELCOMED) and not self._flights

    def _appended(self, _event: Event, now_ms: int) -> list[Action]:
        return self._send(now_ms)

    def _send(self, now_ms: int) -> list[Action]:
        actions: list[Action] = []
        if not self._flights:
            self._progress_ms = now_ms
        while len(self._flights) < self._window and self._next < self._ledger.size:
            end = self._ledger.batch_end(self._next, most_entries=self._most_entries, most_bytes=MOST_BYTES)
            flight = _Flight(self._next, end, self._ledger.root_at(end), now_ms)
            self._flights.append(flight)
            actions.append(SendBatch(flight.old, flight.size, flight.root))
            self._next = end
        self._plan(now_ms)
        return self._hint(now_ms) + actions

    def _hint(self, now_ms: int) -> list[Action]:
        """While a long backlog drains, in order, people see what there is to see now; it counts for nothing."""
        waiting = self._ledger.size - self._receipted
        if waiting <= HINT_BACKLOG or now_ms < self._hinted_ms + HINT_EVERY_MS:
            return []
        self._hinted_ms = now_ms
        return [SendHint(waiting)]

    def _plan(self, now_ms: int) -> None:
        """What a welcomed agent waits for: a receipt, or the minute after which its back-off is forgotten."""
        waits = [self._progress_ms + RECEIPT_WITHIN_MS] if self._flights else []
        if self._backoff.failures and now_ms < self.since_ms + STEADY_MS:
            waits.append(self.since_ms + STEADY_MS)
        self.due_ms = min(waits, default=None)

    def _check(self, _event: Event, now_ms: int) -> list[Action]:
        self._settle_backoff(now_ms)
        if self._flights and now_ms >= self._progress_ms + RECEIPT_WITHIN_MS:
            self.detail = f"no receipt for {RECEIPT_WITHIN_MS // 1000} s"
            return self._greet(now_ms)
        self._plan(now_ms)
        return []

    def _hurry(self, _event: Event, now_ms: int) -> list[Action]:
        """At the end there is no time to wait as long: what the collector lost while it was down is asked for now."""
        if self._flights and now_ms >= self._progress_ms + ANSWER_WITHIN_MS:
            return self._greet(now_ms)
        return []

    def _hurry_back(self, _event: Event, _now_ms: int) -> list[Action]:
        """At the end nobody comes back later: one attempt a second, whatever the spread."""
        self.due_ms = min(self.since_ms + 1000, self.due_ms or self.since_ms)
        return []

    # What comes down

    def _received(self, event: Received, now_ms: int) -> list[Action]:
        try:
            message = parse_down(event.raw)
            if isinstance(message, Welcome):
                return self._welcomed(message, now_ms)
            if isinstance(message, Refusal):
                return self._refused(message, now_ms)
            if isinstance(message, Taken):
                return self._taken(message, now_ms)
            if isinstance(message, Ask):
                return self._asks.judge(message, origin=self._ledger.origin, now_ms=now_ms)
            return self._take_receipt(message, now_ms)
        except ForeignBytesError as problem:
            return [Tell(f"ignored what is not from the collector: {problem}")]

    def _brought(self, event: Brought, now_ms: int) -> list[Action]:
        try:
            return self._take_receipt(event.raw, now_ms)
        except ForeignBytesError as problem:
            return [Tell(f"ignored a receipt from a medium: {problem}")]

    def _take_receipt(self, raw: bytes, now_ms: int) -> list[Action]:
        receipt = open_receipt(raw, self._receipt_key)
        held = receipt.checkpoint
        if held.origin != self._ledger.origin:
            return [Tell(f"ignored a receipt of another log, {held.origin}")]
        actions: list[Action] = []
        if held.size > self._receipted:
            if held.size > self._ledger.size or held.root != self._own_root(held.size):
                return self._diverge(held.size, now_ms)
            self._receipted = held.size
            self._next = max(self._next, held.size)
            actions.append(KeepReceipt(receipt))
        landed = [flight for flight in self._flights if flight.size <= held.size]
        if landed:  # also where a collector that lost entries gets them again
            del self._flights[: len(landed)]
            self._progress_ms = now_ms
            self._strikes = 0
        return actions + self._send(now_ms) if self._is_in(Phase.WELCOMED) else actions

    def _own_root(self, size: int) -> bytes:
        known = (flight.root for flight in self._flights if flight.size == size)
        return next(known, None) or self._ledger.root_at(size)

    def _refused(self, refusal: Refusal, now_ms: int) -> list[Action]:
        if refusal.log not in ("", self._ledger.origin):
            return [Tell(f"ignored a refusal of another log, {refusal.log}")]
        actions = self._take_receipt(refusal.receipt, now_ms) if refusal.receipt else []
        if self._is_in(Phase.GREETING, Phase.WELCOMED):
            actions += _REFUSALS[refusal.code](self, refusal, now_ms)
        return actions

    def _go_back(self, refusal: Refusal, now_ms: int) -> list[Action]:
        back = min(refusal.held, self._receipted)
        if not self._is_in(Phase.WELCOMED) or not self._flights:
            return []
        if self._gone_back == back and now_ms < self._gone_back_ms + ANSWER_WITHIN_MS:
            return []  # the batches behind a lost one are all refused: once back is enough
        if back < self._ledger.readable_from:
            return self._cannot_go_on(now_ms)
        self._flights.clear()
        self._next = self._gone_back = back
        self._gone_back_ms = now_ms
        return self._send(now_ms)

    def _pause(self, refusal: Refusal, now_ms: int) -> list[Action]:
        wait_ms = self._backoff.draw_ms(self._chance) + ANSWER_WITHIN_MS
        self._backoff = self._backoff.failed()
        self._flights.clear()
        self._enter(Phase.PAUSED, now_ms, due_ms=now_ms + wait_ms, detail=_said(refusal))
        return [Tell(_said(refusal))]

    def _strike(self, refusal: Refusal, now_ms: int) -> list[Action]:
        self._strikes += 1
        return self._shun_for(refusal, now_ms) if self._strikes >= STRIKES else self._pause(refusal, now_ms)

    def _send_less(self, refusal: Refusal, now_ms: int) -> list[Action]:
        if self._most_entries == 1:
            return self._shun_for(refusal, now_ms)
        self._most_entries = max(1, self._most_entries // 2)
        return self._pause(refusal, now_ms)

    def _shun_for(self, refusal: Refusal, now_ms: int) -> list[Action]:
        return self._shun(_said(refusal), now_ms)

    def _ask_again(self, refusal: Refusal, now_ms: int) -> list[Action]:
        if self._request is None or self._asked_for is not None:
            return self._shun_for(refusal, now_ms)
        self._is_doubted = True
        return self._greet(now_ms)

    def _cannot_go_on(self, now_ms: int) -> list[Action]:
        missing = f"entries {self._next} to {self._ledger.readable_from - 1}"
        return self._shun(f"the collector asks for {missing}, which cannot be read here any more; {AGAIN}", now_ms)

    def _shun(self, why: str, now_ms: int) -> list[Action]:
        self._strikes = 0
        self._flights.clear()
        self._enter(Phase.SHUNNED, now_ms, due_ms=now_ms + self._chance.randint(*SHUN_MS), detail=why)
        return [Disconnect(), Tell(why)]

    # What ends the epoch

    def _diverge(self, size: int, now_ms: int) -> list[Action]:
        why = (
            f"the collector gave a receipt over {size} entries of this log that are not the ones here: this journal "
            "was put back to an older copy, or another machine uses the same"
        )
        return self._end_epoch("behind" if size > self._ledger.size else "fork", why, now_ms=now_ms)

    def _damaged(self, event: Damaged, now_ms: int) -> list[Action]:
        """Unreadable entries that are receipted harm nobody but a collector that lost them."""
        if self._next < self._receipted:
            return self._shun(event.reason, now_ms)
        return self._end_epoch("damaged", event.reason, now_ms=now_ms)

    def _taken(self, taken: Taken, now_ms: int) -> list[Action]:
        """The number that we proposed went to another enrolment: what was recorded under it moves to the next one."""
        if not self._is_in(Phase.GREETING) or taken.log != self._ledger.origin or self._asked_for is None:
            return [Tell("ignored word of a number that we do not ask for")]
        if self._receipted:  # a collector that was restored from a backup, and then gave our number away
            return self._shun(f"the collector has given the number of this epoch to another enrolment; {AGAIN}", now_ms)
        why = f"the number of this epoch was given to another enrolment; it becomes {taken.next_epoch}"
        return self._end_epoch("fork", why, number=taken.next_epoch, now_ms=now_ms)

    def _end_epoch(self, reason: EpochReason, why: str, *, number: int | None = None, now_ms: int) -> list[Action]:
        self._flights.clear()
        self._enter(Phase.DIVERGED, now_ms, due_ms=None, detail=why)
        return [Disconnect(), Tell(why), EndEpoch(reason, why, number)]

    def _ignore(self, _event: Event, _now_ms: int) -> list[Action]:
        return []

    # Keeping time

    def _enter(self, phase: Phase, now_ms: int, *, due_ms: int | None, detail: str = "") -> None:
        self.phase, self.since_ms, self.due_ms, self.detail = phase, now_ms, due_ms, detail

    def _is_in(self, *phases: Phase) -> bool:
        return self.phase in phases

    def _settle_backoff(self, now_ms: int) -> None:
        if self.phase is Phase.WELCOMED and now_ms - self.since_ms >= STEADY_MS:
            self._backoff = Backoff()


def _said(refusal: Refusal) -> str:
    advice = _ADVICE.get(refusal.code, "")
    return f"the collector refuses: {refusal.code}" + (f", {refusal.detail}" if refusal.detail else "") + advice


_ADVICE = {
    "fork": f"; {AGAIN}",
    "revoked": f"; {AGAIN}",
    "unknown-key": f"; {AGAIN}",
}

_REFUSALS: dict[str, Callable[[Conversation, Refusal, int], list[Action]]] = {
    "gap": Conversation._go_back,
    "busy": Conversation._pause,
    "suspect": Conversation._strike,
    "malformed": Conversation._strike,
    "too-large": Conversation._send_less,
    "fork": Conversation._shun_for,
    "revoked": Conversation._shun_for,
    "unknown-key": Conversation._ask_again,
}

_TABLE: dict[tuple[Phase, type], Callable[..., list[Action]]] = {
    **{(phase, event): Conversation._ignore for phase in Phase for event in (Closing, Damaged, BeaconDue)},
    **{(phase, Brought): Conversation._brought for phase in Phase},
    (Phase.DIVERGED, Brought): Conversation._ignore,
    (Phase.OFFLINE, Due): Conversation._connect,
    (Phase.OFFLINE, Appended): Conversation._ignore,
    (Phase.OFFLINE, Closing): Conversation._hurry_back,
    (Phase.CONNECTING, Connected): Conversation._connected,
    (Phase.CONNECTING, Lost): Conversation._lost,
    (Phase.CONNECTING, Received): Conversation._ignore,  # retained, or meant for the connection before
    (Phase.CONNECTING, Appended): Conversation._ignore,
    (Phase.GREETING, Received): Conversation._received,
    (Phase.GREETING, Lost): Conversation._lost,
    (Phase.GREETING, Appended): Conversation._ignore,
    (Phase.GREETING, Due): Conversation._repeat_hello,
    (Phase.WELCOMED, Received): Conversation._received,
    (Phase.WELCOMED, Lost): Conversation._lost,
    (Phase.WELCOMED, Appended): Conversation._appended,
    (Phase.WELCOMED, Due): Conversation._check,
    (Phase.WELCOMED, BeaconDue): Conversation._resume,
    (Phase.WELCOMED, Closing): Conversation._hurry,
    (Phase.WELCOMED, Damaged): Conversation._damaged,
    (Phase.PAUSED, Received): Conversation._received,
    (Phase.PAUSED, Lost): Conversation._lost,
    (Phase.PAUSED, Appended): Conversation._ignore,
    (Phase.PAUSED, Due): Conversation._resume,
    (Phase.SHUNNED, Due): Conversation._connect,
    (Phase.SHUNNED, Appended): Conversation._ignore,
    (Phase.DIVERGED, Appended): Conversation._ignore,
}
