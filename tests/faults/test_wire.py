"""Packets come out of a stream whole, however it is cut, and go back as they were."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.wire import Packets, Published, acknowledge

PLAIN = bytes.fromhex("3007") + b"\0\3a/b" + b"xy"
AT_QOS_1 = bytes.fromhex("3209") + b"\0\3a/b" + b"\0\1" + b"xy"
CONNECT_5 = bytes.fromhex("100c") + b"\0\4MQTT\5\2\0\x3c" + b"\0\0"


def test_a_publish_is_taken_apart_and_put_together() -> None:
    packets = Packets()
    for packet, mid in ((PLAIN, 0), (AT_QOS_1, 1)):
        [whole] = packets.feed(packet)
        published = packets.open(whole)
        assert published is not None
        assert (published.topic, published.mid, published.payload) == ("a/b", mid, b"xy")
        assert published.pack() == packet
        assert packets.open(published.pack(b"z" * 300)).payload == b"z" * 300  # type: ignore[union-attr]


def test_an_acknowledgement_names_the_packet() -> None:
    assert acknowledge(Published(2, "a", 0x0102, b"\1\2", b"")) == bytes.fromhex("40020102")


def test_mqtt_5_puts_properties_before_the_payload() -> None:
    packets = Packets()
    packet = bytes.fromhex("300a") + b"\0\3a/b" + b"\2\1\0" + b"xy"
    _, published = (packets.open(whole) for whole in packets.feed(CONNECT_5 + packet))
    assert published is not None
    assert (published.payload, published.pack()) == (b"xy", packet)


@given(st.lists(st.sampled_from([PLAIN, AT_QOS_1, b"\xd0\0"]), max_size=8), st.lists(st.integers(0, 80)))
def test_pieces_of_any_size_give_the_same_packets(sent: list[bytes], cuts: list[int]) -> None:
    stream, packets = b"".join(sent), Packets()
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert [packet for piece in pieces for packet in packets.feed(piece)] == sent
