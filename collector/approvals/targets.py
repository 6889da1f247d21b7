"""What a proposal refers to: the fact or sign-in that it corrects, the use that it puts in, the file that it names."""

import re
from datetime import date, datetime
from typing import NamedTuple

from collector.errors import ProposalError
from collector.registry.instruments import check_instrument, find_owner
from collector.store.database import Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import Correction, Decision, Fact, HandEntry, Order, OrderDocument, Reported, Use
from protocol.interval import days_touched, local_day

_SQL = load("proposals")
_FACTS = load("facts")
_ENTRY = re.compile(r"entry:(\S+)#([0-9]+)")


class Concern(NamedTuple):
    """Whom a fact or a sign-in is about, and the first day that it may change."""

    subject: str
    day: date


def concern_of(connection: Connection, target: str) -> Concern:
    """What a target is about; ProposalError where there is no such target."""
    if (match := _ENTRY.fullmatch(target)) is not None:
        return _concern_of_sign_in(connection, match[1], int(match[2]))
    return _concern(connection, _load_fact(connection, target))


def _concern(connection: Connection, fact: Fact) -> Concern:
    match fact:
        case Use() | Decision():
            return Concern(f"instrument:{fact.asset}", local_day(fact.start))
        case HandEntry():
            return Concern(f"instrument:{fact.asset}", date.fromisoformat(fact.day))
        case Reported():
            return Concern(f"instrument:{fact.asset}", date.fromisoformat(fact.first_day))
        case Order():
            return Concern(f"unit:{fact.unit}", date.fromisoformat(fact.first_day or local_day(fact.at).isoformat()))
        case OrderDocument():
            return Concern(f"unit:{fact.unit}", local_day(fact.at))
        case Correction():
            put = fact.use or fact.order
            return _concern(connection, put) if put is not None else concern_of(connection, fact.target or "")


def is_decision(connection: Connection, target: str) -> bool:
    """Whether a target is a decision: nothing can stand in its place. ProposalError where there is no such target."""
    return not _ENTRY.fullmatch(target) and isinstance(_load_fact(connection, target), Decision)


def check_use(connection: Connection, use: Use, *, subject: str, now: datetime) -> None:
    """ProposalError where a use cannot have been so."""
    if subject != f"instrument:{use.asset}":
        raise ProposalError(f"a use of {use.asset} is corrected as instrument:{use.asset}, not as {subject}")
    check_instrument(connection, use.asset)
    if use.start > now.timestamp() * 1000:
        raise ProposalError("use.start has not come yet: what is recorded was, bookings stay in the booking system")
    for day in days_touched(use.start, use.end):
        if find_owner(connection, use.asset, day=day) is None:
            raise ProposalError(f"nobody owned {use.asset} on {day}: nothing served anybody on that day")


def check_document(connection: Connection, sha256: str | None) -> None:
    """ProposalError for a file that nobody stored."""
    if sha256 is None:
        return
    if connection.execute(_FACTS.list_unknown_documents, {"documents": [sha256]}).fetchone() is not None:
        raise ProposalError(f"no document {sha256} is stored here; store the file first")


def _load_fact(connection: Connection, target: str) -> Fact:
    row = connection.execute(_SQL.load_fact, {"sha256": target.removeprefix("fact:")}, binary=True).fetchone()
    if row is None or not target.startswith("fact:"):
        raise ProposalError(
            f"{target[:80]!a} is nothing that can be corrected: fact:<sha256> or entry:<origin>#<index> of a sign-in is"
        )
    return facts.decode(bytes(row[0]))


def _concern_of_sign_in(connection: Connection, origin: str, index: int) -> Concern:
    if index >= 2**63:
        raise ProposalError(f"a journal has no entry {index}")
    row = connection.execute(_SQL.find_declaration, {"origin": origin, "entry_index": index}).fetchone()
    if row is None:
        raise ProposalError(f"entry {index} of {origin[:80]} is no sign-in that is known here")
    return Concern(f"instrument:{row[0]}", local_day(row[1]))
