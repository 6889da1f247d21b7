"""The MQTT side of a worker, against a real broker."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from paho.mqtt import publish

from collector.embedded.broker import EmbeddedBroker
from collector.ingest.backoff import FIRST_S, LASTED_S, LONGEST_S, Backoff
from collector.ingest.receiver import Place, Received, Receiver
from protocol.topics import shard_of, up_topic

EVERY_SHARD = frozenset(range(64))
HERE = Place(1, "jishi-ingest/0", EVERY_SHARD)


@pytest.fixture
def receiver(broker: EmbeddedBroker) -> Iterator[Receiver]:
    made = Receiver(broker.host, broker.port)
    yield made
    made.close()


def test_what_was_not_acknowledged_comes_again_over_the_next_connection(
    receiver: Receiver, broker: EmbeddedBroker
) -> None:
    _listen(receiver, HERE)
    _publish(broker, "em-01", b"kept", b"lost")
    kept, lost = _receive(receiver, 2)
    receiver.send(kept.connection_no, kept.mid, topic="", answer=None)
    receiver.poll(timeout_s=0.2, read=False)
    again = _receive(receiver, 1, _listen(receiver, HERE._replace(incarnation=2)))
    assert [message.payload for message in again] == [lost.payload]
    assert again[0].connection_no != lost.connection_no


def test_an_old_message_id_acknowledges_nothing_on_a_new_connection(receiver: Receiver, broker: EmbeddedBroker) -> None:
    _listen(receiver, HERE)
    _publish(broker, "em-01", b"one")
    [one] = _receive(receiver, 1)
    [again] = _receive(receiver, 1, _listen(receiver, HERE._replace(incarnation=2)))
    receiver.send(one.connection_no, again.mid, topic="", answer=None)
    receiver.poll(timeout_s=0.2, read=False)
    third = _receive(receiver, 1, _listen(receiver, HERE._replace(incarnation=3)))
    assert [message.payload for message in third] == [b"one"]


@pytest.mark.parametrize("incarnation", [1, 2])
def test_shards_that_are_somebody_elses_by_now_are_left(
    receiver: Receiver, broker: EmbeddedBroker, incarnation: int
) -> None:
    mine, theirs = "em-01", "em-03"
    assert shard_of(mine) != shard_of(theirs)
    _listen(receiver, HERE)
    _listen(receiver, Place(incarnation, HERE.session, frozenset({shard_of(mine)})))
    _publish(broker, theirs, b"theirs")
    _publish(broker, mine, b"mine")
    assert [message.payload for message in _receive(receiver, 1)] == [b"mine"]


def test_shards_come_and_go_over_the_same_connection(receiver: Receiver, broker: EmbeddedBroker) -> None:
    first, second = "em-01", "em-03"
    _listen(receiver, HERE._replace(shards=frozenset({shard_of(first)})))
    _publish(broker, first, b"before")
    [before] = _receive(receiver, 1)
    _listen(receiver, HERE._replace(shards=frozenset({shard_of(second)})))
    _publish(broker, second, b"after")
    [after] = _receive(receiver, 1)
    assert (before.connection_no, after.payload) == (after.connection_no, b"after")


def test_without_a_session_there_is_no_connection(receiver: Receiver) -> None:
    receiver.listen(Place(1, "", EVERY_SHARD))
    receiver.poll(timeout_s=0.1, read=True)
    assert not receiver.is_connected


def test_with_a_session_and_no_shard_it_is_connected_and_hears_nothing(
    receiver: Receiver, broker: EmbeddedBroker
) -> None:
    receiver.listen(HERE._replace(shards=frozenset()))
    _until(lambda: receiver.is_connected, receiver)
    assert not receiver.is_listening
    _publish(broker, "em-01", b"unheard")
    receiver.listen(HERE)
    assert _until(lambda: receiver.is_listening, receiver) == []


def test_a_broker_that_comes_back_is_found_again(free_port: int) -> None:
    broker = EmbeddedBroker(free_port)
    receiver = Receiver(broker.host, free_port)
    with broker:
        _listen(receiver, HERE)
    _until(lambda: not receiver.is_listening, receiver)
    with EmbeddedBroker(free_port) as again:
        _until(lambda: receiver.is_listening, receiver)
        _publish(again, "em-01", b"x")
        assert len(_receive(receiver, 1)) == 1
    receiver.close()


def test_waking_a_closed_receiver_is_harmless(receiver: Receiver) -> None:
    receiver.close()
    receiver.wake()


def test_the_waits_are_drawn_from_a_ceiling_that_doubles_and_begins_again_after_a_lasting_success() -> None:
    backoff = Backoff(draw=lambda: 0.5)
    waits = [backoff.failed(0.0) for _ in range(10)]
    assert waits[:3] == [FIRST_S / 2, FIRST_S, 2 * FIRST_S]
    assert waits[-1] == LONGEST_S / 2
    backoff.succeeded(100.0)
    assert backoff.failed(100.0 + LASTED_S - 1) == LONGEST_S / 2
    backoff.succeeded(200.0)
    assert backoff.failed(200.0 + LASTED_S) == FIRST_S / 2


def _listen(receiver: Receiver, place: Place) -> list[Received]:
    """Returns what came until the subscription was confirmed: a session's leftovers come before."""
    receiver.listen(place)
    return _until(lambda: receiver.is_listening, receiver)


def _publish(broker: EmbeddedBroker, agent_id: str, *payloads: bytes) -> None:
    for payload in payloads:
        publish.single(up_topic(agent_id), payload, qos=1, hostname=broker.host, port=broker.port)


def _receive(receiver: Receiver, count: int, so_far: Sequence[Received] = ()) -> list[Received]:
    received = list(so_far)
    deadline = time.monotonic() + 20
    while len(received) < count:
        assert time.monotonic() < deadline
        received += receiver.poll(timeout_s=0.2, read=True)
    return received


def _until(reached: Callable[[], bool], receiver: Receiver) -> list[Received]:
    received: list[Received] = []
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        received += receiver.poll(timeout_s=0.1, read=True)
    return received
