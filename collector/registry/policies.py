"""Policies: the exact bytes of each, and from which day which one holds for what, approved by whom.

An instrument's own policy goes before its model's, and that before the default. Putting one in force marks every day
that it re-derives.
"""

from datetime import date
from typing import NamedTuple

from collector.errors import RegistryError
from collector.registry import instruments, people
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load
from protocol.errors import MalformedPolicy
from protocol.message import MAX_LEVELS, MAX_SENT_POLICIES, MAX_SENT_POLICY_BYTES, Level, SentPolicy
from protocol.policy import POWER, Policy, parse_policy

_SQL = load("registry")


class Hints(NamedTuple):
    """Values at which the agent had better cut its intervals, and the policies for its preview."""

    levels: tuple[Level, ...]
    policies: tuple[SentPolicy, ...]


def register_policy(connection: Connection, body: bytes) -> Policy:
    """Keeps the bytes of a policy's file; again is harmless. Raises RegistryError for a malformed one."""
    try:
        policy = parse_policy(body)
    except MalformedPolicy as error:
        raise RegistryError(str(error)) from error
    connection.execute(_SQL.insert_policy, {"sha256": policy.sha256, "body": body, "name": policy.name})
    return policy


def put_in_force(
    connection: Connection,
    policy: Policy,
    *,
    asset_no: str | None,
    from_day: date,
    approved_by: str,
    model: str | None = None,
    proposal_id: int | None = None,
) -> bool:
    """From that local day the policy holds for the instrument, or for a model; neither: for all without their own.

    Says whether that is new. `approved_by` is a registered person's name. Raises UnknownName.
    """
    person = people.find_person(connection, approved_by)
    if asset_no is not None:
        instruments.check_instrument(connection, asset_no)
    values = {
        "asset_no": asset_no,
        "model": model,
        "from_day": from_day,
        "sha256": policy.sha256,
        "approved_by": person.person_id,
        "proposal_id": proposal_id,
    }
    with connection.transaction():
        connection.execute(_SQL.lock_measurements)
        is_new = connection.execute(_SQL.insert_policy_in_force, values).rowcount > 0
        if is_new:
            watchers = {"agent_id": None, "watcher": None, "channel": None, "reason": "policy"}
            connection.execute(_SQL.touch_days, {**values, **watchers})
            connection.execute(_SQL.notify_dirty_days, {"channel": DIRTY_DAY_CHANNEL})
    return is_new


def find_policy(connection: Connection, asset_no: str, *, day: date) -> Policy | None:
    """The policy of an instrument on a local day: its own, its model's, else the default; None where there is none."""
    body = _find_body(connection, asset_no, day=day)
    return None if body is None else parse_policy(body)


def hints_for_agent(connection: Connection, agent_id: str, *, day: date) -> Hints:
    """What an agent's welcome says of the policies of the instruments that it measures."""
    levels: list[Level] = []
    sent: list[SentPolicy] = []
    measured = connection.execute(_SQL.list_measurements_of_agent, {"agent_id": agent_id, "day": day}).fetchall()
    for watcher, channel, asset_no in measured:
        body = None if asset_no is None else _find_body(connection, asset_no, day=day)
        if body is None:
            continue
        if values := parse_policy(body).levels(channel):
            levels.append(Level(watcher=watcher, channel=channel, values=values))
        if channel == POWER and len(body) <= MAX_SENT_POLICY_BYTES:
            sent.append(SentPolicy(watcher, body))
    return Hints(tuple(levels[:MAX_LEVELS]), tuple(sent[:MAX_SENT_POLICIES]))


def _find_body(connection: Connection, asset_no: str, *, day: date) -> bytes | None:
    row = connection.execute(_SQL.find_policy, {"asset_no": asset_no, "day": day}).fetchone()
    return None if row is None else bytes(row[1])
