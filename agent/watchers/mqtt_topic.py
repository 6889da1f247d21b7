"""Anything that a gateway publishes: one number, or one word, from one topic.

The payload is a plain number or word, or JSON of which a pointer (RFC 6901) names a member:

    site/vacuum/chamber     {"sensors":[{"name":"main","mbar":0.0021}]}      pointer = "/sensors/0/mbar"
    site/laser/shutter      open

A number is multiplied by `scale` and kept in thousandths of `unit`, as watts are kept in mW; that of channel `power`
must so come to W. A word may be translated by `words`.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.clock import Clock
from agent.reading import Channel
from agent.watchers.mqtt_examination import examination
from agent.watchers.mqtt_report import (
    Message,
    Nonsense,
    Report,
    find,
    is_pointer,
    number,
    read_json,
    read_text,
    word,
)
from agent.watchers.mqtt_watcher import MqttWatcher, SiteSettings, Topic
from agent.watchers.watcher import Kind
from protocol.entry import Name, Word

MILLI = 1000
WIDEST = 1e9


class MqttTopicSettings(SiteSettings, frozen=True, kw_only=True):
    """`[[watcher]] kind = "mqtt-topic"`. `lowest` and `highest` are in `unit`: a number outside is a fault."""

    topic: Topic
    pointer: str | None = None
    channel: Annotated[Name, Meta(description="up to 40 letters, digits, dots, hyphens or underscores")] = "value"
    type: Literal["gauge", "state"] = "gauge"
    scale: float = 1.0
    unit: Annotated[str, Meta(max_length=16)] = ""
    lowest: Annotated[float, Meta(ge=-WIDEST, le=WIDEST)] = -WIDEST
    highest: Annotated[float, Meta(ge=-WIDEST, le=WIDEST)] = WIDEST
    words: Annotated[dict[str, Word], Meta(description="a table of words")] = msgspec.field(default_factory=dict)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        if self.pointer is not None and not is_pointer(self.pointer):
            yield "pointer", f"{self.pointer!r} is no JSON pointer; it looks like /sensors/0/mbar (RFC 6901)"
        if self.type == "gauge" and self.words:
            yield "words", 'a gauge has numbers; words need type = "state"'
        if self.channel == "power" and (self.type, self.unit) != ("gauge", "W"):
            yield "channel", 'what is called power must be a gauge with unit = "W"; set scale where the topic has kW'
        if self.lowest > self.highest:
            yield "lowest", f"{self.lowest:g} is above highest = {self.highest:g}"


class GatewayTopic:
    """The dialect."""

    hint = "check topic and broker; what publishes there must repeat the value at least at every report_s"
    apart = False
    question: Message | None = None

    def __init__(self, settings: MqttTopicSettings) -> None:
        self._settings = settings
        self.topics = (settings.topic,)
        pointed = f"{settings.pointer} on " if settings.pointer is not None else ""
        self._where = f"{pointed}{settings.topic}"

    def read(self, message: Message) -> Report:
        """Return what a message tells; Nonsense."""
        pointer = self._settings.pointer
        found = read_text(message) if pointer is None else find(read_json(message), pointer)
        value = self._gauge(found) if self._settings.type == "gauge" else self._state(found)
        if value is None:
            raise Nonsense("garbage", f"there is no {self._where}: check pointer")
        return Report(value)

    def _gauge(self, found: object) -> int | None:
        settings = self._settings
        bare = number(found, where=self._where)
        if bare is None:
            return None
        value = bare * settings.scale
        if not settings.lowest <= value <= settings.highest:
            limits = f"{settings.lowest:g} to {settings.highest:g} {settings.unit}".strip()
            found = f"{self._where} says {value:.6g}, and {limits} is expected"
            raise Nonsense("absurd", f"{found}: correct scale, lowest or highest")
        return round(value * MILLI)

    def _state(self, found: object) -> str | None:
        bare, words = word(found, where=self._where), self._settings.words
        if bare is None or not words:
            return bare
        if bare not in words:
            raise Nonsense("garbage", f"{self._where} is {bare!r}, which words does not have: {', '.join(words)}")
        return words[bare]


def _make(settings: MqttTopicSettings, clock: Clock) -> MqttWatcher:
    channel = Channel(settings.channel, settings.type, round(settings.report_s * 1000))
    particulars = (("unit", settings.unit),) if settings.unit else ()
    return MqttWatcher(settings, GatewayTopic(settings), clock, channel=channel, particulars=particulars)


KIND = Kind(MqttTopicSettings, _make, examination(GatewayTopic))
