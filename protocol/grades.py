"""Grades: how well it is known that a second of an hour record was as it says. Pure.

A *grade record* stands beside an hour record, whose bytes must not depend on when anything was delivered. It is a pure
function of that record, the readings with their receipts and beacons, the policy's limits, and signed decisions. Rules,
by evidence.md section 5, for each observed second of the record:

 1 A block earns B where its log is whole, it obeys the reading rule, was not recovered after a crash, its own clock is
   within `clock_ms` of the newest beacon before it in its boot, receipt minus beacon is at most `bracket_ms`, and
   receipt minus the interval's start at most `delay_ms`.
 2 Else it earns C where its log is whole, it obeys the reading rule, and it was received within `late_ms`.
 3 Else it earns D; and whatever else holds where its clock is impossible: it covers time after its receipt, or its
   entry was written before the beacon that stands before it in the log, by more than `clock_ms`.
 4 A second has the best grade of the blocks that cover it, of the channels that tell the record's state. What no block
   covers (a gap so short that it counts as observed) has that of the block before it. What was bridged is C at best.
 5 Where watchers tell different states, it is C at best; a weightier watcher decided, and it stays on the list.
 6 B becomes A where watchers under two controls tell the record's state, each by blocks that earn B. What runs on the
   host (files, process) is one control; a meter, a contact and a status box are a control each.
 7 A decision to exclude makes it X, one to accept makes it count whatever its grade; of two the later one holds.
 8 What only the losing branch of a fork shows is X, beside the record, which does not observe it.

A, B and C count, D where it was accepted, X never. The *reading rule*: a block covers only time after its channel's
block before, and ends at most 60 s before its entry was written, by the monotonic clock. One block in canonical JSON:

    {"v":1,"asset":"A001","day":"2026-03-02","record":"5b…","policy":"9f…","spans":[[0,86400,"B","one control"]],
     "seconds":[["B","off",80000],["B","run",6400]],"effective":[["B",6400]],"external":[["B",5400]],"lost_s":0,
     "counted_s":6400,"counted_external_s":5400,"error_ms":40,"decisions":[]}

`error_ms` is the largest of the day, -1 where none is known. Nothing in a record says exactly when a receipt was given:
a receipt more or less that changes no grade changes no byte, so that bundles need not carry every one of them.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Meta

from protocol.canonical import decode_canonical
from protocol.errors import MalformedRecord
from protocol.facts import Sha256
from protocol.hours import HourRecord, operating_spans
from protocol.interval import DAY_S, Interval, clip, intersect, length, subtract, union
from protocol.phases import DaySpan
from protocol.policy import POWER, Grades, WitnessClass

MAX_GRADE_BYTES = 4_194_304
BEFORE_ENTRY_MS = 60_000

Grade = Literal["A", "B", "C", "D", "X"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""The best one first."""
COUNTED: Final = ("A", "B", "C")
Reason = Literal[
    "two controls",
    "one control",
    "recovered",
    "no beacon",
    "clock",
    "bracket",
    "late",
    "differ",
    "bridged",
    "not received",
    "too late",
    "reading rule",
    "clock impossible",
    "log in doubt",
    "excluded",
]
_STATES = ("off", "standby", "run")
_Piece = TypeVar("_Piece", bound=tuple[Any, ...])
_HOST: frozenset[WitnessClass] = frozenset({"files", "process"})
"""Watchers that run on the instrument's host; all others are devices beside it."""


class GradedBlock(NamedTuple):
    """One reading with what bounds it. Times in UTC ms, as corrected; None where something is not known."""

    start_ms: int
    end_ms: int
    durations_ms: Sequence[int]  # of its intervals
    received_ms: int | None  # the first receipt over its entry
    beacon_ms: int | None  # the newest beacon at or before its entry
    error_ms: int | None  # of its own wall clock, against the newest beacon before it in its boot
    is_recovered: bool = False
    is_ruly: bool = True
    is_whole: bool = True
    channel: str = POWER
    written_ms: int | None = None  # when its entry was, None: not known

    def first_edge(self, since_ms: int) -> int | None:
        """Where the first of its intervals begins that starts at `since_ms` or later; None where none does."""
        if since_ms <= self.start_ms:
            return self.start_ms  # nearly always
        edges = accumulate(self.durations_ms[:-1], initial=self.start_ms)
        return next((edge for edge in edges if edge >= since_ms), None)


class Decided(NamedTuple):
    """[start_ms, end_ms) was decided on by two people; `ref` names the fact. In the order in which they hold."""

    start_ms: int
    end_ms: int
    verdict: Literal["accept", "exclude"]
    ref: str


GradeSpan = tuple[int, int, Grade, Reason]


class GradeRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of the file. ValueError where its members contradict each other."""

    v: Literal[1]
    asset: str
    day: str
    record: Sha256
    policy: Sha256
    spans: tuple[GradeSpan, ...]  # seconds of the day, in order and disjoint
    seconds: tuple[tuple[Grade, str, int], ...]  # by grade and operating state
    effective: tuple[tuple[Grade, int], ...]
    external: tuple[tuple[Grade, int], ...]
    lost_s: int
    counted_s: int
    counted_external_s: int
    error_ms: int
    decisions: tuple[Annotated[str, Meta(max_length=80)], ...]

    def __post_init__(self) -> None:
        edges = [edge for span in self.spans for edge in span[:2]]
        if edges != sorted(edges) or any(not 0 <= start < end <= DAY_S for start, end, *_ in self.spans):
            raise ValueError("spans are in order, disjoint, inside the day, each with a duration")
        of_spans = _sums((grade, end - start) for start, end, grade, _ in self.spans)
        if _sums((grade, seconds) for grade, _, seconds in self.seconds) != of_spans:
            raise ValueError("the seconds of each grade are not those of its spans")
        if not all(seconds <= of_spans.get(grade, 0) for grade, seconds in self.effective):
            raise ValueError("no grade has more effective seconds than it has")
        if not 0 <= self.counted_external_s <= self.counted_s <= sum(seconds for _, seconds in self.effective):
            raise ValueError("counted external <= counted <= effective does not hold")


def encode(record: GradeRecord) -> bytes:
    """The record's bytes."""
    return msgspec.json.encode(record)


def decode(raw: bytes) -> GradeRecord:
    """The record of these bytes; TooLarge, or MalformedRecord where they are not canonical or do not add up."""
    return decode_canonical(raw, _decode, what="a grade record", error=MalformedRecord, most=MAX_GRADE_BYTES)


def grade(
    record: HourRecord,
    raw: bytes,
    *,
    blocks: Iterable[GradedBlock],
    limits: Grades,
    day_start_ms: int,
    effective: Sequence[Interval],
    external_within: Callable[[Sequence[list[Interval]]], list[int]],
    decisions: Sequence[Decided] = (),
    lost: Sequence[Interval] = (),
) -> GradeRecord:
    """The grade record of an hour record, whose bytes are `raw`.

    `effective`: its effective spans; `external_within`: how its external seconds lie in disjoint sets that make these
    up (attribution.external_within); `lost`: what the losing branch of a fork shows, in UTC ms.
    """
    known = list(blocks)
    observed = subtract([(0, record.until)] if record.until else [], _where(record, "unobserved"))
    graded = _grade_observed(record, known, limits, day_start_ms, observed)
    accepted, named = _decide(graded, decisions, day_start_ms)
    spans = _merge(graded)
    by_grade = {each: union((s, e) for s, e, found, _ in spans if found == each) for each in GRADES}
    parts = {each: intersect(by_grade[each], list(effective)) for each in GRADES}
    sets = [
        *(parts[each] for each in COUNTED),
        intersect(accepted, parts["D"]),
        subtract(parts["D"], accepted),
        parts["X"],
    ]
    outside = external_within(sets)
    external = dict(zip(GRADES, (*outside[:3], outside[3] + outside[4], outside[5]), strict=True))
    lost_s = subtract(union(_seconds(each, day_start_ms) for each in lost), observed)
    return GradeRecord(
        v=1,
        asset=record.asset,
        day=record.day,
        record=hashlib.sha256(raw).hexdigest(),
        policy=record.policy,
        spans=tuple(spans),
        seconds=tuple(_by_state(record, by_grade)),
        effective=tuple((each, length(parts[each])) for each in GRADES if parts[each]),
        external=tuple((each, seconds) for each, seconds in external.items() if seconds),
        lost_s=length(clip(lost_s, 0, DAY_S)),
        counted_s=sum(map(length, sets[:4])),
        counted_external_s=sum(outside[:4]),
        error_ms=_most(abs(block.error_ms) for block in known if block.error_ms is not None),
        decisions=tuple(sorted(named)),
    )


def is_ruly(start_mono_ms: int, end_mono_ms: int, *, written_ms: int, before_ms: int | None) -> bool:
    """The reading rule; `before_ms` is where the channel's block before ended in the same boot, None where none did."""
    return (before_ms is None or before_ms <= start_mono_ms) and 0 <= written_ms - end_mono_ms <= BEFORE_ENTRY_MS


