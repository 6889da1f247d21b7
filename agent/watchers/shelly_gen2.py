"""A Shelly plug or meter of the second generation or later (Plus, Pro, Gen3, Gen4).

It tells its whole state, and changes of it, which leave out whatever did not change:

    <prefix>/status/switch:0   {"id":0,"output":true,"apower":904.9,"aenergy":{"total":1646.032},…}
    <prefix>/events/rpc        {"src":"…","method":"NotifyStatus","params":{"switch:0":{"id":0,"apower":9.1}}}
    <prefix>/online            true

apower in W, aenergy.total in Wh. A change without apower tells nothing of the power, above all not that it is zero.
Source: Shelly API reference, second generation, pages "Notifications", "Mqtt" and "Switch",
https://shelly-api-docs.shelly.cloud/gen2/
"""

from typing import Annotated

from msgspec import Meta

from agent.clock import Clock
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import (
    NOTHING,
    Message,
    Report,
    as_object,
    energy_mwh,
    power_mw,
    reachable,
    read_object,
    read_text,
)
from agent.watchers.mqtt_watcher import MqttWatcher, PlugSettings, Topic, power_channel
from agent.watchers.watcher import Kind

NOTIFICATIONS = ("NotifyStatus", "NotifyFullStatus")

Component = Annotated[str, Meta(pattern=r"\A(?:switch|pm1|light|cover):[0-9]{1,3}\Z", description="such as switch:0")]


class ShellyGen2Settings(PlugSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "shelly-gen2"`. `prefix` as on the device, where it is the device id unless changed.

    With `ask_every_s` the device is asked for its state (`status_update`); without it, nothing is ever published.
    """

    prefix: Topic
    component: Component = "switch:0"
    ask_every_s: Annotated[float, Meta(ge=1, le=60)] | None = None


class ShellyGen2:
    """The dialect."""

    hint = "switch on both kinds of status notifications over MQTT on the device, and check its prefix"
    apart = True

    def __init__(self, settings: ShellyGen2Settings) -> None:
        prefix, self._component = settings.prefix, settings.component
        self._status, self._online = f"{prefix}/status/{self._component}", f"{prefix}/online"
        self._events = f"{prefix}/events/rpc"
        self.topics = (self._status, self._events, self._online)
        asks = settings.ask_every_s is not None
        self.question = Message(f"{prefix}/command/{self._component}", b"status_update") if asks else None
        self._max_w = settings.max_w

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        topic = message.topic
        if topic == self._online:
            text, source = read_text(message), "the last will of the device"
            return reachable(text, yes="true", no="false", source=source, where=topic)
        members = read_object(message)
        if topic == self._events:
            if members.get("method") not in NOTIFICATIONS:
                return NOTHING
            members = as_object(as_object(members.get("params")).get(self._component))
        total = as_object(members.get("aenergy")).get("total")
        return Report(
            power_mw(members.get("apower"), "W", max_w=self._max_w, where=f"apower on {topic}"),
            energy_mwh(total, "Wh", where=f"aenergy.total on {topic}"),
        )


def _make(settings: ShellyGen2Settings, clock: Clock) -> MqttWatcher:
    report_s = min(settings.report_s, settings.ask_every_s or settings.report_s)
    channel = power_channel(report_s)
    dialect, ask_every_s = ShellyGen2(settings), settings.ask_every_s or 0.0
    return MqttWatcher(settings, dialect, clock, channel=channel, max_w=settings.max_w, ask_every_s=ask_every_s)


KIND = Kind(ShellyGen2Settings, _make, examination(ShellyGen2))
