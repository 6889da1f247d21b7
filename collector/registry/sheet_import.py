"""Filling the registry from CSV and XLSX: every row is registered whole or refused with its reason.

    outcome = import_sheet(connection, "instruments", path, actor=actor, from_day=date(2020, 1, 1), terms=Terms())

Rows are compared with what holds on their day; those that say nothing new change nothing. An instrument that has an
owner does not get another one with its description: two units may use the same asset number, and this is where it
would come out. All is one transaction and one line of the audit trail.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from collector.errors import RegistryError
from collector.registry.audit import Actor, record_change
from collector.registry.cells import share_of
from collector.registry.described import Described, Facility, Instrument, Wrong, faults
from collector.registry.descriptions import KEYS, describe, find_on
from collector.registry.places import OWNER, Known, Move, Places, find_known, find_places, move, move_faults
from collector.registry.sheet_columns import SHEETS, Entry, SheetKind, read_entry
from collector.sheet_report import Report
from collector.sheets import read_sheet
from collector.store.database import Connection
from collector.store.queries import load

_SQL = load("registered")
_AT_ONCE = 1_000


class Terms(NamedTuple):
    """How a file is to be taken. Without them: what is good is registered, what is not is refused."""

    dry_run: bool = False
    all_or_nothing: bool = False


class Outcome(NamedTuple):
    """What became of a file. Not applied: nothing of it was registered."""

    report: Report
    is_applied: bool


class _Sound(NamedTuple):
    """An entry in which nothing is wrong, with the description that it makes, if it differs, and what is moved."""

    described: Described | None
    moves: list[Move]


def import_sheet(
    connection: Connection, name: str, source: Path | bytes, *, actor: Actor, from_day: date, terms: Terms
) -> Outcome:
    """Registers the rows of a file of that kind (SHEETS). Raises SheetError, RegistryError for a kind that is none."""
    if name not in SHEETS:
        raise RegistryError(f"{name[:40]!a} is no kind of file: kinds are {', '.join(SHEETS)}")
    kind, report = SHEETS[name], Report()
    with connection.transaction() as transaction:
        connection.execute(_SQL.lock_registry)
        rows = read_sheet(source, columns=kind.columns, optional=kind.optional, report=report)
        entries = (read_entry(row, kind, from_day=from_day) for row in rows)
        for batch in _batches(_readable(entries, kind, report)):
            _register(connection, batch, kind, recorded_by=actor.name, report=report)
        is_applied = not terms.dry_run and not (terms.all_or_nothing and report.refused)
        if not is_applied:
            raise psycopg.Rollback(transaction)
        if report.accepted > report.unchanged:
            _record(connection, actor, name, source, report)
    return Outcome(report, is_applied)


def _readable(entries: Iterable[tuple[Entry, list[Wrong]]], kind: SheetKind, report: Report) -> Iterator[Entry]:
    """The entries of which each cell can be read, and that say nothing of what was said for that day before."""
    rows: dict[object, int] = {}
    for entry, unreadable in entries:
        wrong = unreadable
        before = rows.setdefault((entry.subject, entry.from_day), entry.row.number)
        if not wrong and before != entry.row.number:
            why = f"row {before} speaks of the same thing and day"
            wrong = [Wrong(kind.key, entry.key, why, "delete one of the two, or correct the number")]
        if wrong:
            _refuse(report, entry, wrong)
        else:
            yield entry


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries of different things: what the second says of a thing is compared with what the first one made of it."""
    batch: dict[object, Entry] = {}
    for entry in entries:
        if entry.subject in batch or len(batch) == _AT_ONCE:
            yield list(batch.values())
            batch = {}
        batch[entry.subject] = entry
    if batch:
        yield list(batch.values())


def _register(
    connection: Connection, batch: Sequence[Entry], kind: SheetKind, *, recorded_by: str, report: Report
) -> None:
    asked = [(entry.key, entry.from_day) for entry in batch]
    held = {} if kind.described is None else find_on(connection, kind.described, asked)
    places = find_places(connection, asked) if kind.key == KEYS[Instrument] else {}
    known = find_known(connection, {key for entry in batch for key in entry.referred})
    described: list[tuple[Described, date]] = []
    moves: list[Move] = []
    for entry, at in zip(batch, asked, strict=True):
        made = None if kind.described is None else _merged(entry, held.get(at), kind.described)
        if wrong := [*_faults(entry, made, places.get(at), known=known)]:
            _refuse(report, entry, wrong)
            continue
        moved = _moves(entry, places.get(at, Places()))
        is_changed = made is not None and made != held.get(at)
        if made is not None and is_changed:
            described.append((made, entry.from_day))
        moves += moved
        report.accept(is_new=is_changed or bool(moved))
    describe(connection, described, recorded_by=recorded_by)
    move(connection, moves, recorded_by=recorded_by, existed=places.keys())


def _merged(entry: Entry, held: Described | None, kind: type[Described]) -> Described:
    """What held, with what the row says in place of it."""
    members = {} if held is None else msgspec.structs.asdict(held)
    members |= {KEYS[kind]: entry.key, **entry.members}
    value = members.get("value_fen")
    if entry.percent is not None and isinstance(value, int):
        members["government_fen"] = share_of(value, entry.percent)
    return kind(**members)


def _moves(entry: Entry, places: Places) -> list[Move]:
    return [Move(entry.key, place, to, entry.from_day) for place, to in entry.places.items() if places.of(place) != to]


def _faults(entry: Entry, made: Described | None, places: Places | None, *, known: Known) -> Iterator[Wrong]:
    if made is not None:
        yield from faults(made)
    elif places is None:
        yield Wrong("asset_no", entry.key, "no instrument of this number is registered", "import instruments first")
    if isinstance(made, Facility):
        yield from move_faults(OWNER, OWNER, made.uscc, known=known)
    if entry.percent is not None and isinstance(made, Instrument | Facility) and made.value_fen is None:
        yield Wrong(
            "government_percent", str(entry.percent), "a share of an unknown value", "fill in the original value"
        )
    for place, to in entry.places.items():
        yield from move_faults("to" if made is None else place, place, to, known=known)
        if made is not None and place == OWNER and places is not None:
            yield from _other_owner_faults(entry, places)


def _other_owner_faults(entry: Entry, places: Places) -> Iterator[Wrong]:
    owner, to = places.owner or places.next_owner, entry.places[OWNER]
    if owner is not None and owner != to:
        why = f"an instrument of this number belongs to {owner}"
        remedy = "give another number if this is another instrument; if it changed hands, import that as a membership"
        yield Wrong("asset_no", entry.key, why, remedy)


def _refuse(report: Report, entry: Entry, wrong: Sequence[Wrong]) -> None:
    for each in wrong:
        refusal = entry.row.refused(each.field, why=each.why, remedy=each.remedy)
        report.refuse(refusal._replace(value=refusal.value or each.value))


def _record(connection: Connection, actor: Actor, name: str, source: Path | bytes, report: Report) -> None:
    if isinstance(source, bytes):
        digest, target = hashlib.sha256(source), name
    else:
        target = source.name
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    counts = {"accepted": report.accepted, "unchanged": report.unchanged, "refused": report.refused}
    record_change(connection, actor, f"{name}.import", target=target, new={"sha256": digest.hexdigest(), **counts})