def earned(block: GradedBlock, limits: Grades) -> list[tuple[int, int, Grade, Reason]]:
    """Rules 1 to 3: what the parts of a block earn, in UTC ms. Only its first part can be delayed for too long."""
    received = block.received_ms
    if not block.is_whole:
        return [(block.start_ms, block.end_ms, "D", "log in doubt")]
    if not block.is_ruly:
        return [(block.start_ms, block.end_ms, "D", "reading rule")]
    if received is None:
        return [(block.start_ms, block.end_ms, "D", "not received")]
    if _is_impossible(block, received, limits):
        return [(block.start_ms, block.end_ms, "D", "clock impossible")]
    in_time = _first_edge(block, received - limits.late_ms)
    prompt = max(in_time, _first_edge(block, received - limits.delay_ms))
    wider = _why_wider(block, received, limits)
    parts: list[tuple[int, int, Grade, Reason]] = [
        (block.start_ms, in_time, "D", "too late"),
        (in_time, prompt, "C", "late" if wider is None else wider),
        (prompt, block.end_ms, "B" if wider is None else "C", "one control" if wider is None else wider),
    ]
    return [part for part in parts if part[0] < part[1]]


def _is_impossible(block: GradedBlock, received: int, limits: Grades) -> bool:
    """Rule 3. What was recovered was written in the boot before, and stands behind beacons that came later."""
    if block.end_ms > received + limits.clock_ms:
        return True
    if block.written_ms is None or block.beacon_ms is None or block.is_recovered:
        return False
    return block.written_ms < block.beacon_ms - limits.clock_ms


def _why_wider(block: GradedBlock, received: int, limits: Grades) -> Reason | None:
    if block.is_recovered:
        return "recovered"
    if block.beacon_ms is None or block.error_ms is None:
        return "no beacon"
    if abs(block.error_ms) > limits.clock_ms or received < block.beacon_ms:
        return "clock"
    return "bracket" if received - block.beacon_ms > limits.bracket_ms else None


def _first_edge(block: GradedBlock, since_ms: int) -> int:
    """Where the first interval begins that starts at `since_ms` or later."""
    edge = block.first_edge(since_ms)
    return block.end_ms if edge is None else edge


class _Watcher(NamedTuple):
    """Under whose control a watcher is, where it tells the record's state, and what its blocks earn."""

    control: str
    agrees: list[Interval]
    earns: list[GradeSpan]


def _grade_observed(
    record: HourRecord, blocks: list[GradedBlock], limits: Grades, day_start_ms: int, observed: list[Interval]
) -> list[GradeSpan]:
    """Rules 1 to 6, as spans over the observed seconds."""
    watchers = _watchers(record, blocks, limits, day_start_ms, observed)
    capped: tuple[tuple[list[Interval], Reason], ...]
    capped = ((list(record.bridged), "bridged"), (_told_apart(record), "differ"))
    edges = {edge for where, _ in capped for span in where for edge in span}
    edges |= {edge for each in watchers for agreed in each.agrees for edge in agreed}
    edges |= {edge for each in watchers for start, end, *_ in each.earns for edge in (start, end)}
    ordered = sorted(edges)
    found: list[GradeSpan] = []
    for start, end in observed:
        inside = ordered[bisect_right(ordered, start) : bisect_left(ordered, end)]
        for begin, until in pairwise([start, *inside, end]):
            given, why = _best(watchers, begin)
            cap = next((reason for where, reason in capped if _there(where, begin)), None)
            if cap is not None and given in ("A", "B"):
                given, why = "C", cap
            found.append((begin, until, given, why))
    return found


def _best(watchers: list[_Watcher], second: int) -> tuple[Grade, Reason]:
    """Rules 4 and 6."""
    told = [
        (*earned_here[2:], each.control)
        for each in watchers
        if _there(each.agrees, second) and (earned_here := _there(each.earns, second))
    ]
    given, why, _ = min(told, default=("D", "not received", ""))
    if given == "B" and len({control for earns, _, control in told if earns == "B"}) > 1:
        return "A", "two controls"
    return given, why


def _watchers(
    record: HourRecord, blocks: list[GradedBlock], limits: Grades, day_start_ms: int, observed: list[Interval]
) -> list[_Watcher]:
    """Everybody who told anything; the meter alone where the record names nobody."""

    def earns(channel: str) -> list[GradeSpan]:
        return _cover([block for block in blocks if block.channel == channel], limits, day_start_ms, record.until)

    if not record.told:
        return [_Watcher(POWER, observed, earns(POWER))]
    found = []
    for name, told in record.told:
        kind, _, channel = name.partition(":")
        agrees = [part for state in _STATES for part in intersect(_of(told, state), _of(record.spans, state))]
        agrees += record.bridged if channel == POWER else ()  # a bridge is the meter's (bridging.py)
        found.append(_Watcher("host" if kind in _HOST else name, union(agrees), earns(channel)))
    return found


