"""Drafts held against the registry: who owned the instrument, whether the unit is known, what the bringer may say.

What lies outside a bringer's scope looks like what is not there. A draft that passes becomes facts with the keys under
which they are recorded:

    order/<unit>/<number>              an order
    document/<unit>/<number>/<sha256>  one more document of an order
    use/<key>                          a use of which the row has a key
    use/sha256/<content>               one of which it has none: the same row again is the same use
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from collector.facts.columns import content_of
from collector.facts.drafts import Bringer, Draft, Members
from collector.facts.store import Sent
from collector.registry.access import Scope
from collector.sheet_report import Refusal
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.errors import one_line
from protocol.facts import Fact, Order, OrderDocument, Use
from protocol.interval import local_day

_SQL = load("facts")
_Stay = tuple[str, date, date]


class Known(NamedTuple):
    """What the registry says of the instruments, days and units that some drafts name.

    `owners`: of an instrument over days, its owner on the first day and whether he owned it on all of them; an
    instrument that nobody registered is missing.
    """

    owners: Mapping[_Stay, tuple[str | None, bool]]
    units: frozenset[str]


def load_known(connection: Connection, drafts: Sequence[Draft]) -> Known:
    """In two queries, however many drafts there are."""
    stays = sorted({_stay(draft.use) for draft in drafts if draft.use is not None})
    values = {
        "asset_nos": [stay[0] for stay in stays],
        "first_days": [stay[1] for stay in stays],
        "last_days": [stay[2] for stay in stays],
    }
    rows = connection.execute(_SQL.list_owners, values) if stays else ()
    owners = {(asset_no, first, last): (owner, throughout) for asset_no, first, last, owner, throughout in rows}
    said = [members for draft in drafts for members in (draft.order, draft.document) if members is not None]
    named = sorted({members["unit"] for members in said if "unit" in members})
    units = connection.execute(_SQL.list_units, {"usccs": named}) if named else ()
    return Known(owners, frozenset(row[0] for row in units))


def check(draft: Draft, known: Known, *, bringer: Bringer, scope: Scope) -> tuple[list[Sent], list[Refusal]]:
    """The facts of a draft, an order before what names it; or why they cannot be recorded."""
    refusals = [*_refusals(draft, known, scope)]
    if refusals:
        return [], refusals
    try:
        sent = [*_facts(draft, known, bringer)]
        for each in sent:
            facts.encode(each.fact)
    except (ValueError, msgspec.ValidationError) as error:  # what no cell shows: too long as a whole, for one
        return [], [draft.row.refused("", why=one_line(error), remedy="correct the row")]
    return sent, []


def _refusals(draft: Draft, known: Known, scope: Scope) -> Iterator[Refusal]:
    if draft.use is not None:
        yield from _refusals_of_use(draft, draft.use, known=known, scope=scope)
        return
    members = draft.order or draft.document or {}
    unit = members["unit"]
    if unit not in known.units or not (scope.kind == "everything" or (scope.kind, scope.name) == ("unit", unit)):
        why = f"no unit {unit} is registered"
        yield Refusal(draft.row.number, "unit", unit, why, "correct the code, or register the unit first")


def _refusals_of_use(draft: Draft, use: Members, *, known: Known, scope: Scope) -> Iterator[Refusal]:
    asset_no, first_day, last_day = stay = _stay(use)
    owner, throughout = known.owners.get(stay, (None, False))
    is_hidden = (scope.kind == "unit" and owner != scope.name) or (
        scope.kind == "instrument" and asset_no != scope.name
    )
    if stay not in known.owners or is_hidden:
        why = f"no instrument {asset_no!a} is registered"
        yield draft.row.refused("asset", why=why, remedy="correct the number, or register the instrument first")
    elif owner is None:
        why = f"nobody owns {asset_no} on {first_day}"
        yield draft.row.refused("asset", why=why, remedy="correct the time, or register the owner first")
    elif not throughout:
        why = f"{asset_no} changes its owner between {first_day} and {last_day}"
        yield draft.row.refused("asset", why=why, remedy="bring the use in two, divided at midnight")


def _facts(draft: Draft, known: Known, bringer: Bringer) -> Iterator[Sent]:
    said = {"v": 1, "at": bringer.at_ms, "by": bringer.by}
    if draft.order is not None:
        order = dict(draft.order)
        if draft.use is not None:
            order["unit"] = known.owners[_stay(draft.use)][0]
        yield _sent(bringer, _fact(Order, said | order), f"order/{order['unit']}/{order['order']}")
    if draft.document is not None:
        document = _fact(OrderDocument, said | draft.document)
        name = f"{document.unit}/{document.order}/{document.document.sha256}"
        yield _sent(bringer, document, f"document/{name}")
    if draft.use is not None:
        use = _fact(Use, said | draft.use)
        yield _sent(bringer, use, f"use/{draft.key}" if draft.key else f"use/sha256/{content_of(use).hex()}")


def _fact(kind: type[Any], members: Members) -> Any:
    """Typed by convert, which holds each member to its type and range; ValueError for one that does not."""
    return msgspec.convert({"kind": kind.kind, **members}, kind)


def _sent(bringer: Bringer, fact: Fact, key: str) -> Sent:
    return Sent(fact, bringer.source, key)


def _stay(use: Members) -> _Stay:
    return use["asset"], local_day(use["start"]), local_day(use["end"] - 1)
