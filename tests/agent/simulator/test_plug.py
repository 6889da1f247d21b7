"""Simulated plugs report what their load draws, say farewell by their last will, and stand a broker that goes away."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.simulator import cli
from agent.simulator.load import Load
from agent.simulator.models import Segment
from agent.simulator.plug import DIALECTS, Moment, PlugFault, SimulatedPlug
from collector.embedded.broker import EmbeddedBroker
from tests.agent.watchers.site import Publisher
from tests.conftest import find_free_port

MOMENT = Moment(904_900, 1_646_032, 1_764_554_716_036)


@pytest.fixture
def heard(broker: EmbeddedBroker) -> Iterator[list[tuple[str, bytes]]]:
    """All that is published, retained messages too."""
    messages: list[tuple[str, bytes]] = []
    listener = Publisher(broker.port)
    listener.subscribe("#", lambda topic, payload: messages.append((topic, payload)))
    yield messages
    listener.close()


@pytest.fixture
def plug_in(broker: EmbeddedBroker) -> Iterator[Callable[..., SimulatedPlug]]:
    plugs: list[tuple[SimulatedPlug, threading.Thread]] = []

    def start(dialect: str = "tasmota", fault: PlugFault | None = None) -> SimulatedPlug:
        load = Load(repeat(Segment("run", 200, 904_900)), SystemClock().now(), changed=lambda wall_ms, segment: None)
        address = (broker.host, broker.port)
        plug = SimulatedPlug(DIALECTS[dialect], "bench3", load, broker=address, every_s=0.1, fault=fault)
        plug.connect()
        thread = threading.Thread(target=plug.serve)
        thread.start()
        plugs.append((plug, thread))
        return plug

    yield start
    for plug, thread in plugs:
        plug.stopping = True
        thread.join()
        plug.close()


def eventually(what: Callable[[], object], *, within_s: float = 10) -> None:
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it did not come true in time"
        threading.Event().wait(0.01)


def told(dialect: str) -> dict[str, str | bytes]:
    return {each.topic: each.payload for each in DIALECTS[dialect].report("bench3", MOMENT)}


def test_each_dialect_tells_the_same_moment_in_its_own_units() -> None:
    energy = json.loads(told("tasmota")["tele/bench3/SENSOR"])["ENERGY"]
    assert (energy["Power"], energy["Total"]) == (905, 1646.032)
    gen1 = told("shelly-gen1")
    assert (gen1["shellies/bench3/relay/0/power"], gen1["shellies/bench3/relay/0/energy"]) == ("904.90", "98761920")
    gen2 = json.loads(told("shelly-gen2")["bench3/status/switch:0"])
    assert (gen2["apower"], gen2["aenergy"]["total"]) == (904.9, 1_646_032)
    zigbee = json.loads(told("zigbee2mqtt")["zigbee2mqtt/bench3"])
    assert (zigbee["power"], zigbee["energy"]) == (904.9, 1646.03)
    assert told("esphome")["bench3/sensor/energy/state"] == "1646.032"
    assert json.loads(told("gateway")["bench3"]) == {"watts": 904.9}


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_plug_is_present_reports_and_leaves_its_last_will(
    plug_in: Callable[..., SimulatedPlug], heard: list[tuple[str, bytes]], dialect: str
) -> None:
    plug = plug_in(dialect)
    topic, present, _ = DIALECTS[dialect].present("bench3")
    will = DIALECTS[dialect].will("bench3").payload
    reports = {each.topic for each in DIALECTS[dialect].report("bench3", MOMENT)}
    eventually(lambda: reports <= {topic for topic, _ in heard})
    assert (topic, str(present).encode()) in heard
    plug.close()
    eventually(lambda: (topic, str(will).encode()) in heard)


@pytest.mark.parametrize(
    ("fault", "befalls"),
    [
        ("garbage", lambda payloads: any(b"ENERGY" not in payload for payload in payloads)),
        ("absurd", lambda payloads: any(b'"Power":1000000000,' in payload for payload in payloads)),
        ("flood", lambda payloads: len(payloads) > 400),
        ("frozen", lambda payloads: len(payloads) > 3 and len(set(payloads)) == 1),
    ],
)
def test_faults_befall_the_reports(
    plug_in: Callable[..., SimulatedPlug],
    heard: list[tuple[str, bytes]],
    fault: PlugFault,
    befalls: Callable[[list[bytes]], bool],
) -> None:
    plug_in(fault=fault)
    eventually(lambda: befalls([payload for topic, payload in heard if topic == "tele/bench3/SENSOR"]))


def test_a_broker_that_goes_away_is_awaited(broker: EmbeddedBroker, plug_in: Callable[..., SimulatedPlug]) -> None:
    plug_in()
    broker.process.kill()
    broker.restart()
    listener, messages = Publisher(broker.port), []
    listener.subscribe("tele/bench3/SENSOR", lambda topic, payload: messages.append(payload))
    eventually(lambda: messages)
    listener.close()


def test_simulate_is_a_plug_that_says_when_it_is_ready_and_writes_the_truth(
    broker: EmbeddedBroker, heard: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    truth = tmp_path / "truth.jsonl"
    command = [sys.executable, "-m", "agent.simulator.cli", "--model", "oven", "--truth", str(truth)]
    command += ["--plug", "tasmota", "--broker", f"127.0.0.1:{broker.port}", "--topic", "bench3", "--every", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        eventually(lambda: any(topic == "tele/bench3/SENSOR" for topic, _ in heard))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert ready == f"ready: oven with tasmota plug bench3 at 127.0.0.1:{broker.port}, seed 1, speed 1\n"
    first, *_, last = (json.loads(line) for line in truth.read_text().splitlines())
    assert first["state"] == "off"
    assert last["end"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--plug", "tasmota", "--fault", "echo"], "tasmota has no fault echo; it has silent, garbage, frozen"),
        (["--link", "port", "--fault", "frozen"], "sdm120 has no fault frozen; it has "),
    ],
)
def test_a_fault_of_the_other_kind_is_named(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(tmp_path, *arguments) == 2
    assert says in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path, "--plug", "tasmota", "--broker", f"127.0.0.1:{find_free_port()}") == 1
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["127.0.0.1", ":1883", "host:0", "host:70000", "host:port"])
def test_an_address_is_host_and_port(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        simulate(tmp_path, "--plug", "tasmota", "--broker", address)
    assert "must be HOST:PORT, such as 127.0.0.1:1883" in capsys.readouterr().err


def simulate(directory: Path, *arguments: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    cli.configure(parser)
    given = ["--model", "oven", "--truth", str(directory / "truth.jsonl"), *arguments]
    return cli.run(parser.parse_args(given))
