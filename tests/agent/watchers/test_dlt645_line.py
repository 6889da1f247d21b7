"""One DL/T 645 meter on one line: a late answer never becomes a value, and each trouble has its word."""

import time
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.watchers import dlt645_line
from agent.watchers.dlt645_frame import ANY_ADDRESS, Address, Data, ReadAddress, ReadData, Refusal, encode, parse
from agent.watchers.dlt645_line import ENERGY, MARKERS, POWER, Line
from agent.watchers.dlt645_timing import Timing
from agent.watchers.dlt645_trouble import FLOOD_BYTES
from agent.watchers.serial_port import NoReading
from tests.agent.watchers.fake_port import FakePort, FakeTime

METER, NEIGHBOUR = "000000000161", "000000000162"
TIMING = Timing(timeout_s=0.5, wakes=4, baudrate=9600)
WAIT_S = TIMING.wait_s
POWER_MW, ENERGY_MWH = 1_234_500, 123_456_780_000
POWER_ANSWER = Data(METER, POWER, bytes.fromhex("45 23 01"))
ENERGY_ANSWER = Data(METER, ENERGY, bytes.fromhex("78 56 34 12"))


Question = ReadData | ReadAddress
Meter = Callable[[Question], list[tuple[float, bytes]]]


def port_of(clock: FakeTime, meter: Meter) -> FakePort[Question]:
    return FakePort(clock, meter, parse=question_in)


def question_in(raw: bytes) -> Question:
    question = parse(raw)
    assert isinstance(question, Question)
    return question


def right_answer(question: Question) -> bytes:
    match question:
        case ReadAddress():
            return encode(Address(METER))
        case ReadData(_, identifier) if identifier == POWER:
            return encode(POWER_ANSWER)
        case ReadData(_, identifier) if identifier == ENERGY:
            return encode(ENERGY_ANSWER)
        case ReadData(_, identifier):
            return encode(Data(METER, identifier, b"\x00\x23"))
    raise AssertionError(question)


def good_meter(question: Question) -> list[tuple[float, bytes]]:
    return [(0.02, right_answer(question))]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(dlt645_line, "time", fake)
    assert time.monotonic() != fake.monotonic()
    return fake


def line_to(port: FakePort[Question], address: str = METER, timing: Timing = TIMING) -> Line:
    return Line(port, address=address, timing=timing)


def trouble_of(ask: Callable[[], int]) -> NoReading:
    with pytest.raises(NoReading) as caught:
        ask()
    return caught.value


def values_of(line: Line, clock: FakeTime, *, polls: int, between_s: float = 1.0) -> list[tuple[int, int]]:
    values = []
    for _ in range(polls):
        clock.now_s += between_s
        try:
            values.append((line.ask_power_mw(), line.ask_energy_mwh()))
        except NoReading:
            continue
    return values


def test_a_fresh_line_drains_marks_and_then_asks(clock: FakeTime) -> None:
    port = port_of(clock, good_meter)
    line = line_to(port)
    assert (line.ask_power_mw(), line.ask_energy_mwh()) == (POWER_MW, ENERGY_MWH)
    assert line.ask_power_mw() == POWER_MW
    assert port.asked == [ReadData(METER, each) for each in (MARKERS[2], POWER, ENERGY, POWER)]
    assert port.asked_at_s[0] - 100.0 >= WAIT_S


@pytest.mark.parametrize("wakes", [0, 1, 4])
def test_so_many_wake_bytes_go_before_a_question_as_are_wanted(clock: FakeTime, wakes: int) -> None:
    port = port_of(clock, good_meter)
    line_to(port, timing=TIMING._replace(wakes=wakes)).ask_power_mw()
    assert port.written[-1] == b"\xfe" * wakes + encode(ReadData(METER, POWER))


@pytest.mark.parametrize(
    ("payload", "power_mw"),
    [("00 00 00", 0), ("01 00 00", 100), ("45 23 81", -POWER_MW), ("99 99 79", 79_999_900)],
)
def test_power_has_four_decimals_of_a_kilowatt_and_a_sign(clock: FakeTime, payload: str, power_mw: int) -> None:
    answer = encode(POWER_ANSWER._replace(payload=bytes.fromhex(payload)))
    port = port_of(clock, lambda asked: [(0.0, answer)] if asked[1:] == (POWER,) else good_meter(asked))
    assert line_to(port).ask_power_mw() == power_mw


def test_energy_has_two_decimals_of_a_kilowatt_hour(clock: FakeTime) -> None:
    answer = encode(ENERGY_ANSWER._replace(payload=bytes.fromhex("99 99 99 99")))
    port = port_of(clock, lambda asked: [(0.0, answer)] if asked[1:] == (ENERGY,) else good_meter(asked))
    line = line_to(port)
    line.ask_power_mw()
    assert line.ask_energy_mwh() == 999_999_990_000


