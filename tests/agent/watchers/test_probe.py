"""Who answers at a port is found by asking, and nothing is made up where nobody does."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.errors import WatcherError
from agent.simulator.dlt645_meter import ADDRESS, NEXT_ADDRESS
from agent.watchers import dlt645_frame
from agent.watchers.modbus_frame import ReadRequest, Values, encode
from agent.watchers.modbus_maps import BUILT_IN
from agent.watchers.probe import COMMON_LINES, Reach, ask_dlt645, ask_modbus, probe
from agent.watchers.serial_port import LineSettings, open_port
from tests.agent.watchers.bench import Bench

LINE = LineSettings(9600, "N")
EVEN_LINE = LineSettings(9600, "E")
SOON_S = 0.05


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    plugged = []

    def at(meter: str, **more: object) -> Bench:
        plugged.append(Bench(tmp_path / "ttyUSB0", meter=meter))
        plugged[-1].plug(**more)  # type: ignore[arg-type]
        return plugged[-1]

    yield at
    for bench in plugged:
        bench.unplug()


@pytest.mark.parametrize("meter", sorted(BUILT_IN))
def test_each_built_in_meter_is_recognised(plug: Callable[..., Bench], meter: str) -> None:
    bench = plug(meter)
    [answer] = probe(str(bench.link), lines=[LINE], addresses=[1, 2], timeout_s=SOON_S)
    assert (answer.kind, answer.address, answer.line) == ("modbus-meter", "1", LINE)
    assert meter in answer.maps
    assert "885.5 W, 2354.25" in answer.detail


def test_maps_that_read_the_same_are_named_together_and_the_serial_number_is_told(plug: Callable[..., Bench]) -> None:
    [answer] = probe(str(plug("sdm120").link), lines=[LINE], addresses=[1], timeout_s=SOON_S)
    assert answer.detail == "sdm120 and sdm230: 885.5 W, 2354.257 kWh, serial number 20231618"


@pytest.mark.parametrize("fault", ["silent", "garbage", "half", "flood"])
def test_nothing_is_made_up_where_nobody_answers_well(plug: Callable[..., Bench], fault: str) -> None:
    assert probe(str(plug("sdm120", fault=fault).link), lines=[LINE], addresses=[1, 2], timeout_s=SOON_S) == []


@pytest.mark.parametrize("fault", ["noise", "echo"])
def test_noise_and_echoes_hide_nobody(plug: Callable[..., Bench], fault: str) -> None:
    [answer] = probe(str(plug("sdm120", fault=fault).link), lines=[LINE], addresses=[1, 2], timeout_s=SOON_S)
    assert "sdm120" in answer.maps


def test_a_meter_at_another_address_is_found_by_its_own(plug: Callable[..., Bench]) -> None:
    [answer] = probe(str(plug("sdm120", fault="wrong-address").link), lines=[LINE], addresses=[1], timeout_s=SOON_S)
    assert answer.address == "2"


def test_a_port_that_cannot_be_opened_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WatcherError, match=r"there is no port .*ttyNONE: plug the adapter in"):
        probe(str(tmp_path / "ttyNONE"))


def test_a_port_that_is_read_already_is_left_alone(plug: Callable[..., Bench]) -> None:
    link = str(plug("sdm120").link)
    with open_port(link, LINE), pytest.raises(WatcherError, match="is in use by another program"):
        probe(link, lines=[LINE])


class DeafPort:
    """A line on which a device answers to one question only; the adapter may echo."""

    def __init__(self, hears: bytes = b"", answers: bytes = b"", *, echoes: bool = False) -> None:
        self._hears, self._answers, self._echoes, self._coming = hears, answers, echoes, b""

    @property
    def in_waiting(self) -> int:
        return len(self._coming)

    def read(self, size: int, /) -> bytes:
        said, self._coming = self._coming[:size], self._coming[size:]
        return said

    def write(self, raw: bytes, /) -> int:
        self._coming += raw if self._echoes else b""
        self._coming += self._answers if raw == self._hears else b""
        return len(raw)

    def reset_input_buffer(self) -> None:
        self._coming = b""


def test_a_meter_that_only_knows_holding_registers_is_found_and_called_unknown() -> None:
    port = DeafPort(encode(ReadRequest(3, 3, 0x2012, 2)), encode(Values(3, 3, struct.pack(">f", 4385.0))))
    [answer] = ask_modbus(port, LINE, Reach((1, 2, 3), 0.01))
    assert (answer.address, answer.maps) == ("3", ())
    assert answer.detail.startswith("fits no built-in map (no answer from address 3")


def test_an_adapter_that_echoes_is_nobody() -> None:
    assert ask_modbus(DeafPort(echoes=True), LINE, Reach((1, 2, 3), 0.01)) == []


def test_the_common_speeds_are_tried_each_once_and_factory_settings_are_among_them() -> None:
    assert len(set(COMMON_LINES)) == len(COMMON_LINES)
    assert {(2400, "N"), (9600, "N"), (9600, "E"), (2400, "E")} <= {line[:2] for line in COMMON_LINES}


def test_a_dlt645_meter_tells_its_address_and_its_values(plug: Callable[..., Bench]) -> None:
    link = str(plug("dlt645").link)
    [answer] = probe(link, lines=[EVEN_LINE], addresses=[1], timeout_s=SOON_S)
    assert answer == ("dlt645-meter", ADDRESS, EVEN_LINE, (), "885.5 W, 2354.25 kWh")


@pytest.mark.parametrize("fault", ["silent", "garbage", "half", "flood"])
def test_no_dlt645_meter_is_made_up_where_none_answers_well(plug: Callable[..., Bench], fault: str) -> None:
    assert probe(str(plug("dlt645", fault=fault).link), lines=[EVEN_LINE], addresses=[1], timeout_s=SOON_S) == []


def test_two_dlt645_meters_whose_answers_do_not_collide_are_both_named() -> None:
    both = b"".join(dlt645_frame.encode(dlt645_frame.Address(each)) for each in (NEXT_ADDRESS, ADDRESS))
    port = DeafPort(b"\xfe" * 4 + dlt645_frame.encode(dlt645_frame.ReadAddress()), both)
    first, second = ask_dlt645(port, EVEN_LINE, Reach((), 0.01))
    assert (first.address, second.address) == (ADDRESS, NEXT_ADDRESS)
    assert first.detail.startswith(f"tells its address and no values (no answer from meter {ADDRESS}")


def test_a_dlt645_meter_is_only_looked_for_at_even_parity() -> None:
    port = DeafPort(b"\xfe" * 4 + dlt645_frame.encode(dlt645_frame.ReadAddress()), b"")
    port.write = lambda raw: pytest.fail("was asked")  # type: ignore[method-assign,assignment]
    assert ask_dlt645(port, LINE, Reach((), 0.01)) == []
