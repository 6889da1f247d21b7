"""Whether a bundle is what it says: numbered checks, in order, over bytes that nobody has to trust. Pure.

    1 container   2 manifest's signature   3 file hashes   4 the collector's log   5 facts and registry   6 agents' keys
    7 entries   8 receipts   9 beacons   10 time   11 closed days   12 hour records   13 grades   14 table for people

The names and what each shows are in words.py, and the same numbers stand above the steps: 1 to 3 in opening.py, 4 to 6
in grounds.py, the others below. A check that fails does not end the others, unless what it looked at is what they would
read. Nothing is looked up anywhere: the bundle and the inspector's own file of keys are all there is.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from protocol.clock_bounds import LIMIT_MS
from protocol.decided import decided
from protocol.errors import ForeignBytesError
from protocol.facts import Decision
from protocol.grades import Decided
from protocol.keys import VerifierKey
from protocol.registered import history_of
from protocol.verify import days as days_
from protocol.verify import journal as journal_
from protocol.verify import words
from protocol.verify.blocks import Blocks
from protocol.verify.container import Container, Held
from protocol.verify.days import Days, Evidence, ShownDay
from protocol.verify.grounds import check_facts, check_keys, check_log
from protocol.verify.journal import Journal
from protocol.verify.layout import STATEMENTS, Manifest, parse_continued
from protocol.verify.log_proofs import check_continued
from protocol.verify.opening import open_bundle
from protocol.verify.revoked import counts_from, is_dated_ahead
from protocol.verify.run import Run, State, Tell
from protocol.verify.session import check_session, read_shown
from protocol.verify.trust import Trust
from protocol.verify.verdicts import Check, Verdict

_MS = 1000
_JOURNAL_CHECKS = journal_.Numbers(words.ENTRIES, words.RECEIPTS, words.BEACONS, words.TIME)


class AgentResult(NamedTuple):
    """An agent's log: entries [first, end), receipts, beacons, and how it fares."""

    origin: str
    first: int
    end: int
    receipts: int
    beacons: int
    verdict: Verdict


class DayResult(NamedTuple):
    """A day, and how it fares."""

    shown: ShownDay
    verdict: Verdict


class DecisionResult(NamedTuple):
    """What people decided of the instrument's time; `signer`: the trusted key that signed it, "" where none did."""

    decision: Decision
    signer: str


class Result(NamedTuple):
    """What verifying ended in. `manifest` is None where it did not come so far; `journals`, `held` are what was read,
    for whoever goes on with it (compare); `agent_keys` by origin, as good as that log's verdict."""

    verdict: Verdict
    checks: Sequence[Check]
    manifest: Manifest | None
    days: Sequence[DayResult]
    agents: Sequence[AgentResult]
    signers: Sequence[str]
    has_trust: bool
    journals: Sequence[Journal] = ()
    held: Held | None = None
    decisions: Sequence[DecisionResult] = ()
    manifest_sha256: str = ""
    agent_keys: Mapping[str, VerifierKey] = MappingProxyType({})


def verify(container: Container, trust: Trust | None, *, tell: Tell = lambda _number: None) -> Result:
    """Verify a bundle. Foreign bytes of any kind end in findings; OSError where the medium cannot be read."""
    run = Run(tell)
    state = open_bundle(run, container, trust)
    if state is None:
        return Result(run.ledger.worst, run.ledger.checks(), None, [], [], [], trust is not None)
    check_log(run, state)
    check_facts(run, state)
    check_keys(run, state)
    days: list[ShownDay] = []
    if state.manifest.scope == "selective":
        _check_session(run, state)
    else:
        _check_journals(run, state)
        days = _check_days(run, state)
    return Result(
        run.ledger.worst,
        run.ledger.checks(),
        state.manifest,
        [DayResult(day, run.ledger.of_day(day.day, _origins(day))) for day in days],
        [_agent_result(run, journal) for journal in state.journals],
        state.signers,
        trust is not None,
        state.journals,
        state.held,
        _decisions(state),
        state.manifest_sha256,
        state.agent_keys,
    )


