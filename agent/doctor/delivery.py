"""The way to the collector over the broker, tried once: connect, subscribe, say hello, hear the welcome.

Only while no agent runs here: the broker ends the older of two sessions with one name. The hello carries the
checkpoint that was signed last, so that nothing new is ever signed by the doctor. MQTT 5 is tried first, because only
there a broker says that it denies a publish; with MQTT 3.1.1, and with some brokers, only the missing answer tells.
"""

import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from agent import marks
from agent.conversation import AGAIN
from agent.credentials import broker_context
from agent.doctor.case import Case
from agent.doctor.machine import judge_clock
from agent.errors import NotEnrolledError
from agent.finding import Finding
from agent.identity import Broker, Identity
from agent.slots import BLOCK_BYTES, read_newest
from protocol.errors import ForeignBytesError
from protocol.leaves import Ask
from protocol.merkle import EMPTY_FRONTIER
from protocol.message import Hello, Refusal, Welcome, pack, parse_down
from protocol.note import Checkpoint, sign_checkpoint
from protocol.topics import down_topic, up_topic

CONNECT_PATIENCE_S = 5.0
ANSWER_PATIENCE_S = 10.0
LOOK_S = 0.1

BROKER, DELIVERY = "broker", "delivery"


def missing_answers(agent_id: str) -> str:
    """The remedy where the broker takes everything and nothing comes back."""
    return (
        "the broker may throw away what it must not take, without a word: have its access rules checked, "
        f"{up_topic(agent_id)} to be written and {down_topic(agent_id)} to be read by this agent; and have the "
        "collector's operator see that jishi-collector ingest runs"
    )


def greet(who: Identity, case: Case, *, patience_s: float = ANSWER_PATIENCE_S) -> Iterator[Finding]:
    """Connect, say hello, and judge what comes back."""
    broker, agent_id = who.enrolment.broker, who.enrolment.agent_id
    try:
        tls = broker_context(case.configuration.state_dir) if broker.tls else None
        session = _connect(broker, agent_id, tls)
    except NotEnrolledError as problem:
        yield Finding(BROKER, "fail", str(problem), "a certificate for the broker", "jishi-agent renew")
        return
    except OSError as problem:
        yield judge_unreachable(broker, problem)
        return
    try:
        refusal = session.why_refused(broker)
        if refusal is not None:
            yield refusal
            return
        yield Finding(BROKER, "ok", f"{broker.host}:{broker.port} takes the connection")
        yield from _say_hello(session, who, case=case, patience_s=patience_s)
    finally:
        session.end()


def judge_unreachable(broker: Broker, problem: OSError) -> Finding:
    """Say why there is no connection to a broker."""
    where, expected = f"{broker.host}:{broker.port}", "an MQTT broker"
    if isinstance(problem, ssl.SSLError):
        remedy = "have the collector's operator see that this is the broker's TLS port, and whose certificate it has"
        return Finding(BROKER, "fail", f"{where} is not the collector's broker ({problem})", expected, remedy)
    if isinstance(problem, socket.gaierror):
        remedy = "see that this machine's name service works; the collector's operator sets the broker's name"
        return Finding(BROKER, "fail", f"no machine has the name {broker.host} ({problem.strerror})", expected, remedy)
    if isinstance(problem, ConnectionRefusedError):
        remedy = "ask the collector's operator whether the broker runs, and at which port"
        return Finding(BROKER, "fail", f"nothing listens at {where}", expected, remedy)
    remedy = f"see that no firewall stands between this machine and {where}, and that the broker runs"
    return Finding(BROKER, "fail", f"{where} cannot be reached ({problem})", expected, remedy)


def judge_silence(broker: Broker) -> Finding:
    """Say what it may mean that the broker ends the connection, or says nothing on it."""
    where = f"{broker.host}:{broker.port}"
    if broker.tls:
        found, expected = f"{where} does not let this agent's certificate in", "a connection"
        remedy = "it was revoked, or replaced: run jishi-agent renew; where that is refused, jishi-agent enroll --again"
        return Finding(BROKER, "fail", found, expected, remedy)
    remedy = "have the collector's operator see that this is the broker's port, and one without TLS"
    return Finding(BROKER, "fail", f"{where} does not speak MQTT", "an MQTT broker", remedy)


def judge_answer(answer: Welcome | Refusal, *, signed_size: int) -> Finding:
    """Say what the collector's answer to the hello means."""
    if isinstance(answer, Refusal):
        found, expected = f"the collector refuses: {answer.code} {answer.detail}".rstrip(), "a welcome"
        if answer.code == "busy":
            return Finding(DELIVERY, "warn", found, expected, "it asks to wait; the agent does so by itself")
        if answer.code in ("unknown-key", "revoked", "fork"):
            return Finding(DELIVERY, "fail", found, expected, AGAIN)
        return Finding(DELIVERY, "fail", found, expected, "tell the collector's operator what it says")
    if answer.held > signed_size:
        found = f"the collector holds {answer.held} entries, and this journal never had more than {signed_size} signed"
        remedy = f"it was put back to an older copy, or another machine uses a copy of it: {AGAIN}"
        return Finding(DELIVERY, "fail", found, "a journal that is ahead of the collector", remedy)
    found = f"the collector answers; it holds {answer.held} of the {signed_size} entries that were signed"
    return Finding(DELIVERY, "ok", found)


