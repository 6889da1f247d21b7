"""Uplinks in our own process that come back at once: for conversations that are broken by the thousand."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module

from agent import identity
from agent.clock import SystemClock
from agent.journal import Journal
from agent.roads.link import Address
from agent.roads.mqtt import MqttLink
from agent.uplink import Uplink
from tests.faults.host import Host

WAITS: tuple[tuple[str, str, object], ...] = (
    ("agent.backoff", "BASE_MS", 4),
    ("agent.backoff", "CAP_MS", 20),
    ("agent.conversation", "ANSWER_WITHIN_MS", 300),
    ("agent.conversation", "RECEIPT_WITHIN_MS", 600),
    ("agent.conversation", "SPREAD_CAP_S", 0),
)


@contextmanager
def eager_uplinks(hosts: Sequence[Host]) -> Iterator[list[Journal]]:
    """The hosts' journals, each delivered by such an uplink; their agents are down."""
    with _waiting_less(), ExitStack() as stack:
        yield [stack.enter_context(_eager_uplink(host)) for host in hosts]


@contextmanager
def _eager_uplink(host: Host) -> Iterator[Journal]:
    who, clock = identity.load(host.state_dir, agent_id=host.agent_id), SystemClock()
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    broker = Address(who.enrolment.broker.host, who.enrolment.broker.port)
    link = MqttLink(host.agent_id, broker, epoch=who.enrolment.epoch, clock=clock)
    uplink = Uplink(journal, who.key, receipt_key=who.receipt_key, link=link, clock=clock, on_hints=lambda _hints: None)
    thread = threading.Thread(target=uplink.run, name="eager uplink")
    thread.start()
    try:
        yield journal
    finally:
        uplink.close()
        thread.join()
        journal.close()


@contextmanager
def _waiting_less() -> Iterator[None]:
    before = [(module, name, getattr(import_module(module), name)) for module, name, _ in WAITS]
    log = logging.getLogger("agent.uplink")
    level = log.level
    _set(WAITS)
    log.setLevel(logging.ERROR)  # it warns of each connection that it loses
    try:
        yield
    finally:
        log.setLevel(level)
        _set(tuple(before))


def _set(waits: tuple[tuple[str, str, object], ...]) -> None:
    for module, name, value in waits:
        setattr(import_module(module), name, value)
