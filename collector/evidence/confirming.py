"""Findings held against what agents sent: is the nonce where the inspector saw it, and did the live test show?

    confirmed     the agent's log holds the nonce at that index, and the checkpoint on the slip is of the stored tree
    waiting       that log has not come so far yet
    contradicted  another agent's log holds it · another index · another entry at the index · a slip that the agent did
                  not sign · a slip over another tree than the stored one: two histories under one key, a fork

Nothing is decided by it and nothing stored: it is told anew each time, as what is stored grows. What a fork means, and
which branch loses, is adjudication's (docs/epochs.md); the slip is the proof that nobody can take back.
"""

from base64 import b64decode
from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple

from collector.evidence.findings import days_of
from collector.ingest.held import HeldJournal, load_held
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.errors import ForeignBytesError
from protocol.findings import Findings, Nonced
from protocol.interval import day_bounds_ms
from protocol.live_test import Compared, Measured, compare
from protocol.note import open_checkpoint

_SQL = load("onsite")

Verdict = Literal["none", "confirmed", "waiting", "contradicted"]
Code = Literal[
    "none",
    "confirmed",
    "confirmed_by_hand",
    "waiting",
    "unknown_log",
    "not_this_instrument",
    "other_log",
    "other_index",
    "other_entry",
    "not_signed",
    "fork",
]

SAID: dict[Code, tuple[Verdict, str]] = {
    "none": ("none", "no nonce was given to the host"),
    "confirmed": ("confirmed", "the agent's log holds the nonce at entry {index}, under the checkpoint on the slip"),
    "confirmed_by_hand": ("confirmed", "the agent's log holds the nonce at entry {index}; no slip was taken along"),
    "waiting": ("waiting", "of {log} {held} entries have come, and the nonce is at {index}"),
    "unknown_log": ("contradicted", "no log {log} is enrolled here"),
    "not_this_instrument": ("contradicted", "{log} belongs to an agent that never measured this instrument"),
    "other_log": ("contradicted", "the nonce stands in the log of another agent, {log}, at entry {index}"),
    "other_index": ("contradicted", "the nonce stands at entry {index}, and not where the inspector saw it"),
    "other_entry": ("contradicted", "entry {index} of {log} is another than the one that the inspector saw"),
    "not_signed": ("contradicted", "the checkpoint on the slip was not signed by the key of {log}"),
    "fork": (
        "contradicted",
        "the agent signed another tree of {size} entries on site than the one that it sent: a fork, proved by the slip "
        "and the stored receipts",
    ),
}


class Confirmation(NamedTuple):
    """What became of a nonce; `received_at`: when the entry that holds it came."""

    code: Code
    places: dict[str, object]
    received_at: datetime | None = None

    @property
    def verdict(self) -> Verdict:
        return SAID[self.code][0]

    @property
    def sentence(self) -> str:
        return SAID[self.code][1].format(**self.places)


def confirm(connection: Connection, found: Findings) -> Confirmation:
    """What the stored logs say of the nonce now."""
    if found.nonce is None:
        return Confirmation("none", {})
    nonced, places = found.nonce, {"log": found.nonce.log, "index": found.nonce.index}
    journal = load_held(connection, {nonced.log}).get(nonced.log)
    if journal is None:
        return Confirmation("unknown_log", places)
    of_instrument = connection.execute(_SQL.list_journals_of_instrument, {"asset_no": found.asset}).fetchall()
    if (nonced.log,) not in of_instrument:
        return Confirmation("not_this_instrument", places)
    return _slip_says(connection, journal, nonced) or _log_says(connection, journal, nonced)


def _slip_says(connection: Connection, journal: HeldJournal, nonced: Nonced) -> Confirmation | None:
    """What is wrong with the checkpoint on the slip; None where nothing is, or nothing can be said yet."""
    if nonced.note is None:
        return None
    try:
        checkpoint = open_checkpoint(b64decode(nonced.note), journal.held.key)
    except ForeignBytesError:
        return Confirmation("not_signed", {"log": nonced.log})
    if checkpoint.size != nonced.index + 1:
        return Confirmation("other_entry", {"log": nonced.log, "index": nonced.index})
    if checkpoint.size > journal.held.size:
        return None
    with connection.transaction():  # a slip mostly ends inside a batch: then the journal is read from its beginning
        root = journal.root_at(connection, checkpoint.size)
    return None if root == checkpoint.root else Confirmation("fork", {"log": nonced.log, "size": checkpoint.size})


def _log_says(connection: Connection, journal: HeldJournal, nonced: Nonced) -> Confirmation:
    rows = connection.execute(_SQL.find_nonce, {"nonce": nonced.nonce}).fetchall()
    here = [row for row in rows if row[0] == nonced.log]
    for _, index, _, received_at in here:
        if index == nonced.index:
            code: Code = "confirmed_by_hand" if nonced.note is None else "confirmed"
            return Confirmation(code, {"index": index}, received_at)
    if here:
        return Confirmation("other_index", {"index": here[0][1]}, here[0][3])
    if rows:
        origin, index, _, received_at = rows[0]
        return Confirmation("other_log", {"log": origin, "index": index}, received_at)
    if journal.held.size > nonced.index:
        return Confirmation("other_entry", {"log": nonced.log, "index": nonced.index})
    return Confirmation("waiting", {"log": nonced.log, "held": journal.held.size, "index": nonced.index})


def compare_live_test(connection: Connection, found: Findings) -> list[Compared]:
    """The steps of the live test beside what the hour records of those days show."""
    if not found.steps:
        return []
    first_day, last_day = days_of(found)
    values = {"asset_no": found.asset, "first_day": first_day, "last_day": last_day}
    rows = connection.execute(_SQL.load_records, values, binary=True).fetchall()
    return compare(found.steps, [span for (body,) in rows for span in _measured(hours.decode(body))])


def _measured(record: hours.HourRecord) -> Iterator[Measured]:
    midnight_ms, _ = day_bounds_ms(date.fromisoformat(record.day))
    for start_s, end_s, state in record.spans:
        yield Measured(midnight_ms + start_s * 1000, midnight_ms + end_s * 1000, state)