class Session:
    """One connection of one client, driven by whoever waits for something."""

    def __init__(
        self, broker: Broker, agent_id: str, protocol: MQTTProtocolVersion, *, tls: ssl.SSLContext | None
    ) -> None:
        self.admitted: Any = None  # the broker's word on the connection, on the subscription, on the publish
        self.subscribed: Any = None
        self.published: Any = None
        self.answers: list[bytes] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=agent_id, protocol=protocol, reconnect_on_failure=False
        )
        self._client.connect_timeout = CONNECT_PATIENCE_S
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port, keepalive=30)

    def wait(self, what: Callable[[], object], patience_s: float) -> bool:
        """Drive the connection until `what` holds, the connection ends, or the patience does."""
        end_s = time.monotonic() + patience_s
        while not what() and time.monotonic() < end_s:
            if self._client.loop(LOOK_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        return bool(what())

    def why_refused(self, broker: Broker) -> Finding | None:
        """Wait for the broker's word on the connection; a finding where it does not admit."""
        where = f"{broker.host}:{broker.port}"
        if not self.wait(lambda: self.admitted, CONNECT_PATIENCE_S):
            return judge_silence(broker)
        if self.admitted.is_failure:
            remedy = "have the broker's operator admit this agent (its name, user or certificate)"
            return Finding(BROKER, "fail", f"{where} refuses the agent ({self.admitted})", "a connection", remedy)
        return None

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def end(self) -> None:
        """Leave the broker, and close the socket whatever it says."""
        link = self._client.socket()
        self._client.disconnect()
        if link is not None:
            link.close()

    def _on_connect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.admitted = reason

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self.subscribed = reasons[0]

    def _on_publish(self, _client: Client, _userdata: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self.published = reason

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.answers.append(bytes(message.payload))


def _connect(broker: Broker, agent_id: str, tls: ssl.SSLContext | None) -> Session:
    """Connect with MQTT 5, and where that is not understood with 3.1.1; OSError."""
    session = Session(broker, agent_id, MQTTProtocolVersion.MQTTv5, tls=tls)
    session.wait(lambda: session.admitted, CONNECT_PATIENCE_S)
    if session.admitted is not None and "protocol version" not in str(session.admitted).lower():
        return session
    session.end()
    return Session(broker, agent_id, MQTTProtocolVersion.MQTTv311, tls=tls)


def _say_hello(session: Session, who: Identity, *, case: Case, patience_s: float) -> Iterator[Finding]:
    agent_id, nonce, (size, note) = who.enrolment.agent_id, secrets.token_hex(16), note_signed_last(who)
    session.subscribe(down_topic(agent_id))
    if not session.wait(lambda: session.subscribed, CONNECT_PATIENCE_S) or session.subscribed.is_failure:
        yield _denied("read", down_topic(agent_id), session.subscribed, agent_id=agent_id)
        return
    session.publish(up_topic(agent_id), pack(Hello(nonce, note)))
    session.wait(lambda: answer_to(nonce, session.answers) or _is_denied(session.published), patience_s)
    answer = answer_to(nonce, session.answers)
    if _is_denied(session.published):
        yield _denied("write", up_topic(agent_id), session.published, agent_id=agent_id)
    elif answer is None:
        found = f"the broker took the hello, and no answer came within {patience_s:g} s"
        yield Finding(DELIVERY, "fail", found, "a welcome", missing_answers(agent_id))
    else:
        yield judge_answer(answer, signed_size=size)
        if isinstance(answer, Welcome):
            yield judge_clock((case.clock.now().wall_ms - answer.time_ms) / 1000)


def note_signed_last(who: Identity) -> tuple[int, bytes]:
    """Size and note of the checkpoint that this agent signed last, signed once more: it says nothing new."""
    signed = marks.read_signed(read_newest(who.journal / "signed", slot_bytes=BLOCK_BYTES, count=2).value)
    root = signed.root if signed.size else EMPTY_FRONTIER.root()
    return signed.size, sign_checkpoint(Checkpoint(who.enrolment.origin, signed.size, root), who.key)


def _denied(what: str, topic: str, word: Any, *, agent_id: str) -> Finding:
    found = f"the broker does not let the agent {what} {topic} ({word or 'it does not answer'})"
    return Finding(DELIVERY, "fail", found, f"leave to {what} it", missing_answers(agent_id))


def _is_denied(word: Any) -> bool:
    return word is not None and word.is_failure


def answer_to(nonce: str, heard: list[bytes]) -> Welcome | Refusal | None:
    """The first answer to this hello among what was heard; receipts, and answers to others, are passed over."""
    for raw in heard:
        try:
            message = parse_down(raw)
        except ForeignBytesError:
            continue
        if isinstance(message, Ask):
            return Refusal("suspect", 0, "it asks which entries this log has: what it holds is another history", None)
        if isinstance(message, Refusal) or (isinstance(message, Welcome) and message.nonce == nonce):
            return message
    return None
