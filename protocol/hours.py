"""Hour records: what one instrument did on one local day, in whole seconds, under one policy.

A record is a pure function of entries, policy and the lead-in of its day: the same bytes in whatever order entries
came. It holds no receipt time and no revision number. Its seconds satisfy, always (domain.md section 2):

    off + standby + run + unobserved = until               `until`: 86 400, or up to the newest evidence of an open day
    external <= effective <= run + bridged,  unresolved = effective - external,  no_run <= unobserved

`no_run_s` is the part of the unobserved time in which a meter's counter proves that no run took place. `told` says,
where other watchers than the meter told anything, what each of them told and when (fusion.py, rules 13 to 15).

Boundaries in UTC milliseconds become seconds by rounding down, each boundary once, so that nothing is counted twice
and days sum up. Effective time is the set `effective_spans`; prepare, post, bridging (issue 5) and attribution widen
and divide that set, and nothing else here changes.

The record's bytes are canonical JSON: the members below in this order, no spaces. One day of a short run:

    {"v":1,"asset":"A001","day":"2026-03-02","policy":"9f…","lead_in":"off","lead_out":"off","until":86400,
     "off_s":80000,"standby_s":2800,"run_s":3600,"unobserved_s":0,"effective_s":3600,"external_s":0,
     "unresolved_s":3600,"bridged_s":0,"no_run_s":0,"journals":[["jishi.example/a/em-01/1",17,302]],
     "spans":[[0,30000,"off"],[30000,31400,"standby"],[31400,35000,"run"],[35000,36400,"standby"],[36400,86400,"off"]],
     "told":[]}
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise

import msgspec

from protocol.entry import Entry, Reading
from protocol.errors import MalformedRecord, TooLarge, excerpt, one_line
from protocol.fusion import States, derive_states
from protocol.interval import DAY_S, Interval, day_bounds_ms, length
from protocol.lead import STATES, State, parse_lead
from protocol.observation import covered_ms
from protocol.policy import Policy
from protocol.timeline import Span
from protocol.witness import Evidence

MAX_RECORD_BYTES = 4_194_304

_SHA256 = re.compile(r"[0-9a-f]{64}")

DaySpan = tuple[int, int, State]  # start and end in seconds of the day, half-open


class HourRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One instrument's local day; see the top of the file. ValueError where its members contradict each other."""

    v: int
    asset: str
    day: str  # YYYY-MM-DD, Asia/Shanghai
    policy: str  # SHA-256 of the policy's file
    lead_in: str
    lead_out: str  # at `until`
    until: int  # seconds of the day that this record covers
    off_s: int
    standby_s: int
    run_s: int
    unobserved_s: int
    effective_s: int
    external_s: int
    unresolved_s: int  # effective, and nobody has said for whom
    bridged_s: int
    no_run_s: int
    journals: tuple[tuple[str, int, int], ...]  # origin, first and last index of the entries that show this day
    spans: tuple[DaySpan, ...]
    told: tuple[tuple[str, tuple[DaySpan, ...]], ...]  # by watcher, `class:channel`, the weightiest first

    def __post_init__(self) -> None:
        _check_names(self)
        _check_spans(self)
        _check_sums(self)


def derive_day(
    asset_no: str,
    day: date,
    *,
    evidence: Evidence,
    policy: Policy,
    lead_in: str,
    journals: Mapping[str, tuple[int, int]],
    observed_until_ms: int,
) -> HourRecord:
    """Derive one record.

    `evidence` reaches over `evidence_window(day, policy)`; `journals` is `contributing` over the day. The record covers
    the day up to `observed_until_ms` (UTC): the newest evidence while the day is open, anything past its end once it
    is over, so that silence at its end is unobserved.
    """
    start_ms, end_ms = day_bounds_ms(day)
    until = max(0, min(observed_until_ms, end_ms) - start_ms) // 1000
    states = States((), lead_in, (), [])
    if until:
        until_ms = start_ms + until * 1000
        states = derive_states(evidence, policy, start_ms=start_ms, end_ms=until_ms, lead_in=lead_in)
    spans = _in_seconds(states.spans, start_ms)
    seconds = {state: length(_of_state(spans, state)) for state in STATES}
    effective = length(effective_spans(spans))
    return HourRecord(
        v=1,
        asset=asset_no,
        day=day.isoformat(),
        policy=policy.sha256,
        lead_in=lead_in,
        lead_out=states.lead_out,
        until=until,
        off_s=seconds["off"],
        standby_s=seconds["standby"],
        run_s=seconds["run"],
        unobserved_s=seconds["unobserved"],
        effective_s=effective,
        external_s=0,
        unresolved_s=effective,
        bridged_s=0,
        no_run_s=sum(_second(end, start_ms) - _second(start, start_ms) for start, end in states.quiet),
        journals=tuple((origin, *journals[origin]) for origin in sorted(journals)),
        spans=spans,
        told=tuple((name, _in_seconds(told, start_ms)) for name, told in states.told),
    )


def evidence_window(day: date, policy: Policy) -> Interval:
    """The stretch of UTC ms of which a day's record needs every reading that touches it."""
    start_ms, end_ms = day_bounds_ms(day)
    return start_ms - policy.memory_ms(), end_ms + policy.horizon_ms() + policy.gap_ms


