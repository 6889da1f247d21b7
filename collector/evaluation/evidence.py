"""Evidence lists: what a unit shows of the indicators that experts judge (1, 3, 4, 6 and 8), one item a line.

The unit's own people enter items until a day that the evaluator sets, and never after the round is closed; what they
withdraw stays, with the reason. An item names a stored document by its SHA-256 where there is one. Users' ratings of
service (用户评价) are items of indicator 8 with a number of 1 to 5. Experts see the items of their indicators, a unit
its own, those who may see scores all.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from collector.clock import day_of
from collector.errors import RoundError, UnknownDocument, UnknownName
from collector.evaluation.experts import OF_EXPERTS, list_appointments
from collector.evaluation.rounds import By, Round, check_why, hold_round
from collector.evaluation.speaking import check_speaks
from collector.evaluation.states import check_deed
from collector.facts.documents import Document
from collector.registry.access import EVERYTHING, Access, Right
from collector.registry.audit import MAX_TEXT, record_change
from collector.registry.people import Person
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_evidence")
MAX_ITEMS = 2000
"""Of one unit in one round, withdrawn ones among them."""
MAX_NUMBER = 2**53 - 1
KINDS: Mapping[int, tuple[str, ...]] = {
    1: ("procedure", "purchase-review", "centralisation", "other"),
    3: ("team", "appraisal", "promotion", "training", "development", "other"),
    4: ("platform", "docking", "booking", "other"),
    6: ("project", "paper", "patent", "award", "standard", "other"),
    8: ("project", "paper", "patent", "award", "service", "user-rating", "other"),
}
"""What an item of an indicator can be (指引五)."""


class Item(NamedTuple):
    """What somebody enters. `number`: how many, or of a user's rating its 1 to 5; `document`: SHA-256 of a file."""

    uscc: str
    indicator: int
    kind: str
    title: str
    note: str = ""
    amount_fen: int | None = None
    number: int | None = None
    document: str | None = None


class HeldItem(NamedTuple):
    """An item as it is kept; the last three where it was withdrawn."""

    item_id: int
    item: Item
    made_by: str
    made_at: datetime
    withdrawn_why: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class Sight(NamedTuple):
    """Whose items somebody sees: of this unit (None: of all), and of these indicators."""

    uscc: str | None
    indicators: tuple[int, ...]


def enter_item(connection: Connection, name: str, item: Item, *, person: Person, access: Access, by: By) -> int:
    """Keeps an item and returns its number. Raises RoundError, NotAllowed, UnknownName, UnknownDocument."""
    held = _hold(connection, name, by=by)
    check_speaks(connection, person, access, uscc=item.uscc)
    if faults := list(_faults(item)):
        raise RoundError("this is no item of evidence:" + "".join(f"\n  {fault}" for fault in faults))
    check_document(connection, item.document)
    of_unit = {"round_id": held.round_id, "uscc": item.uscc}
    row = connection.execute(_SQL.count_items, of_unit).fetchone()
    if row is not None and row[0] >= MAX_ITEMS:
        raise RoundError(f"unit {item.uscc} has {row[0]} items in round {name}, the most that are taken: sum some up")
    values = {"round_id": held.round_id, **item._asdict(), **by.values}
    row = connection.execute(_SQL.insert_item, values).fetchone()
    assert row is not None, "it was inserted"
    new = {"item": row[0], "unit": item.uscc, "indicator": item.indicator, "kind": item.kind}
    record_change(connection, by.actor, "round.bring-evidence", target=name, new=new)
    return int(row[0])


def withdraw_item(connection: Connection, name: str, number: int, *, person: Person, access: Access, by: By) -> None:
    """The item counts no more, and stays. Raises RoundError, NotAllowed, UnknownName."""
    held = _hold(connection, name, by=by)
    check_why(by.why)
    found = find_item(connection, held, number, sight=Sight(None, OF_EXPERTS))
    check_speaks(connection, person, access, uscc=found.item.uscc)
    if found.withdrawn_at is not None:
        raise RoundError(f"item {number} was withdrawn by {found.withdrawn_by} already: {found.withdrawn_why}")
    connection.execute(_SQL.insert_withdrawal, {"round_id": held.round_id, "item_id": number, **by.values})
    record_change(connection, by.actor, "round.withdraw-evidence", target=name, new={"item": number}, reason=by.why)


