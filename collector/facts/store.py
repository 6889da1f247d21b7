"""Facts go in: once each, under the key of whoever sent them, with the days marked that they may change.

The only place that writes `fact`. Whether a fact fits the registry is for the caller (checks.py); here it is held
against the facts that there are:

    the same bytes again                         nothing new
    the same key of a source, the same content   nothing new, whenever and by whomever it was recorded
    the same key, another content                KeyTaken: what was recorded is corrected, never replaced
    an order's number again, the same content    nothing new
    an order's number again, another content     NumberTaken

Content is a fact without `at` and `by`, unless the caller says what was sent.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg.pq import TransactionStatus

from collector.errors import FactError, KeyTaken, NumberTaken, UnknownDocument
from collector.facts.columns import Columns, columns_of, content_of, documents_of, recorded_on
from collector.store.database import DIRTY_DAY_CHANNEL, Connection
from collector.store.queries import load
from protocol import facts
from protocol.facts import Fact, Order

REMEDY = "leave it as it is recorded, or propose a correction"
_SQL = load("facts")
_REGISTRY = load("registry")


class Sent(NamedTuple):
    """A fact as its source sent it; key "": under none. `content` is what was sent, where the fact is not all of it."""

    fact: Fact
    source: str = ""
    key: str = ""
    content: bytes = b""


class Recorded(NamedTuple):
    """The identity under which a fact is held; not new: it was there before."""

    sha256: str
    is_new: bool


Outcome = Recorded | FactError
New = tuple[str, date]
"""Identity of a fact that was not there before, and the local day on which it was recorded."""
_Held = tuple[str, bytes]
"""Identity of a fact and its bytes, or the SHA-256 of its content."""


def record_fact(
    connection: Connection, fact: Fact, *, source: str = "", key: str = "", content: bytes = b""
) -> Recorded:
    """Records one fact and marks its days, in the caller's transaction.

    Raises FactError where it contradicts what is recorded; RuntimeError outside of a transaction.
    """
    [outcome] = record_facts(connection, [Sent(fact, source, key, content)])
    if isinstance(outcome, FactError):
        raise outcome
    return outcome


def record_facts(connection: Connection, sent: Sequence[Sent]) -> list[Outcome]:
    """Records what can be, in the caller's transaction; for each fact what became of it, in the same order."""
    outcomes = insert_facts(connection, sent)
    touch_days(connection, new_of(sent, outcomes))
    return outcomes


def insert_facts(connection: Connection, sent: Sequence[Sent]) -> list[Outcome]:
    """As record_facts, without the marks: whoever brings many facts makes those at his end, for the ingest waits."""
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        raise RuntimeError("a fact and the marks of its days belong into one transaction")
    for source in sorted({each.source for each in sent if each.key}):
        connection.execute(_SQL.lock_source, {"source": source})
    return [outcome for run in _runs(sent) for outcome in _record_run(connection, run)]


def new_of(sent: Sequence[Sent], outcomes: Sequence[Outcome]) -> list[New]:
    """Those that are new, of facts and what became of them."""
    return [
        (outcome.sha256, recorded_on(each.fact))
        for each, outcome in zip(sent, outcomes, strict=True)
        if isinstance(outcome, Recorded) and outcome.is_new
    ]


def touch_days(connection: Connection, new: Sequence[New]) -> None:
    """Marks the days that new facts may change, in the transaction that inserted them."""
    if new:
        values = {"sha256s": [sha256 for sha256, _ in new], "todays": [day for _, day in new]}
        connection.execute(_SQL.touch_days_of_facts, values)
        connection.execute(_REGISTRY.notify_dirty_days, {"channel": DIRTY_DAY_CHANNEL})


def _runs(sent: Sequence[Sent]) -> Iterator[list[Sent]]:
    """Pieces in which nothing comes twice, so that each finds what came before it in the database."""
    run: list[Sent] = []
    seen: set[object] = set()
    for each in sent:
        names: set[object] = {each.fact, (each.source, each.key) if each.key else each.fact}
        if isinstance(each.fact, Order):
            names.add((each.fact.unit, each.fact.order, Order))
        if seen & names:
            yield run
            run, seen = [], set()
        run.append(each)
        seen |= names
    if run:
        yield run