def _name_of(key: VerifierKey | None) -> str:
    return "" if key is None else key.name


def _decisions(state: State) -> list[DecisionResult]:
    found = {ref: fact for ref, fact in state.book or () if isinstance(fact, Decision)}
    in_order = sorted(found, key=lambda ref: (found[ref].start, ref))
    return [DecisionResult(found[ref], _name_of(state.signed_by.get(ref))) for ref in in_order]


def _agent_result(run: Run, journal: Journal) -> AgentResult:
    return AgentResult(
        journal.origin,
        journal.first,
        journal.end,
        len(journal.receipts),
        len(journal.beacons),
        max(run.ledger.of_all, run.ledger.of_origin(journal.origin)),
    )


# 7 entries, 8 receipts, 9 beacons, 10 time


def _check_journals(run: Run, state: State) -> None:
    for number in (words.ENTRIES, words.RECEIPTS, words.BEACONS, words.TIME):
        run.begin(number)
    for directory in state.manifest.journals():
        origin = state.manifest.origin(directory)
        if origin not in state.agent_keys:
            continue
        found = journal_.read_journal(
            state.held,
            directory,
            origin=origin,
            keys=journal_.Keys(state.agent_keys[origin], state.trust.receipt, state.manifest.domain),
            numbers=_JOURNAL_CHECKS,
            tell=lambda check, word, place, values, origin=origin: run.note(  # type: ignore[misc]
                check, word, place, origin=origin, **values
            ),
        )
        state.journals.append(found)
        run.count(words.ENTRIES, "entries", found.end - found.first)
        run.count(words.RECEIPTS, "receipts", len(found.receipts))
        run.count(words.BEACONS, "beacons", len(found.beacons))
        _check_brackets(run, found)
    _check_consistency(run, state)
    _check_revoked(run, state)


