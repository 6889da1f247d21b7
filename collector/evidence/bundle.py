"""Writes the evidence bundle of an instrument and a period: docs/bundle.md has the format.

One snapshot of the database, file after file; memory holds one batch, some records and the hashes of the log's tree.
What cannot be proved yet (a day that is still open, a fact that is not in the log yet, a collector without a log) is in
the bundle without its proof, and its verifier says INCOMPLETE. The collector signs what it wrote; whether it is true,
the verifier finds out by itself, with code that is not this.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from psycopg import IsolationLevel

from collector.accounts.history import load_history
from collector.errors import BundleError
from collector.evidence.bundle_files import MANIFEST, Sink
from collector.evidence.bundle_hours import write_hours
from collector.evidence.bundle_journals import LimitsAt, Tell, plan, write_part
from collector.evidence.bundle_proofs import Proofs
from collector.evidence.bundle_texts import README_EN, README_ZH
from collector.evidence.registered import list_registered
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol.bindings import Stretch, stretches
from protocol.derivation import evidence_window
from protocol.facts import MAX_USE_MS
from protocol.history import History
from protocol.interval import Interval, day_bounds_ms, days_touched, local_day
from protocol.keys import SigningKey
from protocol.note import sign
from protocol.policy import Grades
from protocol.registered import identity

MAX_DAYS = 400
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_ONE_DAY = timedelta(days=1)
_SQL = load("bundles")


class Wanted(NamedTuple):
    """Whose bundle, over which local days, both included."""

    asset_no: str
    first_day: date
    last_day: date

    @property
    def days(self) -> Iterator[date]:
        for number in range((self.last_day - self.first_day).days + 1):
            yield self.first_day + timedelta(days=number)

    @property
    def bounds_ms(self) -> Interval:
        return day_bounds_ms(self.first_day)[0], day_bounds_ms(self.last_day)[1]


class Keys(NamedTuple):
    """What signs the manifest, and what the inspector will need beside it."""

    domain: str
    export: SigningKey
    receipt_vkey: str
    log_directory: Path


class Summary(NamedTuple):
    """What was written; `unproved`: facts, statements and records that the log does not hold yet."""

    entries: int
    days: int
    unproved: int


def write_bundle(
    dsn: str, wanted: Wanted, keys: Keys, *, directory: Path, now_ms: int, tell: Tell = lambda _: None
) -> Summary:
    """Fill an empty directory. BundleError where the instrument or the period cannot be, ReadingsDropped."""
    check_period(wanted)
    with connect(dsn, application="bundle") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            check_ready(connection, wanted, today=local_day(now_ms))
            return _Writer(connection, wanted, keys, Sink(directory), tell).write(now_ms)


def check_period(wanted: Wanted) -> None:
    """BundleError unless the days are in order and not too many."""
    if not wanted.first_day <= wanted.last_day < wanted.first_day + timedelta(days=MAX_DAYS):
        raise BundleError(
            f"{wanted.first_day} to {wanted.last_day} is no period of 1 to {MAX_DAYS} days, the first one first"
        )


def check_ready(connection: Connection, wanted: Wanted, *, today: date) -> None:
    """BundleError where there is no such instrument, or its records do not follow from the readings at the moment."""
    values = {
        "asset_no": wanted.asset_no,
        "first_day": wanted.first_day - _ONE_DAY,
        "last_day": wanted.last_day + _ONE_DAY,
        "today": today,
    }
    if connection.execute(_SQL.find_instrument, values).fetchone() is None:
        raise BundleError(f"no instrument {wanted.asset_no} is registered: look at the asset number")
    dirty = [day for (day,) in connection.execute(_SQL.find_dirty_days, values)]
    if dirty:
        raise BundleError(
            f"{len(dirty)} days of {wanted.asset_no} wait to be derived again, {dirty[0]} first: their records would "
            "not be those of their readings; ask again when `jishi-collector account` is done, or for earlier days"
        )


class _Writer:
    def __init__(self, connection: Connection, wanted: Wanted, keys: Keys, sink: Sink, tell: Tell) -> None:
        self._connection, self._wanted, self._keys, self._sink, self._tell = connection, wanted, keys, sink, tell
        self._history = load_history(connection, wanted.asset_no)
        self._proofs = Proofs(connection, keys.log_directory)

    def write(self, now_ms: int) -> Summary:
        wanted = self._wanted
        said_over = wanted.bounds_ms
        parts = plan(self._connection, wanted.asset_no, self._stretches(), said_over=said_over)
        limits_at = _limits(self._history)
        for part in parts:
            write_part(self._connection, part, self._sink, limits_at=limits_at, tell=self._tell)
        self._tell("facts and statements")
        write_facts(self._connection, wanted, self._owners(), sink=self._sink, proofs=self._proofs)
        people = write_signed_decisions(self._connection, wanted, self._sink)
        self._tell("hours")
        days = write_hours(
            self._connection,
            wanted.asset_no,
            first_day=wanted.first_day,
            last_day=wanted.last_day,
            sink=self._sink,
            proofs=self._proofs,
        )
        self._tell("the collector's log")
        self._proofs.write_logs(parts, self._sink)
        self._sink.add("keys/policy.txt", keys_text(self._keys, self._proofs, [part.vkey for part in parts], people))
        self._sink.add("README.zh.txt", README_ZH.encode())
        self._sink.add("README.en.txt", README_EN.encode())
        self._sink.add(MANIFEST, manifest(wanted, self._keys, self._sink, scope="full", now_ms=now_ms))
        return Summary(sum(part.end - part.first for part in parts), days, self._proofs.unproved)

    def _stretches(self) -> list[Stretch]:
        """Which channels measured the instrument over the evidence windows of all days, on any policy of theirs."""
        policies = [policy for day in self._wanted.days if (policy := self._history.policy_on(day)) is not None]
        if not policies:
            return []
        start_ms = min(evidence_window(self._wanted.first_day, policy)[0] for policy in policies)
        end_ms = max(evidence_window(self._wanted.last_day, policy)[1] for policy in policies)
        return stretches(self._history.measurements, self._wanted.asset_no, start_ms=start_ms, end_ms=end_ms)

    def _owners(self) -> list[str]:
        return sorted({owner for day in self._wanted.days if (owner := self._history.owner_on(day))})


def write_facts(
    connection: Connection, wanted: Wanted, owners: list[str], *, sink: Sink, proofs: Proofs, with_facts: bool = True
) -> None:
    """Facts, statements and policies, and where the log holds them."""
    refs: list[tuple[str, str]] = []
    if with_facts:
        with sink.open("facts/facts.jsonl") as file:
            for sha256, body in _list_facts(connection, wanted, owners):
                file.write(body + b"\n")
                refs.append((sha256, f"fact:{sha256}"))
    with sink.open("facts/registered.jsonl") as file:
        for said in list_registered(connection, wanted.asset_no):
            file.write(said.raw + b"\n")
            sha256 = identity(said.raw)
            refs.append((sha256, f"registered:{sha256}"))
    with sink.open("facts/proofs.jsonl") as file:
        for sha256, ref in refs:
            line = proofs.of_leaf(sha256, ref)
            if line is not None:
                file.write(line + b"\n")
    policies = connection.execute(_SQL.list_policies, {"asset_no": wanted.asset_no}, binary=True)
    for sha256, body in policies.fetchall():
        sink.add(f"policy/{sha256}.json", bytes(body))


def write_signed_decisions(connection: Connection, wanted: Wanted, sink: Sink) -> set[str]:
    """The notes by which decisions count; returns the keys of those who signed."""
    values = {"asset_no": wanted.asset_no, "first_day": wanted.first_day, "last_day": wanted.last_day}
    signed = connection.execute(_SQL.list_signed_decisions, values, binary=True).fetchall()
    for sha256, note, _ in signed:
        sink.add(f"facts/decisions/{sha256}.note", bytes(note))
    return {vkey for _, _, vkey in signed}


def _list_facts(connection: Connection, wanted: Wanted, owners: list[str]) -> Iterator[tuple[str, bytes]]:
    start_ms, end_ms = wanted.bounds_ms
    stay = {"asset_no": wanted.asset_no, "earliest_ms": start_ms - MAX_USE_MS, "end_ms": end_ms}
    values: dict[str, object] = {
        **stay,
        "first_day": wanted.first_day,
        "last_day": wanted.last_day,
        "units": owners,
        "declarations": [ref for (ref,) in connection.execute(_SQL.list_declared, stay)],
    }
    with connection.cursor(name="facts", binary=True) as cursor:
        for sha256, body in cursor.execute(_SQL.list_facts, values):
            yield sha256, bytes(body)


def manifest(wanted: Wanted, keys: Keys, sink: Sink, *, scope: str, now_ms: int) -> bytes:
    """The signed list of everything that was written so far."""
    head = (
        f"jishi-bundle/v1\nasset {wanted.asset_no}\nfrom {wanted.first_day}\nto {wanted.last_day}\nscope {scope}\n"
        f"made {now_ms}\ndomain {keys.domain}\n"
    )
    files = "".join(f"{each.sha256} {each.size} {path}\n" for path, each in sorted(sink.files.items()))
    return sign(head + files, keys.export, limit=MAX_MANIFEST_BYTES)


def keys_text(keys: Keys, proofs: Proofs, agents: Iterable[str], people: Iterable[str] = ()) -> bytes:
    """For information only: who inspects brings his own."""
    lines = [f"export {keys.export.verifier}", f"receipt {keys.receipt_vkey}"]
    lines += [f"log {vkey}" for vkey in proofs.log_vkeys]
    lines += [f"agent {vkey}" for vkey in agents]
    lines += [f"person {vkey}" for vkey in sorted(people)]
    return "".join(f"{line}\n" for line in lines).encode()


def _limits(history: History) -> LimitsAt:
    @lru_cache(maxsize=1024)
    def on(day: date) -> Grades:
        policy = history.policy_on(day)
        return Grades() if policy is None else policy.grades

    def at(start_ms: int, end_ms: int) -> Iterable[Grades]:
        return {on(day) for day in days_touched(start_ms, end_ms)}

    return at
