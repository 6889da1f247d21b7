"""The MQTT shell around the conversation: one thread, one socket, paho underneath.

Decides nothing about what is said or when; it signs, packs, connects, and feeds what happens to the conversation.
paho's own thread and reconnection are not used: an exception in a callback would end that thread while the client
still says that it is connected, and its reconnection has no jitter. So callbacks only enqueue, this thread waits on
the socket itself and is woken by the journal, and where nothing at all moves for three keep-alives the client is torn
down. A client serves one connection, so that nothing it queued outlives that. PUBACK is worth nothing here.
"""

from __future__ import annotations

import logging
import secrets
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from random import SystemRandom
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from agent.clock import Clock
from agent.conversation import Conversation
from agent.errors import AgentError, EntryRefused, JournalError
from agent.exchange import (
    Action,
    Appended,
    Closing,
    Connect,
    Connected,
    Disconnect,
    Due,
    Event,
    KeepReceipt,
    Lost,
    Phase,
    Received,
    SendBatch,
    SendHello,
    Tell,
    UseHints,
)
from agent.journal import Journal
from protocol.batch import Batch, pack_batch
from protocol.keys import SigningKey, VerifierKey
from protocol.message import Hello, pack
from protocol.note import Checkpoint, sign_checkpoint
from protocol.topics import down_topic, parse_origin, up_topic

KEEPALIVE_S = 30
STILL_MS = 3 * KEEPALIVE_S * 1000
CONNECT_TIMEOUT_S = 5.0
LOOK_MS = 5_000  # how often paho is asked to look after its pings
FAREWELL_LOOK_MS = 500
FAREWELL_MS = 12_000
FAREWELL_OFFLINE_MS = 2_000

_LINKED = (Phase.CONNECTING, Phase.GREETING, Phase.WELCOMED, Phase.PAUSED)

log = logging.getLogger(__name__)


class Address(NamedTuple):
    """Where the broker listens."""

    host: str
    port: int


class UplinkView(NamedTuple):
    """For `status`: the phase in one word, since when (UTC ms), why, and our clock minus the collector's."""

    state: str
    since_ms: int
    detail: str
    clock_ahead_ms: int | None


