"""A Shelly plug or meter of the first generation: power and energy, each on a topic of its own.

    shellies/shellyplug-s-7A1B2C/relay/0/power    904.90
    shellies/shellyplug-s-7A1B2C/relay/0/energy   98760          Watt-minutes; begins at 0 when the plug restarts
    shellies/shellyem-B9F0A1/emeter/0/power       904.90
    shellies/shellyem-B9F0A1/emeter/0/total       1646.0         Wh, kept over restarts
    shellies/shellyplug-s-7A1B2C/online           true

Source: Shelly API reference, first generation, sections "MQTT Support", "Shelly1/1PM: MQTT" and "Shelly EM: MQTT",
https://shelly-api-docs.shelly.cloud/gen1/
"""

from typing import Annotated, Literal

from msgspec import Meta

from agent.clock import Clock
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import EnergyUnit, Message, Report, energy_mwh, power_mw, reachable, read_text
from agent.watchers.mqtt_watcher import MqttWatcher, PlugSettings, Topic, power_channel
from agent.watchers.watcher import Kind


class ShellyGen1Settings(PlugSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "shelly-gen1"`. `device` as in its topics, `meter` and `line` for which of its meters."""

    device: Topic
    meter: Literal["relay", "emeter"] = "relay"
    line: Annotated[int, Meta(ge=0, le=9)] = 0


class ShellyGen1:
    """The dialect."""

    hint = "check MQTT settings and id of the device, and set its update period to 10 s"
    question: Message | None = None
    apart = True

    def __init__(self, settings: ShellyGen1Settings) -> None:
        device = f"shellies/{settings.device}"
        meter = f"{device}/{settings.meter}/{settings.line}"
        self._power, self._online = f"{meter}/power", f"{device}/online"
        self._energy = f"{meter}/energy" if settings.meter == "relay" else f"{meter}/total"
        self._unit: EnergyUnit = "Wmin" if settings.meter == "relay" else "Wh"
        self.topics = (self._power, self._energy, self._online)
        self._max_w = settings.max_w

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        text, topic = read_text(message), message.topic
        if topic == self._online:
            return reachable(text, yes="true", no="false", source="the last will of the device", where=topic)
        if topic == self._power:
            return Report(power_mw(text, "W", max_w=self._max_w, where=topic))
        return Report(counter_mwh=energy_mwh(text, self._unit, where=topic))


def _make(settings: ShellyGen1Settings, clock: Clock) -> MqttWatcher:
    channel = power_channel(settings.report_s)
    return MqttWatcher(settings, ShellyGen1(settings), clock, channel=channel, max_w=settings.max_w)


KIND = Kind(ShellyGen1Settings, _make, examination(ShellyGen1))
