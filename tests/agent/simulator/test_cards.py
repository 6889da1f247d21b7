"""The simulated card reader: its frames are those of the formats, and a card lies there for as long as it should."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import get_args

import pytest
import serial

from agent.simulator.cards import PtyReader, frame
from agent.watchers.card_frame import Failed, FormatName, cut
from tests.agent.simulator.served import serving

CARD = "100086F444"


@pytest.mark.parametrize("form", get_args(FormatName))
def test_its_frames_are_understood(form: FormatName) -> None:
    number = CARD[-6:] if form.startswith("wiegand") else CARD
    assert cut(frame(number, form), form).found == [number]


def test_its_frame_is_the_captured_one() -> None:
    assert frame(CARD, "rdm6300") == bytes.fromhex("02 31 30 30 30 38 36 46 34 34 34 32 36 03")
    assert frame("06008E6D5D", "em4100-bin") == bytes.fromhex("02 0A 02 06 00 8E 6D 5D B0 03")


@pytest.mark.parametrize(("number", "form"), [("86F444", "rdm6300"), (CARD, "wiegand26"), ("hello", "rdm6300")])
def test_a_number_that_is_none_is_refused(number: str, form: FormatName) -> None:
    with pytest.raises(ValueError):
        frame(number, form)


@contextmanager
def listening(reader: PtyReader) -> Iterator[Callable[[int], bytes]]:
    """Hear so many bytes, or what came within 10 s. The port is open before a card comes: opening drops what waits."""
    with serving(reader), serial.Serial(reader.path, timeout=10) as port:
        yield port.read


def test_a_card_that_lies_there_is_repeated() -> None:
    reader = PtyReader()
    with listening(reader) as listen:
        reader.present(CARD, for_s=10)
        heard = listen(3 * 14)
    assert cut(heard, "rdm6300").found == [CARD] * 3


def test_other_readers_say_a_card_once() -> None:
    reader = PtyReader("wiegand26")
    with listening(reader) as listen:
        reader.present("86F444", for_s=0.1)
        reader.present("010007", for_s=10)
        heard = listen(16)
    assert heard == b"86F444\r\n010007\r\n"


def test_a_damaged_checksum_is_one() -> None:
    reader = PtyReader()
    with listening(reader) as listen:
        reader.fault = "checksum"
        reader.present(CARD, for_s=10)
        heard = listen(14)
    assert cut(heard, "rdm6300").found == [Failed("checksum")]
