"""Decisions as people make them: proposed by Li, signed by Wang on his own machine, and brought."""

from datetime import datetime

from collector.approvals.proposals import Asker, propose
from collector.approvals.proposed import ProposedDecision
from collector.approvals.rulings import rule, text_to_sign
from collector.registry import people
from collector.registry.access import Access
from collector.registry.audit import Actor
from collector.store.database import Connection
from protocol.signed_decision import sign_decision
from tests.collector.person_keys import WANG


def decide(connection: Connection, proposed: ProposedDecision, *, now: datetime, why: str = "seen on site") -> str:
    """The SHA-256 of the fact; Wang's key is registered (person_keys.register_key)."""
    li, wang = _asker(connection, "Li", "officer"), _asker(connection, "Wang", "approver")
    with connection.transaction():
        number = propose(connection, li, proposed, reason=why, now=now)
    note = sign_decision(text_to_sign(connection, number, wang, now=now), WANG)
    with connection.transaction():
        made = rule(connection, number, wang, verdict="approved", why="", now=now, note=note).made
    assert made is not None
    return made


def _asker(connection: Connection, name: str, role: str) -> Asker:
    return Asker(people.register_person(connection, name), Access(role), Actor(name, "command", "test"))
