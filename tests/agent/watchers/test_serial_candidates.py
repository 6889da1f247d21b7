"""Which port is tried next: only what is named, what is new first, what hung last."""

from pathlib import Path

import pytest
import serial.tools.list_ports
from serial.tools.list_ports_common import ListPortInfo

from agent.watchers.serial_candidates import Search, Where, present_ports, why_none

PORTS = ["USB0", "USB1", "USB2"]


def visit_all(search: Search, present: list[str], times: int) -> list[str]:
    visited = []
    for _ in range(times):
        visited.append(search.choose(present))
        search.failed(visited[-1], "silent")
    return visited


def test_candidates_are_tried_in_order_round_after_round() -> None:
    assert visit_all(Search(Where(("USB*",))), PORTS, 6) == PORTS * 2


def test_the_search_begins_where_it_was_last() -> None:
    assert visit_all(Search(Where(("USB*",), last="USB2")), PORTS, 3) == ["USB2", "USB0", "USB1"]


def test_a_port_at_which_a_child_got_stuck_comes_last() -> None:
    assert visit_all(Search(Where(("USB*",), hung="USB0")), PORTS, 3) == ["USB1", "USB2", "USB0"]


def test_a_port_that_has_just_appeared_does_not_wait_its_turn() -> None:
    search = Search(Where(("USB*",)))
    visit_all(search, PORTS, 4)
    assert search.choose([*PORTS, "USB9"]) == "USB9"


def test_a_port_that_went_and_came_back_counts_as_new() -> None:
    search = Search(Where(("USB*",)))
    visit_all(search, PORTS, 3)
    search.choose(["USB0", "USB1"])
    assert search.choose(PORTS) == "USB2"


def test_after_a_find_the_next_search_begins_there() -> None:
    search = Search(Where(("USB*",)))
    visit_all(search, PORTS, 2)
    search.found("USB2")
    assert visit_all(search, PORTS, 3) == ["USB2", "USB0", "USB1"]


def test_the_reasons_are_told_once_each_port_was_tried() -> None:
    search = Search(Where(("USB*",)))
    search.failed("USB0", "USB0 is in use")
    assert search.summary(["USB0", "USB1"]) is None
    search.failed("USB1", "USB1: no answer")
    assert search.summary(["USB0", "USB1"]) == (
        "it answers at none of the ports that it may be at: USB0 is in use; USB1: no answer"
    )


def test_patterns_find_what_is_there_and_plain_names_stand_for_themselves(tmp_path: Path) -> None:
    for name in ("ttyUSB1", "ttyUSB0", "ttyACM0", "ttyS0"):
        (tmp_path / name).touch()
    where = Where((f"{tmp_path}/ttyUSB*", f"{tmp_path}/ttyACM*", f"{tmp_path}/ttyUSB0", f"{tmp_path}/gone"))
    assert [Path(name).name for name in present_ports(where)] == ["ttyUSB0", "ttyUSB1", "ttyACM0", "gone"]


@pytest.mark.parametrize(
    ("names", "only"),
    [
        (("/dev/ttyUSB0",), "/dev/ttyUSB0"),
        (("socket://10.0.0.9:4001",), "socket://10.0.0.9:4001"),
        (("rfc2217://[fe80::1]:4001",), "rfc2217://[fe80::1]:4001"),
        (("/dev/ttyUSB*",), ""),
        (("COM3", "COM4"), ""),
    ],
)
def test_one_plain_name_leaves_no_choice(names: tuple[str, ...], only: str) -> None:
    assert Where(names).only == only


def test_a_usb_serial_number_narrows_the_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ttyUSB0", "ttyUSB1"):
        (tmp_path / name).touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB1")
    ports = [ListPortInfo(str(tmp_path / name)) for name in ("ttyUSB0", "ttyUSB1")]
    ports[1].serial_number = "AB12"
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: ports)
    assert present_ports(Where((f"{tmp_path}/ttyUSB*",), "AB12")) == [str(tmp_path / "ttyUSB1")]
    assert present_ports(Where((str(tmp_path / "by-id"),), "AB12")) == [str(tmp_path / "by-id")]
    assert present_ports(Where((str(tmp_path / "ttyUSB0"),), "AB12")) == []


def test_what_is_missing_is_named() -> None:
    assert why_none(Where(("/dev/ttyUSB*", "COM3"))) == (
        "there is no port /dev/ttyUSB*, COM3: plug the adapter in, or correct `port`"
    )
    assert "no USB adapter with serial number AB12" in why_none(Where(("/dev/ttyUSB*",), "AB12"))
