"""Simulated plugs: an instrument's load, reported by MQTT to a real broker as plugs of each dialect do.

    jishi-agent simulate --model oven --plug tasmota --broker 127.0.0.1:1883 --topic bench3 --truth truth.jsonl

What is published, and where, is that of the dialect's own documentation (see the watcher of the same dialect). Faults
can be switched on to see how a listener stands them, also while the plug runs.
"""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Literal, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from agent.simulator.load import Load

PlugFault = Literal["silent", "garbage", "frozen", "absurd", "flood"]

FLOOD = 400
ABSURD_MW = 10**12
TICK_S = 0.05
RETURN_S = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a plug."""
    broker, every = "where a plug reports (127.0.0.1:1883)", "how often a plug reports (10)"
    parser.add_argument("--broker", type=_address, default="127.0.0.1:1883", metavar="HOST:PORT", help=broker)
    parser.add_argument("--topic", default="plug", help="the name of a plug in its topics (plug)")
    parser.add_argument("--every", type=_seconds, default=10.0, metavar="SECONDS", help=every)


class Publication(NamedTuple):
    """What a plug sends at once."""

    topic: str
    payload: str | bytes
    retain: bool = False


class Moment(NamedTuple):
    """What a plug measures: power now, its counter, and the time that it believes it is."""

    power_mw: int
    counter_wh: int
    wall_ms: int


class PlugDialect(NamedTuple):
    """How a plug named `topic` speaks: when it is there, its last will, and each of its reports."""

    present: Callable[[str], Publication]
    will: Callable[[str], Publication]
    report: Callable[[str, Moment], Iterator[Publication]]


def _tasmota(topic: str, moment: Moment) -> Iterator[Publication]:
    local = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment.wall_ms / 1000 + 8 * 3600))  # no zone, as the plug
    energy = {"Total": moment.counter_wh / 1000, "Power": round(moment.power_mw / 1000), "Voltage": 230}
    yield Publication(f"tele/{topic}/STATE", _json(Time=local, POWER="ON", Wifi={"RSSI": 74}))
    yield Publication(f"tele/{topic}/SENSOR", _json(Time=local, ENERGY=energy))


def _shelly_gen1(topic: str, moment: Moment) -> Iterator[Publication]:
    yield Publication(f"shellies/{topic}/relay/0", "on")
    yield Publication(f"shellies/{topic}/relay/0/power", f"{moment.power_mw / 1000:.2f}")
    yield Publication(f"shellies/{topic}/relay/0/energy", str(moment.counter_wh * 60))


def _shelly_gen2(topic: str, moment: Moment) -> Iterator[Publication]:
    watts = round(moment.power_mw / 1000, 1)
    change = {"ts": moment.wall_ms / 1000, "switch:0": {"id": 0, "apower": watts}}
    yield Publication(
        f"{topic}/events/rpc", _json(src=topic, dst=f"{topic}/events", method="NotifyStatus", params=change)
    )
    yield Publication(
        f"{topic}/status/switch:0", _json(id=0, output=True, apower=watts, aenergy={"total": float(moment.counter_wh)})
    )


def _zigbee2mqtt(topic: str, moment: Moment) -> Iterator[Publication]:
    watts, kwh = round(moment.power_mw / 1000, 1), moment.counter_wh // 10 / 100
    told = _json(state="ON", power=watts, energy=kwh, voltage=230, linkquality=92, last_seen=moment.wall_ms)
    yield Publication(f"zigbee2mqtt/{topic}", told)


def _esphome(topic: str, moment: Moment) -> Iterator[Publication]:
    yield Publication(f"{topic}/sensor/power/state", f"{moment.power_mw / 1000:.1f}", retain=True)
    yield Publication(f"{topic}/sensor/energy/state", f"{moment.counter_wh / 1000:.3f}", retain=True)


def _gateway(topic: str, moment: Moment) -> Iterator[Publication]:
    yield Publication(topic, _json(watts=moment.power_mw / 1000))


def _word(end: str, word: str) -> Callable[[str], Publication]:
    return lambda topic: Publication(end.format(topic), word, retain=True)


DIALECTS = {
    "tasmota": PlugDialect(_word("tele/{}/LWT", "Online"), _word("tele/{}/LWT", "Offline"), _tasmota),
    "shelly-gen1": PlugDialect(_word("shellies/{}/online", "true"), _word("shellies/{}/online", "false"), _shelly_gen1),
    "shelly-gen2": PlugDialect(_word("{}/online", "true"), _word("{}/online", "false"), _shelly_gen2),
    "zigbee2mqtt": PlugDialect(
        _word("zigbee2mqtt/bridge/state", '{"state":"online"}'),
        _word("zigbee2mqtt/bridge/state", '{"state":"offline"}'),
        _zigbee2mqtt,
    ),
    "esphome": PlugDialect(_word("{}/status", "online"), _word("{}/status", "offline"), _esphome),
    "gateway": PlugDialect(_word("{}/status", "online"), _word("{}/status", "offline"), _gateway),
}


class SimulatedPlug:
    """A plug in the air. `serve` reports until `stopping`; `fault` may be changed at any time."""

    def __init__(
        self,
        dialect: PlugDialect,
        topic: str,
        load: Load,
        *,
        broker: tuple[str, int],
        every_s: float,
        seed: int = 0,
        fault: PlugFault | None = None,
    ) -> None:
        self.fault: PlugFault | None = fault
        self.stopping = False
        self._dialect = dialect
        self._topic = topic
        self._load = load
        self._broker = broker
        self._every_s = every_s
        self._chance = Random(seed)  # noqa: S311 - noise, not a secret
        self.counter_wh = self._chance.randrange(100_000, 9_000_000)
        self._frozen: Moment | None = None
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._say_present
        self._client.will_set(*dialect.will(topic)[:2], retain=True)

    def connect(self) -> None:
        """Appear at the broker; OSError where there is none. One that goes away later is awaited."""
        self._client.connect(*self._broker)

    def serve(self) -> None:
        """Report at every `every_s`, as long as there is a broker."""
        due_s = time.monotonic()
        while not self.stopping:
            if self._client.loop(TICK_S):
                self._return()
            now_ms = time.monotonic_ns() // 1_000_000
            self._load.advance(now_ms)
            if time.monotonic() >= due_s and self._client.is_connected():
                due_s = max(due_s + self._every_s, time.monotonic())
                self.report(self._measure(now_ms))

    def report(self, moment: Moment) -> None:
        """Publish what the dialect says of a moment, or what the fault makes of it."""
        for publication in self._suffer(list(self._dialect.report(self._topic, moment)), moment):
            self._client.publish(publication.topic, publication.payload, retain=publication.retain)

    def close(self) -> None:
        """Unplug it: the connection breaks without a word, so that the broker publishes the last will."""
        link = self._client.socket()
        if link is not None:
            link.close()

    def _return(self) -> None:
        time.sleep(RETURN_S)
        with contextlib.suppress(OSError):  # not there yet
            self._client.reconnect()

    def _measure(self, mono_ms: int) -> Moment:
        counter_wh = self.counter_wh + self._load.energy_wh(mono_ms)
        return Moment(self._load.segment.power_mw, counter_wh, time.time_ns() // 1_000_000)

    def _suffer(self, due: list[Publication], moment: Moment) -> list[Publication]:
        match self.fault:
            case "silent":
                return []
            case "garbage":
                return [each._replace(payload=self._chance.randbytes(len(each.payload))) for each in due]
            case "flood":
                return due * FLOOD
            case "absurd":
                return list(self._dialect.report(self._topic, moment._replace(power_mw=ABSURD_MW)))
            case "frozen":
                self._frozen = self._frozen or moment
                return list(self._dialect.report(self._topic, self._frozen))
        self._frozen = None
        return due

    def _say_present(self, client: Client, _userdata: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        topic, payload, retain = self._dialect.present(self._topic)
        client.publish(topic, payload, retain=retain)


def _json(**members: object) -> str:
    return json.dumps(members, separators=(",", ":"))


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError("must be HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be 0.1 to 3600")
    return seconds