def _record_run(connection: Connection, run: Sequence[Sent]) -> list[Outcome]:
    known, missing = _load_known(connection, run), _list_missing(connection, run)
    settled = [_settle(each, known=known, missing=missing) for each in run]
    remaining = [each for each, outcome in zip(run, settled, strict=True) if outcome is None]
    rows = [columns_of(each.fact) for each in remaining]
    inserted = _insert(connection, rows)
    held = _load_held(connection, [row for row in rows if row.sha256 not in inserted])
    made = [
        Recorded(row.sha256, is_new=True) if row.sha256 in inserted else _compare(each, row, held[row.sha256])
        for each, row in zip(remaining, rows, strict=True)
    ]
    _insert_keys(connection, remaining, made)
    _insert_documents(connection, remaining, made)
    following = iter(made)
    return [next(following) if outcome is None else outcome for outcome in settled]


def _settle(each: Sent, *, known: Mapping[tuple[str, str], _Held], missing: frozenset[str]) -> Outcome | None:
    """What becomes of a fact without a look at other facts than its key's; None: that is not known yet."""
    for name in documents_of(each.fact):
        if name in missing:
            return UnknownDocument(
                f"no document {name} is stored here", "store the file first, then say what it proves"
            )
    if (held := known.get((each.source, each.key))) is None:
        return None
    if held[1] != _content(each):
        return KeyTaken(f"{each.source} sent something else under the key {each.key[:80]!r} before", REMEDY)
    return Recorded(held[0], is_new=False)


def _compare(each: Sent, row: Columns, held: _Held) -> Outcome:
    """What becomes of a fact that was not inserted: it is held itself, or another order of its number is."""
    if held[0] != row.sha256 and content_of(facts.decode(held[1])) != content_of(each.fact):
        return NumberTaken(f"unit {row.unit} has another order {row.order_no!r} already", REMEDY)
    return Recorded(held[0], is_new=False)


def _content(each: Sent) -> bytes:
    return hashlib.sha256(each.content).digest() if each.content else content_of(each.fact)


# The database


def _load_known(connection: Connection, run: Sequence[Sent]) -> dict[tuple[str, str], _Held]:
    keys = [(each.source, each.key) for each in run if each.key]
    if not keys:
        return {}
    values = {"sources": [source for source, _ in keys], "keys": [key for _, key in keys]}
    rows = connection.execute(_SQL.list_known_keys, values)
    return {(source, key): (sha256, bytes(content)) for source, key, sha256, content in rows}


def _list_missing(connection: Connection, run: Sequence[Sent]) -> frozenset[str]:
    named = sorted({document for each in run for document in documents_of(each.fact)})
    if not named:
        return frozenset()
    return frozenset(row[0] for row in connection.execute(_SQL.list_unknown_documents, {"documents": named}))


def _insert(connection: Connection, rows: Sequence[Columns]) -> set[str]:
    if not rows:
        return set()
    return {row[0] for row in connection.execute(_SQL.insert_facts, _columns(rows, *Columns._fields))}


def _load_held(connection: Connection, rows: Sequence[Columns]) -> dict[str, _Held]:
    """By the identity of a fact that was not inserted: the one that is held, best the same."""
    if not rows:
        return {}
    values = _columns(rows, "sha256", "unit", "order_no", "kind")
    found: dict[str, _Held] = {}
    for sent, held, body in connection.execute(_SQL.list_held_facts, values):
        if sent not in found or held == sent:
            found[sent] = held, bytes(body)
    return found


def _columns(rows: Sequence[Columns], *names: str) -> dict[str, Any]:
    return {name: [getattr(row, name) for row in rows] for name in names}


def _insert_keys(connection: Connection, run: Sequence[Sent], outcomes: Sequence[Outcome]) -> None:
    rows = [
        (each.source, each.key, outcome.sha256, _content(each))
        for each, outcome in zip(run, outcomes, strict=True)
        if each.key and isinstance(outcome, Recorded)
    ]
    if rows:
        names = ("sources", "keys", "sha256s", "contents")
        values = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        connection.execute(_SQL.insert_fact_sources, values)


def _insert_documents(connection: Connection, run: Sequence[Sent], outcomes: Sequence[Outcome]) -> None:
    named = [
        (name, outcome.sha256)
        for each, outcome in zip(run, outcomes, strict=True)
        if isinstance(outcome, Recorded) and outcome.is_new
        for name in documents_of(each.fact)
    ]
    if named:
        values = {"documents": [name for name, _ in named], "facts": [sha256 for _, sha256 in named]}
        connection.execute(_SQL.insert_fact_documents, values)
