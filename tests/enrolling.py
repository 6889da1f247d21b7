"""A light agent at a collector: enrolled by token, challenge and proof, as a real one is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from collector.registry import enrolment
from collector.registry.enrolment import Watch
from collector.store.database import Connection
from protocol import note
from tests.light_agent import DOMAIN, LightAgent


def enrol_light(
    connection: Connection, agent: LightAgent, *, asset_no: str, now: datetime, also: Sequence[tuple[str, str]] = ()
) -> None:
    """Enrol it with its power meter counting for a registered instrument, and `also` these (watcher, channel)."""
    watch = [Watch(*source, asset_no) for source in (("meter1", "power"), *also)]
    token = enrolment.make_token(connection, agent.agent_id, watch=watch, now=now, valid_for=timedelta(hours=1))
    asked = enrolment.challenge(connection, token, agent_id=agent.agent_id, domain=DOMAIN, now=now)
    assert asked.origin == agent.origin
    proof = note.sign(note.enrolment_text(asked.origin, agent.vkey, asked.nonce), agent.key).decode()
    enrolment.redeem(
        connection, token, agent_id=agent.agent_id, vkey=agent.vkey, proof=proof, domain=DOMAIN, now=now
    )  # fmt: skip
