"""The shell around the conversation: one thread that signs, packs, waits, and lets a link carry it.

Decides nothing about what is said or when, and nothing about how it travels: it feeds what happens to the link and to
the journal to the conversation, and does what that wants done. The thread waits on the link's socket and is woken by
the journal.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from random import SystemRandom
from typing import NamedTuple

from agent import asked
from agent.beacons import BeaconBook
from agent.clock import Clock
from agent.conversation import Conversation
from agent.errors import EntryRefused, JournalDamaged, JournalError
from agent.exchange import (
    Action,
    Appended,
    BeaconDue,
    Brought,
    Closing,
    Connect,
    Damaged,
    Disconnect,
    Due,
    EndEpoch,
    Event,
    KeepBeacon,
    KeepReceipt,
    Lost,
    Phase,
    SendBatch,
    SendHello,
    SendHint,
    SendLeaves,
    Tell,
    UseHints,
)
from agent.journal import Journal
from agent.ready import wait_ready
from agent.roads.link import Link
from protocol.batch import Batch, pack_batch
from protocol.epoch import NextEpoch, pack_next_epoch
from protocol.hint import MAX_VALUES, Hint, Showing, sign_hint
from protocol.keys import SigningKey, VerifierKey
from protocol.leaves import pack_leaves
from protocol.message import Hello, pack
from protocol.note import Checkpoint, sign_checkpoint

LOOK_MS = 5_000  # how often the link is served where nothing happens, to look after its pings
FAREWELL_LOOK_MS = 500
FAREWELL_MS = 12_000
FAREWELL_OFFLINE_MS = 2_000

_LINKED = (Phase.CONNECTING, Phase.GREETING, Phase.WELCOMED, Phase.PAUSED)

log = logging.getLogger(__name__)


class UplinkView(NamedTuple):
    """For `status`: the phase in one word, since when (UTC ms), why, our clock minus the collector's, and the road."""

    state: str
    since_ms: int
    detail: str
    clock_ahead_ms: int | None
    road: str = "mqtt"
    road_why: str = ""


