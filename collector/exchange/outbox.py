"""Messages in the database: made once for each content, and taken from step to step with everything that was answered.

Functions that change something run in the caller's transaction. What is sent are the exact bytes of a message; what
differs from the newest revision of its record is a further revision that cites it, what does not is nothing new.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from collector.errors import UnknownName
from collector.exchange.building import Built, Fault, build
from collector.exchange.effects import YearTold
from collector.exchange.mapping import ReadMapping
from collector.exchange.records import AT_ONCE, Told
from collector.exchange.sources import Values
from collector.exchange.states import Answer, Next, State, check_retry
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import Actor, record_change
from collector.store.database import Connection
from collector.store.queries import load

MACHINE = "exchange"
"""Who makes the steps that nobody asks for one by one."""
_SQL = load("exchange")


class Draft(NamedTuple):
    """What a message would be: `name` tells it to people, the rest is what the outbox keeps beside its bytes."""

    kind: str
    inner_id: str
    name: str
    values: Values
    unit: str
    asset_no: str
    first_day: date
    last_day: date
    order_no: str = ""
    record: str | None = None
    record_revision: int | None = None


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


class _Newest(NamedTuple):
    revision: int
    sha256: str
    content: str
    message_id: int
    state: State


def draft_of_record(told: Told) -> Draft:
    """The draft of a service record."""
    line = told.line
    name = f"{line.asset_no} {line.day} {line.order_no or line.standing}"
    return Draft(
        "record", line.inner_id, name, told.values, line.unit, line.asset_no, line.day, line.day, line.order_no,
        line.record_sha256, line.record_revision,
    )  # fmt: skip


def draft_of_year(told: YearTold, year: int) -> Draft:
    """The draft of an instrument's year."""
    name = f"{told.asset_no} {year}"
    days = date(year, 1, 1), date(year, 12, 31)
    return Draft("effect", told.inner_id, name, told.values, told.unit, told.asset_no, *days)


def find_faults(drafts: Iterable[Draft], mapping: ReadMapping) -> tuple[int, list[Fault]]:
    """How many drafts there are, and all that is wrong with them."""
    count, faults = 0, []
    for draft in drafts:
        count += 1
        made = _build(draft, mapping, revision=1, cites=None)
        faults += made if isinstance(made, list) else []
    return count, faults


class Made(NamedTuple):
    """What became of drafts: how many are new messages, how many say what is known, and what is wrong with the rest."""

    new: int
    unchanged: int
    faults: list[Fault]


def put_messages(
    connection: Connection, drafts: Iterable[Draft], mapping: ReadMapping, *, by: str, now: datetime
) -> Made:
    """Puts those that say anything new into the outbox, in the caller's transaction; the others are told of."""
    values = {"sha256": mapping.sha256, "body": mapping.body, "name": mapping.mapping.name}
    connection.execute(_SQL.insert_mapping, values)
    new = unchanged = 0
    faults: list[Fault] = []
    for portion in _portions(drafts):
        newest = _load_newest(connection, portion)
        for draft in portion:
            held = newest.get(draft.inner_id)
            revision, cites = (held.revision + 1, held.sha256) if held else (1, None)
            made = _build(draft, mapping, revision=revision, cites=cites)
            if isinstance(made, list):
                faults += made
            elif held is not None and held.content == made.content:
                unchanged += 1
            else:
                _put(connection, draft, made, held=held, mapping=mapping.sha256, by=by, now=now)
                new += 1
    return Made(new, unchanged, faults)


def _build(draft: Draft, mapping: ReadMapping, *, revision: int, cites: str | None) -> Built | list[Fault]:
    values = {**draft.values, "message.revision": revision, "message.cites": cites}
    return build(draft.kind, values, mapping.mapping, record=draft.name)


def _put(
    connection: Connection, draft: Draft, made: Built, *, held: _Newest | None, mapping: str, by: str, now: datetime
) -> None:
    values = {
        **draft._asdict(),
        "revision": held.revision + 1 if held else 1,
        "cites": held.sha256 if held else None,
        "body": made.body,
        "content": made.content,
        "mapping": mapping,
        "by": by,
        "now": now,
    }
    del values["values"]
    row = connection.execute(_SQL.insert_message, values).fetchone()
    assert row is not None
    _step(connection, row[0], "pending", by=by, now=now, due_at=now)
    if held is not None and held.state in ("pending", "refused", "given-up"):
        _step(connection, held.message_id, "replaced", by=by, now=now)


def _portions(drafts: Iterable[Draft]) -> Iterable[list[Draft]]:
    portion: list[Draft] = []
    for draft in drafts:
        portion.append(draft)
        if len(portion) == AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


def _load_newest(connection: Connection, drafts: Sequence[Draft]) -> dict[str, _Newest]:
    rows = connection.execute(_SQL.list_newest, {"inner_ids": [draft.inner_id for draft in drafts]})
    return {inner: _Newest(*rest) for inner, *rest in rows}


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
        _step(connection, due.message_id, "pending", by=MACHINE, now=now, due_at=now, problem=lost)
    _step(connection, due.message_id, "sent", by=MACHINE, now=now, due_at=lease_until)
    return True


def end_attempt(connection: Connection, message_id: int, answer: Answer, following: Next, *, now: datetime) -> None:
    """Writes down what an attempt came to, with the answer as it came."""
    problem = "" if answer.heard == "accepted" else answer.told or answer.heard
    _step(
        connection, message_id, following.state, by=MACHINE, now=now, due_at=following.due_at,
        http_status=answer.http_status, answer=answer.raw, receipt=answer.receipt, problem=problem,
    )  # fmt: skip


def retry(
    connection: Connection, message_id: int, *, scope: Scope = EVERYTHING, actor: Actor, why: str, now: datetime
) -> Held:
    """A person puts a message on the way again. UnknownName, ExchangeError."""
    held = find_message(connection, message_id, scope=scope)
    connection.execute(_SQL.hold_message, {"message_id": message_id})
    held = find_message(connection, message_id, scope=scope)
    check_retry(held.state)
    _step(connection, message_id, "pending", by=actor.name, now=now, due_at=now, problem=why)
    target = f"{held.inner_id}/{held.revision}"
    record_change(connection, actor, "exchange.retry", target=target, old={"state": held.state}, reason=why)
    return find_message(connection, message_id, scope=scope)


def _step(
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
