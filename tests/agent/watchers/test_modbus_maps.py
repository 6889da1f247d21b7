"""Registers become power and energy, or are called absurd."""

import struct

import pytest

from agent.watchers.modbus_maps import (
    BUILT_IN,
    SDM120,
    AbsurdValue,
    Register,
    RegisterMap,
    decode_energy_mwh,
    decode_power_mw,
    decode_serial_number,
)


def meter(format: str, *, unit: str = "W", word_order: str = "high-first", scale: float = 1.0) -> RegisterMap:  # noqa: A002
    return RegisterMap("own", Register(0, 3, format, unit, word_order, scale), None, 1_000_000)


@pytest.mark.parametrize(
    ("own", "payload", "power_mw"),
    [
        (meter("float32"), "43 66 33 33", 230_200),
        (meter("float32"), "43 66 33 34", 230_200),
        (meter("float32"), "00 00 00 00", 0),
        (meter("float32"), "C3 66 00 00", -230_000),
        (meter("float32", unit="kW"), "3F 94 2C 3D", 1_157_600),
        (meter("float32", word_order="low-first"), "33 33 43 66", 230_200),
        (meter("float32", scale=0.1), "45 89 08 00", 438_500),
        (meter("uint16"), "00 FA", 250_000),
        (meter("int16"), "FF FF", -1000),
        (meter("int32", scale=0.01), "FF FF FF 9C", -1000),
        (meter("uint32", word_order="low-first", scale=0.1), "86 A0 00 01", 10_000_000),
        (meter("uint32", scale=0.1), "00 00 0B 19", 284_100),
    ],
)
def test_each_format_gives_milliwatts(own: RegisterMap, payload: str, power_mw: int) -> None:
    assert decode_power_mw(own, bytes.fromhex(payload)) == power_mw


@pytest.mark.parametrize(
    ("name", "power", "energy", "power_mw", "energy_mwh"),
    [
        ("sdm120", "44 9A 50 00", "3F D2 B0 21", 1_234_500, 1_646_000),
        ("sdm230", "44 9A 50 00", "3F D2 B0 21", 1_234_500, 1_646_000),
        ("sdm630", "44 9A 50 00", "3F D2 B0 21", 1_234_500, 1_646_000),
        ("pzem-016", "0B 19 00 00", "02 37 00 00", 284_100, 567_000),  # the specification's example
        ("pzem-016", "86 A0 00 01", "42 3F 00 0F", 10_000_000, 999_999_000),  # above 65 535: the low word comes first
        ("dtsu666", "45 89 08 00", "3F D2 B0 21", 438_500, 1_646_000),  # 4385.0 is ten times the watts
    ],
)
def test_each_built_in_map_reads_its_meters_registers(
    name: str, power: str, energy: str, power_mw: int, energy_mwh: int
) -> None:
    meter = BUILT_IN[name]
    assert meter.name == name
    assert meter.energy is not None
    assert decode_power_mw(meter, bytes.fromhex(power)) == power_mw
    assert decode_energy_mwh(meter, meter.energy, bytes.fromhex(energy)) == energy_mwh


@pytest.mark.parametrize(
    ("name", "power", "energy", "serial"),
    [
        ("sdm120", (4, 0x000C), (4, 0x0156), (3, 0xFC00)),
        ("sdm230", (4, 0x000C), (4, 0x0156), (3, 0xFC00)),
        ("sdm630", (4, 0x0034), (4, 0x0156), (3, 0xFC00)),
        ("pzem-016", (4, 0x0003), (4, 0x0005), None),
        ("dtsu666", (3, 0x2012), (3, 0x401E), None),
    ],
)
def test_each_built_in_map_asks_where_its_source_says(
    name: str, power: tuple[int, int], energy: tuple[int, int], serial: tuple[int, int] | None
) -> None:
    meter = BUILT_IN[name]
    assert meter.energy is not None
    assert (meter.power.function, meter.power.register) == power
    assert (meter.energy.function, meter.energy.register) == energy
    assert (meter.serial and (meter.serial.function, meter.serial.register)) == serial
    assert {meter.power.length, meter.energy.length} == {2}


def test_no_built_in_map_is_left_untried() -> None:
    assert set(BUILT_IN) == {"sdm120", "sdm230", "sdm630", "pzem-016", "dtsu666"}


def test_a_serial_number_is_what_is_printed_on_the_meter() -> None:
    assert decode_serial_number(bytes.fromhex("01 34 B5 C2")) == "20231618"


@pytest.mark.parametrize("watt_hours", [0, 1, 567, 1646, 123_456, 9_999_999])
def test_a_counter_in_steps_of_a_watt_hour_comes_out_in_such_steps(watt_hours: int) -> None:
    assert SDM120.energy is not None
    payload = struct.pack(">f", watt_hours / 1000)
    assert decode_energy_mwh(SDM120, SDM120.energy, payload) == watt_hours * 1000


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("7F C0 00 00", "nan in register 0x000c (bytes 7f c0 00 00) is no measurement"),
        ("7F 80 00 00", "inf"),
        ("33 33 43 66", "check format and word_order"),  # 230.2 with its words swapped
        ("00 00 44 61", "check format and word_order"),
        ("60 00 44 5D", "is more than a meter of map sdm120 can measure (15000 W)"),
        ("46 6A 64 00", "15001 W in register 0x000c"),
    ],
)
def test_absurd_power_is_refused_and_says_what_to_check(payload: str, says: str) -> None:
    with pytest.raises(AbsurdValue) as caught:
        decode_power_mw(SDM120, bytes.fromhex(payload))
    assert says in str(caught.value)


@pytest.mark.parametrize("payload", ["C3 66 00 00", "7E 96 76 99"])
def test_absurd_energy_is_refused_and_says_what_to_check(payload: str) -> None:
    assert SDM120.energy is not None
    with pytest.raises(AbsurdValue, match="no energy counter; check register, format"):
        decode_energy_mwh(SDM120, SDM120.energy, bytes.fromhex(payload))
