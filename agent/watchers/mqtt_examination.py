"""What usually goes wrong between a broker on site and a watcher: for the doctor, in no running agent.

A plug that is set to another topic and one that is switched off look the same to its watcher. So the doctor listens for
a moment to all that comes over that broker, and names the topics that are near. It publishes nothing.
"""

import difflib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from agent.clock import SystemClock
from agent.finding import Finding, split_remedy
from agent.watchers.mqtt_link import SiteLink
from agent.watchers.mqtt_report import Dialect
from agent.watchers.mqtt_watcher import SiteSettings
from agent.watchers.site_broker import LinkLost, SiteBroker

LISTEN_S = 15.0
"""Longer than the ten seconds at which plugs are set to report."""

EVERYTHING = ("#",)
MOST_TOPICS = 2000
SHOWN = 5


def examination(dialect: Callable[[Any], Dialect]) -> Callable[[Any], Iterator[Finding]]:
    """Return the examination of a kind whose topics this dialect knows."""
    return lambda settings: examine_site(settings, dialect(settings).topics)


def examine_site(settings: SiteSettings, wanted: Iterable[str]) -> Iterator[Finding]:
    """Say whether the broker lets the watcher in, and whether anything comes on its topics."""
    what, broker = f"broker of {settings.name}", settings.broker()
    topics = tuple(wanted)
    try:
        listen(broker, topics, seconds=0)
    except LinkLost as lost:
        found, remedy = split_remedy(str(lost))
        yield Finding(what, "fail", found, "a connection", remedy)
        return
    yield Finding(what, "ok", f"{broker.host}:{broker.port} lets the watcher in")
    try:
        heard = listen(broker, EVERYTHING, seconds=LISTEN_S)
    except LinkLost:
        heard = listen(broker, topics, seconds=LISTEN_S)  # many brokers let nobody read everything
    yield judge_topics(f"topic of {settings.name}", topics, heard)


def judge_topics(what: str, wanted: tuple[str, ...], heard: set[str]) -> Finding:
    """Hold what came over the broker against what the watcher waits for."""
    came = [topic for topic in wanted if topic in heard]
    if came:
        return Finding(what, "ok", f"{came[0]} came")
    found = f"nothing came on {wanted[0]} within {LISTEN_S:g} s"
    if not heard:
        remedy = "see that the plug has power and is set to this broker; one that reports seldom is waited for longer"
        return Finding(what, "warn", f"{found}, nor on any other topic", "messages", remedy)
    near = difflib.get_close_matches(wanted[0], heard, n=SHOWN, cutoff=0.5) or sorted(heard)[:SHOWN]
    remedy = f"correct the topic, here or on the plug; these came: {', '.join(near)}"
    return Finding(what, "warn", found, "messages", remedy)


def listen(broker: SiteBroker, topics: tuple[str, ...], *, seconds: float) -> set[str]:
    """Return the topics on which anything came; LinkLost where the broker does not let us in, or the link breaks."""
    link = SiteLink(broker, topics, clock=SystemClock(), modern=True)
    try:
        return _hear(link, seconds)
    except LinkLost:
        if not link.was_misunderstood:
            raise
    finally:
        link.close()
    older = SiteLink(broker, topics, clock=SystemClock(), modern=False)
    try:
        return _hear(older, seconds)
    finally:
        older.close()


def _hear(link: SiteLink, seconds: float) -> set[str]:
    link.open(threading.Event())
    heard: set[str] = set()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s and len(heard) < MOST_TOPICS:
        heard |= {delivery.message.topic for delivery in link.take()}
    return heard
