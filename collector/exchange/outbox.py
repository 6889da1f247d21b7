"""Messages in the database: where each stands, and what took it there, with everything that was answered.

Functions that change something run in the caller's transaction. Which steps there are, states.py says; the database
refuses any other one by itself.
"""

from datetime import date, datetime
from typing import Literal, NamedTuple

from collector.errors import UnknownName
from collector.exchange.states import Answer, Next, State, check_retry
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import Actor, record_change
from collector.store.database import Connection
from collector.store.queries import load

MACHINE = "exchange"
"""Who makes the steps that nobody asks for one by one."""
_SQL = load("exchange")


class Held(NamedTuple):
    """A message, where it stands, and what was said last of it."""

    message_id: int
    kind: Literal["record", "effect"]
    inner_id: str
    revision: int
    cites: str | None
    sha256: str
    mapping: str
    unit: str
    asset_no: str
    first_day: date
    last_day: date
    order_no: str
    made_at: datetime
    state: State
    due_at: datetime | None
    attempts: int
    since: datetime
    receipt: str
    problem: str


class Step(NamedTuple):
    """One step of a message, with the answer as it came."""

    state: State
    at: datetime
    due_at: datetime | None
    http_status: int | None
    answer: bytes | None
    receipt: str
    problem: str
    made_by: str


class Due(NamedTuple):
    """A message that may be sent; one that is `sent` already has lost its answer. `attempts`: before this one."""

    message_id: int
    kind: str
    inner_id: str
    revision: int
    body: bytes
    state: State
    attempts: int
    is_unsure: bool


# On the way


def list_due(connection: Connection, *, now: datetime, after: int, limit: int) -> list[Due]:
    """What may be sent by now, oldest first."""
    rows = connection.execute(_SQL.list_due, {"now": now, "after": after, "limit": limit}, binary=True)
    return [Due(*row) for row in rows]


def begin_attempt(connection: Connection, due: Due, *, now: datetime, lease_until: datetime) -> bool:
    """Writes down that a message is about to be sent; False where somebody changed where it stands meanwhile."""
    row = connection.execute(_SQL.hold_message, {"message_id": due.message_id}).fetchone()
    if row is None or row[0] != due.state:
        return False
    if due.state == "sent":
        lost = "whoever sent it never wrote down the answer"
        add_step(connection, due.message_id, "pending", by=MACHINE, now=now, due_at=now, problem=lost)
    add_step(connection, due.message_id, "sent", by=MACHINE, now=now, due_at=lease_until)
    return True


def end_attempt(connection: Connection, message_id: int, answer: Answer, following: Next, *, now: datetime) -> None:
    """Writes down what an attempt came to, with the answer as it came."""
    problem = "" if answer.heard == "accepted" else answer.told or answer.heard
    add_step(
        connection, message_id, following.state, by=MACHINE, now=now, due_at=following.due_at,
        http_status=answer.http_status, answer=answer.raw, receipt=answer.receipt, problem=problem,
    )  # fmt: skip


def retry(
    connection: Connection, message_id: int, *, scope: Scope = EVERYTHING, actor: Actor, why: str, now: datetime
) -> Held:
    """A person puts a message on the way again. UnknownName, ExchangeError."""
    connection.execute(_SQL.hold_message, {"message_id": message_id})
    held = find_message(connection, message_id, scope=scope)
    check_retry(held.state)
    add_step(connection, message_id, "pending", by=actor.name, now=now, due_at=now, problem=why)
    target = f"{held.inner_id}/{held.revision}"
    record_change(connection, actor, "exchange.retry", target=target, old={"state": held.state}, reason=why)
    return find_message(connection, message_id, scope=scope)


def add_step(
    connection: Connection,
    message_id: int,
    state: State,
    *,
    by: str,
    now: datetime,
    due_at: datetime | None = None,
    http_status: int | None = None,
    answer: bytes | None = None,
    receipt: str = "",
    problem: str = "",
) -> None:
    """One step of a message; psycopg's RestrictViolation where it cannot follow."""
    values = {
        "message_id": message_id, "state": state, "by": by, "now": now, "due_at": due_at, "http_status": http_status,
        "answer": answer, "receipt": receipt, "problem": problem,
    }  # fmt: skip
    connection.execute(_SQL.insert_step, values)


# Lists


def list_messages(
    connection: Connection,
    *,
    scope: Scope = EVERYTHING,
    state: State | None = None,
    message_id: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Held]:
    """Messages of a scope, the oldest first."""
    values = {**scope.values, "state": state, "message_id": message_id, "after": after, "limit": limit}
    return [Held(*row) for row in connection.execute(_SQL.list_messages, values)]


def find_message(connection: Connection, message_id: int, *, scope: Scope = EVERYTHING) -> Held:
    """The message of that number; raises UnknownName where there is none in the scope."""
    found = list_messages(connection, scope=scope, message_id=message_id, limit=1)
    if not found:
        raise UnknownName(f"there is no message {message_id}: `jishi-collector exchange list` shows which there are")
    return found[0]


def list_steps(connection: Connection, message_id: int) -> list[Step]:
    """All that became of a message, in order."""
    return [Step(*row) for row in connection.execute(_SQL.list_steps, {"message_id": message_id}, binary=True)]


def count_states(connection: Connection) -> dict[State, int]:
    """How many messages stand where; states in which none stands are left out."""
    return dict(connection.execute(_SQL.count_states).fetchall())


def load_body(connection: Connection, message_id: int) -> bytes:
    """The exact bytes of a message that is there."""
    row = connection.execute(_SQL.load_body, {"message_id": message_id}, binary=True).fetchone()
    assert row is not None
    return bytes(row[0])
