"""What a card reader says: frames, damaged frames, and a card that lies there."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.card_frame import FORMATS, Cut, Failed, FormatName, Reader, cut

# Sources: RDM6300 and typo, hobbycomponents forum p7544; binary, neweggbusiness 9b-0yh-046v-00015; the tag of the
# Seeed 125 kHz module's data sheet (113020002), whose XOR it states; CR as Priority 1 Design's WIE232-A sends it.
RDM6300 = bytes.fromhex("02 31 30 30 30 38 36 46 34 34 34 32 36 03")
TYPO = bytes.fromhex("02 31 30 30 30 32 36 46 34 34 34 32 36 03")
BINARY = bytes.fromhex("02 0A 02 06 00 8E 6D 5D B0 03")
SEEED = b"\x0262E3086CED08\x03"

INTACT: list[tuple[FormatName, bytes, str]] = [
    ("rdm6300", RDM6300, "100086F444"),
    ("em4100-ascii", RDM6300, "100086F444"),
    ("em4100-ascii", SEEED, "62E3086CED"),
    ("em4100-ascii", b"\x0262e3086ced08\r\n\x03", "62E3086CED"),
    ("em4100-ascii", b"\x0262E3086CED08\r\x03", "62E3086CED"),
    ("em4100-bin", BINARY, "06008E6D5D"),
    ("wiegand26", b"86F444\r", "86F444"),
    ("wiegand26", b"134,62532\r\n", "86F444"),
    ("wiegand26", b"1,7\n", "010007"),
    ("wiegand26", b"100001101111010001000100\r\n", "86F444"),
    ("wiegand26", b"11000011011110100010001000\r\n", "86F444"),
    ("wiegand26", b"030DE888\r\n", "86F444"),
    ("wiegand24", b"0086F444\r\n", "86F444"),
    ("wiegand24", b"11000011011110100010001000\r\n", "86F444"),
]


@pytest.mark.parametrize(("form", "frame", "number"), INTACT)
def test_an_intact_frame_is_the_cards_number(form: FormatName, frame: bytes, number: str) -> None:
    assert cut(frame, form).found == [number]


@pytest.mark.parametrize(
    ("form", "frame", "check"),
    [
        ("rdm6300", TYPO, "checksum"),
        ("em4100-ascii", TYPO, "checksum"),
        ("em4100-bin", BINARY.replace(b"\x5d", b"\x5c"), "checksum"),
        ("wiegand26", b"01000011011110100010001000\r\n", "parity"),
        ("wiegand26", b"11000011011110100010001001\r\n", "parity"),
        ("wiegand26", b"0086F444\r\n", "parity"),
        ("wiegand26", b"F30DE889\r\n", "form"),
        ("wiegand26", b"300,1\r\n", "form"),
        ("wiegand26", b"1,65536\r\n", "form"),
        ("wiegand26", b"hello\r\n", "form"),
        ("wiegand26", b"\xff\xfe,\xb2\r\n", "form"),
        ("wiegand26", b"0" * 200 + b"86F444\r\n", "form"),
    ],
)
def test_a_damaged_frame_is_no_card(form: FormatName, frame: bytes, check: str) -> None:
    assert cut(frame, form).found == [Failed(check)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "noise"),
    [
        ("rdm6300", b""),
        ("rdm6300", RDM6300[:-1]),
        ("rdm6300", b"\x0262E3086CED08\r\n\x03"),
        ("rdm6300", b"\x02100086G44426\x03"),
        ("em4100-bin", BINARY[:-1] + b"\x04"),
        ("em4100-bin", RDM6300),
        ("wiegand26", b"\r\n\r\n \r\n"),
        ("wiegand26", b"86F444"),
    ],
)
def test_what_is_no_frame_is_nothing(form: FormatName, noise: bytes) -> None:
    assert cut(noise, form).found == []


@pytest.mark.parametrize(("form", "frame", "number"), INTACT)
@given(noise=st.binary(max_size=40), splits=st.lists(st.integers(0, 60), max_size=4))
def test_a_frame_is_found_after_noise_however_it_is_cut_up(
    form: FormatName, frame: bytes, number: str, noise: bytes, splits: list[int]
) -> None:
    received = noise + (b"\r" if form.startswith("wiegand") else b"") + frame
    bounds = [0, *sorted(splits), len(received)]
    found, rest = [], b""
    for start, end in pairwise(bounds):
        one = cut(rest + received[start:end], form)
        found += one.found
        rest = one.rest
    assert found[-1] == number


@pytest.mark.parametrize("form", FORMATS)
@given(received=st.binary(max_size=300))
def test_no_bytes_raise_and_little_of_them_is_kept(form: FormatName, received: bytes) -> None:
    assert isinstance(cut(received, form), Cut)
    assert len(cut(received, form).rest) <= 65


@given(card=st.integers(0, 2**24 - 1), flipped=st.integers(0, 25))
def test_a_flipped_bit_of_the_26_is_always_seen(card: int, flipped: int) -> None:
    body = f"{card:024b}"
    bits = f"{body[:12].count('1') % 2}{body}{1 - body[12:].count('1') % 2}"
    assert cut(f"{bits}\r".encode(), "wiegand26").found == [f"{card:06X}"]
    damaged = bits[:flipped] + "10"[int(bits[flipped])] + bits[flipped + 1 :]
    assert cut(f"{damaged}\r".encode(), "wiegand26").found == [Failed("parity")]


# Who was presented when


def test_a_card_that_lies_there_is_presented_once_and_again_after_it_was_away() -> None:
    reader = Reader("rdm6300")
    assert reader.hear(1000, RDM6300) == ["100086F444"]
    for now_ms in range(1050, 9000, 50):
        assert reader.hear(now_ms, RDM6300) == []
    assert reader.hear(9950, RDM6300) == []
    assert reader.hear(10_951, RDM6300) == ["100086F444"]


def test_two_cards_on_the_reader_are_two_presentations_though_it_reads_them_in_turn() -> None:
    reader = Reader("rdm6300")
    heard = [number for now_ms in range(0, 3000, 100) for number in reader.hear(now_ms, RDM6300 + SEEED)]
    assert heard == ["100086F444", "62E3086CED"]


def test_half_a_frame_is_not_completed_by_what_comes_a_second_later() -> None:
    reader = Reader("wiegand26")
    assert reader.hear(0, b"86F4") == []
    assert reader.hear(1001, b"86F444\r") == ["86F444"]


@pytest.mark.parametrize(
    ("form", "bad", "says"),
    [
        ("rdm6300", TYPO, "3 frames in a row with a wrong checksum: hold the card still"),
        ("wiegand26", b"0086F444\r", "3 lines in a row with a wrong parity bit: check the wiring, or try format wieg"),
        ("wiegand26", b"hello\r", "3 lines in a row that are none of wiegand26"),
    ],
)
def test_damage_that_lasts_is_told_without_what_was_received(form: FormatName, bad: bytes, says: str) -> None:
    reader = Reader(form)
    for now_ms in (0, 50):
        assert reader.hear(now_ms, bad) == []
        assert reader.trouble == ""
    reader.hear(100, bad)
    assert reader.trouble.startswith(says)
    assert "86F444" not in reader.trouble
    reader.hear(150, {"rdm6300": RDM6300, "wiegand26": b"86F444\r"}[form])
    assert reader.trouble == ""


def test_noise_that_lasts_is_told_and_forgotten_after_ten_quiet_seconds() -> None:
    reader = Reader("rdm6300")
    for now_ms in range(0, 2000, 100):
        reader.hear(now_ms, b"\xf0\x3c" * 6)
    assert reader.trouble == ("240 bytes and no card among them: check baudrate, and if the reader speaks rdm6300")
    reader.hear(11_901, b"")
    assert reader.trouble == ""


def test_more_cards_than_a_person_has_are_trouble_and_no_presentations() -> None:
    reader = Reader("wiegand26")
    presented = [number for card in range(20) for number in reader.hear(card * 10, b"%06X\r" % card)]
    assert len(presented) == 8
    assert reader.trouble.startswith("more than 8 cards within a second")
