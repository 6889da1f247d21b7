"""The audit trail: who changed what, when, from where and why.

One line a change, written in the transaction of the change, so that neither is there without the other. Lines are
facts: the database refuses to alter them. What was refused for want of a right is recorded as well; the caller bounds
how often. No secret belongs into a line.

    actor   a person's registered name, or what `--by` said; an agent as `agent em-01` where its token acted
    via     command, api or page
    place   `user@host` of a command (as the operating system knows him), else the address that asked
    action  what was done to which kind of thing: `key.revoke`, `journal.accept`
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from collector.store.database import Connection
from collector.store.queries import load

MAX_TEXT = 500
"""Characters kept of an actor, a target or a reason: enough for people, no room for a flood."""
_SQL = load("access")

Values = Mapping[str, object]


class Actor(NamedTuple):
    """Who makes a change, and where from."""

    name: str
    via: Literal["command", "api", "page"]
    place: str


def why_fault(why: str) -> str:
    """What is wrong with the reason for a change; "" where it is one line of at most MAX_TEXT characters."""
    if why.strip() and why.isprintable() and len(why) <= MAX_TEXT:
        return ""
    return f"a reason is needed, on one line and at most {MAX_TEXT} characters: say why"


class Change(NamedTuple):
    """One line of the trail."""

    seq: int
    at: datetime
    actor: str
    via: str
    place: str
    action: str
    target: str
    outcome: Literal["done", "refused"]
    old: dict[str, object] | None
    new: dict[str, object] | None
    reason: str


def record_change(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    target: str,
    old: Values | None = None,
    new: Values | None = None,
    reason: str = "",
) -> None:
    """Adds the line of a change to the transaction that makes it. RuntimeError outside of a transaction."""
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        raise RuntimeError(f"{action}: a change and its line belong into one transaction")
    _insert(connection, actor, action, target=target, outcome="done", old=old, new=new, reason=reason)


def record_refusal(connection: Connection, actor: Actor, action: str, *, target: str, reason: str) -> None:
    """Adds the line of something that was asked for and not allowed."""
    _insert(connection, actor, action, target=target, outcome="refused", old=None, new=None, reason=reason)


def list_changes(
    connection: Connection, *, since: datetime | None = None, after: int = 0, limit: int | None = None
) -> list[Change]:
    """The lines from an instant on, after a number, oldest first."""
    values = {"since": since, "after": after, "limit": limit}
    return [Change(*row) for row in connection.execute(_SQL.list_changes, values)]


def _insert(
    connection: Connection,
    actor: Actor,
    action: str,
    *,
    target: str,
    outcome: str,
    old: Values | None,
    new: Values | None,
    reason: str,
) -> None:
    values = {
        "actor": _text(actor.name),
        "via": actor.via,
        "place": _text(actor.place),
        "action": action,
        "target": _text(target),
        "outcome": outcome,
        "old": None if old is None else Jsonb(dict(old)),
        "new": None if new is None else Jsonb(dict(new)),
        "reason": _text(reason),
    }
    connection.execute(_SQL.insert_change, values)


def _text(text: str) -> str:
    """On one line and printable, whatever was sent: people read the trail in terminals."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return shown[:MAX_TEXT]