def _cover(blocks: list[GradedBlock], limits: Grades, day_start_ms: int, until: int) -> list[GradeSpan]:
    """Rule 4: the best grade for each second of [0, until); what nothing covers has that of the block before it."""
    pieces = [
        (max(0, _second(start, day_start_ms)), min(until, _second(end, day_start_ms)), given, why)
        for block in blocks
        for start, end, given, why in earned(block, limits)
    ]
    edges = sorted({0, until, *(edge for piece in pieces if piece[0] < piece[1] for edge in piece[:2])})
    starting = sorted((piece for piece in pieces if piece[0] < piece[1]), key=itemgetter(0, 2, 3))
    standing: list[GradeSpan] = []
    covered: list[GradeSpan] = []
    last: tuple[Grade, Reason] | None = None
    at = 0
    for start, end in pairwise(edges):
        while at < len(starting) and starting[at][0] <= start:
            standing.append(starting[at])
            at += 1
        standing = [piece for piece in standing if piece[1] > start]
        if standing:
            last = min(piece[2:] for piece in standing) if len(standing) > 1 else standing[0][2:]
        covered.append((start, end, *(last or ("D", "not received"))))
    return _merge(_backfill(covered, starting))


def _backfill(covered: list[GradeSpan], starting: list[GradeSpan]) -> list[GradeSpan]:
    """What lies before the first block has that block's grade."""
    if not starting:
        return covered
    first = starting[0][0]
    return [(s, e, *starting[0][2:]) if e <= first else (s, e, g, w) for s, e, g, w in covered]


def _told_apart(record: HourRecord) -> list[Interval]:
    """Rule 5: where somebody told another state than the record's."""
    apart = [
        part
        for _, told in record.told
        for state in _STATES
        for part in subtract(_of(told, state), _of(record.spans, state))
    ]
    return subtract(union(apart), _where(record, "unobserved"))


def _decide(
    graded: list[GradeSpan], decisions: Sequence[Decided], day_start_ms: int
) -> tuple[list[Interval], set[str]]:
    """Rule 7, in place; returns what was accepted, and the decisions that touch the day."""
    accepted: list[Interval] = []
    named: set[str] = set()
    for decided in decisions:
        where = clip([_seconds(decided[:2], day_start_ms)], 0, DAY_S)
        touched = [span for span in graded if intersect(where, [span[:2]])]
        if not touched:
            continue
        named.add(decided.ref)
        accepted = union([*accepted, *where]) if decided.verdict == "accept" else subtract(accepted, where)
        if decided.verdict == "exclude":
            graded[:] = sorted(
                part
                for span in graded
                for part in (
                    *((*each, "X", "excluded") for each in intersect([span[:2]], where)),
                    *((*each, *span[2:]) for each in subtract([span[:2]], where)),
                )
            )
    return accepted, named


def _merge(spans: Iterable[GradeSpan]) -> list[GradeSpan]:
    """Neighbours that say the same become one."""
    merged: list[GradeSpan] = []
    for start, end, given, why in sorted(spans):
        if merged and merged[-1][1] == start and merged[-1][2:] == (given, why):
            merged[-1] = (merged[-1][0], end, given, why)
        else:
            merged.append((start, end, given, why))
    return merged


def _by_state(record: HourRecord, by_grade: dict[Grade, list[Interval]]) -> Iterable[tuple[Grade, str, int]]:
    states = {
        name: union(span[:2] for span in spans)
        for name, spans in groupby(sorted(operating_spans(record), key=itemgetter(2)), key=itemgetter(2))
    }
    for given in GRADES:
        for name, spans in states.items():
            if seconds := length(intersect(by_grade[given], spans)):
                yield given, name, seconds


def _where(record: HourRecord, state: str) -> list[Interval]:
    return _of(record.spans, state)


def _of(spans: Iterable[DaySpan], state: str) -> list[Interval]:
    return union(span[:2] for span in spans if span[2] == state)


def _there(disjoint: Sequence[_Piece], second: int) -> _Piece | None:
    """Which of these, disjoint and in order, holds a second."""
    at = bisect_right(disjoint, second, key=itemgetter(0)) - 1
    return disjoint[at] if at >= 0 and second < disjoint[at][1] else None


def _sums(parts: Iterable[tuple[Grade, int]]) -> dict[Grade, int]:
    found: dict[Grade, int] = {}
    for given, seconds in parts:
        found[given] = found.get(given, 0) + seconds
    return found


def _most(values: Iterable[int]) -> int:
    return max(values, default=-1)


def _seconds(interval: tuple[int, int], day_start_ms: int) -> Interval:
    return _second(interval[0], day_start_ms), _second(interval[1], day_start_ms)


def _second(instant_ms: int, day_start_ms: int) -> int:
    return (instant_ms - day_start_ms) // 1000


_decode = msgspec.json.Decoder(GradeRecord).decode
