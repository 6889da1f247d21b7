"""Messages are drafted of what there is to tell, and put into the outbox once for each content.

What differs from the newest revision of its record is a further revision that cites it, what does not is nothing new.
An earlier revision that has not gone out yet need not go any more: the later one says what it said.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from collector.exchange.building import Built, Fault, build
from collector.exchange.effects import YearTold
from collector.exchange.mapping import ReadMapping
from collector.exchange.outbox import add_step
from collector.exchange.records import AT_ONCE, Told
from collector.exchange.sources import Values
from collector.exchange.states import State
from collector.portions import portions
from collector.store.database import Connection
from collector.store.queries import load

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
    for portion in portions(drafts, AT_ONCE):
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
    add_step(connection, row[0], "pending", by=by, now=now, due_at=now)
    if held is not None and held.state in ("pending", "refused", "given-up"):
        add_step(connection, held.message_id, "replaced", by=by, now=now)


def _load_newest(connection: Connection, drafts: Sequence[Draft]) -> dict[str, _Newest]:
    rows = connection.execute(_SQL.list_newest, {"inner_ids": [draft.inner_id for draft in drafts]})
    return {inner: _Newest(*rest) for inner, *rest in rows}