def set_term(connection: Connection, name: str, *, last_day: date, by: By) -> None:
    """Evidence is taken until the end of that local day; again for another one. Raises RoundError."""
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="bring evidence")
    check_why(by.why)
    if last_day < day_of(by.now):
        raise RoundError(f"{last_day} is over: give today or a later day, or close the round")
    connection.execute(_SQL.insert_term, {"round_id": held.round_id, "last_day": last_day, **by.values})
    record_change(
        connection, by.actor, "round.evidence-until", target=name, new={"until": str(last_day)}, reason=by.why
    )


def find_term(connection: Connection, held: Round) -> date | None:
    """Until the end of which local day evidence is taken; None where the round's closing ends it."""
    row = connection.execute(_SQL.find_term, {"round_id": held.round_id}).fetchone()
    return None if row is None else row[0]


def sight_of(connection: Connection, held: Round, person: Person, access: Access) -> Sight | None:
    """What a person sees of the lists; None: nothing."""
    if access.scope.kind == "unit":
        return Sight(access.scope.name, OF_EXPERTS)
    if access.scope != EVERYTHING:
        return None
    if access.allows(Right.POINTS):
        return Sight(None, list_appointments(connection, held, person))
    return Sight(None, OF_EXPERTS) if access.allows(Right.SCORES) else None


def list_items(
    connection: Connection,
    held: Round,
    *,
    sight: Sight,
    uscc: str | None = None,
    indicator: int | None = None,
    number: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[HeldItem]:
    """Items by number, withdrawn ones among them."""
    values = {
        "round_id": held.round_id,
        "sees_uscc": sight.uscc,
        "sees_indicators": list(sight.indicators),
        "uscc": uscc,
        "indicator": indicator,
        "number": number,
        "after": after,
        "limit": limit,
    }
    rows = connection.execute(_SQL.list_items, values)
    return [HeldItem(row[0], Item(*row[1:9]), *row[9:]) for row in rows]


def find_item(connection: Connection, held: Round, number: int, *, sight: Sight) -> HeldItem:
    """One item; UnknownName where there is none that is seen."""
    found = list_items(connection, held, sight=sight, number=number)
    if not found:
        raise UnknownName(f"there is no item {number} of evidence in round {held.name}: the list shows those there are")
    return found[0]


def check_document(connection: Connection, sha256: str | None) -> None:
    """Raises UnknownDocument unless that file is stored; None is no file."""
    if sha256 is not None:
        find_document(connection, sha256)


def find_document(connection: Connection, sha256: str) -> Document:
    """The stored file of that SHA-256; raises UnknownDocument."""
    row = connection.execute(_SQL.find_stored, {"sha256": sha256}).fetchone()
    if row is None:
        raise UnknownDocument(f"no document {sha256[:64]!a} is stored", "store it first (jishi-collector document add)")
    return Document(*row)


def _hold(connection: Connection, name: str, *, by: By) -> Round:
    held = hold_round(connection, name)
    check_deed(name, held=held.state, deed="bring evidence")
    last_day = find_term(connection, held)
    if last_day is not None and day_of(by.now) > last_day:
        raise RoundError(f"evidence of round {name} was taken until {last_day}: it is frozen")
    return held


def _faults(item: Item) -> list[str]:
    found = []
    kinds = KINDS.get(item.indicator)
    if kinds is None:
        return [f"indicator: {item.indicator} is none that experts judge; 1, 3, 4, 6 and 8 are"]
    if item.kind not in kinds:
        found.append(f"kind: {item.kind[:40]!a} is none of indicator {item.indicator}; {', '.join(kinds)} are")
    if not item.title.strip() or not item.title.isprintable() or len(item.title) > MAX_TEXT:
        found.append(f"title: 1 to {MAX_TEXT} printable characters on one line are expected")
    if not (item.note.isprintable() and len(item.note) <= MAX_TEXT):
        found.append(f"note: at most {MAX_TEXT} printable characters on one line are expected")
    for name, number in (("amount_fen", item.amount_fen), ("number", item.number)):
        if number is not None and not 0 <= number <= MAX_NUMBER:
            found.append(f"{name}: {number} is no amount; give 0 to {MAX_NUMBER}")
    if item.kind == "user-rating" and item.number not in range(1, 6):
        found.append("number: a user's rating is 1 (worst) to 5 (best)")
    return found