# Late answers


class Mood(NamedTuple):
    """How a meter answers one question: after how long, and whether the answer arrives."""

    delay_s: float = 0.02
    outcome: str = "answered"  # or "refused" or "lost"


class NumberingMeter:
    """Answers in the order of the questions, each with how many of its kind were asked so far."""

    def __init__(self, clock: FakeTime, moods: Iterable[Mood]) -> None:
        self.moods = list(moods)
        self.questions = {POWER: 0, ENERGY: 0}
        self._clock = clock
        self._free_at_s = 0.0

    def __call__(self, question: Question) -> list[tuple[float, bytes]]:
        assert isinstance(question, ReadData)
        delay_s, outcome = self.moods.pop(0) if self.moods else Mood()
        number = self.questions[question.identifier] = self.questions.get(question.identifier, 0) + 1
        length = 4 if question.identifier == ENERGY else 3
        payload = bytes.fromhex(f"{number:0{2 * length}d}")[::-1]
        self._free_at_s = max(self._free_at_s, self._clock.now_s + delay_s)
        answer = {
            "answered": encode(Data(METER, question.identifier, payload)),
            "refused": encode(Refusal(METER, 0x11, 1)),
            "lost": b"",
        }[outcome]
        return [(self._free_at_s - self._clock.now_s, answer)]


def each_value_answers_the_last_question(meter: NumberingMeter, line: Line, clock: FakeTime, *, polls: int) -> int:
    """Poll, and assert that no value is the answer to an older question than the last; return how many there were."""
    count = 0
    for _ in range(polls):
        clock.now_s += 0.2
        try:
            assert line.ask_power_mw() == 100 * meter.questions[POWER]
            assert line.ask_energy_mwh() == 10_000 * meter.questions[ENERGY]
        except NoReading:
            continue
        count += 1
    return count


@pytest.mark.parametrize("late_s", [0.51, 0.6, 0.9, 1.1, 1.2, 1.7, 2.5, 4.0, 9.0])
@pytest.mark.parametrize("asked_before", [1, 2, 3, 4])
def test_an_answer_that_is_late_once_never_becomes_a_value(clock: FakeTime, late_s: float, asked_before: int) -> None:
    meter = NumberingMeter(clock, [Mood()] * asked_before + [Mood(late_s)])
    line = line_to(port_of(clock, meter))
    assert each_value_answers_the_last_question(meter, line, clock, polls=20) >= 8


@pytest.mark.parametrize("refused_after_s", [1.3, 1.4, 1.5, 1.6])
@pytest.mark.parametrize("next_after_s", [0.5, 0.7, 0.9])
def test_a_late_refusal_settles_nothing(clock: FakeTime, refused_after_s: float, next_after_s: float) -> None:
    """Else the answer to the marker, asked before it came, would be taken for the next power."""
    moods = [Mood(), Mood(), Mood(refused_after_s, "refused"), Mood(refused_after_s + next_after_s - 1.3)]
    meter = NumberingMeter(clock, moods)
    assert each_value_answers_the_last_question(meter, line_to(port_of(clock, meter)), clock, polls=20) >= 8


@pytest.mark.parametrize("late_s", [6.0, 6.5, 7.0, 7.5, 8.0])
def test_what_comes_after_all_markers_were_lost_is_no_value(clock: FakeTime, late_s: float) -> None:
    meter = NumberingMeter(clock, [Mood(), Mood(late_s), *[Mood(0.0, "lost")] * 4])
    assert each_value_answers_the_last_question(meter, line_to(port_of(clock, meter)), clock, polls=20) >= 5


