"""Writes the evidence bundle of an instrument and a period: docs/bundle.md has the format.

One snapshot of the database, file after file; what a year takes in memory is one batch and one day's lines. What cannot
be proved yet (a day that is still open, a fact that is not in the log yet, a collector without a log) is in the bundle
without its proof, and its verifier says INCOMPLETE. The collector signs what it wrote; whether it is true, the verifier
finds out by itself.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from psycopg import IsolationLevel

from collector.accounts.history import load_history
from collector.errors import BundleError
from collector.evidence.bundle_files import MANIFEST, Sink
from collector.evidence.bundle_journals import Part, plan, write_part
from collector.evidence.bundle_texts import README_EN, README_ZH
from collector.evidence.log_proofs import LogTree, find_leaf, find_record
from collector.evidence.registered import list_registered
from collector.evidence.sequencer import list_heads
from collector.store.database import Connection, connect
from collector.store.queries import load
from protocol import entry, grades, hours
from protocol.bindings import stretches
from protocol.derivation import evidence_window
from protocol.facts import MAX_USE_MS
from protocol.history import History
from protocol.interval import day_bounds_ms, local_day
from protocol.keys import SigningKey, base64_text
from protocol.note import sign
from protocol.policy import Grades, Policy
from protocol.registered import identity

MAX_DAYS = 366
_ONE_DAY = timedelta(days=1)
_SQL = load("bundles")

Tell = Callable[[str], None]


class Wanted(NamedTuple):
    """Whose bundle, over which local days, both included."""

    asset_no: str
    first_day: date
    last_day: date


class Keys(NamedTuple):
    """What signs the manifest, and what the inspector will need beside it."""

    domain: str
    export: SigningKey
    receipt_vkey: str
    log_directory: Path


class Summary(NamedTuple):
    """What was written."""

    entries: int
    days: int
    unproved: int


def write_bundle(
    dsn: str, wanted: Wanted, keys: Keys, *, directory: Path, now_ms: int, tell: Tell = lambda _: None
) -> Summary:
    """Fill an empty directory. BundleError where the instrument or the period cannot be."""
    if not wanted.first_day <= wanted.last_day < wanted.first_day + timedelta(days=MAX_DAYS):
        raise BundleError(f"a bundle covers 1 to {MAX_DAYS} days, the first one first")
    with connect(dsn, application="bundle") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            if not connection.execute("SELECT FROM instrument WHERE asset_no = %s", [wanted.asset_no]).rowcount:
                raise BundleError(f"nobody registered an instrument {wanted.asset_no}")
            return _Writer(connection, wanted, keys, Sink(directory), tell).write(now_ms)


class _Writer:
    def __init__(self, connection: Connection, wanted: Wanted, keys: Keys, sink: Sink, tell: Tell) -> None:
        self._connection, self._wanted, self._keys, self._sink, self._tell = connection, wanted, keys, sink, tell
        self._history = load_history(connection, wanted.asset_no)
        self._trees: dict[str, LogTree] = {}
        self._unproved = 0

    def write(self, now_ms: int) -> Summary:
        wanted = self._wanted
        parts = self._plan()
        entries = 0
        for number, part in enumerate(parts, 1):
            self._tell(f"log {number} of {len(parts)}: {part.origin}, entries {part.first} to {part.end - 1}")
            entries += write_part(self._connection, part, self._sink, limits_at=_limits(self._history))
        self._tell("facts and statements")
        self._write_said()
        self._tell("hours")
        days = self._write_hours()
        self._write_logs(parts)
        self._write_keys(parts)
        self._sink.add("README.zh.txt", README_ZH.encode())
        self._sink.add("README.en.txt", README_EN.encode())
        head = (
            f"jishi-bundle/v1\nasset {wanted.asset_no}\nfrom {wanted.first_day}\nto {wanted.last_day}\nscope full\n"
            f"made {now_ms}\ndomain {self._keys.domain}\n"
        )
        files = "".join(f"{each.sha256} {each.size} {path}\n" for path, each in sorted(self._sink.files.items()))
        self._sink.add(MANIFEST, sign(head + files, self._keys.export, limit=MAX_MANIFEST_BYTES))
        return Summary(entries, days, self._unproved)

    def _plan(self) -> list[Part]:
        """The logs over the evidence windows of all days, from the first to the last."""
        policies = [policy for day in _days(self._wanted) if (policy := self._history.policy_on(day)) is not None]
        if not policies:
            return []
        start_ms = min(evidence_window(self._wanted.first_day, policy)[0] for policy in policies)
        end_ms = max(evidence_window(self._wanted.last_day, policy)[1] for policy in policies)
        channels = {channel for policy in policies for channel in policy.channels()}
        facts = [fact for fact in self._history.measurements if fact.channel.channel in channels]
        found = stretches(facts, self._wanted.asset_no, start_ms=start_ms, end_ms=end_ms)
        return plan(self._connection, self._wanted.asset_no, found)

    def _write_said(self) -> None:
        """Facts, statements and policies, with where the log holds them."""
        first_ms, last_ms = day_bounds_ms(self._wanted.first_day)[0], day_bounds_ms(self._wanted.last_day)[1]
        stay = {"asset_no": self._wanted.asset_no, "earliest_ms": first_ms - MAX_USE_MS, "end_ms": last_ms}
        declared = [ref for (ref,) in self._connection.execute(_SQL.list_declared, stay)]
        values = {
            **stay,
            "first_day": self._wanted.first_day,
            "last_day": self._wanted.last_day,
            "units": sorted({owner for day in _days(self._wanted) if (owner := self._history.owner_on(day))}),
            "declarations": declared,
        }
        refs: list[tuple[str, str]] = []
        with self._sink.open("facts/facts.jsonl") as file:
            for sha256, body in self._connection.execute(_SQL.list_facts, values, binary=True).fetchall():
                file.write(bytes(body) + b"\n")
                refs.append((sha256, f"fact:{sha256}"))
        with self._sink.open("facts/registered.jsonl") as file:
            for said in list_registered(self._connection, self._wanted.asset_no):
                file.write(said.raw + b"\n")
                sha256 = identity(said.raw)
                refs.append((sha256, f"registered:{sha256}"))
        with self._sink.open("facts/proofs.jsonl") as file:
            for sha256, ref in refs:
                if line := self._proof(sha256, ref):
                    file.write(line + b"\n")
        policies = self._connection.execute(_SQL.list_policies, {"asset_no": self._wanted.asset_no}, binary=True)
        for sha256, body in policies.fetchall():
            self._sink.add(f"policy/{sha256}.json", bytes(body))

    def _proof(self, sha256: str, ref: str) -> bytes:
        placed = find_leaf(self._connection, ref)
        if placed is None:
            self._unproved += 1
            return b""
        proof = self._tree(placed.log).inclusion(placed.leaf_index)
        members = {
            "sha256": sha256,
            "log": placed.log,
            "index": placed.leaf_index,
            "leaf": placed.raw.decode(),
            "proof": list(map(base64_text, proof)),
        }
        return msgspec.json.encode(members)

    def _write_hours(self) -> int:
        """Records from the day before the first to the day after the last, what closed them, and a table."""
        values = {
            "asset_no": self._wanted.asset_no,
            "first_day": self._wanted.first_day - _ONE_DAY,
            "last_day": self._wanted.last_day + _ONE_DAY,
        }
        rows = self._connection.execute(_SQL.list_records, values, binary=True).fetchall()
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(_TABLE)
        with (
            self._sink.open("hours/records.jsonl") as records,
            self._sink.open("hours/grades.jsonl") as graded,
            self._sink.open("hours/closed.jsonl") as closed,
        ):
            for day, body, grade, revision, sha256 in rows:
                records.write(bytes(body) + b"\n")
                if revision is not None and (line := self._closing(day, revision, sha256)):
                    closed.write(line + b"\n")
                if not self._wanted.first_day <= day <= self._wanted.last_day:
                    continue
                if grade is not None:
                    graded.write(bytes(grade) + b"\n")
                writer.writerow(_line(bytes(body), None if grade is None else bytes(grade), revision))
        self._sink.add("hours/hours.csv", table.getvalue().encode("utf-8-sig"))
        return len(rows)

    def _closing(self, day: date, revision: int, sha256: str) -> bytes:
        placed = find_record(self._connection, self._wanted.asset_no, day=day.isoformat(), revision=revision)
        if placed is None:
            self._unproved += 1
            return b""
        members = {
            "day": day.isoformat(),
            "revision": revision,
            "sha256": sha256,
            "grades": placed.grades,
            "log": placed.leaf.log,
            "index": placed.leaf.leaf_index,
            "leaf": placed.leaf.raw.decode(),
            "proof": list(map(base64_text, self._tree(placed.leaf.log).inclusion(placed.leaf.leaf_index))),
            "place": placed.place,
            "of": placed.of,
            "path": list(map(base64_text, placed.path)),
        }
        return msgspec.json.encode(members)

    def _tree(self, log: str) -> LogTree:
        if log not in self._trees:
            self._trees[log] = LogTree(self._connection, self._keys.log_directory, log)
        return self._trees[log]

    def _write_logs(self, parts: Iterable[Part]) -> None:
        """Checkpoints of the logs that anything leads to, and that they continue what the agents journalled."""
        known = {head.log for head in list_heads(self._connection)}
        shown: dict[str, set[tuple[int, str]]] = {}
        for body in self._last_beacons(parts):
            if body.log in known:
                shown.setdefault(body.log, set()).add((body.size, body.root))
        for log in sorted({*shown, *self._trees}):
            tree = self._tree(log)
            self._sink.add(f"collector/{log}/checkpoint", tree.note)
            with self._sink.open(f"collector/{log}/consistency.jsonl") as file:
                for size, root in sorted(shown.get(log, ())):
                    if 0 < size <= tree.size:
                        proof = list(map(base64_text, tree.consistency(size)))
                        file.write(msgspec.json.encode({"size": size, "root": root, "proof": proof}) + b"\n")

    def _last_beacons(self, parts: Iterable[Part]) -> Iterator[entry.Beacon]:
        """Of each log part the last verified beacon of each local day and log of ours."""
        for part in parts:
            values = {"journal_id": part.journal_id, "first": part.first, "end": part.end}
            found: dict[tuple[str, date], entry.Beacon] = {}
            for wall_ms, raw in self._connection.execute(_SQL.list_beacons_of_part, values, binary=True).fetchall():
                body = entry.decode(bytes(raw)).body
                assert isinstance(body, entry.Beacon)
                found[body.log, local_day(wall_ms)] = body
            yield from found.values()

    def _write_keys(self, parts: Iterable[Part]) -> None:
        """For information only: who inspects brings his own."""
        lines = [f"export {self._keys.export.verifier}", f"receipt {self._keys.receipt_vkey}"]
        lines += [f"log {head.vkey}" for head in list_heads(self._connection)]
        lines += [f"agent {part.vkey}" for part in parts]
        self._sink.add("keys/policy.txt", "".join(f"{line}\n" for line in lines).encode())


MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_STATES = ("off", "standby", "prepare", "run", "post", "calibrate", "maintain", "fault", "unobserved")
_TABLE = (
    "day", "revision", "until_s", "lead_in", *(f"{name}_s" for name in _STATES), "effective_s", "internal_s",
    "claimed_s", "verified_s", "unresolved_s", *(f"effective_{each}_s" for each in grades.GRADES), "counted_s",
    "counted_external_s", "entries",
)  # fmt: skip


def _line(raw: bytes, grade: bytes | None, revision: int | None) -> list[object]:
    """A day for people: seconds, and which entries it rests on."""
    record = hours.decode(raw)
    graded = None if grade is None else grades.decode(grade)
    by_grade = {} if graded is None else dict(graded.effective)
    return [
        record.day,
        revision or "",
        record.until,
        record.lead_in,
        *(getattr(record, f"{name}_s") for name in _STATES),
        record.effective_s,
        record.internal_s,
        record.claimed_s,
        record.verified_s,
        record.unresolved_s,
        *(by_grade.get(each, 0) for each in grades.GRADES),
        "" if graded is None else graded.counted_s,
        "" if graded is None else graded.counted_external_s,
        " ".join(f"{origin}#{first}-{last}" for origin, first, last in record.journals),
    ]


def _days(wanted: Wanted) -> Iterator[date]:
    for number in range((wanted.last_day - wanted.first_day).days + 1):
        yield wanted.first_day + timedelta(days=number)


def _limits(history: History) -> Callable[[int], Grades]:
    @lru_cache(maxsize=1024)
    def on(day: date) -> Grades:
        policy: Policy | None = history.policy_on(day)
        return Grades() if policy is None else policy.grades

    return lambda instant_ms: on(local_day(instant_ms))
