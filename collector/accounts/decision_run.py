"""What a proposed decision would change at most: the hours inside its stretch of time, out and in.

No record changes by a decision, so nothing is derived: the stored records say which of their seconds lie inside, and
whom they serve. `exclude` is told as if all of it counted now, `accept` as if nothing did: what it really changes is
less by what the grades say already (evidence.md section 5).
"""

from datetime import date

from collector.accounts.claims import load_said
from collector.accounts.dry_run import Difference, Seconds
from collector.store.database import Connection
from collector.store.queries import load
from protocol import hours
from protocol.attribution import attribute
from protocol.derivation import effective_spans
from protocol.facts import Verdict
from protocol.hours import HourRecord
from protocol.interval import clip, day_bounds_ms, length, local_day
from protocol.policy import Policy, parse_policy
from protocol.said import claims_of

_SQL = load("accounts")
_API = load("api")


def compare_decision(
    connection: Connection, asset_no: str, *, start_ms: int, end_ms: int, verdict: Verdict
) -> Difference:
    """The figures of the days that [start_ms, end_ms) touches, with the stretch and without it."""
    values = {"asset_no": asset_no, "first_day": local_day(start_ms), "last_day": local_day(end_ms - 1)}
    whole, inside, days, changed = Seconds(), Seconds(), 0, 0
    for (body,) in connection.execute(_SQL.list_bodies, values, binary=True).fetchall():
        record = hours.decode(bytes(body))
        found = _inside(connection, record, start_ms=start_ms, end_ms=end_ms)
        days += 1
        changed += found.effective_s > 0
        whole, inside = whole.plus(record), Seconds(*(a + b for a, b in zip(inside, found, strict=True)))
    rest = Seconds(*(a - b for a, b in zip(whole, inside, strict=True)))
    before, after = (whole, rest) if verdict == "exclude" else (rest, whole)
    return Difference(asset_no, days, changed, before, after)


def _inside(connection: Connection, record: HourRecord, *, start_ms: int, end_ms: int) -> Seconds:
    """The part of a record's figures inside a stretch; the claims divide it as they divide the day."""
    day = date.fromisoformat(record.day)
    midnight_ms, _ = day_bounds_ms(day)
    bounds = (start_ms - midnight_ms) // 1000, (end_ms - midnight_ms) // 1000
    policy = _load_policy(connection, record.policy)
    effective = clip(effective_spans(record.spans, record.classes, policy), *bounds)
    said = load_said(connection, record.asset, day=day, owner=record.owner)
    served = attribute(effective, claims_of(said, record.asset, day).claims, split=policy.split)
    external_s = sum(line.seconds for line in served if line.standing in ("claimed", "verified"))
    return Seconds(length(clip(hours.sessions(record), *bounds)), length(effective), external_s)


def _load_policy(connection: Connection, sha256: str) -> Policy:
    row = connection.execute(_API.load_policy, {"sha256": sha256}, binary=True).fetchone()
    assert row is not None, "a record's policy is kept"
    return parse_policy(bytes(row[0]))
