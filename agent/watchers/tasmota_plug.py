"""A plug or meter with Tasmota firmware: power and energy from its telemetry (`tele/<topic>/SENSOR`).

    tele/bench3/SENSOR   {"Time":"2025-12-01T04:58:36","ENERGY":{"Total":1.646,"Power":905,"Voltage":231}}
    tele/bench3/STATE    {"Time":"2025-12-01T04:58:36","POWER":"ON","Wifi":{"RSSI":74}}
    tele/bench3/LWT      Online

`Time` is local and says no zone, so it is not looked at. Power in W, Total in kWh.
Source: Tasmota documentation, pages "MQTT", "Commands" (TelePeriod, PowerDelta, Status 10, FullTopic) and "JSON Status
Responses", https://tasmota.github.io/docs/
"""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from agent.clock import Clock
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import (
    NOTHING,
    Message,
    Nonsense,
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


class TasmotaPlugSettings(PlugSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "tasmota-plug"`. `topic` and `full_topic` as on the plug.

    With `ask_every_s` the plug is asked for its values (`Status 10`); without it, nothing is ever published.
    """

    topic: Topic
    full_topic: Topic = "%prefix%/%topic%/"
    ask_every_s: Annotated[float, Meta(ge=1, le=60)] | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if "%prefix%" not in self.full_topic or "%topic%" not in self.full_topic:
            yield "full_topic", f"{self.full_topic!r} must hold %prefix% and %topic%, as FullTopic on the plug does"


class Tasmota:
    """The dialect."""

    hint = "set TelePeriod 10 on the plug, and check its topic, its broker and its power"
    apart = False

    def __init__(self, settings: TasmotaPlugSettings) -> None:
        base = settings.full_topic.rstrip("/").replace("%topic%", settings.topic)
        telemetry = base.replace("%prefix%", "tele")
        self._sensor, self._state, self._will = (f"{telemetry}/{end}" for end in ("SENSOR", "STATE", "LWT"))
        self._answer = f"{base.replace('%prefix%', 'stat')}/STATUS10"
        self.topics: tuple[str, ...] = (self._sensor, self._state, self._will)
        self.question: Message | None = None
        if settings.ask_every_s is not None:
            self.topics += (self._answer,)
            self.question = Message(f"{base.replace('%prefix%', 'cmnd')}/Status", b"10")
        self._max_w = settings.max_w

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        if message.topic == self._will:
            source = "the last will of the plug"
            return reachable(read_text(message), yes="Online", no="Offline", source=source, where=self._will)
        members = read_object(message)
        if message.topic == self._state:
            relay = members.get("POWER", members.get("POWER1"))
            return Report(particulars=(("relay", relay),)) if isinstance(relay, str) else NOTHING
        if message.topic == self._answer:
            members = as_object(members.get("StatusSNS"))
        return self._energy(as_object(members.get("ENERGY")), message.topic)

    def _energy(self, energy: dict[str, object], topic: str) -> Report:
        power, total = energy.get("Power"), energy.get("Total")
        if isinstance(power, list):
            remedy = 'watch the one meant with kind = "mqtt-topic" and pointer = "/ENERGY/Power/0"'
            raise Nonsense("garbage", f"{topic} tells the power of {len(power)} lines: {remedy}")
        return Report(
            power_mw(power, "W", max_w=self._max_w, where=f"ENERGY.Power on {topic}"),
            energy_mwh(total, "kWh", where=f"ENERGY.Total on {topic}"),
        )


def _make(settings: TasmotaPlugSettings, clock: Clock) -> MqttWatcher:
    report_s = min(settings.report_s, settings.ask_every_s or settings.report_s)
    channel = power_channel(report_s)
    dialect, ask_every_s = Tasmota(settings), settings.ask_every_s or 0.0
    return MqttWatcher(settings, dialect, clock, channel=channel, max_w=settings.max_w, ask_every_s=ask_every_s)


KIND = Kind(TasmotaPlugSettings, _make, examination(Tasmota))
