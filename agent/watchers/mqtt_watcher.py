"""A watcher of what comes by MQTT: the shell around a dialect (what a plug says) and a judge (what that is worth).

It keeps a subscription at a broker on site, which is not the collector's, and tries again within five seconds when that
is lost. A flood costs it neither memory nor time: beyond a burst of 100 messages and 20 each second the connection is
given up, said so, and taken up again; nothing is believed before it has been calm for five seconds.
"""

import secrets
import threading
from collections.abc import Iterator
from pathlib import PurePath
from random import SystemRandom
from typing import Annotated

from msgspec import Meta

from agent.clock import Clock
from agent.errors import WatcherError
from agent.reading import Channel
from agent.watchers.mqtt_judge import MqttJudge, Watched
from agent.watchers.mqtt_link import Delivery, SiteLink
from agent.watchers.mqtt_report import Dialect, Message, Nonsense
from agent.watchers.site_broker import LinkLost, SiteBroker
from agent.watchers.watcher import Emit, Said, WatcherSettings

RETRY_S = (0.5, 1.0, 2.0, 4.0)
"""The longest pause before each further attempt; the last one keeps the watcher back within 5 s of its broker."""

BURST = 100
PER_S = 20
CALM_MS = 5_000
COPY_MS = 500
"""The very same message within this time is one that was delivered twice."""

PLUG_MAX_W = 4000.0  # 16 A at 250 V

Topic = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\A[^+#\x00]*\Z", description="a topic without + or #")
]


class SiteSettings(WatcherSettings, frozen=True):
    """What each watcher that listens at a broker may be told. `report_s`: how often the plug is set to report."""

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    user: Annotated[str, Meta(min_length=1)] | None = None
    password_file: str | None = None
    tls: bool = False
    ca_file: str | None = None
    client_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    report_s: Annotated[float, Meta(ge=1, le=300)] = 10.0

    def faults(self) -> Iterator[tuple[str, str]]:
        for key in ("password_file", "ca_file"):
            path = getattr(self, key)
            if path is not None and not PurePath(path).is_absolute():
                yield key, f"{path!r} must be an absolute path: a service has no directory of its own"
        if self.password_file is not None and self.user is None:
            yield "password_file", "a password without a user is never sent; set user"
        if self.ca_file is not None and not self.tls:
            yield "ca_file", "nothing is encrypted without tls = true"

    @property
    def occupies(self) -> str:
        """A broker ends the connection of one client when another comes with the same id."""
        return f"client_id {self.client_id!r} at {self.host}:{self.port}" if self.client_id else ""

    def broker(self) -> SiteBroker:
        """Return where to connect; without a client_id of its own, each start has another one."""
        client_id = self.client_id or f"jishi-{self.name}-{secrets.token_hex(4)}"
        return SiteBroker(
            self.host, self.port, self.user, self.password_file, self.tls, self.ca_file, client_id
        )  # fmt: skip


class PlugSettings(SiteSettings, frozen=True):
    """A plug or meter that tells watts. `max_w`: more than this is a fault and no load."""

    max_w: Annotated[float, Meta(gt=0, le=1e9)] = PLUG_MAX_W


class Flow:
    """How many messages may still come: a burst, refilled each second. Pure."""

    def __init__(self) -> None:
        self._credit_ms = BURST * 1000
        self._told_ms: int | None = None

    def take(self, now_ms: int) -> bool:
        """Count one message; False when it is one too many."""
        if self._told_ms is not None:
            self._credit_ms = min(BURST * 1000, self._credit_ms + (now_ms - self._told_ms) * PER_S)
        self._told_ms = now_ms
        self._credit_ms -= 1000
        return self._credit_ms >= 0