def _check_revoked(run: Run, state: State) -> None:
    """8: nothing was received under a key since the log has said that it was revoked."""
    for journal in state.journals:
        revoked = state.revoked.get(journal.origin)
        if revoked is None:
            continue
        trees = [tree for each in state.journals for tree in each.trees_of(revoked.log)]
        since_ms = counts_from(revoked, trees)
        note = partial(run.note, words.RECEIPTS, origin=journal.origin)
        if is_dated_ahead(revoked, trees):
            note("revoked-ahead", STATEMENTS, leaf=str(revoked.leaf))
        for _, size, time_ms in journal.receipts:
            if since_ms is not None and time_ms > since_ms + LIMIT_MS:
                note("receipt-revoked", f"{journal.origin} receipt over {size}", by=str((time_ms - since_ms) // _MS))


def _check_brackets(run: Run, journal: Journal) -> None:
    """10: each beacon against the first receipt over it; L <= U of later entries follows."""
    bounds = journal.bounds(shifts={})
    for _, fix in journal.beacons:
        received_ms = bounds.received_ms(fix.entry_index)
        if received_ms is None or fix.time_ms is None:
            continue
        run.count(words.TIME, "brackets")
        if fix.time_ms > received_ms + LIMIT_MS:
            place, by_s = f"{journal.origin} entry {fix.entry_index}", (fix.time_ms - received_ms) // _MS
            run.note(words.TIME, "beacon-late", place, origin=journal.origin, by=str(by_s))


def _check_consistency(run: Run, state: State) -> None:
    """9: the last beacon of each local day, against the checkpoint."""
    shown: dict[tuple[str, int], str] = {}
    seen: set[tuple[str, int]] = set()
    for log, head in state.heads.items():
        path = f"collector/{log}/consistency.jsonl"
        for place, raw in run.lines(state.held, path, words.BEACONS):
            try:
                continued = parse_continued(raw)
            except ForeignBytesError as error:
                run.note(words.BEACONS, "consistency-form", place, why=str(error))
                continue
            if (log, continued.size) in seen:
                run.note(words.BEACONS, "consistency-twice", place)
                continue
            seen.add((log, continued.size))
            try:
                check_continued(continued, head)
                shown[log, continued.size] = continued.root
                run.count(words.BEACONS, "consistency")
            except ForeignBytesError as error:
                run.note(words.BEACONS, "consistency-false", place, why=str(error))
    for journal in state.journals:
        if run.ledger.of_origin(journal.origin) is Verdict.CONTRADICTED:
            continue  # where it breaks off, its last beacon of a day is not the day's last
        for (log, day), beacon in journal.of_day.items():
            _check_day_beacon(run, state, journal, day, beacon, shown.get((log, beacon.size)))


def _check_day_beacon(
    run: Run, state: State, journal: Journal, day: str, beacon: journal_.DayBeacon, root: str | None
) -> None:
    place = f"{journal.origin} entry {beacon.at}"
    note = partial(run.note, words.BEACONS, origin=journal.origin)
    head = state.heads.get(beacon.log)
    if head is not None and beacon.size > head.size:
        note("beacon-ahead", place, size=str(beacon.size), head=str(head.size))
    elif root is None:
        note("consistency-missing", place, day=day, size=str(beacon.size))
    elif root != beacon.root:
        note("beacon-differs", place, size=str(beacon.size))


# 7 to 10 and 12 for one session; what a bundle of selective scope does not show is not asked for


def _check_session(run: Run, state: State) -> None:
    for number in words.CHECKS:
        run.begin(number)
    shown = []
    gone = state.manifest.files.keys() - state.held.stated.keys()
    for directory in state.manifest.journals():
        origin = state.manifest.origin(directory)
        if origin not in state.agent_keys:
            continue
        keys = journal_.Keys(state.agent_keys[origin], state.trust.receipt, state.manifest.domain)
        found = read_shown(
            state.held, directory, origin=origin, keys=keys, numbers=_JOURNAL_CHECKS, note=run.note, gone=gone
        )
        shown.append(found)
        state.journals.append(found.journal)
        run.count(words.ENTRIES, "entries", len(found.entries))
        run.count(words.RECEIPTS, "receipts", len(found.journal.receipts))
        run.count(words.BEACONS, "beacons", len(found.journal.beacons))
    history = history_of(state.statements, state.policies, state.manifest.asset)
    session = check_session(state.held, state.manifest, history, shown, number=words.HOURS, note=run.note, gone=gone)
    if session is not None:
        run.count(words.HOURS, "seconds of the session", session.end_s - session.start_s)
        run.count(words.HOURS, "seconds of run", session.run_s)


# 11 closed days, 12 hour records, 13 grades, 14 the table for people


def _check_days(run: Run, state: State) -> list[ShownDay]:
    for number in (words.CLOSED, words.HOURS, words.GRADES, words.TABLE):
        run.begin(number)
    manifest = state.manifest
    history = history_of(state.statements, state.policies, manifest.asset)
    assert state.book is not None, "facts were read before days"
    try:
        blocks = Blocks(state.held, state.journals, history.measurements, asset_no=manifest.asset)
    except ForeignBytesError as error:
        run.note(words.HOURS, "record-form", "agents/", why=str(error))
        return []
    state.book.add_stays(blocks.stays)
    run.count(words.HOURS, "readings", blocks.readings)
    evidence = Evidence(
        state.held,
        manifest,
        state.heads,
        history,
        state.book,
        blocks,
        state.journals,
        [Decided(*each) for each in decided(dict(state.book), manifest.asset)],
    )
    numbers = days_.Numbers(words.CLOSED, words.HOURS, words.GRADES, words.TABLE)
    return list(Days(evidence, numbers, run.note, run.count).run())


def _origins(day: ShownDay) -> list[str]:
    return [] if day.record is None else [origin for origin, _, _ in day.record.journals]
