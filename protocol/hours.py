"""Hour records: what one instrument did on one local day, and for whom, in whole seconds, under one policy.

A record is a pure function of entries, facts, policy and what its neighbours hand over (derivation.py): the same bytes
in whatever order anything came. It holds no receipt time and no revision number. Its seconds satisfy, always
(domain.md section 2):

    off + standby + prepare + run + post + calibrate + maintain + fault + unobserved = until
                                                        86 400, or up to the newest evidence of an open day
    internal + claimed + verified + unresolved = effective <= energised + inferred + bridged
    no_run <= unobserved;  hand_external <= hand, which stand beside the states and never inside them

`spans` are the measured states, `classes` what declarations and phases make of parts of them, `bridged` which parts
were unobserved before their gap was bridged. `served` divides the effective time: order, beneficiary, standing, seconds
and number of documents. External time is claimed and verified together. `journals` and `facts` name everything that
the record rests on. `no_run_s` is the part of the unobserved time in which a meter's counter proves that no run took
place. `told` says, where other watchers than the meter told anything, what each of them told (fusion.py).

The record's bytes are canonical JSON: the members below in this order, no spaces. One day of a short run:

    {"v":2,"asset":"A001","day":"2026-03-02","policy":"9f…","owner":"12100000400000624D","lead_in":"off",
     "lead_out":"off","phase_in":"new","phase_out":"new","follow":"","until":86400,"off_s":80000,"standby_s":1000,
     "prepare_s":1200,"run_s":3600,"post_s":600,"calibrate_s":0,"maintain_s":0,"fault_s":0,"unobserved_s":0,
     "energised_s":6400,"inferred_s":0,"bridged_s":0,"no_run_s":0,"effective_s":5400,"internal_s":0,"claimed_s":0,
     "verified_s":5400,"unresolved_s":0,"hand_s":0,"hand_external_s":0,"journals":[["jishi.example/a/em-01/1",17,302]],
     "facts":["fact:3c…"],
     "spans":[[0,30000,"off"],[30000,31400,"standby"],[31400,35000,"run"],[35000,36400,"standby"],[36400,86400,"off"]],
     "classes":[[30200,31400,"prepare"],[35000,35600,"post"]],"bridged":[],
     "served":[["SO-14","91440300708461136T","verified",5400,1]],"told":[],"flags":[]}
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Literal, get_args

import msgspec

from protocol.attribution import STANDINGS, Served
from protocol.canonical import decode_canonical
from protocol.errors import MalformedRecord
from protocol.interval import DAY_S, Interval, intersect, length, subtract, union
from protocol.lead import STATES, State, parse_lead
from protocol.phases import DaySpan, parse_head, parse_phase
from protocol.uscc import fault

MAX_RECORD_BYTES = 4_194_304

OperatingClass = Literal["prepare", "post", "calibrate", "maintain", "fault"]
"""What parts of measured run and standby are besides."""
CLASSES: tuple[OperatingClass, ...] = get_args(OperatingClass)
ClassSpan = tuple[int, int, OperatingClass]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class HourRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One instrument's local day; see the top of the file. ValueError where its members contradict each other."""

    v: int
    asset: str
    day: str  # YYYY-MM-DD, Asia/Shanghai
    policy: str  # SHA-256 of the policy's file
    owner: str  # USCC on that day, or ""
    lead_in: str
    lead_out: str  # at `until`
    phase_in: str
    phase_out: str  # at `until`
    follow: str  # the head of the day after, as far as it was known
    until: int  # seconds of the day that this record covers
    off_s: int
    standby_s: int
    prepare_s: int
    run_s: int
    post_s: int
    calibrate_s: int
    maintain_s: int
    fault_s: int
    unobserved_s: int
    energised_s: int  # standby and run that a watcher of the instrument's own power saw
    inferred_s: int  # standby and run that only others saw
    bridged_s: int
    no_run_s: int
    effective_s: int
    internal_s: int
    claimed_s: int  # external without a document
    verified_s: int  # external with one
    unresolved_s: int  # effective, and nobody has said for whom
    hand_s: int
    hand_external_s: int
    journals: tuple[tuple[str, int, int], ...]  # origin, first and last index of the entries that show this day
    facts: tuple[str, ...]  # fact:<sha256> and entry:<origin>#<index>, sorted
    spans: tuple[DaySpan, ...]
    classes: tuple[ClassSpan, ...]
    bridged: tuple[Interval, ...]
    served: tuple[Served, ...]
    told: tuple[tuple[str, tuple[DaySpan, ...]], ...]  # by watcher, `class:channel`, the weightiest first
    flags: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_names(self)
        _check_spans(self)
        _check_sums(self)
        _check_served(self)

    @property
    def external_s(self) -> int:
        """Effective seconds that served another legal person than the owner."""
        return self.claimed_s + self.verified_s

    @property
    def observed_s(self) -> int:
        """Seconds that somebody saw: what coverage is the share of."""
        return self.until - self.unobserved_s - self.bridged_s


def sessions(record: HourRecord) -> list[Interval]:
    """The runs of a day in seconds of the day. A run over midnight is a session in each of the two days."""
    return of_state(record.spans, record.classes, "run")


def operating_spans(record: HourRecord) -> list[tuple[int, int, State | OperatingClass]]:
    """The day in operating states: what is measured, with the classes in their places."""
    found: list[tuple[int, int, State | OperatingClass]] = list(record.classes)
    for state in STATES:
        found += [(*each, state) for each in of_state(record.spans, record.classes, state)]
    return sorted(found)


