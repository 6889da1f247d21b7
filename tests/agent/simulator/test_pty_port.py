"""A simulated port is like a real one to its reader."""

from collections.abc import Iterator

import pytest
import serial

from agent.simulator.pty_port import PtyPort


@pytest.fixture
def port() -> Iterator[PtyPort]:
    port = PtyPort()
    yield port
    port.close()


def test_a_reader_with_even_parity_may_come_again_with_the_same_settings(port: PtyPort) -> None:
    for word in (b"once", b"again"):
        with serial.Serial(port.path, 9600, parity="E", exclusive=True) as reader:
            reader.write(word)
        assert port.hear(1) == word
