"""To what an instrument belongs from a day on: the unit that owns it, a facility, a centre. Many at once.

An owner that changes re-assigns hours: the days from then on are marked for derivation (registry.instruments).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from collector.registry import instruments
from collector.registry.described import FACILITY_KINDS, Wrong, uscc_faults
from collector.registry.descriptions import Asked
from collector.store.database import Connection
from collector.store.queries import load

_SQL, _REGISTRY = load("registered"), load("registry")
OWNER = "owner"
UNIT = "unit"
PLACES = (OWNER, *FACILITY_KINDS)
Known = Mapping[str, str]
"""Of the units and facilities that exist, which kind each is: unit, facility or centre."""


class Places(NamedTuple):
    """To what an instrument belongs on a day, None: to nothing; and who owned it next."""

    owner: str | None = None
    facility: str | None = None
    centre: str | None = None
    next_owner: str | None = None

    def of(self, place: str) -> str | None:
        return self[PLACES.index(place)]


class Move(NamedTuple):
    """From that day an instrument belongs to the unit, facility or centre `to`; None: to none."""

    asset_no: str
    place: str
    to: str | None
    from_day: date


def find_places(connection: Connection, asked: Sequence[Asked]) -> dict[Asked, Places]:
    """Where each instrument belonged on the day beside it; those that nobody registered are left out."""
    keys, days = [key for key, _ in asked], [day for _, day in asked]
    rows = connection.execute(_SQL.find_places_on, {"keys": keys, "days": days}, binary=True)
    return {(asset_no, day): Places(*places) for asset_no, day, *places in rows}


def find_known(connection: Connection, keys: Collection[str]) -> Known:
    """Which of these units and facilities exist."""
    return dict(connection.execute(_SQL.list_known, {"keys": list(keys)}).fetchall())


def move_faults(field: str, place: str, to: str | None, *, known: Known) -> Iterator[Wrong]:
    """What is wrong with belonging to that."""
    expected = UNIT if place == OWNER else place
    if to is None or known.get(to) == expected:
        return
    if place == OWNER and (wrong := [*uscc_faults(field, to)]):
        yield from wrong
    elif to in known:
        yield Wrong(field, to, f"it is a {known[to]}, a {expected} is expected", "correct the number or the kind")
    else:
        yield Wrong(
            field, to, f"no {expected} of this number is registered", "register it first, or correct the number"
        )


def move(connection: Connection, moves: Sequence[Move], *, recorded_by: str, existed: Collection[Asked]) -> None:
    """Records where instruments belong. `existed`: those that were registered before, with the day of their move.

    What they say was checked (move_faults). Must run inside the caller's transaction.
    """
    owners = [{"asset_no": m.asset_no, "uscc": m.to, "from_day": m.from_day} for m in moves if m.place == OWNER]
    others = [
        {
            "asset_no": m.asset_no,
            "kind": m.place,
            "facility_no": m.to,
            "from_day": m.from_day,
            "recorded_by": recorded_by,
        }
        for m in moves
        if m.place != OWNER
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_REGISTRY.insert_ownership, owners)
        cursor.executemany(_SQL.insert_membership, others)
    changed = [(m.asset_no, m.from_day) for m in moves if m.place == OWNER and (m.asset_no, m.from_day) in existed]
    instruments.touch_days_of_owners(connection, changed)
