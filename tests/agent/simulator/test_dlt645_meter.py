"""The simulated DL/T 645 meter: its identifiers, its counter, its sign, its faults."""

import pytest

from agent.simulator.dlt645_meter import ADDRESS, NEXT_ADDRESS, Dlt645Meter, answer
from agent.watchers.dlt645_frame import (
    Address,
    Data,
    ReadAddress,
    ReadData,
    Refusal,
    decimal,
    encode,
    parse,
    scan,
    signed_decimal,
)


def shown(identifier: int, *, watts: int = 900, counter_wh: int = 1_649) -> int:
    answered = answer(ReadData(ADDRESS, identifier), ADDRESS, power_mw=watts * 1000, counter_wh=counter_wh)
    assert isinstance(answered, Data)
    assert answered[:2] == (ADDRESS, identifier)
    return (decimal if identifier < 0x02000000 else signed_decimal)(answered.payload)


@pytest.mark.parametrize(
    ("identifier", "digits"),
    [
        (0x02030000, 9_000),  # 0.9000 kW
        (0x02030100, 9_000),
        (0x00010000, 164),  # 1.64 kWh
        (0x00000000, 164),
        (0x00020000, 0),
        (0x02010100, 2_302),  # 230.2 V
        (0x02020100, 4_115),  # 4.115 A
        (0x02060000, 950),
        (0x02800002, 5_000),
    ],
)
def test_measured_values_are_digits_behind_identifiers(identifier: int, digits: int) -> None:
    assert shown(identifier) == digits


def test_power_that_flows_back_has_the_sign_bit() -> None:
    assert shown(0x02030000, watts=-1_234) == -12_340


def test_power_beyond_its_digits_stays_at_the_largest() -> None:
    assert shown(0x02030000, watts=90_000) == 799_999


def test_the_counter_rolls_over_after_its_last_digit() -> None:
    counted = [shown(0x00010000, counter_wh=wh) for wh in (999_999_990, 999_999_999, 1_000_000_000, 1_000_000_010)]
    assert counted == [99_999_999, 99_999_999, 0, 1]


def test_what_the_meter_does_not_have_is_refused() -> None:
    asked = ReadData(ADDRESS, 0x02020200)
    assert answer(asked, ADDRESS, power_mw=0, counter_wh=0) == Refusal(ADDRESS, 0x11, 0x02)


def test_only_questions_for_it_or_for_any_meter_are_taken() -> None:
    asked = [ReadData(NEXT_ADDRESS, 0x02030000), ReadData(ADDRESS, 0x02030000), ReadAddress()]
    heard = b"\xfe" * 4 + b"".join(encode(each) for each in asked)
    assert Dlt645Meter().questions(heard) == [encode(each) for each in asked[1:]]


def test_the_address_is_told_to_whoever_asks_any_meter() -> None:
    raw = Dlt645Meter().answer(encode(ReadAddress()), power_mw=0, counter_wh=0)
    assert raw.startswith(b"\xfe" * 4)
    assert parse(raw) == Address(ADDRESS)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong-address", Data(NEXT_ADDRESS, 0x02030000, b"\0\x90\0")),
        ("refused", Refusal(ADDRESS, 0x11, 0x01)),
        ("followed", Data(ADDRESS, 0x02030000, b"\0\x90\0", followed=True)),
    ],
)
def test_its_own_faults(fault: str, said: object) -> None:
    meter = Dlt645Meter()
    reply = meter.answer(encode(ReadData(ADDRESS, 0x02030000)), power_mw=900_000, counter_wh=0)
    assert scan(meter.faults[fault](reply)) == [said]