class Uplink:
    """Carries one journal to one collector. `run` belongs to one thread; `wake` and `close` to any."""

    def __init__(
        self,
        journal: Journal,
        key: SigningKey,
        *,
        receipt_key: VerifierKey,
        link: Link,
        clock: Clock,
        on_hints: Callable[[UseHints], None],
        beacons: BeaconBook | None = None,
        request: bytes | None = None,
        showing: Callable[[], Iterable[Showing]] = tuple,
        on_end: Callable[[EndEpoch], None] = lambda _: None,
    ) -> None:
        """`beacons`: which of the collector's are journalled; None: none of them. `request`: for an epoch that the
        agent began by itself. `showing`: what watchers show now, for hints.
        `on_end` is called, by the uplink's thread, when this journal cannot go on.
        """
        self._journal = journal
        self._key = key
        self._link = link
        self._clock = clock
        self._on_hints = on_hints
        self._beacons = beacons
        self._showing = showing
        self._on_end = on_end
        self._conversation = Conversation(
            journal,
            receipt_key,
            request=request,
            nonce=lambda: secrets.token_hex(16),
            chance=SystemRandom(),
            now_ms=clock.now().mono_ms,
        )
        self._brought: deque[bytes] = deque()
        self._told = ""
        self._welcome_since_ms: int | None = None  # before the hellos that only asked for a beacon
        self._ending = threading.Event()
        self._awake, self._bell = socket.socketpair()
        self._awake.setblocking(False)
        self._bell.setblocking(False)
        journal.on_append(self.wake)

    def wake(self) -> None:
        """Make the thread look at the journal now."""
        try:
            self._bell.send(b"\0")
        except OSError:
            pass  # full: it is being woken already; closed: it has ended

    def bring(self, receipt: bytes) -> None:
        """Take in a receipt that did not come over the link; any thread."""
        self._brought.append(receipt)
        self.wake()

    def close(self) -> None:
        """Let `run` return once the last receipts are here, or will not come soon."""
        self._ending.set()
        self.wake()

    def view(self) -> UplinkView:
        """How it stands; any thread."""
        now, talk = self._clock.now(), self._conversation
        ahead_ms = None
        if talk.collector_time_ms is not None and talk.welcomed_ms is not None:
            ahead_ms = now.wall_ms - (talk.collector_time_ms + now.mono_ms - talk.welcomed_ms)
        since_ms = talk.since_ms if self._welcome_since_ms is None else self._welcome_since_ms
        since_ms = now.wall_ms - (now.mono_ms - since_ms)
        return UplinkView(talk.phase.name.lower(), since_ms, talk.detail, ahead_ms, *self._link.standing)

    def run(self) -> None:
        """Talk until `close`. Nothing that goes wrong here ends it, and nothing but the uplink suffers."""
        last_ms: int | None = None
        while last_ms is None or not self._is_over(last_ms):
            try:
                self._turn()
            except Exception as problem:  # a bug here, or in paho, must not end the delivery for good
                log.exception("uplink failed", extra={"problem": repr(problem)})
                self._start_over(problem)
            if last_ms is None and self._ending.is_set():
                last_ms = self._clock.now().mono_ms
        self._link.close()
        self._awake.close()
        self._bell.close()

    def _start_over(self, problem: Exception) -> None:
        self._link.close()
        if self._conversation.phase in _LINKED:
            self._link.events.append(Lost(f"failed: {problem!r}"))
        self._ending.wait(1.0)  # whatever it is, it must not be met a thousand times a second

    def _turn(self) -> None:
        """Wait for one of: link, bell, time; then feed the conversation all that happened."""
        if self._wait():
            self._handle(Appended())
        while self._brought:
            self._handle(Brought(self._brought.popleft()))
        while self._link.events:
            self._handle(self._link.events.popleft())
        if self._ending.is_set():
            self._handle(Closing())
        elif self._beacons and self._conversation.is_idle and self._beacons.due(self._clock.now().mono_ms):
            self._ask_for_beacon()
        due_ms = self._conversation.due_ms
        if due_ms is not None and self._clock.now().mono_ms >= due_ms:
            self._handle(Due())

    def _is_over(self, ending_since_ms: int) -> bool:
        phase, waited_ms = self._conversation.phase, self._clock.now().mono_ms - ending_since_ms
        patience_ms = {Phase.OFFLINE: FAREWELL_OFFLINE_MS, Phase.SHUNNED: 0, Phase.DIVERGED: 0}.get(phase, FAREWELL_MS)
        return self._conversation.is_caught_up or waited_ms >= patience_ms

    def _handle(self, event: Event) -> None:
        if isinstance(event, Lost):
            self._link.close()
        phase = self._conversation.phase
        for action in self._conversation.handle(event, self._clock.now().mono_ms):
            self._do(action)
        self._log_change(phase)

    def _ask_for_beacon(self) -> None:
        """Say hello again; nobody has to hear of it that it is welcome as before."""
        since_ms = self._conversation.since_ms if self._welcome_since_ms is None else self._welcome_since_ms
        self._handle(BeaconDue())
        self._welcome_since_ms = since_ms

    def _log_change(self, before: Phase) -> None:
        phase, detail = self._conversation.phase, self._conversation.detail
        if self._welcome_since_ms is not None and not detail and phase in (Phase.GREETING, Phase.WELCOMED):
            return
        self._welcome_since_ms = None
        if phase is not before and phase in (
            Phase.WELCOMED,
            Phase.OFFLINE,
            Phase.SHUNNED,
            Phase.DIVERGED,
            Phase.PAUSED,
        ):
            level = logging.INFO if phase is Phase.WELCOMED else logging.WARNING
            log.log(level, "uplink changed", extra={"state": phase.name.lower(), "detail": detail})

    # What the conversation wants done

    def _do(self, action: Action) -> None:
        try:
            match action:
                case Connect():
                    self._link.connect()
                case Disconnect():
                    self._link.close()
                case SendHello(nonce, size, root, None):
                    self._link.send(pack(Hello(nonce, self._sign(size, root))))
                case SendHello(nonce, size, root, request):
                    self._link.send(pack_next_epoch(NextEpoch(nonce, request or b"", self._sign(size, root))))
                case SendBatch():
                    note = self._sign(action.size, action.root)
                    entries = self._journal.entries(action.old, action.size)
                    self._link.send(pack_batch(Batch(action.old, note, entries)))
                case SendHint(waiting):
                    self._link.send(self._hint(waiting))
                case SendLeaves(ask):
                    self._link.send(pack_leaves(asked.answer(self._journal, ask, sign=self._sign)))
                case KeepReceipt():
                    self._journal.store_receipt(action.receipt)
                case KeepBeacon(raw, asked_ms):
                    if self._beacons and not self._ending.is_set():  # then nobody writes any more
                        self._beacons.take(raw, self._clock.now().mono_ms, asked_ms=asked_ms)
                case UseHints():
                    self._on_hints(action)
                case EndEpoch():
                    self._on_end(action)
                case Tell():
                    self._tell(action.text)
        except EntryRefused as problem:
            self._tell(str(problem))
            if not isinstance(action, KeepReceipt):
                self._link.drop(f"nothing can be signed: {problem}")
        except JournalDamaged as problem:
            self._link.events.append(Damaged(str(problem)))
        except (OSError, JournalError) as problem:
            self._link.drop(str(problem))

    def _sign(self, size: int, root: bytes) -> bytes:
        self._journal.mark_signed(size, root)  # on the medium before anybody can see it
        return sign_checkpoint(Checkpoint(self._journal.origin, size, root), self._key)

    def _hint(self, waiting: int) -> bytes:
        showing = tuple(self._showing())[:MAX_VALUES]
        return sign_hint(Hint(self._journal.origin, self._clock.now().wall_ms, waiting, showing), self._key)

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            log.warning("uplink noticed", extra={"what": text})

    # Waiting

    def _wait(self) -> bool:
        """Wait, serve the link, and return whether the journal woke us."""
        link = self._link.socket
        readers = [self._awake] if link is None else [self._awake, link]
        writers = [link] if link is not None and self._link.wants_write else []
        readable, writable = wait_ready(readers, writers, self._patience_ms() / 1000)
        if self._awake in readable:
            self._awake.recv(4096)
        self._link.serve(read=link in readable, write=link in writable)
        return self._awake in readable

    def _patience_ms(self) -> int:
        due_ms, wait_ms = self._conversation.due_ms, FAREWELL_LOOK_MS if self._ending.is_set() else LOOK_MS
        if self._link.events:
            return 0
        return wait_ms if due_ms is None else max(0, min(wait_ms, due_ms - self._clock.now().mono_ms))
