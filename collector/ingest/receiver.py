"""The MQTT side of a worker: one thread calls paho's loop itself; callbacks only enqueue.

QoS 1, clean_session false, a stable client id, and acknowledgement by hand: a message is acknowledged only after
what it asked for is committed and answered. Each connection is a new client object with a number, so that nothing
of an old connection (message ids, half-sent packets) reaches into a new one; what was not acknowledged comes again.
"""

import logging
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from collector.ingest.backoff import Backoff
from protocol.topics import SHARDS, up_filter

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
QOS = 1
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
# How much is read before it is looked at: so many packets, and no more after so many bytes.
_READ_AT_ONCE = 64
_READ_BYTES_AT_ONCE = 4 * 1024 * 1024


class Received(NamedTuple):
    """One message as it came; `mid` 0 needs no acknowledgement."""

    connection_no: int
    mid: int
    topic: str
    payload: bytes


class Place(NamedTuple):
    """What a worker listens to; `incarnation` counts its database connections, each of which begins anew."""

    incarnation: int
    session: str  # the MQTT client id; empty: nobody, who has no connection
    shards: frozenset[int]


class Receiver:
    """Keeps one MQTT connection while somebody listens, with or without shards. Not thread-safe but for `wake`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = (host, port)
        self._tls = tls
        self._clock_s = clock_s
        self._client: mqtt.Client | None = None
        self._connection_no = 0
        self._place = Place(0, "", frozenset())
        self.is_connected = False
        self._unconfirmed: set[int] = set()  # subscriptions under way, by message id
        self._received: list[Received] = []
        self._backoff = Backoff()
        self._retry_s = 0.0
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, _READ)
        self._watched: tuple[Any, int] = (None, 0)  # what else the selector waits for, and until it can do what

    @property
    def is_listening(self) -> bool:
        """Whether the broker delivers what is published to the shards of our place."""
        return self.is_connected and bool(self._place.shards) and not self._unconfirmed

    def listen(self, place: Place) -> None:
        """Says under which client id which shards are wanted; another id or incarnation is a new connection."""
        before, self._place = self._place, place
        if place[:2] != before[:2]:
            self._drop()
        elif place != before and self._client is not None and self.is_connected:
            self._subscribe(self._client, place.shards - before.shards)
            self._unsubscribe(self._client, before.shards - place.shards)

    def poll(self, *, timeout_s: float, read: bool) -> list[Received]:
        """Moves bytes for up to `timeout_s`; returns what came. With `read` False nothing is read."""
        self._connect_when_due()
        client, connection = self._client, self._client.socket() if self._client else None
        if client is None or connection is None:
            self._wait(None, 0, timeout_s)
        else:
            # What TLS has unpacked already no longer shows at the socket.
            held = read and isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
            wanted = (_READ if read else 0) | (_WRITE if client.want_write() else 0)
            ready = self._wait(connection, wanted, 0 if held else timeout_s)
            self._move(client, held or bool(ready & _READ), bool(ready & _WRITE))
        self._drain_wake()
        received, self._received = self._received, []
        return received

    def _wait(self, connection: Any, wanted: int, timeout_s: float) -> int:
        """Waits for a wake-up or for what is wanted of the connection; returns what that is ready for.

        Not by `select`, which takes no descriptor from 1024 on; and what is waited for changes seldom.
        """
        if (connection, wanted) != self._watched:
            self._watch(connection, wanted)
        return next((events for key, events in self._selector.select(timeout_s) if key.data is connection), 0)

    def _watch(self, connection: Any, wanted: int) -> None:
        before, events = self._watched
        if events:
            self._selector.unregister(before)
        self._watched = (None, 0)
        if wanted:
            self._selector.register(connection, wanted, connection)
            self._watched = (connection, wanted)

    def send(self, connection_no: int, mid: int, *, topic: str, answer: bytes | None) -> None:
        """Publishes the answer, then acknowledges the message if it came over the connection that still is."""
        if self._client is None:
            return
        if answer is not None:
            self._client.publish(topic, answer, qos=QOS)
        if mid and connection_no == self._connection_no:
            self._client.ack(mid, QOS)

    def wake(self) -> None:
        """Ends a `poll` that waits; callable from any thread."""
        try:
            self._wake_writer.send(b"\0")
        except OSError:
            pass  # awake already, or closed

    def close(self, *, timeout_s: float = 2.0) -> None:
        """Sends what is still to be sent, and leaves; the session stays at the broker."""
        deadline_s = self._clock_s() + timeout_s
        while self._client is not None and self._client.want_write() and self._clock_s() < deadline_s:
            self.poll(timeout_s=0.05, read=False)
        self._drop()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _connect_when_due(self) -> None:
        now_s = self._clock_s()
        if self._client is not None or not self._place.session or now_s < self._retry_s:
            return
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._place.session,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(0)  # answers are not to wait for each other
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._connection_no += 1
        try:
            client.connect(*self._address, keepalive=KEEPALIVE_S)
        except OSError as error:
            self._retry_later(str(error))
            return
        connection = client.socket()
        if isinstance(connection, socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client

    def _move(self, client: mqtt.Client, can_read: bool, can_write: bool) -> None:
        status, read_bytes = MQTTErrorCode.MQTT_ERR_SUCCESS, 0
        for _ in range(_READ_AT_ONCE if can_read else 0):
            before = len(self._received)
            status = client.loop_read()
            if status != MQTTErrorCode.MQTT_ERR_SUCCESS or len(self._received) == before:
                break
            read_bytes += len(self._received[-1].payload)
            if read_bytes > _READ_BYTES_AT_ONCE:
                break
        if status == MQTTErrorCode.MQTT_ERR_SUCCESS and can_write:
            status = client.loop_write()
        if status == MQTTErrorCode.MQTT_ERR_SUCCESS:
            status = client.loop_misc()
        if status != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._client = None
            self.is_connected = False
            self._retry_later(mqtt.error_string(status))

    def _retry_later(self, problem: str) -> None:
        now_s = self._clock_s()
        wait_s = self._backoff.failed(now_s)
        self._retry_s = now_s + wait_s
        log.warning("broker not reached %s:%d, next attempt in %.1f s: %s", *self._address, wait_s, problem)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
        self.is_connected = False
        self._received = []
        self._retry_s = 0.0

    def _drain_wake(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            log.error("broker refused us: %s", reason)
            return
        self._backoff.succeeded(self._clock_s())
        self.is_connected = True
        self._unconfirmed.clear()
        # The session may remember shards that are somebody else's by now.
        self._unsubscribe(client, frozenset(range(SHARDS)) - self._place.shards)
        self._subscribe(client, self._place.shards)
        log.info("connected to broker %s:%d shards=%d", *self._address, len(self._place.shards))

    def _subscribe(self, client: mqtt.Client, shards: frozenset[int]) -> None:
        if shards:
            _, mid = client.subscribe([(up_filter(shard), QOS) for shard in sorted(shards)])
            self._unconfirmed.add(mid or 0)

    def _unsubscribe(self, client: mqtt.Client, shards: frozenset[int]) -> None:
        if shards:
            client.unsubscribe([up_filter(shard) for shard in sorted(shards)])

    def _on_subscribe(self, _client: mqtt.Client, _data: object, mid: int, *_: object) -> None:
        self._unconfirmed.discard(mid)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no agent's, as the worker will find
        mid = message.mid if message.qos else 0
        self._received.append(Received(self._connection_no, mid, topic, bytes(message.payload)))
