"""The agent's link and the worker's receiver over TLS at the broker of deploy/: nothing stays in TLS's own buffer."""

import contextlib
import select
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.credentials import broker_context
from agent.exchange import Lost, Received
from agent.roads.link import Address
from agent.roads.mqtt import MqttLink
from collector.certificates.directory import worker_context
from collector.ingest.receiver import Place, Receiver
from protocol.topics import SHARDS, down_topic, up_topic
from tests.deploy.secured_broker import SecuredBroker

AGENT = "em-01"


@pytest.fixture(scope="module")
def broker() -> Iterator[SecuredBroker]:
    directory = Path(tempfile.mkdtemp(prefix="jishi-tls-", dir="/tmp"))
    directory.chmod(0o755)
    made = SecuredBroker(directory)
    made.make_authorities()
    made.certify(AGENT)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(directory)


def _link(broker: SecuredBroker, agent_id: str, *, port: int = 0) -> MqttLink:
    tls = partial(broker_context, broker.state_dir(agent_id))
    return MqttLink(agent_id, Address("localhost", port or broker.port), clock=SystemClock(), epoch=1, tls=tls)


def _serve(link: MqttLink, *, until: type, times: int = 1) -> list[object]:
    """Drive the link as the uplink does, by its socket alone, until so many events of a kind have come."""
    seen: list[object] = _take(link)
    deadline = time.monotonic() + 15
    while sum(isinstance(event, until) for event in seen) < times:
        assert time.monotonic() < deadline, seen[-3:]
        readable = select.select([link.socket], [link.socket] if link.wants_write else [], [], 5.0)[0]
        link.serve(read=bool(readable), write=True)
        seen += _take(link)
    return seen


def _take(link: MqttLink) -> list[object]:
    taken = list(link.events)
    link.events.clear()
    return list(taken)


@contextlib.contextmanager
def broker_of_few_words(context: ssl.SSLContext, *topics: str) -> Iterator[int]:
    """Lets a client in and, with its word on the subscription, sends a message on each topic: one TLS record in all.

    A real broker does so behind a proxy that gathers what it passes on.
    """
    published = b"".join(
        _packet(0x30, len(t).to_bytes(2, "big") + t.encode() + b"%d" % n) for n, t in enumerate(topics)
    )
    heard_all = threading.Event()

    def talk() -> None:
        raw, _ = listening.accept()
        with context.wrap_socket(raw, server_side=True) as peer:
            peer.recv(4096)
            peer.sendall(_packet(0x20, b"\0\0"))
            subscribe = peer.recv(4096)
            at = 2 if subscribe[1] < 0x80 else 3
            filters = subscribe.count(b"jishi/v1/")
            peer.sendall(_packet(0x90, subscribe[at : at + 2] + b"\1" * filters) + published)
            heard_all.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk)
        thread.start()
        yield listening.getsockname()[1]
        heard_all.set()
        thread.join()


def _published(topic: str, payload: bytes) -> bytes:
    return _packet(0x30, len(topic).to_bytes(2, "big") + topic.encode() + payload)


def _packet(kind: int, body: bytes) -> bytes:
    length = [len(body)] if len(body) < 128 else [len(body) % 128 | 128, len(body) // 128]
    return bytes([kind, *length]) + body


def test_an_agent_reads_all_of_what_came_in_one_record(broker: SecuredBroker) -> None:
    with broker_of_few_words(broker.own_context(), *[down_topic(AGENT)] * 5) as port:
        link = _link(broker, AGENT, port=port)
        link.connect()
        received = [event for event in _serve(link, until=Received, times=5) if isinstance(event, Received)]
        assert [event.raw for event in received] == [b"0", b"1", b"2", b"3", b"4"]
        link.close()


def test_a_worker_reads_all_of_what_came_in_one_record(broker: SecuredBroker) -> None:
    with broker_of_few_words(broker.own_context(), *[up_topic(AGENT)] * 5) as port:
        receiver = Receiver("localhost", port, tls=worker_context(broker.data_dir))
        receiver.listen(Place(1, "jishi-ingest/0", frozenset(range(SHARDS))))
        received: list[bytes] = []
        deadline = time.monotonic() + 15
        while len(received) < 5:
            assert time.monotonic() < deadline, received
            received += [message.payload for message in receiver.poll(timeout_s=5.0, read=True)]
        assert received == [b"0", b"1", b"2", b"3", b"4"]
        receiver.close()


def _reason_of_loss(link: MqttLink) -> str:
    link.connect()
    (lost,) = (event for event in _serve(link, until=Lost) if isinstance(event, Lost))
    return lost.reason


def test_a_refused_certificate_is_named_as_the_reason(broker: SecuredBroker) -> None:
    serial = broker.certify("em-02")
    broker.revoke([serial])
    for _ in range(10):
        # The end of the connection mostly overtakes the broker's alert; then this is what can be said.
        reason = _reason_of_loss(_link(broker, "em-02"))
        assert "certificate revoked" in reason or "most likely refused this agent's certificate" in reason


def test_a_missing_certificate_is_named_with_the_remedy(broker: SecuredBroker) -> None:
    link = _link(broker, "em-03")
    link.connect()
    (lost,) = link.events
    assert isinstance(lost, Lost)
    assert "get a certificate with jishi-agent renew" in lost.reason