class Uplink:
    """Carries one journal to one collector. `run` belongs to one thread; `wake` and `close` to any."""

    def __init__(
        self,
        journal: Journal,
        key: SigningKey,
        *,
        receipt_key: VerifierKey,
        broker: Address,
        clock: Clock,
        on_hints: Callable[[UseHints], None],
    ) -> None:
        _, self._agent_id, _ = parse_origin(journal.origin)
        self._journal = journal
        self._key = key
        self._broker = broker
        self._clock = clock
        self._on_hints = on_hints
        self._conversation = Conversation(
            journal,
            receipt_key,
            nonce=lambda: secrets.token_hex(16),
            chance=SystemRandom(),
            now_ms=clock.now().mono_ms,
        )
        self._inbox: deque[Event] = deque()
        self._client: Client | None = None
        self._moved_ms = 0
        self._told = ""
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
        since_ms = now.wall_ms - (now.mono_ms - talk.since_ms)
        return UplinkView(talk.phase.name.lower(), since_ms, talk.detail, ahead_ms)

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
        self._tear_down()
        self._awake.close()
        self._bell.close()

    def _start_over(self, problem: Exception) -> None:
        self._tear_down()
        if self._conversation.phase in _LINKED:
            self._inbox.append(Lost(f"failed: {problem!r}"))
        self._ending.wait(1.0)  # whatever it is, it must not be met a thousand times a second

    def _turn(self) -> None:
        """Wait for one of: socket, bell, time; then feed the conversation all that happened."""
        self._wait()
        while self._inbox:
            self._handle(self._inbox.popleft())
        if self._ending.is_set():
            self._handle(Closing())
        due_ms = self._conversation.due_ms
        if due_ms is not None and self._clock.now().mono_ms >= due_ms:
            self._handle(Due())

    def _is_over(self, ending_since_ms: int) -> bool:
        phase, waited_ms = self._conversation.phase, self._clock.now().mono_ms - ending_since_ms
        patience_ms = {Phase.OFFLINE: FAREWELL_OFFLINE_MS, Phase.SHUNNED: 0, Phase.DIVERGED: 0}.get(phase, FAREWELL_MS)
        return self._conversation.is_caught_up or waited_ms >= patience_ms

    def _handle(self, event: Event) -> None:
        if isinstance(event, Lost):
            self._tear_down()
        phase = self._conversation.phase
        for action in self._conversation.handle(event, self._clock.now().mono_ms):
            self._do(action)
        self._log_change(phase)

    def _log_change(self, before: Phase) -> None:
        phase, detail = self._conversation.phase, self._conversation.detail
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
                    self._connect()
                case Disconnect():
                    self._tear_down()
                case SendHello():
                    note = self._sign(action.size, action.root)
                    self._publish(pack(Hello(action.nonce, note)))
                case SendBatch():
                    note = self._sign(action.size, action.root)
                    entries = self._journal.entries(action.old, action.size)
                    self._publish(pack_batch(Batch(action.old, note, entries)))
                case KeepReceipt():
                    self._journal.store_receipt(action.receipt)
                case UseHints():
                    self._on_hints(action)
                case Tell():
                    self._tell(action.text)
        except EntryRefused as problem:
            self._tell(str(problem))
            if not isinstance(action, KeepReceipt):
                self._drop(Lost(f"nothing can be signed: {problem}"))
        except (OSError, JournalError) as problem:
            self._drop(Lost(_reason(problem, self._broker)))

    def _sign(self, size: int, root: bytes) -> bytes:
        self._journal.mark_signed(size, root)  # on the medium before anybody can see it
        return sign_checkpoint(Checkpoint(self._journal.origin, size, root), self._key)

    def _publish(self, payload: bytes) -> None:
        if self._client is not None and self._client.publish(up_topic(self._agent_id), payload, qos=1).rc:
            self._drop(Lost("the connection was closed"))

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            log.warning("uplink noticed", extra={"what": text})

    # The socket

    def _connect(self) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._agent_id,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        self._client = client
        self._moved_ms = self._clock.now().mono_ms
        client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)

    def _wait(self) -> None:
        now_ms, due_ms, client = self._clock.now().mono_ms, self._conversation.due_ms, self._client
        wait_ms = FAREWELL_LOOK_MS if self._ending.is_set() else LOOK_MS
        if due_ms is not None:
            wait_ms = max(0, min(wait_ms, due_ms - now_ms))
        if self._inbox:
            wait_ms = 0
        link = client.socket() if client else None
        readers: list[Any] = [self._awake] if link is None else [self._awake, link]
        writers: list[Any] = [link] if client and link and client.want_write() else []
        readable, writable, _ = select.select(readers, writers, [], wait_ms / 1000)
        if self._awake in readable:
            self._awake.recv(4096)
            self._inbox.append(Appended())
        if client is not None:
            self._serve(client, read=link in readable, write=link in writable)

    def _serve(self, client: Client, *, read: bool, write: bool) -> None:
        now_ms = self._clock.now().mono_ms
        codes = [client.loop_read()] if read else []
        codes += [client.loop_write()] if write else []
        codes.append(client.loop_misc())
        self._moved_ms = now_ms if read else self._moved_ms
        if any(codes) and not any(isinstance(event, Lost) for event in self._inbox):
            failed = next(code for code in codes if code)
            self._drop(Lost(f"the connection was lost ({MQTTErrorCode(failed).name})"))
        elif now_ms - self._moved_ms > STILL_MS:
            self._drop(Lost(f"nothing came from the broker for {STILL_MS // 1000} s"))

    def _drop(self, lost: Lost) -> None:
        """End the connection from our side; the conversation hears of it unless it knows already."""
        if self._client is not None:
            self._tear_down()
            self._inbox.append(lost)

    def _tear_down(self) -> None:
        client, self._client = self._client, None
        self._inbox.clear()
        if client is None:
            return
        client.on_connect = client.on_subscribe = client.on_message = client.on_disconnect = None
        client.disconnect()
        link = client.socket()
        if link is not None:
            link.close()

    # Callbacks: they only enqueue, and subscribe

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._inbox.append(Lost(f"the broker refused the connection ({reason})"))
        else:
            client.subscribe(down_topic(self._agent_id), qos=1)

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        event = Lost(f"the broker refused the subscription ({refused[0]})") if refused else Connected()
        self._inbox.append(event)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._inbox.append(Received(bytes(message.payload)))

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._inbox.append(Lost(f"the connection ended ({reason})"))


def _reason(problem: Exception, broker: Address) -> str:
    if isinstance(problem, AgentError):
        return str(problem)
    return f"the broker at {broker.host}:{broker.port} cannot be reached ({problem})"