def contributing(
    blocks: Iterable[tuple[str, Entry, Reading]], start_ms: int, *, end_ms: int
) -> dict[str, tuple[int, int]]:
    """First and last index, by origin, of the entries whose reading touches [start_ms, end_ms).

    Those outside it that settle what is pending at midnight are not named: they are in the neighbouring records.
    """
    found: dict[str, tuple[int, int]] = {}
    for origin, entry, reading in blocks:
        start, end = covered_ms(entry, reading)
        if start < end_ms and start_ms < end:
            first, last = found.get(origin, (entry.index, entry.index))
            found[origin] = min(first, entry.index), max(last, entry.index)
    return found


def effective_spans(spans: Iterable[DaySpan]) -> list[Interval]:
    """The effective time of a day (domain.md section 2): run, so far."""
    return _of_state(spans, "run")


def sessions(record: HourRecord) -> list[Interval]:
    """The runs of a day in seconds of the day. A run over midnight is a session in each of the two days."""
    return _of_state(record.spans, "run")


def encode(record: HourRecord) -> bytes:
    """The record's bytes."""
    return msgspec.json.encode(record)


def decode(raw: bytes) -> HourRecord:
    """The record of these bytes; TooLarge, or MalformedRecord where they are not canonical or do not add up."""
    if len(raw) > MAX_RECORD_BYTES:
        raise TooLarge(f"an hour record has at most {MAX_RECORD_BYTES} bytes, not {len(raw)}")
    try:
        record = msgspec.json.decode(raw, type=HourRecord)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedRecord(f"not an hour record: {one_line(error)}: {excerpt(raw)}") from error
    if encode(record) != raw:
        raise MalformedRecord(f"an hour record that is not in canonical form: {excerpt(raw)}")
    return record


def _in_seconds(spans: Iterable[Span], start_ms: int) -> tuple[DaySpan, ...]:
    """Round each boundary down to a second of the day; spans that vanish leave equal neighbours, which become one."""
    rounded: list[DaySpan] = []
    for span in spans:
        start, end = _second(span.start_ms, start_ms), _second(span.end_ms, start_ms)
        if start == end:
            continue
        if rounded and rounded[-1][1:] == (start, span.state):
            start = rounded.pop()[0]
        rounded.append((start, end, span.state))
    return tuple(rounded)


def _second(instant_ms: int, start_ms: int) -> int:
    return (instant_ms - start_ms) // 1000


def _of_state(spans: Iterable[DaySpan], state: State) -> list[Interval]:
    return [(start, end) for start, end, each in spans if each == state]


def _check_names(record: HourRecord) -> None:
    if record.v != 1:
        raise ValueError(f"hour record version {record.v} is not known")
    if not record.asset or date.fromisoformat(record.day).isoformat() != record.day:
        raise ValueError("an hour record names its instrument and its day as YYYY-MM-DD")
    if not _SHA256.fullmatch(record.policy):
        raise ValueError("an hour record names its policy by 64 hexadecimal digits")
    parse_lead(record.lead_in)
    parse_lead(record.lead_out)
    origins = [origin for origin, _, _ in record.journals]
    if origins != sorted(set(origins)) or any(not 0 <= first <= last for _, first, last in record.journals):
        raise ValueError("journals are sorted, each once, with first <= last")


def _check_spans(record: HourRecord) -> None:
    """Contiguous over [0, until), each with a duration, neighbours of different states."""
    if not 0 <= record.until <= DAY_S:
        raise ValueError(f"a record covers 0 to {DAY_S} s of its day, not {record.until}")
    edges = [0, *(end for _, end, _ in record.spans)]
    if edges[-1] != record.until or edges[:-1] != [start for start, _, _ in record.spans]:
        raise ValueError(f"the spans do not cover [0, {record.until}) without gap or overlap")
    if any(start >= end for start, end in pairwise(edges)):
        raise ValueError("a span has a duration")
    if any(left[2] == right[2] for left, right in pairwise(record.spans)):
        raise ValueError("neighbouring spans have different states")
    for name, spans in record.told:
        edges = [edge for start, end, _ in spans for edge in (start, end)]
        if edges != sorted(edges) or any(not 0 <= start < end <= record.until for start, end, _ in spans):
            raise ValueError(f"what {name} told is not in order inside [0, {record.until})")


def _check_sums(record: HourRecord) -> None:
    """The identities at the top of the file."""
    stated = (record.off_s, record.standby_s, record.run_s, record.unobserved_s)
    for state, seconds in zip(STATES, stated, strict=True):
        summed = length(_of_state(record.spans, state))
        if summed != seconds:
            raise ValueError(f"{state}_s is {seconds}, but its spans sum to {summed}")
    if not 0 <= record.external_s <= record.effective_s <= record.run_s + record.bridged_s or record.bridged_s < 0:
        raise ValueError("external <= effective <= run + bridged does not hold")
    if record.unresolved_s != record.effective_s - record.external_s:
        raise ValueError("unresolved is effective less external")
    if not 0 <= record.no_run_s <= record.unobserved_s:
        raise ValueError("no_run is a part of unobserved")
