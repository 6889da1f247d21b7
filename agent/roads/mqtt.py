"""The MQTT road: a link over one paho client, driven by the uplink's own thread.

paho's own thread and reconnection are not used: an exception in a callback would end that thread while the client
still says that it is connected, and its reconnection has no jitter. So callbacks only enqueue, whoever drives the link
waits on the socket itself, and where nothing at all moves for three keep-alives the client is torn down. A client
serves one connection, so that nothing it queued outlives that. PUBACK is worth nothing here. Credentials are read anew
for each connection, so that renewed ones need no restart.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion

from agent.clock import Clock
from agent.errors import NotEnrolledError
from agent.exchange import Connected, Event, Lost, Received
from agent.roads.link import Address, Standing
from protocol.topics import down_topic, up_topic

KEEPALIVE_S = 30
STILL_MS = 3 * KEEPALIVE_S * 1000
CONNECT_TIMEOUT_S = 5.0


class MqttLink:
    """A `Link` to the collector's broker; `tls` says with what to come to one that speaks TLS.

    The client id names the epoch too: two machines that run copies of one directory would else end each other's
    connection for ever, and each has an epoch of its own before long.
    """

    standing = Standing("mqtt", "")

    def __init__(
        self,
        agent_id: str,
        broker: Address,
        *,
        epoch: int,
        clock: Clock,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.events: deque[Event] = deque()
        self._agent_id = agent_id
        self._client_id = f"{agent_id}-{epoch}"
        self._broker = broker
        self._clock = clock
        self._tls = tls
        self._client: Client | None = None
        self._moved_ms = 0
        self._complaint = ""
        self._is_answered = False

    @property
    def socket(self) -> socket.socket | None:
        return self._client.socket() if self._client else None  # type: ignore[return-value]  # WebSockets are not used

    @property
    def wants_write(self) -> bool:
        return self._client is not None and self._client.want_write()

    def connect(self) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        self._client = client
        self._moved_ms = self._clock.now().mono_ms
        self._complaint = ""
        self._is_answered = False
        try:
            if self._tls is not None:
                client.tls_set_context(self._tls())
            client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        except OSError as problem:
            self.drop(f"the broker at {self._broker} cannot be reached ({problem})")
        except NotEnrolledError as problem:
            self.drop(str(problem))

    def send(self, raw: bytes) -> None:
        if self._client is not None and self._client.publish(up_topic(self._agent_id), raw, qos=1).rc:
            self.drop("the connection was closed")

    def serve(self, *, read: bool, write: bool) -> None:
        client, now_ms = self._client, self._clock.now().mono_ms
        if client is None:
            return
        codes = [_read_all(client)] if read else []
        codes += [client.loop_write()] if write else []
        codes.append(client.loop_misc())
        self._moved_ms = now_ms if read else self._moved_ms
        if any(codes) and not any(isinstance(event, Lost) for event in self.events):
            failed = next(code for code in codes if code)
            self.drop(f"the connection was lost ({self._why(MQTTErrorCode(failed).name)})")
        elif now_ms - self._moved_ms > STILL_MS:
            self.drop(f"nothing came from the broker for {STILL_MS // 1000} s")

    def drop(self, reason: str) -> None:
        if self._client is not None:
            self.close()
            self.events.append(Lost(reason))

    def close(self) -> None:
        client, self._client = self._client, None
        self.events.clear()
        if client is None:
            return
        client.on_connect = client.on_subscribe = client.on_message = client.on_disconnect = client.on_log = None
        client.disconnect()
        link = client.socket()
        if link is not None:
            link.close()

    # Callbacks: they only enqueue, and subscribe

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._is_answered = True
        if reason.is_failure:
            self.events.append(Lost(f"the broker refused the connection ({reason})"))
        else:
            client.subscribe(down_topic(self._agent_id), qos=1)

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        event = Lost(f"the broker refused the subscription ({refused[0]})") if refused else Connected()
        self.events.append(event)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.events.append(Received(bytes(message.payload)))

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.events.append(Lost(f"the connection ended ({self._why(str(reason))})"))

    def _why(self, reason: str) -> str:
        """What is known of a loss. A broker that refuses a certificate says so and hangs up in one breath, and the end
        of the connection mostly overtakes its word."""
        told = self._complaint or reason
        if self._tls is None or self._is_answered or "alert" in told.lower():
            return told
        return (
            f"{told}; who hangs up behind TLS before the first answer has most likely refused this agent's "
            "certificate: see jishi-agent doctor"
        )

    def _on_log(self, _client: Client, _userdata: Any, level: int, text: str) -> None:
        """Keep paho's last complaint: where TLS refuses one of the two, its code says no more than "lost"."""
        if level == LogLevel.MQTT_LOG_ERR:
            self._complaint = text


def _read_all(client: Client) -> MQTTErrorCode:
    """Read what has come; what TLS has unpacked already would no longer show at the socket."""
    code = client.loop_read()
    while not code and isinstance(link := client.socket(), ssl.SSLSocket) and link.pending():
        code = client.loop_read()
    return code