MOODS = st.lists(
    st.one_of(
        st.just(Mood()),
        st.builds(Mood, st.floats(0.3, 1.9), st.sampled_from(["answered", "answered", "refused", "lost"])),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(MOODS, st.floats(0.0, 1.9), MOODS)
def test_no_late_lost_or_refused_answers_ever_make_a_value_of_an_older_question(
    before: list[Mood], restarted_for_s: float, after: list[Mood]
) -> None:
    clock = FakeTime()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlt645_line, "time", clock)
        meter = NumberingMeter(clock, before)
        port = port_of(clock, meter)
        each_value_answers_the_last_question(meter, line_to(port), clock, polls=20)
        meter.moods = [Mood(restarted_for_s), *after]
        port.write(encode(ReadData(METER, POWER)))  # the child ended with this question on the way, and a new one began
        assert each_value_answers_the_last_question(meter, line_to(port), clock, polls=60) >= 5


@pytest.mark.parametrize("late_s", [0.65, 0.8, 1.1, 1.6])
def test_a_meter_that_is_always_late_gives_no_value_and_is_called_late(clock: FakeTime, late_s: float) -> None:
    line = line_to(port_of(clock, lambda question: [(late_s, right_answer(question))]))
    troubles = []
    for _ in range(40):
        troubles.append(trouble_of(line.ask_power_mw))
        clock.now_s += 1.0
    assert {trouble.word for trouble in troubles[3:]} == {"late"}, "told once, not in turns with silence"
    assert str(troubles[-1]).startswith(f"meter {METER} answers only after the time-out of 0.5 s (within ")


def test_a_meter_that_was_late_and_is_gone_becomes_silent(clock: FakeTime) -> None:
    port = port_of(clock, lambda question: [(0.8, right_answer(question))])
    line = line_to(port)
    words = [trouble_of(line.ask_power_mw).word for _ in range(5)]
    assert words[-1] == "late"
    port.meter = lambda question: []
    words = [trouble_of(line.ask_power_mw).word for _ in range(20)]
    assert words[-8:] == ["silent"] * 8


def test_what_lay_in_the_buffer_before_the_question_is_no_answer(clock: FakeTime) -> None:
    """Another master asked the same meter."""
    port = port_of(clock, good_meter)
    line = line_to(port)
    line.ask_power_mw()
    port.hear(encode(POWER_ANSWER._replace(payload=b"\0\0\0")))
    assert line.ask_power_mw() == POWER_MW


def test_after_a_time_out_another_identifier_is_asked_before_the_same_one_again(clock: FakeTime) -> None:
    port = port_of(clock, good_meter)
    line = line_to(port)
    line.ask_power_mw()
    port.meter = lambda question: []
    assert trouble_of(line.ask_power_mw).word == "silent"
    timed_out_at_s = clock.now_s
    port.meter = good_meter
    assert line.ask_power_mw() == POWER_MW
    assert port.asked[-2:] == [ReadData(METER, ENERGY), ReadData(METER, POWER)]
    assert port.asked_at_s[-2] - timed_out_at_s >= WAIT_S


def test_a_meter_that_was_away_for_long_is_read_again_after_a_silence(clock: FakeTime) -> None:
    port = port_of(clock, lambda question: [])
    line = line_to(port)
    words = {trouble_of(line.ask_power_mw).word for _ in range(12)}
    assert words == {"silent"}
    port.meter = good_meter
    assert len(values_of(line, clock, polls=3)) >= 2


def test_a_meter_that_knows_nothing_but_power_and_energy_is_read(clock: FakeTime) -> None:
    def plain(question: Question) -> list[tuple[float, bytes]]:
        known = isinstance(question, ReadData) and question.identifier in (POWER, ENERGY)
        return [(0.02, right_answer(question) if known else encode(Refusal(METER, 0x11, 2)))]

    line = line_to(port_of(clock, plain))
    assert values_of(line, clock, polls=9)[-5:] == [(POWER_MW, ENERGY_MWH)] * 5


# Whose answer


def test_noise_echo_and_wake_bytes_around_an_answer_do_no_harm(clock: FakeTime) -> None:
    def chatty(question: Question) -> list[tuple[float, bytes]]:
        return [(0.02, b"\x00\x68" + encode(question)), (0.03, b"\xfe" * 4 + right_answer(question))]

    assert values_of(line_to(port_of(clock, chatty)), clock, polls=3) == [(POWER_MW, ENERGY_MWH)] * 3


def test_the_answers_of_a_neighbour_on_the_line_are_passed_over(clock: FakeTime) -> None:
    neighbour = encode(Data(NEIGHBOUR, POWER, b"\x99\x99\x09"))
    port = port_of(clock, lambda question: [(0.01, neighbour), *good_meter(question)])
    assert line_to(port).ask_power_mw() == POWER_MW


def test_a_meter_alone_on_its_line_tells_its_address(clock: FakeTime) -> None:
    port = port_of(clock, good_meter)
    line = line_to(port, "")
    assert line.ask_power_mw() == POWER_MW
    assert line.address == METER
    assert port.asked[0] == ReadAddress(ANY_ADDRESS)
    assert {question.address for question in port.asked[1:]} == {METER}


def test_two_meters_are_not_taken_for_one(clock: FakeTime) -> None:
    both = encode(Address(NEIGHBOUR)) + encode(Address(METER))
    line = line_to(port_of(clock, lambda question: [(0.02, both)]), "")
    trouble = trouble_of(line.ask_power_mw)
    assert trouble.word == "foreign"
    assert str(trouble).startswith(f"meters {METER} and {NEIGHBOUR} answer: set `address`")


def test_where_two_answers_collide_the_remedy_is_an_address(clock: FakeTime) -> None:
    collided = bytes(a & b for a, b in zip(encode(Address(NEIGHBOUR)), encode(Address(METER)), strict=True))
    line = line_to(port_of(clock, lambda question: [(0.02, collided)]), "")
    trouble = trouble_of(line.ask_power_mw)
    assert trouble.word == "garbage"
    assert "where several meters are on the line, set `address`" in str(trouble)


def test_a_meter_that_was_exchanged_is_looked_for_again(clock: FakeTime) -> None:
    port = port_of(clock, good_meter)
    line = line_to(port, "")
    line.ask_power_mw()

    def exchanged(question: Question) -> list[tuple[float, bytes]]:
        if isinstance(question, ReadAddress):
            return [(0.02, encode(Address(NEIGHBOUR)))]
        mine = question.address == NEIGHBOUR
        return [(0.02, encode(Data(NEIGHBOUR, question.identifier, bytes(4))))] if mine else []

    port.meter = exchanged
    for _ in range(8):
        trouble_of(line.ask_power_mw)
        if line.address == NEIGHBOUR:
            break
    assert line.address == NEIGHBOUR


def test_the_meter_is_recognised_by_any_answer_of_its_own(clock: FakeTime) -> None:
    line_to(port_of(clock, good_meter)).recognise()
    line_to(port_of(clock, good_meter), "").recognise()
    line_to(port_of(clock, lambda question: [(0.02, encode(Refusal(METER, 0x11, 2)))])).recognise()
    for stranger in (b"", encode(Address(NEIGHBOUR)), b"\x01\x83\x02\xc0\xf1"):
        with pytest.raises(NoReading):
            line_to(port_of(clock, lambda question, raw=stranger: [(0.02, raw)])).recognise()  # type: ignore[misc]


# Trouble


@pytest.mark.parametrize(
    ("answer", "word", "says"),
    [
        (b"", "silent", f"no answer from meter {METER} within 0.5 s: check power, wiring (A/B), address"),
        (encode(ReadData(METER, POWER)), "silent", "only the echo of the question came back"),
        (b"\xfe" * 4, "silent", "no answer from meter"),
        (b"\x55\xaa\x00", "garbage", "no intact frame in 3 bytes (55 aa 00): check baudrate and parity"),
        (encode(ReadData(METER, POWER)) + b"\x55", "garbage", "no intact frame in 1 bytes (55)"),
        (encode(POWER_ANSWER)[:11], "garbage", "no intact frame in 11 bytes"),
        (b"\x68" * (FLOOD_BYTES + 1), "garbage", "a flood of bytes without an answer (68 68"),
        (
            encode(POWER_ANSWER._replace(address=NEIGHBOUR)),
            "foreign",
            f"meter {NEIGHBOUR} answered though meter {METER} was asked: set the address",
        ),
        (encode(ReadData(NEIGHBOUR, POWER)), "foreign", "only frames that nobody here asked for were heard"),
        (bytes.fromhex("68 99 99 99 99 99 99 68 08 00 6E 16"), "foreign", "end the other master on the line"),
        (encode(Refusal(METER, 0x11, 2)), "refused", "the meter refused 02030000: it has no such data"),
        (encode(POWER_ANSWER._replace(payload=b"\xff\xff\xff")), "absurd", "7f ff ff where decimal digits belong"),
        (encode(POWER_ANSWER._replace(payload=b"\0\0")), "garbage", "answered 02030000 with 2 bytes instead of 3"),
        (encode(POWER_ANSWER._replace(followed=True)), "garbage", "with 3 bytes of several parts instead of 3"),
    ],
)
def test_each_trouble_has_its_word_and_remedy(clock: FakeTime, answer: bytes, word: str, says: str) -> None:
    port = port_of(clock, good_meter)
    line = line_to(port)
    line.ask_power_mw()
    port.meter = lambda question: [(0.02, answer)]
    trouble = trouble_of(line.ask_power_mw)
    assert trouble.word == word
    assert says in str(trouble)
    port.meter = good_meter
    assert line.ask_power_mw() == POWER_MW


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=10), st.integers(0, 1000))
def test_whatever_else_is_on_the_line_only_the_meters_own_numbers_become_values(noises: list[bytes], seed: int) -> None:
    clock = FakeTime()
    chance = Random(seed)

    def noisy(question: Question) -> list[tuple[float, bytes]]:
        raw = bytearray(right_answer(question))
        if chance.random() < 0.3:
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        noise = chance.choice(noises) if noises else b""
        return [(chance.choice([0.0, 0.3, 0.7]), noise + bytes(raw) + noise)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlt645_line, "time", clock)
        line = line_to(port_of(clock, noisy))
        assert set(values_of(line, clock, polls=15)) <= {(POWER_MW, ENERGY_MWH)}
