"""A meter on an ESPHome node: plain numbers, whose unit only the node's own configuration knows.

    em-node/sensor/power/state    904.9
    em-node/sensor/energy/state   1.646
    em-node/status                online

A sensor without a value says `nan`. States are kept by the broker (retained) unless the node is told
otherwise; the kept ones are passed over as everywhere.
Source: ESPHome documentation, pages "MQTT Client Component" and "Sensor Component", https://esphome.io/components/
"""

from typing import Literal

from agent.clock import Clock
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import Message, Nonsense, Report, energy_mwh, power_mw, reachable, read_text
from agent.watchers.mqtt_watcher import MqttWatcher, PlugSettings, Topic, power_channel
from agent.watchers.watcher import Kind

METER_MAX_W = 100_000.0


class EspHomeMeterSettings(PlugSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "esphome-meter"`. `node` is the node's topic prefix, its name unless changed."""

    node: Topic
    power_sensor: Topic = "power"
    power_unit: Literal["W", "kW"]
    energy_sensor: Topic | None = None
    energy_unit: Literal["Wh", "kWh"] = "kWh"
    max_w: float = METER_MAX_W


class EspHome:
    """The dialect."""

    hint = "check node and sensor names, and give the sensor an update_interval of 2 s"
    question: Message | None = None

    def __init__(self, settings: EspHomeMeterSettings) -> None:
        self._settings = settings
        self._power = f"{settings.node}/sensor/{settings.power_sensor}/state"
        self._energy = f"{settings.node}/sensor/{settings.energy_sensor}/state"
        self._status = f"{settings.node}/status"
        self.topics: tuple[str, ...] = (self._power, self._status)
        self.apart = settings.energy_sensor is not None
        if self.apart:
            self.topics += (self._energy,)

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        text, topic, settings = read_text(message), message.topic, self._settings
        if topic == self._status:
            return reachable(text, yes="online", no="offline", source="the last will of the node", where=topic)
        if text.lower() == "nan":
            raise Nonsense("garbage", f"{topic} says nan: the sensor has no value; check the meter behind the node")
        if topic == self._power:
            return Report(power_mw(text, settings.power_unit, max_w=settings.max_w, where=topic))
        return Report(counter_mwh=energy_mwh(text, settings.energy_unit, where=topic))


def _make(settings: EspHomeMeterSettings, clock: Clock) -> MqttWatcher:
    channel = power_channel(settings.report_s)
    return MqttWatcher(settings, EspHome(settings), clock, channel=channel, max_w=settings.max_w)


KIND = Kind(EspHomeMeterSettings, _make, examination(EspHome))
