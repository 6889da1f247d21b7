"""Frames are found again whatever surrounds them, and nothing else is taken for one or for a number."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from agent.watchers.dlt645_frame import (
    ANY_ADDRESS,
    MOST_DATA_BYTES,
    Address,
    Data,
    Frame,
    NotDecimal,
    Other,
    ReadAddress,
    ReadData,
    Refusal,
    Sendable,
    decimal,
    encode,
    error_words,
    find_answer,
    parse,
    scan,
    signed_decimal,
)

METER = "000000000161"
ASK_POWER = ReadData(METER, 0x02030000)
POWER = Data(METER, 0x02030000, bytes.fromhex("45 23 01"))
POWER_RAW = bytes.fromhex("68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 34 9D 16")

# "published": the captures in hwhale.com/article/138066; "by hand": computed from 5.2 of the standard, sum and 33H.
GOLDEN: list[tuple[str, Frame, str]] = [
    ("68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16", ReadData(METER, 0x00010000), "published"),
    (
        "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
        Data(METER, 0x00010000, bytes.fromhex("26 00 00 00")),
        "published",
    ),
    ("FE FE FE FE 68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16", ReadData(METER, 0x02010100), "published"),
    (
        "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16",
        Data(METER, 0x02010100, bytes.fromhex("01 10")),
        "published",
    ),
    ("68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16", ASK_POWER, "by hand"),
    ("68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 34 9D 16", POWER, "by hand"),
    (
        "68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 B4 1D 16",
        Data(METER, 0x02030000, bytes.fromhex("45 23 81")),
        "by hand",
    ),
    (
        "68 61 01 00 00 00 00 68 B1 07 33 33 36 35 78 56 34 BD 16",
        Data(METER, 0x02030000, bytes.fromhex("45 23 01"), followed=True),
        "by hand",
    ),
    ("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16", ReadAddress(), "by hand"),
    ("68 61 01 00 00 00 00 68 93 06 94 34 33 33 33 33 5F 16", Address(METER), "by hand"),
    ("68 61 01 00 00 00 00 68 D1 01 35 39 16", Refusal(METER, 0x11, 2), "by hand"),
]


@pytest.mark.parametrize(("hexadecimal", "frame"), [(golden[0], golden[1]) for golden in GOLDEN])
def test_golden_frames_are_read_and_written(hexadecimal: str, frame: Sendable) -> None:
    raw = bytes.fromhex(hexadecimal)
    assert parse(raw) == frame
    assert type(parse(raw)) is type(frame)
    assert encode(frame) == raw.lstrip(b"\xfe")


@pytest.mark.parametrize(
    ("hexadecimal", "identifier", "value"),
    [
        ("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16", 0x00010000, 26),  # 0.26 kWh, published
        ("68 61 01 00 00 00 00 68 91 08 33 33 34 33 AB 89 67 45 78 16", 0x00010000, 12_345_678),  # 123456.78 kWh
        ("68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16", 0x02010100, 1001),  # 100.1 V, published
        ("68 61 01 00 00 00 00 68 91 06 33 34 34 35 35 56 24 16", 0x02010100, 2302),  # 230.2 V
        ("68 61 01 00 00 00 00 68 91 07 33 34 35 35 56 84 33 A8 16", 0x02020100, 5123),  # 5.123 A
        ("68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 34 9D 16", 0x02030000, 12_345),  # 1.2345 kW
        ("68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 B4 1D 16", 0x02030000, -12_345),  # -1.2345 kW
    ],
)
def test_golden_answers_say_their_values(hexadecimal: str, identifier: int, value: int) -> None:
    answer = find_answer(bytes.fromhex(hexadecimal), ReadData(METER, identifier))
    assert isinstance(answer, Data)
    assert signed_decimal(answer.payload) == value


def test_a_frame_with_a_wrong_sum_is_none() -> None:
    assert scan(bytes.fromhex("68 61 01 00 00 00 00 68 91 06 33 34 34 35 35 56 25 16")) == []


@pytest.mark.parametrize(
    "before",
    [
        "",
        "FE",
        "FE FE FE FE FE FE FE FE",
        "00 68 16",
        "68",
        "68 68 68 68 68 68 68 68 68",
        "68 61 01 00 00 00 00 68",
        "68 61 01 00 00 00 00 68 91 07 33 33 36 35 78",
        "68 61 01 00 00 00 00 68 91 C8",
        "68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16",
        "68 62 01 00 00 00 00 68 91 07 33 33 36 35 78 56 34 9E 16",
        "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
    ],
    ids=lambda before: before or "nothing",
)
@pytest.mark.parametrize("after", ["", "FE 68 16"])
def test_an_answer_is_found_behind_noise_echo_half_frames_and_the_answers_of_others(before: str, after: str) -> None:
    assert find_answer(bytes.fromhex(before) + POWER_RAW + bytes.fromhex(after), ASK_POWER) == POWER


def test_a_68_and_a_16_within_the_data_mean_nothing() -> None:
    inner = encode(Data(METER, 0x02030000, bytes.fromhex("99 99 09")))
    payload = bytes((byte - 0x33) & 0xFF for byte in inner)
    outer = Data(METER, 0x0200FF00, payload)
    assert inner in encode(outer)
    assert scan(encode(outer) + POWER_RAW) == [outer, POWER]
    marks = Data("686868686868", 0x35E33535, bytes.fromhex("35 E3 35 E3"))  # 68 and 16 on the wire
    assert encode(marks).count(0x68) == 8 + 5
    assert scan(b"\x68" + encode(marks) + POWER_RAW) == [marks, POWER]


@pytest.mark.parametrize(
    "other",
    [
        ASK_POWER,  # an echo
        POWER._replace(address="000000000162"),
        POWER._replace(identifier=0x02030100),
        Address(METER),
        Refusal(METER, 0x13, 2),
        Refusal("000000000162", 0x11, 2),
    ],
)
def test_what_does_not_fit_the_question_is_no_answer(other: Sendable) -> None:
    assert scan(encode(other)) == [other]
    assert find_answer(encode(other), ASK_POWER) is None
    assert find_answer(encode(other) + POWER_RAW, ASK_POWER) == POWER


@pytest.mark.parametrize(
    ("hexadecimal", "control"),
    [
        ("68 61 01 00 00 00 00 68 94 00 C6 16", 0x94),  # somebody wrote
        ("68 99 99 99 99 99 99 68 08 06 33 33 33 33 33 33 A6 16", 0x08),  # somebody set the clocks
        ("68 61 01 00 00 00 00 68 91 04 33 33 36 35 98 16", 0x91),  # an answer without anything in it
        ("68 61 01 00 00 00 00 68 93 06 95 34 33 33 33 33 60 16", 0x93),  # an address that is not the sender's
        ("68 6A 01 00 00 00 00 68 D1 01 35 42 16", 0xD1),  # a sender whose address is not decimal
    ],
)
def test_a_sound_frame_that_says_nothing_to_us_is_named_by_its_control_code(hexadecimal: str, control: int) -> None:
    frame = parse(bytes.fromhex(hexadecimal))
    assert isinstance(frame, Other)
    assert frame.control == control


def test_every_flipped_bit_makes_a_frame_none_or_leaves_it_as_it_was() -> None:
    for position in range(8 * len(POWER_RAW)):
        broken = bytearray(POWER_RAW)
        broken[position // 8] ^= 1 << position % 8
        assert find_answer(bytes(broken), ASK_POWER) is None


@pytest.mark.parametrize(("length", "count"), [(MOST_DATA_BYTES - 4, 1), (MOST_DATA_BYTES - 3, 0)])
def test_data_longer_than_the_standard_allows_is_no_frame(length: int, count: int) -> None:
    """Else a false beginning could wait for 255 bytes of what follows it."""
    assert len(scan(encode(Data(METER, 0x0001FF00, bytes(length))))) == count


def test_every_half_frame_is_none() -> None:
    for length in range(len(POWER_RAW)):
        assert scan(POWER_RAW[:length]) == []


@pytest.mark.parametrize(("payload", "value"), [("45 23 01", 12_345), ("00 00 00", 0), ("99 99 99", 999_999)])
def test_digits_are_read_low_byte_first(payload: str, value: int) -> None:
    assert decimal(bytes.fromhex(payload)) == value


@pytest.mark.parametrize(
    ("payload", "value"),
    [("45 23 01", 12_345), ("45 23 81", -12_345), ("99 99 79", 799_999), ("99 99 F9", -799_999), ("00 00 80", 0)],
)
def test_the_topmost_bit_is_the_sign_of_a_power(payload: str, value: int) -> None:
    assert signed_decimal(bytes.fromhex(payload)) == value


@pytest.mark.parametrize("payload", ["FF FF FF", "0A 00 00", "00 A0 00", "00 00 0F", "", "12 3B 01"])
def test_what_is_not_made_of_digits_is_no_value(payload: str) -> None:
    with pytest.raises(NotDecimal, match="where decimal digits belong"):
        decimal(bytes.fromhex(payload))


@pytest.mark.parametrize("payload", ["FF FF FF", "00 00 7A", "00 00 FA", "0A 00 80"])
def test_a_sign_does_not_make_digits_of_what_is_none(payload: str) -> None:
    with pytest.raises(NotDecimal):
        signed_decimal(bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0x02, "it has no such data"),
        (0x04, "wrong password, or not authorised"),
        (0x03, "other error, it has no such data"),
        (0x00, "no reason given"),
        (0x80, "reserved"),
    ],
)
def test_the_bits_of_an_error_have_words(error: int, words: str) -> None:
    assert error_words(error) == words


DIGITS = st.text("0123456789", min_size=12, max_size=12)
FRAMES: st.SearchStrategy[Sendable] = st.one_of(
    st.builds(ReadData, st.one_of(DIGITS, st.just(ANY_ADDRESS)), st.integers(0, 2**32 - 1)),
    st.just(ReadAddress()),
    st.builds(
        Data, DIGITS, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=MOST_DATA_BYTES - 4), st.booleans()
    ),
    st.builds(Address, DIGITS),
    st.builds(Refusal, DIGITS, st.sampled_from([0x11, 0x13]), st.integers(0, 255)),
)
NOISE = st.lists(st.one_of(st.integers(0, 255), st.sampled_from([0x68, 0x16, 0xFE])), max_size=60).map(bytes)


@settings(max_examples=200, deadline=None)
@given(FRAMES, st.integers(0, 9))
def test_what_is_written_is_read_again(frame: Sendable, wakes: int) -> None:
    assert parse(b"\xfe" * wakes + encode(frame)) == frame


@settings(max_examples=300, deadline=None)
@given(NOISE, FRAMES, NOISE)
@example(bytes.fromhex("68 68 68 68 68 68 68 68 16"), POWER, b"\x16")
def test_noise_around_a_frame_never_hides_it(before: bytes, frame: Sendable, after: bytes) -> None:
    assume(not scan(before + encode(frame)[:-1]))  # a frame by chance would swallow it
    assert frame in scan(before + encode(frame) + after)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), NOISE), st.lists(FRAMES, max_size=3))
def test_any_bytes_are_scanned_without_complaint_and_only_what_is_there_is_found(
    heard: bytes, frames: list[Sendable]
) -> None:
    heard += b"".join(encode(frame)[: len(encode(frame)) - n % 3] for n, frame in enumerate(frames))
    for found in scan(heard):
        assert isinstance(found, Other) or encode(found) in heard


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=8))
def test_a_number_says_exactly_the_digits_that_were_sent(payload: bytes) -> None:
    try:
        value = decimal(payload)
    except NotDecimal:
        assert any(byte & 0x0F > 9 or byte >> 4 > 9 for byte in payload)
    else:
        assert f"{value:0{2 * len(payload)}d}" == payload[::-1].hex()