class MqttWatcher:
    """The watcher. The counter is judged by a load of `max_w`; the dialect's question is asked each `ask_every_s`."""

    def __init__(
        self,
        settings: SiteSettings,
        dialect: Dialect,
        clock: Clock,
        *,
        channel: Channel,
        max_w: float = PLUG_MAX_W,
        ask_every_s: float = 0.0,
        particulars: tuple[tuple[str, str | int], ...] = (),
    ) -> None:
        self.name = settings.name
        self.kind = settings.kind
        self.asset = settings.asset
        self.channels = (channel,)
        self._clock = clock
        self._dialect = dialect
        self._broker = settings.broker()
        self._ask_every_ms = round(ask_every_s * 1000)
        self._chance = SystemRandom()
        where = ("broker", f"{self._broker.host}:{self._broker.port}"), ("topic", dialect.topics[0])
        watched = Watched(
            self.name,
            channel.name,
            topic=dialect.topics[0],
            report_ms=channel.poll_ms,
            max_w=max_w,
            hint=dialect.hint,
            apart=dialect.apart,
            particulars=(*where, *particulars),
        )
        self._judge = MqttJudge(watched)
        self._modern = True
        self._failures = 0
        self._calm_from_ms = 0
        self._newest: dict[str, Delivery] = {}  # by topic
        self._asked_ms: int | None = None

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Keep a subscription until `stop`."""
        while not stop.is_set():
            link = SiteLink(self._broker, self._dialect.topics, clock=self._clock, modern=self._modern)
            try:
                link.open(stop)
                self._failures = 0
                self._newest = {}  # what the broker had kept comes again and is no copy
                self._judge.subscribed(self._clock.now())
                self._follow(link, emit, stop=stop)
            except LinkLost as lost:
                if link.was_misunderstood:
                    self._modern = not self._modern
                    if not self._modern:
                        continue  # an older broker, perhaps: it is asked in the older way before anything is said
                _say(self._judge.lost(self._clock.now(), "broker", reason=str(lost)), emit)
            except Flood as flood:
                self._failures = len(RETRY_S)  # each attempt costs what a burst costs
                self._calm_from_ms = self._clock.now().mono_ms + CALM_MS
                _say(self._judge.lost(self._clock.now(), "flood", reason=str(flood)), emit)
            finally:
                link.close()
            longest_s = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
            stop.wait(self._chance.uniform(longest_s / 2, longest_s))
            self._failures += 1

    def _follow(self, link: SiteLink, emit: Emit, *, stop: threading.Event) -> None:
        flow = Flow()
        while not stop.is_set():
            for delivery in link.take():
                if not flow.take(delivery.at.mono_ms):
                    raise Flood(_why_flooded(delivery.message))
                _say(self.hear(delivery), emit)
            now = self._clock.now()
            if now.mono_ms >= self._calm_from_ms:
                _say(self._judge.look(now), emit)
            self._ask(link, now.mono_ms)

    def hear(self, delivery: Delivery) -> list[Said]:
        """Return what one message makes the watcher say."""
        at, message = delivery
        if message.topic not in self._dialect.topics or self._is_copy(delivery):
            return []
        is_calm = at.mono_ms >= self._calm_from_ms
        try:
            report = self._dialect.read(message)
        except Nonsense as nonsense:
            return self._judge.unusable(at, nonsense) if is_calm and not message.retained else []
        if not is_calm and report.reachable is None:
            return []  # a last will is not believed less for the noise around it
        return self._judge.take(at, report, retained=message.retained)

    def _is_copy(self, delivery: Delivery) -> bool:
        before = self._newest.get(delivery.message.topic)
        if before and before.message == delivery.message and delivery.at.mono_ms - before.at.mono_ms <= COPY_MS:
            return True
        self._newest[delivery.message.topic] = delivery
        return False

    def _ask(self, link: SiteLink, now_ms: int) -> None:
        question = self._dialect.question
        if question is None or (self._asked_ms is not None and now_ms - self._asked_ms < self._ask_every_ms):
            return
        self._asked_ms = now_ms
        link.ask(question)


class Flood(WatcherError):
    """More messages than any plug sends."""


def power_channel(report_s: float) -> Channel:
    """Return the channel of a plug: its samples are as far apart as its reports."""
    return Channel("power", "gauge", round(report_s * 1000))


def _say(said: list[Said], emit: Emit) -> None:
    for one in said:
        emit(one)


def _why_flooded(message: Message) -> str:
    return (
        f"more than {BURST} messages at once, or {PER_S} each second, came, the last one on {message.topic}: "
        "find out who publishes there"
    )
