"""One connection to a broker on site: dial, subscribe, take what comes, notice when it is gone. It decides nothing.

A link serves one connection, in the thread of its watcher; to try again is to make another one. What is known of paho
decides its form: callbacks only enqueue, since an exception in one would end paho's work while it still says that it is
connected; its own reconnection is not used, for it has no jitter; and a link on which nothing moves for three
keep-alives is given up, because a half-open one would otherwise stay for ever.

Subscriptions are at QoS 0 in a clean session: a broker that keeps what came while nobody listened would deliver it
later as if it had just happened.
"""

import queue
import ssl
import struct
import threading
import time
from collections import deque
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import MQTTException, Properties  # type: ignore[attr-defined]  # 2.1 has it there only

from agent.clock import Clock, Instant
from agent.ready import wait_ready
from agent.watchers.mqtt_report import MAX_PAYLOAD_BYTES, Message
from agent.watchers.site_broker import LinkLost, SiteBroker
from protocol.entry import clean_text

KEEPALIVE_S = 10
STILL_KEEPALIVES = 3
LOOK_S = 0.25
"""How often a waiting link looks whether it should stop."""

DIAL_S = 8.0
ANSWER_S = 5.0
INBOX = 128
"""More than this at once, before the subscription is even confirmed, is a flood, and told as one."""

LARGEST_PACKET = 2 * MAX_PAYLOAD_BYTES
"""A broker that speaks MQTT 5 keeps larger packets from us; from the others, one of up to 256 MB has to be borne."""

BROKEN_PROTOCOL = (MQTTException, ValueError, LookupError, TypeError, struct.error)
"""What paho 2.1 raises for bytes that are no MQTT; 2.2 ends the connection."""


class Delivery(NamedTuple):
    """A message and the moment of its arrival."""

    at: Instant
    message: Message


class SiteLink:
    """One connection. `open`, then `take` again and again, then `close`, whatever happened."""

    def __init__(self, broker: SiteBroker, topics: tuple[str, ...], *, clock: Clock, modern: bool) -> None:
        """`modern`: speak MQTT 5, else 3.1.1."""
        self._broker: Final = broker
        self._topics = topics
        self._clock = clock
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._modern = modern
        self._inbox: deque[Delivery] = deque(maxlen=INBOX)
        self._dialled = self._answered = False
        self._subscribed = False
        self._ended: str | None = None
        self._given_up = threading.Event()
        self._moved_s = time.monotonic()

    @property
    def was_misunderstood(self) -> bool:
        """Whether the broker hung up without a word, or named the version: it may not know this one."""
        return self._dialled and not self._answered

    def open(self, stop: threading.Event) -> None:
        """Return when the broker has taken the subscriptions, or `stop` is set; LinkLost."""
        self._prepare()
        self._dial(stop)
        end_s = time.monotonic() + ANSWER_S
        while not self._subscribed and not stop.is_set():
            self._turn()
            if time.monotonic() > end_s:
                raise LinkLost(f"{self._where} accepts connections and does not answer: is that an MQTT broker?")

    def take(self) -> list[Delivery]:
        """Return what came, after waiting LOOK_S at most; LinkLost."""
        if not self._inbox:
            self._turn()
        taken = list(self._inbox)
        self._inbox.clear()
        return taken

    def ask(self, question: Message) -> None:
        """Publish a question to the plug; nobody is told when it does not arrive."""
        self._client.publish(question.topic, question.payload, qos=0)

    def close(self) -> None:
        """Hang up."""
        self._given_up.set()
        self._hang_up()

    def _prepare(self) -> None:
        client, broker = self._client, self._broker
        client.connect_timeout = ANSWER_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password())
        if broker.tls:
            client.tls_set_context(broker.tls_context())

    def _dial(self, stop: threading.Event) -> None:
        """Connect in a thread that may be left behind: looking up a name can take long, and a stop may not."""
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=self._connect, args=(outcome,), name="dial", daemon=True).start()
        end_s = time.monotonic() + DIAL_S
        while not stop.is_set():
            try:
                problem = outcome.get(timeout=LOOK_S)
            except queue.Empty:
                if time.monotonic() < end_s:
                    continue
                problem = TimeoutError(f"nothing happened for {DIAL_S:g} s")
            if problem is not None:
                raise LinkLost(_why_unreached(problem, self._where)) from problem
            self._dialled = True
            return

    def _connect(self, outcome: "queue.SimpleQueue[BaseException | None]") -> None:
        properties = None
        if self._modern:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST_PACKET
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, properties=properties)
        except (OSError, ValueError) as error:  # ValueError: a host name that is none, a certificate for another host
            outcome.put(error)
        else:
            outcome.put(None)
        if self._given_up.is_set():
            self._hang_up()

    def _turn(self) -> None:
        """Wait for the socket, LOOK_S at most, and let paho read, write and ping."""
        try:
            code = self._serve()
        except BROKEN_PROTOCOL as error:
            raise LinkLost(f"{self._where} sent bytes that are no MQTT ({error!r}): is that a broker?") from error
        if self._ended is not None:
            raise LinkLost(self._ended)
        if code:
            raise LinkLost(f"the connection to {self._where} was lost ({MQTTErrorCode(code).name})")
        still_s = STILL_KEEPALIVES * max(KEEPALIVE_S, self._client.keepalive)
        if time.monotonic() - self._moved_s > still_s:
            raise LinkLost(f"nothing moved on the connection to {self._where} for {still_s} s")

    def _serve(self) -> int:
        client, link = self._client, self._client.socket()
        if link is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        pending = isinstance(link, ssl.SSLSocket) and link.pending() > 0  # select cannot see what TLS has read ahead
        writers = [link] if client.want_write() else []
        readable, writable = wait_ready([link], writers, 0 if pending else LOOK_S)
        code = 0
        if readable or pending:
            self._moved_s = time.monotonic()
            code = client.loop_read()
        if writable and not code:
            code = client.loop_write()
        return code or client.loop_misc()

    @property
    def _where(self) -> str:
        return f"the broker at {self._broker.host}:{self._broker.port}"

    def _hang_up(self) -> None:
        client = self._client
        client.on_connect = client.on_subscribe = client.on_message = client.on_disconnect = None
        link = client.socket()
        client.disconnect()
        if link is not None:
            link.close()

    # Callbacks: they enqueue, and nothing in them may raise

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._answered = str(reason) != "Unsupported protocol version"
        if reason.is_failure:
            self._ended = f"{self._where} refused the connection ({reason}): check user, password_file and client_id"
        else:
            client.subscribe([(topic, 0) for topic in self._topics])

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            self._ended = f"{self._where} does not let this user read {refused[0]}: grant it in its access list"
        self._subscribed = True

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # none of ours
        self._inbox.append(Delivery(self._clock.now(), Message(topic, bytes(message.payload), bool(message.retain))))

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._ended is None:
            why = "" if str(reason) == "Unspecified error" else f" ({reason})"
            self._ended = f"{self._where} ended the connection{why}: does it run, and is client_id used only once?"


def _why_unreached(error: BaseException, where: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not trusted ({error.verify_message}): check ca_file, host and the clock"
    if isinstance(error, ssl.SSLError):
        return f"{where} does not speak TLS here ({error.reason or error}): check port and tls"
    return f"{where} cannot be reached ({clean_text(str(error), 120)}): check host, port and network"
