"""The demo's audit: what was recorded, held against three independent things.

- each agent's own journal files: the same bytes, each entry once, all receipted;
- the stored bytes: every hour record computed once more, by protocol alone;
- the simulators' truth, second by second.

It reads the database and the files itself, and none of the collector's or the agent's own code, so that an error there
cannot hide itself here.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from deploy.demo.instruments import INSTRUMENTS, Instrument
from deploy.demo.places import DemoError
from deploy.demo.stage import Stage
from deploy.demo.truth import Comparison, Span, compare, read_truth
from protocol import derivation, hours
from protocol.batch import parse_bundle
from protocol.entry import Declaration, Entry, Reading, decode
from protocol.hours import HourRecord
from protocol.interval import DAY_S, day_bounds_ms, local_day
from protocol.keys import parse_vkey
from protocol.lead import UNOBSERVED
from protocol.merkle import leaf_hash, root
from protocol.note import open_checkpoint
from protocol.observation import covered_ms
from protocol.phases import UNKNOWN
from protocol.policy import Policy, parse_policy
from protocol.said import Said, stays
from protocol.witness import Block, gather

SETTLE_S = 60.0
TOLERANCE_S = 4
"""How far from a true transition a recorded one may lie: a sample speaks for at most three polls of 1 s before it (and
over a hole for at most its policy's gap of 2 or 3 s), and boundaries are rounded down to the second."""
UNOBSERVED_PER_KILL_S = 60
"""What a killed agent may declare unobserved."""
UNOBSERVED_S = 10
"""What a crowded machine may leave unobserved without any kill: a poll that comes later than the policy's gap."""


@dataclass(frozen=True, slots=True)
class Result:
    """Lines to print, the verdict last."""

    ok: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the collector holds of one instrument."""

    entries: tuple[bytes, ...]
    receipted: int
    doubled: int
    """Entries that it holds more than once."""
    records: tuple[HourRecord, ...]
    faults: tuple[str, ...]


def audit(stage: Stage) -> Result:
    """Waits until the deriver has caught up, then compares everything."""
    dsn = (stage.places.collector / "dsn").read_text(encoding="utf-8").strip()
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            stage.wait_for(lambda: _is_settled(connection), within_s=SETTLE_S)
        except DemoError as problem:
            return Result(False, (f"demo: failed: hour records were not derived in time: {problem}",))
        stored = [_read_stored(connection, instrument) for instrument in INSTRUMENTS]
    faults: list[str] = []
    lines: list[str] = []
    totals = [0] * 5
    for instrument, held in zip(INSTRUMENTS, stored, strict=True):
        journal = _read_journal(stage.state_dir(instrument))
        truth = read_truth(stage.truth_file(instrument))
        result = compare(truth, list(_recorded(held.records)), tolerance_s=TOLERANCE_S)
        kills = stage.restarts_of(instrument)
        faults += [f"{instrument.agent_id}: {fault}" for fault in _faults(held, journal, result, kills=kills)]
        signed = sum(isinstance(entry.body, Declaration) for entry in map(decode, journal))
        if instrument.card and not signed:
            faults.append(f"{instrument.agent_id}: nobody was signed in, though a card was presented")
        lines.append(_describe(instrument, result, signed=signed, kills=kills))
        found = (len(journal), held.receipted, result.recorded_run_s, result.lost_s, result.doubled_s + held.doubled)
        totals = [total + each for total, each in zip(totals, found, strict=True)]
    entries, receipted, run_s, lost, doubled = totals
    verified = sum(len(held.records) for held in stored)
    lines += [f"demo: failed: {fault}" for fault in faults]
    verdict = "failed" if faults else "ok"
    lines.append(
        f"demo: {verdict} instruments={len(INSTRUMENTS)} entries={entries} receipted={receipted} run_s={run_s} "
        f"lost={lost} doubled={doubled} hours_verified={verified}"
    )
    return Result(not faults, tuple(lines))


def _faults(held: Stored, journal: Sequence[bytes], result: Comparison, *, kills: int) -> Iterator[str]:
    yield from held.faults
    if held.entries != tuple(journal):
        yield f"the collector holds {len(held.entries)} entries, the journal {len(journal)}, and they are not the same"
    if held.receipted != len(journal):
        yield f"{held.receipted} of {len(journal)} entries are receipted"
    if not held.records:
        yield "there is no hour record"
    if result.recorded_run_s == 0:
        yield "no run was recorded"
    if result.lost_s or result.doubled_s or held.doubled:
        yield f"{result.lost_s} s lost, {result.doubled_s} s and {held.doubled} entries doubled"
    allowed = UNOBSERVED_PER_KILL_S * kills + UNOBSERVED_S
    if result.unobserved_s > allowed:
        yield f"{result.unobserved_s} s unobserved after the first reading; {allowed} s are allowed for {kills} kills"


def _describe(instrument: Instrument, result: Comparison, *, signed: int, kills: int) -> str:
    return (
        f"demo: {instrument.agent_id}: run {result.recorded_run_s} s, truth {result.true_run_s} s, "
        f"lost {result.lost_s} s, doubled {result.doubled_s} s, unobserved {result.unobserved_s} s, "
        f"declarations {signed}, agent restarts {kills}"
    )


def _is_settled(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    today = local_day(int(datetime.now(UTC).timestamp() * 1000))
    row = connection.execute("SELECT count(*) FROM dirty_day WHERE day <= %s", [today]).fetchone()
    return row is not None and row[0] == 0


def _read_stored(connection: psycopg.Connection[tuple[object, ...]], instrument: Instrument) -> Stored:
    entries: list[bytes] = []
    faults: list[str] = []
    doubled = 0
    rows = connection.execute(
        "SELECT b.first, b.entries, coalesce(b.note, b.receipt), j.vkey FROM batch b JOIN journal j USING (journal_id) "
        "WHERE j.agent_id = %s ORDER BY b.first",
        [instrument.agent_id],
    )
    for first, bundle, note, vkey in rows:
        doubled += max(0, len(entries) - int(str(first)))
        entries += parse_bundle(zlib.decompress(_bytes(bundle)))
        checkpoint = open_checkpoint(_bytes(note), parse_vkey(str(vkey)))
        if checkpoint.root != root(map(leaf_hash, entries)) or checkpoint.size != len(entries):
            faults.append(f"the stored bytes up to entry {len(entries)} do not lead to the root that the agent signed")
    journal = connection.execute(
        "SELECT size FROM journal WHERE agent_id = %s AND receipt IS NOT NULL", [instrument.agent_id]
    ).fetchone()
    bodies = connection.execute(
        "SELECT r.body, p.body FROM hour_record r JOIN policy p ON p.sha256 = r.policy "
        "WHERE asset_no = %s ORDER BY day",
        [instrument.asset],
    ).fetchall()
    records = tuple(hours.decode(_bytes(body)) for body, _ in bodies)
    policies = [parse_policy(_bytes(policy)) for _, policy in bodies]
    faults += _recompute(records, policies, entries, bound=instrument.channels)
    receipted = int(str(journal[0])) if journal else 0
    return Stored(tuple(entries), receipted, doubled, records, tuple(faults))


def _recompute(
    records: Sequence[HourRecord],
    policies: Sequence[Policy],
    entries: Sequence[bytes],
    *,
    bound: frozenset[tuple[str, str]],
) -> Iterator[str]:
    """Every record once more from the bytes alone, each day from what the one before it hands over."""
    decoded = [decode(raw) for raw in entries]
    readings = list(_readings(decoded, bound))
    before: HourRecord | None = None
    for record, policy in zip(records, policies, strict=True):
        day = date.fromisoformat(record.day)
        start_ms, end_ms = day_bounds_ms(day)
        origin = record.journals[0][0]
        blocks = [(origin, entry, body) for entry, body in readings if body.channel in policy.channels()]
        within = [block for block in blocks if _touches(block, start_ms, end_ms)]
        newest_ms = max((covered_ms(entry, body)[1] for _, entry, body in within), default=start_ms)
        follows = before is not None and before.day == (day - timedelta(days=1)).isoformat()
        again = derivation.derive_day(
            record.asset,
            day,
            evidence=gather(blocks, policy),
            policy=policy,
            lead_in=before.lead_out if before is not None and follows else UNOBSERVED,
            journals=derivation.contributing(within, start_ms, end_ms=end_ms),
            reached=derivation.reaches(within, start_ms, end_ms=end_ms),
            observed_until_ms=end_ms if record.until == DAY_S else newest_ms,
            said=_said(record, origin, decoded),
            neighbours=derivation.Neighbours(
                before.phase_out if before is not None and follows else UNKNOWN, record.follow
            ),
        )
        before = again
        if hours.encode(again) != hours.encode(record):
            yield f"the hour record of {record.day} is not what the stored bytes give"


def _said(record: HourRecord, origin: str, decoded: Sequence[Entry]) -> Said:
    """The sign-ins of the journal; the demo has no orders and no corrections."""
    return Said(record.owner, {}, tuple(stays(origin, decoded, record.asset)))


def _readings(entries: Sequence[Entry], bound: frozenset[tuple[str, str]]) -> Iterator[tuple[Entry, Reading]]:
    """The readings of these watchers and channels."""
    for entry in entries:
        body = entry.body
        if isinstance(body, Reading) and (body.watcher, body.channel) in bound and body.events is None:
            yield entry, body


def _touches(block: Block, start_ms: int, end_ms: int) -> bool:
    begin_ms, finish_ms = covered_ms(block[1], block[2])
    return begin_ms < end_ms and start_ms < finish_ms


def _recorded(records: Sequence[HourRecord]) -> Iterator[Span]:
    for record in records:
        midnight_s = day_bounds_ms(date.fromisoformat(record.day))[0] // 1000
        yield from ((midnight_s + start, midnight_s + end, state) for start, end, state in record.spans)


def _read_journal(state_dir: Path) -> list[bytes]:
    """The entries in the agent's segment files: `<crc> <entry>` lines after a header line."""
    entries: list[bytes] = []
    for segment in sorted(state_dir.glob("journal/*/*.log")):
        entries += [line[9:] for line in segment.read_bytes().splitlines()[1:]]
    return entries


def _bytes(value: object) -> bytes:
    if not isinstance(value, (bytes, memoryview)):
        raise DemoError(f"the database gave a {type(value).__name__} where bytes are stored")
    return bytes(value)
