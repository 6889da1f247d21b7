"""Scoring schemes in the database: the exact bytes that somebody entered, known by their SHA-256."""

from datetime import datetime
from typing import NamedTuple

from collector.errors import UnknownName
from collector.evaluation import scheme
from collector.evaluation.rounds import By, check_why
from collector.evaluation.scheme import Scheme
from collector.registry.audit import record_change
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("round_scores")
MIN_BEGINNING = 8
"""How many digits of an identity are enough to ask for a scheme."""


class EnteredScheme(NamedTuple):
    """A scheme as it was entered."""

    sha256: str
    body: bytes
    why: str
    entered_by: str
    entered_at: datetime

    @property
    def scheme(self) -> Scheme:
        return scheme.parse(self.body)


def enter_scheme(connection: Connection, raw: bytes, *, by: By) -> EnteredScheme:
    """Keeps a scheme; again with the same bytes is harmless. In the caller's transaction. Raises SchemeError."""
    parsed, sha256 = scheme.parse(raw), scheme.identity(raw)
    check_why(by.why)
    values = {"sha256": sha256, "body": raw, "name": parsed.name, "from_day": parsed.from_day, **by.values}
    if connection.execute(_SQL.insert_scheme, values).rowcount:
        new = {"name": parsed.name, "example": parsed.example}
        record_change(connection, by.actor, "scheme.enter", target=sha256, new=new, reason=by.why)
    return find_scheme(connection, sha256)


def list_schemes(connection: Connection, begins: str | None = None) -> list[EnteredScheme]:
    """The schemes, the latest first; those whose identity begins so, where that is given."""
    rows = connection.execute(_SQL.list_schemes, {"begins": begins}, binary=True)
    return [EnteredScheme(*row) for row in rows]


def find_scheme(connection: Connection, begins: str) -> EnteredScheme:
    """The scheme whose identity begins so, with at least 8 digits; raises UnknownName."""
    found = list_schemes(connection, begins) if len(begins) >= MIN_BEGINNING else []
    if len(found) != 1:
        raise UnknownName(
            f"no single scheme begins with {begins[:64]!a}: give 8 digits or more of its SHA-256; `jishi-collector "
            "evaluate schemes` lists them, `evaluate scheme FILE` enters one"
        )
    return found[0]
