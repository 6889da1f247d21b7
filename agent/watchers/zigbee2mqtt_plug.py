"""A Zigbee plug behind Zigbee2MQTT: what the bridge says that the plug says.

    zigbee2mqtt/lab 3/bench plug                {"state":"ON","power":904.9,"energy":1.64,"last_seen":1764554716036,…}
    zigbee2mqtt/lab 3/bench plug/availability   {"state":"online"}         or, before version 2: online
    zigbee2mqtt/bridge/state                    {"state":"online"}         kept (retained), as is the one before

power in W, energy in kWh. The bridge sends its whole memory of a plug whenever anything in it changes, and once more
when it starts, so a message is no proof that the plug spoke: `last_seen` is, when the bridge is told to send it. It is
only asked whether it has changed, never what it says, for nobody knows whose clock it is. Without it, the first message
after a start of the bridge is passed over. Energy, which the plug tells more seldom than power, is taken when it has
changed.
Source: Zigbee2MQTT documentation, pages "MQTT Topics and Messages", "Device-Availability" and "Advanced"
(last_seen, cache_state), https://www.zigbee2mqtt.io/guide/
"""

import msgspec

from agent.clock import Clock
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import Message, Report, energy_mwh, power_mw, reachable, read_object, read_text
from agent.watchers.mqtt_watcher import MqttWatcher, PlugSettings, Topic, power_channel
from agent.watchers.watcher import Kind


class Zigbee2MqttPlugSettings(PlugSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "zigbee2mqtt-plug"`. Friendly names may hold slashes and spaces."""

    friendly_name: Topic
    base_topic: Topic = "zigbee2mqtt"


class Zigbee2Mqtt:
    """The dialect. It remembers when the plug was last seen, and that the bridge has just started."""

    hint = "check friendly_name, and give the plug's reporting of power a longest interval of 10 s"
    apart = False
    question: Message | None = None

    def __init__(self, settings: Zigbee2MqttPlugSettings) -> None:
        self._plug = f"{settings.base_topic}/{settings.friendly_name}"
        self._availability = f"{self._plug}/availability"
        self._bridge = f"{settings.base_topic}/bridge/state"
        self.topics = (self._plug, self._availability, self._bridge)
        self._max_w = settings.max_w
        self._last_seen: object = None
        self._energy: object = None
        self._repeats = False

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        if message.topic == self._plug:
            return self._read_plug(message)
        source = "the availability of the plug" if message.topic == self._availability else "Zigbee2MQTT of itself"
        report = reachable(_state_in(message), yes="online", no="offline", source=source, where=message.topic)
        if message.topic == self._bridge and not message.retained:
            self._repeats = True
        return report

    def _read_plug(self, message: Message) -> Report:
        members = read_object(message)
        last_seen, energy = members.get("last_seen"), members.get("energy")
        before, self._energy = self._energy, energy
        counter_mwh = energy_mwh(energy, "kWh", where=f"energy on {message.topic}")
        report = Report(
            power_mw(members.get("power"), "W", max_w=self._max_w, where=f"power on {message.topic}"),
            counter_mwh if before is not None and energy != before else None,
            particulars=(("last_seen", "not sent" if last_seen is None else "used"),),
        )
        return report if self._is_news(last_seen) else report._replace(value=None, counter_mwh=None)

    def _is_news(self, last_seen: object) -> bool:
        """Whether the plug itself has spoken since the message before; what was never compared is not known to be."""
        before, self._last_seen = self._last_seen, last_seen
        if last_seen is not None:
            return before is not None and last_seen != before
        repeats, self._repeats = self._repeats, False
        return not repeats


def _state_in(message: Message) -> str:
    """Return the state that is sent bare, or as the one member of an object."""
    text = read_text(message)
    if not text.startswith("{"):
        return text
    state = read_object(message).get("state")
    return state if isinstance(state, str) else msgspec.json.encode(state).decode()


def _make(settings: Zigbee2MqttPlugSettings, clock: Clock) -> MqttWatcher:
    channel = power_channel(settings.report_s)
    return MqttWatcher(settings, Zigbee2Mqtt(settings), clock, channel=channel, max_w=settings.max_w)


KIND = Kind(Zigbee2MqttPlugSettings, _make, examination(Zigbee2Mqtt))
