"""Where a serial watcher finds its port: among candidates, by what answers, and again wherever that reappears."""

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent.clock import Instant, SystemClock
from agent.reading import Channel, Sample
from agent.watchers import serial_watcher
from agent.watchers.modbus_meter import ModbusMeter, ModbusMeterSettings
from agent.watchers.serial_watcher import ChildLine, PortSettings, SerialWatcher
from agent.watchers.watcher import Fault, Seen
from tests.agent.watchers.bench import POWER_MW, Bench, Ears, listen
from tests.agent.watchers.device_server import DeviceServer


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Plugs a meter in at a name."""
    plugged = []

    def at(name: str, **more: Any) -> Bench:
        plugged.append(Bench(tmp_path / name))
        plugged[-1].plug(**more)
        return plugged[-1]

    yield at
    for bench in plugged:
        bench.unplug()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Ears]]:
    """Starts a meter's watcher with tmp_path/ttyUSB* as its candidates."""
    started = []

    def start(**settings: Any) -> Ears:
        given = {"name": "meter1", "kind": "modbus-meter", "port": [f"{tmp_path}/ttyUSB*"], "poll_s": 0.1}
        read = msgspec.convert({**given, "timeout_s": 0.1, **settings}, ModbusMeterSettings)
        started.append(Ears(ModbusMeter(read, SystemClock())))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


def child_of(ears: Ears) -> psutil.Process:
    children = psutil.Process().children()
    return next(child for child in children if "agent.watchers.modbus_port" in child.cmdline())


def port_of(ears: Ears) -> str:
    seen = [said for said in ears.said if isinstance(said, Seen)]
    return Path(str(dict(seen[-1].particulars)["port"])).name


def test_the_port_is_the_one_where_the_meter_answers(plug: Callable[..., Bench], watch: Callable[..., Ears]) -> None:
    plug("ttyUSB0", fault="wrong-address")
    plug("ttyUSB1", fault="silent")
    plug("ttyUSB2")
    ears = watch()
    assert ears.wait(Sample).value == POWER_MW
    assert port_of(ears) == "ttyUSB2"
    assert not [said for said in ears.said if isinstance(said, Fault)]


def test_a_meter_that_is_nowhere_is_told_with_the_reason_for_each_port(
    plug: Callable[..., Bench], watch: Callable[..., Ears]
) -> None:
    wrong = plug("ttyUSB0", fault="wrong-address")
    plug("ttyUSB1", fault="silent")
    ears = watch()
    told = ears.heard(Fault).reason
    assert told.startswith("unobserved because it answers at none of the ports that it may be at: ")
    assert "ttyUSB0: address 2 answered though address 1 was asked" in told
    assert "ttyUSB1: no answer from address 1 within 0.1 s" in told
    wrong.suffer(None)
    assert ears.wait(Sample).value == POWER_MW


def test_no_candidate_at_all_is_told(tmp_path: Path, watch: Callable[..., Ears]) -> None:
    assert watch().heard(Fault).reason == (
        f"unobserved because there is no port {tmp_path}/ttyUSB*: plug the adapter in, or correct `port`"
    )


def test_a_meter_that_reappears_at_another_name_is_back_within_five_seconds(
    plug: Callable[..., Bench], watch: Callable[..., Ears]
) -> None:
    plug("ttyUSB0", fault="silent")
    meter = plug("ttyUSB1")
    ears = watch()
    ears.wait(Sample)
    meter.unplug()
    assert "ttyUSB1 failed" in ears.heard(Fault).reason
    plug("ttyUSB7")
    plugged_s = time.monotonic()
    ears.wait(Sample)
    assert time.monotonic() - plugged_s < 5
    assert port_of(ears) == "ttyUSB7"


def test_a_meter_whose_cable_was_moved_to_another_adapter_is_found_there(
    plug: Callable[..., Bench], watch: Callable[..., Ears]
) -> None:
    before, after = plug("ttyUSB0"), plug("ttyUSB1", fault="silent")
    ears = watch()
    ears.wait(Sample)
    before.suffer("silent")
    after.suffer(None)
    ears.wait(Seen)
    assert port_of(ears) == "ttyUSB1"


def test_two_watchers_share_a_pattern_and_never_a_port(plug: Callable[..., Bench], watch: Callable[..., Ears]) -> None:
    plug("ttyUSB0")
    plug("ttyUSB1")
    first, second = watch(), watch(name="meter2")
    first.wait(Sample)
    second.wait(Sample)
    assert {port_of(first), port_of(second)} == {"ttyUSB0", "ttyUSB1"}


