"""What the wire takes is added to what the meter may take."""

import pytest

from agent.watchers.dlt645_frame import Data, ReadData, encode
from agent.watchers.dlt645_timing import ANSWER_BYTES, QUESTION_BYTES, Timing


def test_bytes_are_counted_as_they_are_on_the_line() -> None:
    assert len(encode(ReadData("000000000161", 0x00010000))) == QUESTION_BYTES
    assert 4 + len(encode(Data("000000000161", 0x00010000, bytes(4)))) == ANSWER_BYTES


@pytest.mark.parametrize(("baudrate", "wire_s"), [(600, 0.807), (2400, 0.202), (9600, 0.050)])
def test_a_slow_line_is_waited_for_longer(baudrate: int, wire_s: float) -> None:
    timing = Timing(timeout_s=0.5, baudrate=baudrate)
    assert timing.wire_s == pytest.approx(wire_s, abs=0.001)
    assert timing.wait_s == pytest.approx(0.5 + wire_s, abs=0.001)


@pytest.mark.parametrize(("baudrate", "fits"), [(600, False), (1200, True), (2400, True), (9600, True)])
def test_a_poll_each_second_fits_on_the_wire_from_1200_baud_on(baudrate: int, fits: bool) -> None:
    assert (Timing(baudrate=baudrate).shortest_poll_s <= 1) == fits


def test_a_silence_is_never_shorter_than_two_seconds() -> None:
    assert Timing(timeout_s=0.1).silence_s == 2
    assert Timing(timeout_s=2, baudrate=9600).silence_s == pytest.approx(4.1, abs=0.01)
