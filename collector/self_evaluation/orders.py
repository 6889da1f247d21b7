"""The service orders of a unit as they stand, with corrections applied, and the documents that prove them.

By the rules of protocol/said.py: a correction takes its target out of account and puts its own order in the place; of
two orders of one number the first by its ref holds. A report and an hour record so mean the same order by the same
number.
"""

from collections.abc import Iterable
from typing import NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import Correction, Document, Fact, Order, OrderDocument
from protocol.said import apply_corrections

_SQL = load("self_evaluation")


class StandingOrder(NamedTuple):
    """An order that counts; `ref` is the fact's, or its correction's. `documents`: its own and those added to it."""

    ref: str
    order: Order
    documents: tuple[Document, ...]


def load_orders(connection: Connection, uscc: str) -> dict[str, StandingOrder]:
    """The unit's orders that count, by number."""
    rows = connection.execute(_SQL.list_orders_of_unit, {"uscc": uscc}, binary=True)
    return standing_orders(
        uscc, ((facts.target_of(sha256), facts.decode(bytes(body))) for sha256, body in rows.fetchall())
    )


def standing_orders(uscc: str, recorded: Iterable[tuple[str, Fact]]) -> dict[str, StandingOrder]:
    """What of the orders, documents and corrections of a unit counts; by number, in its order. Pure."""
    held = dict(recorded)
    corrections = {ref: fact for ref, fact in held.items() if isinstance(fact, Correction)}
    holding, out = apply_corrections(corrections)
    standing = [(ref, fact) for ref, fact in held.items() if ref not in out and not isinstance(fact, Correction)]
    standing += [(ref, each.order) for ref, each in holding.items() if each.order is not None]
    added: dict[str, set[Document]] = {}
    for _, fact in standing:
        if isinstance(fact, OrderDocument) and fact.unit == uscc:
            added.setdefault(fact.order, set()).add(fact.document)
    found: dict[str, StandingOrder] = {}
    for ref, fact in sorted(standing, key=lambda item: item[0]):
        if isinstance(fact, Order) and fact.unit == uscc and fact.order not in found:
            documents = set(fact.documents) | added.get(fact.order, set())
            in_order = tuple(sorted(documents, key=lambda each: (each.kind, each.sha256)))
            found[fact.order] = StandingOrder(ref, fact, in_order)
    return dict(sorted(found.items()))