STUCK_CHILD = """
import time
from agent.watchers.serial_port import say, serve

class Observer:
    poll_s = 0.05

    def __init__(self, port):
        self.port = port

    def recognise(self):
        if "ttyUSB0" in self.port.name:
            time.sleep(60)

    def poll(self):
        say(word="here")

serve(lambda port, line, task: Observer(port))
"""


class WordLine(ChildLine):
    word: str = ""


class Words(SerialWatcher[WordLine]):
    """The smallest kind there can be."""

    kind, child_module, line_type = "words", "stuck_child", WordLine

    def hear(self, at: Instant, line: WordLine) -> Iterable[Sample]:
        return [Sample(self.name, "word", at, line.word)]


def test_a_candidate_that_hangs_its_child_is_tried_last_by_the_next_one(
    plug: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stuck_child.py").write_text(STUCK_CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(serial_watcher, "CHILD_PATIENCE_S", 2.0)
    plug("ttyUSB0")
    plug("ttyUSB1")
    settings = PortSettings(name="words1", kind="words", port=f"{tmp_path}/ttyUSB*")
    channels = (Channel("word", "state", 50),)
    with listen(Words(settings, SystemClock(), channels=channels, poll_s=0.05, poll_takes_s=0.0, task={})) as ears:
        assert "its process said nothing" in ears.heard(Fault).reason
        assert ears.wait(Sample).value == "here"
        assert port_of(ears) == "ttyUSB1"


def test_a_killed_child_is_replaced_and_begins_where_it_was(
    plug: Callable[..., Bench], watch: Callable[..., Ears], tmp_path: Path
) -> None:
    plug("ttyUSB0", fault="silent")
    plug("ttyUSB1")
    ears = watch()
    ears.wait(Sample)
    child_of(ears).send_signal(signal.SIGKILL)
    ears.heard(Fault)
    ears.wait(Sample)
    (names, _, last, _), *_ = json.loads(child_of(ears).cmdline()[-1])
    assert names == [f"{tmp_path}/ttyUSB*"]
    assert Path(last).name == "ttyUSB1"


def test_a_device_server_that_ends_is_told_and_used_again_when_it_is_back(watch: Callable[..., Ears]) -> None:
    """A meter behind TCP: the bytes of a serial line, without one."""
    with DeviceServer() as server:
        port = server.port
        ears = watch(port=f"socket://127.0.0.1:{port}")
        assert ears.wait(Sample).value == POWER_MW
    told = ears.heard(Fault).reason
    assert told.startswith(f"unobserved because socket://127.0.0.1:{port} failed")
    assert told.endswith("is the device server reachable, and is nobody else at its port?")
    with DeviceServer(port):
        assert ears.wait(Sample).value == POWER_MW


def test_a_line_that_went_dead_behind_a_device_server_is_dialled_again(watch: Callable[..., Ears]) -> None:
    with DeviceServer() as server:
        ears = watch(port=f"socket://127.0.0.1:{server.port}")
        ears.wait(Sample)
        server.deafen()
        ears.heard(Fault, lambda told: "no answer from address 1" in told.reason)
        assert ears.wait(Sample).value == POWER_MW


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"port": "spy:///dev/ttyUSB0?file=x"}, ("port", "no such kind of URL")),
        ({"port": "socket://a:1", "usb_serial": "AB"}, ("usb_serial", "is no USB adapter")),
        ({"map": "sdm999"}, ("map", "no built-in map 'sdm999'")),
    ],
)
def test_settings_that_cannot_be_meant_are_named(settings: dict[str, Any], fault: tuple[str, str]) -> None:
    given = {"name": "meter1", "kind": "modbus-meter", "port": "/dev/ttyUSB0", **settings}
    [(key, text)] = msgspec.convert(given, ModbusMeterSettings).faults()
    assert (key, fault[1] in text) == (fault[0], True)


def test_only_one_plain_name_is_occupied() -> None:
    def occupied(port: Any) -> str:
        given = {"name": "meter1", "kind": "modbus-meter", "port": port}
        return msgspec.convert(given, ModbusMeterSettings).occupies

    assert occupied("/dev/ttyUSB0") == occupied(["/dev/ttyUSB0"]) == "/dev/ttyUSB0"
    assert occupied("/dev/ttyUSB*") == occupied(["/dev/ttyUSB0", "/dev/ttyUSB1"]) == ""