def of_state(spans: Iterable[DaySpan], classes: Iterable[ClassSpan], state: State) -> list[Interval]:
    """Where a state was measured and no class stands."""
    measured = union(span[:2] for span in spans if span[2] == state)
    return subtract(measured, union(each[:2] for each in classes))


def of_class(classes: Iterable[ClassSpan], name: OperatingClass) -> list[Interval]:
    """Where a class stands."""
    return union(each[:2] for each in classes if each[2] == name)


def in_tenths(seconds: int) -> int:
    """Tenths of an hour, halves up: the one rounding there is, made on output (domain.md section 3)."""
    return (seconds * 10 + 1_800) // 3_600


def hours_text(seconds: int) -> str:
    """Whole seconds as people read hours: `12.3`, rounded by `in_tenths`."""
    tenths = in_tenths(seconds)
    return f"{tenths // 10}.{tenths % 10}"


def encode(record: HourRecord) -> bytes:
    """The record's bytes."""
    return msgspec.json.encode(record)


def decode(raw: bytes) -> HourRecord:
    """The record of these bytes; TooLarge, or MalformedRecord where they are not canonical or do not add up."""
    return decode_canonical(raw, _decode, what="an hour record", error=MalformedRecord, most=MAX_RECORD_BYTES)


def _check_names(record: HourRecord) -> None:
    if record.v != 2:
        raise ValueError(f"hour record version {record.v} is not known")
    if not record.asset or date.fromisoformat(record.day).isoformat() != record.day:
        raise ValueError("an hour record names its instrument and its day as YYYY-MM-DD")
    if not _SHA256.fullmatch(record.policy):
        raise ValueError("an hour record names its policy by 64 hexadecimal digits")
    if record.owner and (wrong := fault(record.owner)):
        raise ValueError(wrong)
    parse_lead(record.lead_in)
    parse_lead(record.lead_out)
    parse_phase(record.phase_in)
    parse_phase(record.phase_out)
    parse_head(record.follow)
    origins = [origin for origin, _, _ in record.journals]
    if origins != sorted(set(origins)) or any(not 0 <= first <= last for _, first, last in record.journals):
        raise ValueError("journals are sorted, each once, with first <= last")
    for names in (record.facts, record.flags):
        if list(names) != sorted(set(names)):
            raise ValueError("facts and flags are sorted, each once")


def _check_spans(record: HourRecord) -> None:
    """Contiguous over [0, until), each with a duration, neighbours differing; classes only where it was powered."""
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
        if not _is_inside([span[:2] for span in spans], record.until):
            raise ValueError(f"what {name} told is not in order inside [0, {record.until})")
    for covered in ([each[:2] for each in record.classes], record.bridged):
        if not _is_inside(covered, record.until):
            raise ValueError(f"classes or bridges are not in order inside [0, {record.until})")
    powered = union(span[:2] for span in record.spans if span[2] in ("standby", "run"))
    if subtract(union(each[:2] for each in record.classes), powered):
        raise ValueError("a class stands where neither run nor standby was measured")
    if intersect(list(record.bridged), of_state(record.spans, (), "unobserved")):
        raise ValueError("what was bridged is not unobserved any more")


def _is_inside(intervals: Sequence[Interval], until: int) -> bool:
    edges = [edge for interval in intervals for edge in interval]
    return edges == sorted(edges) and all(0 <= start < end <= until for start, end in intervals)


def _check_sums(record: HourRecord) -> None:
    """The identities at the top of the file."""
    summed = {f"{state}_s": length(of_state(record.spans, record.classes, state)) for state in STATES}
    summed |= {f"{name}_s": length(of_class(record.classes, name)) for name in CLASSES}
    summed |= {"bridged_s": length(record.bridged)}
    for name, seconds in summed.items():
        if getattr(record, name) != seconds:
            raise ValueError(f"{name} is {getattr(record, name)}, but its spans sum to {seconds}")
    powered_s = record.energised_s + record.inferred_s + record.bridged_s
    if min(record.energised_s, record.inferred_s) < 0 or powered_s > record.until:
        raise ValueError("energised, inferred and bridged time lie within the day")
    if not 0 <= record.effective_s <= powered_s:
        raise ValueError("effective <= energised + inferred + bridged does not hold")
    if not 0 <= record.no_run_s <= record.unobserved_s:
        raise ValueError("no_run is a part of unobserved")
    if not 0 <= record.hand_external_s <= record.hand_s <= DAY_S:
        raise ValueError("hand_external <= hand <= a day does not hold")


def _check_served(record: HourRecord) -> None:
    """The effective time is divided among the lines of `served`, all of it and nothing else."""
    is_sorted = list(record.served) == sorted(record.served)
    if not is_sorted or any(line.seconds <= 0 or line.documents < 0 for line in record.served):
        raise ValueError("served is sorted, each line with a second at least")
    for standing in STANDINGS:
        seconds = sum(line.seconds for line in record.served if line.standing == standing)
        if getattr(record, f"{standing}_s") != seconds:
            raise ValueError(f"{standing}_s is {getattr(record, f'{standing}_s')}, but {seconds} were served so")
    if sum(line.seconds for line in record.served) != record.effective_s:
        raise ValueError("internal + claimed + verified + unresolved is not effective")


_decode = msgspec.json.Decoder(HourRecord).decode
