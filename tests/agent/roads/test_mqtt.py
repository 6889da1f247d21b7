"""The MQTT road against a peer that says as little as possible; a real broker is met in test_uplink_broker.py."""

import select
import socket
from collections.abc import Callable, Iterator

import pytest

from agent.exchange import Connected, Lost
from agent.roads.link import Address
from agent.roads.mqtt import KEEPALIVE_S, STILL_MS, MqttLink
from tests.agent.manual_clock import ManualClock


class Peer:
    """Takes a connection and a subscription, and then falls silent, as a link does whose other half is gone."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connection: socket.socket | None = None
        self.heard = b""

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def answer(self) -> None:
        """Read what came, and answer CONNECT and SUBSCRIBE once each."""
        if self.connection is None:
            self.connection, _ = self.listener.accept()
        while select.select([self.connection], [], [], 0.05)[0]:
            packet = self.connection.recv(4096)
            self.heard += packet
            if packet[:1] == b"\x10":
                self.connection.sendall(b"\x20\x02\x00\x00")
            elif packet[:1] == b"\x82":
                self.connection.sendall(b"\x90\x03" + packet[2:4] + b"\x01")

    def close(self) -> None:
        self.listener.close()
        if self.connection is not None:
            self.connection.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def link(peer: Peer, clock: ManualClock) -> Iterator[MqttLink]:
    made = MqttLink("em-01", Address("127.0.0.1", peer.port), epoch=7, clock=clock)
    yield made
    made.close()


def serve_until(link: MqttLink, peer: Peer, done: Callable[[], bool]) -> None:
    for _ in range(200):
        peer.answer()
        here = link.socket
        readable = here is not None and bool(select.select([here], [], [], 0.05)[0])
        link.serve(read=readable, write=link.wants_write)
        if done():
            return
    raise AssertionError("it did not come true in time")


def connect(link: MqttLink, peer: Peer) -> None:
    link.connect()
    serve_until(link, peer, lambda: bool(link.events))
    assert list(link.events) == [Connected()]
    link.events.clear()


def test_the_client_id_names_the_epoch_so_that_clones_do_not_end_each_others_connection(
    link: MqttLink, peer: Peer
) -> None:
    connect(link, peer)
    assert b"\x00\x07em-01-7" in peer.heard


def test_three_keepalives_without_a_word_from_the_broker_end_the_connection(
    link: MqttLink, peer: Peer, clock: ManualClock
) -> None:
    connect(link, peer)
    assert STILL_MS == 3 * KEEPALIVE_S * 1000
    clock.advance(STILL_MS)
    link.serve(read=False, write=False)
    assert not link.events
    clock.advance(1)
    link.serve(read=False, write=False)
    assert list(link.events) == [Lost("nothing came from the broker for 90 s")]
    assert link.socket is None


def test_any_word_from_the_broker_starts_the_three_keepalives_anew(
    link: MqttLink, peer: Peer, clock: ManualClock
) -> None:
    connect(link, peer)
    clock.advance(STILL_MS)
    assert peer.connection is not None
    peer.connection.sendall(b"\xd0\x00")
    assert select.select([link.socket], [], [], 5)[0]
    link.serve(read=True, write=False)
    clock.advance(STILL_MS)
    link.serve(read=False, write=False)
    assert not link.events
