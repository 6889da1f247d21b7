"""A simulated DL/T 645-2007 meter: data identifiers, filled with what the load draws now. Pure.

A single-phase DIN-rail meter with the identifiers that such meters have; any other is refused with error 02, no such
data. The counter shows steps of 0.01 kWh and goes from 999999.99 back to 0, as eight digits do.
"""

from collections.abc import Callable, Mapping

from agent.watchers.dlt645_frame import (
    ANY_ADDRESS,
    READ_ADDRESS,
    READ_DATA,
    WAKE,
    Address,
    Data,
    ReadAddress,
    ReadData,
    Refusal,
    encode,
    scan,
)

ADDRESS = "000000000161"
NEXT_ADDRESS = "000000000162"

OTHER_ERROR, NO_SUCH_DATA = 0x01, 0x02

WH_PER_DIGIT = 10
DIGITS_OF_COUNTER = 10**8
MOST_SIGNED_DIGITS = 799_999

VOLTS, FACTOR, HERTZ = 230.2, 0.95, 50.0

Question = ReadData | ReadAddress


class Dlt645Meter:
    """One such meter. Its answers go with four FE before them, as those of many do."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._address = address

    def questions(self, heard: bytes) -> list[bytes]:
        """Return the questions in what was heard that are for this meter."""
        asked = [frame for frame in scan(heard) if isinstance(frame, Question)]
        return [encode(question) for question in asked if question.address in (self._address, ANY_ADDRESS)]

    def answer(self, question: bytes, *, power_mw: int, counter_wh: int) -> bytes:
        """Return what the meter says to a question of `questions`."""
        [asked] = scan(question)
        assert isinstance(asked, Question)
        return bytes((WAKE,)) * 4 + encode(answer(asked, self._address, power_mw=power_mw, counter_wh=counter_wh))

    @property
    def faults(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """What can go wrong in this dialect."""
        return {"wrong-address": _from_next_address, "refused": _refused, "followed": _followed}


def answer(question: Question, address: str, *, power_mw: int, counter_wh: int) -> Data | Address | Refusal:
    """Return the answer of the meter at `address` to a question that is for it."""
    if isinstance(question, ReadAddress):
        return Address(address)
    payload = _measured(power_mw / 1000, counter_wh).get(question.identifier)
    if payload is None:
        return Refusal(address, READ_DATA, NO_SUCH_DATA)
    return Data(address, question.identifier, payload)


def _measured(watts: float, counter_wh: int) -> dict[int, bytes]:
    power = _signed(watts * 10, 3)
    counter = _digits(counter_wh // WH_PER_DIGIT % DIGITS_OF_COUNTER, 4)
    return {
        0x00000000: counter,  # forward and reverse together
        0x00010000: counter,  # forward
        0x00020000: _digits(0, 4),  # reverse
        0x02010100: _digits(round(VOLTS * 10), 2),
        0x02020100: _signed(watts / FACTOR / VOLTS * 1000, 3),
        0x02030000: power,
        0x02030100: power,  # of phase A, the only one
        0x02060000: _digits(round(FACTOR * 1000), 2),
        0x02800002: _digits(round(HERTZ * 100), 2),
    }


def _from_next_address(reply: bytes) -> bytes:
    [frame] = scan(reply)
    assert isinstance(frame, Data | Address | Refusal)
    return encode(frame._replace(address=NEXT_ADDRESS))


def _refused(reply: bytes) -> bytes:
    [frame] = scan(reply)
    return encode(Refusal(frame.address, READ_DATA if isinstance(frame, Data) else READ_ADDRESS, OTHER_ERROR))


def _followed(reply: bytes) -> bytes:
    """Return a reply that claims that more is to follow, which the answer with a single value never does."""
    [frame] = scan(reply)
    return encode(frame._replace(followed=True)) if isinstance(frame, Data) else reply


def _digits(number: int, length: int) -> bytes:
    """Return a number as BCD, low byte first."""
    return bytes.fromhex(f"{number:0{2 * length}d}")[::-1]


def _signed(number: float, length: int) -> bytes:
    """Return a number as BCD whose topmost bit is its sign; what is too large stays at the largest."""
    raw = bytearray(_digits(min(round(abs(number)), MOST_SIGNED_DIGITS), length))
    raw[-1] |= 0x80 if number < 0 else 0
    return bytes(raw)
