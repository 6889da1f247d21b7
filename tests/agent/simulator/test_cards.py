"""The simulated card reader: its frames are those of the formats, and a card lies there for as long as it should."""

from collections.abc import Callable
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


def listen(reader: PtyReader, until: Callable[[bytes], bool]) -> bytes:
    heard = b""
    with serial.Serial(reader.path, timeout=5) as port:
        while not until(heard):
            heard += port.read(1)
    return heard


def test_a_card_that_lies_there_is_repeated() -> None:
    with serving(PtyReader()) as reader:
        reader.present(CARD, for_s=10)
        heard = listen(reader, lambda heard: len(heard) >= 3 * 14)
    assert cut(heard, "rdm6300").found == [CARD] * 3


def test_other_readers_say_a_card_once() -> None:
    with serving(PtyReader("wiegand26")) as reader:
        reader.present("86F444", for_s=0.1)
        reader.present("010007", for_s=10)
        heard = listen(reader, lambda heard: heard.count(b"\n") == 2)
    assert heard == b"86F444\r\n010007\r\n"


def test_a_damaged_checksum_is_one() -> None:
    with serving(PtyReader()) as reader:
        reader.fault = "checksum"
        reader.present(CARD, for_s=10)
        heard = listen(reader, lambda heard: len(heard) >= 14)
    assert cut(heard, "rdm6300").found == [Failed("checksum")]
