"""From evidence, facts and policy to the hour record of one local day. Pure; the steps are those of domain.md 2 and 3.

    measure    readings under the policy -> measured states of the day (timeline.py, fusion.py, bridging.py)
    account    measured states, what was said, the neighbours -> the record (phases.py, said.py, attribution.py)

What a day needs of its neighbours: of the day before `lead_out` and `phase_out` of its record; of the day after the
`head` of its measured states, which depends on nothing but that day's own evidence and its lead. So whoever derives a
day looks at its neighbours afterwards: the next day is derived again where lead_out, phase_out or until changed, and
the day before where the head changed and that day `looks_ahead`. No change goes back further than one day, and none
goes on past a day whose lead_out and phase_out stay.

Boundaries in UTC milliseconds become seconds by rounding down, each boundary once, so that nothing is counted twice
and days sum up.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from protocol.attribution import STANDINGS, attribute
from protocol.entry import Entry, Reading
from protocol.fusion import States, derive_states
from protocol.hours import CLASSES, ClassSpan, HourRecord, OperatingClass, of_class, of_state
from protocol.interval import DAY_S, Interval, clip, day_bounds_ms, intersect, length, subtract, union
from protocol.lead import STATES
from protocol.observation import covered_ms
from protocol.phases import NOTHING, UNKNOWN, DaySpan, Phases, classify, head_of
from protocol.policy import Policy
from protocol.said import NOTHING_SAID, Claims, DeclaredClass, Said, claims_of
from protocol.timeline import Span
from protocol.witness import Evidence

_ONE_DAY = timedelta(days=1)
_ENERGISED_BY = ("meter", "status", "contact")
"""Classes of watchers that see the instrument's own power (domain.md section 2, "energised")."""
_DECLARED: tuple[DeclaredClass, ...] = ("fault", "maintain", "calibrate")
"""What people declare of measured time, the first of them going first."""


class Measured(NamedTuple):
    """A day as its watchers saw it, in seconds of the day; nothing in it depends on what people said."""

    day: date
    until: int
    lead_in: str
    lead_out: str
    journals: tuple[tuple[str, int, int], ...]
    spans: tuple[DaySpan, ...]
    bridged: tuple[Interval, ...]
    no_run_s: int
    vetoed_s: int
    told: tuple[tuple[str, tuple[DaySpan, ...]], ...]
    reached: Mapping[str, int] | None = None

    @property
    def head(self) -> str:
        """What the day before has to know of this one."""
        return head_of(self.spans)


class Neighbours(NamedTuple):
    """The phase in which the day before ended, and the head of the day after."""

    phase_in: str = UNKNOWN
    follow: str = NOTHING


ALONE = Neighbours()


def neighbours_of(measured: Measured, *, before: HourRecord | None, after: Measured | None) -> Neighbours:
    """What two days in a chain say to the one between them; `before` and `after` may be days further away."""
    phase_in, follow = UNKNOWN, NOTHING
    if before is not None and before.until == DAY_S and before.day == (measured.day - _ONE_DAY).isoformat():
        phase_in = before.phase_out
    if after is not None and after.day == measured.day + _ONE_DAY:
        follow = after.head
    return Neighbours(phase_in, follow)


def looks_ahead(measured: Measured, policy: Policy) -> bool:
    """Whether the record of a day depends on the head of the day after: it ends in standby that may belong to a run."""
    ends_in_standby = measured.until == DAY_S and measured.spans[-1][2] == "standby"
    return ends_in_standby and bool(policy.prepare_ms or policy.post_ms)


def derive_day(
    asset_no: str,
    day: date,
    *,
    evidence: Evidence,
    policy: Policy,
    lead_in: str,
    journals: Mapping[str, tuple[int, int]],
    observed_until_ms: int,
    reached: Mapping[str, int] | None = None,
    said: Said = NOTHING_SAID,
    neighbours: Neighbours = ALONE,
) -> HourRecord:
    """Derive one record: `measure`, then `account`, with their arguments."""
    measured = measure(
        day,
        evidence=evidence,
        policy=policy,
        lead_in=lead_in,
        journals=journals,
        observed_until_ms=observed_until_ms,
        reached=reached,
    )
    return account(asset_no, measured, policy=policy, said=said, neighbours=neighbours)


def measure(
    day: date,
    *,
    evidence: Evidence,
    policy: Policy,
    lead_in: str,
    journals: Mapping[str, tuple[int, int]],
    observed_until_ms: int,
    reached: Mapping[str, int] | None = None,
) -> Measured:
    """The measured states of a day.

    `evidence` reaches over `evidence_window(day, policy)`; `journals` is `contributing` and `reached`
    `reaches` over the day. The day is
    covered up to `observed_until_ms` (UTC): the newest evidence while it is open, anything past its end once it is
    over, so that silence at its end is unobserved.
    """
    start_ms, end_ms = day_bounds_ms(day)
    until = max(0, min(observed_until_ms, end_ms) - start_ms) // 1000
    states = States((), lead_in, (), [], [], [])
    if until:
        until_ms = start_ms + until * 1000
        states = derive_states(evidence, policy, start_ms=start_ms, end_ms=until_ms, lead_in=lead_in)
    return Measured(
        day=day,
        until=until,
        lead_in=lead_in,
        lead_out=states.lead_out,
        journals=tuple((origin, *journals[origin]) for origin in sorted(journals)),
        spans=_in_seconds(states.spans, start_ms),
        bridged=tuple(_seconds(states.bridged, start_ms)),
        no_run_s=length(_seconds(states.quiet, start_ms)),
        vetoed_s=length(_seconds(states.vetoed, start_ms)),
        told=tuple((name, _in_seconds(told, start_ms)) for name, told in states.told),
        reached=reached,
    )


def account(
    asset_no: str, measured: Measured, *, policy: Policy, said: Said = NOTHING_SAID, neighbours: Neighbours = ALONE
) -> HourRecord:
    """The record of a measured day, with what was said about it."""
    claims = claims_of(said, asset_no, measured.day, reached=measured.reached)
    follow = neighbours.follow if looks_ahead(measured, policy) else NOTHING
    phases = classify(
        measured.spans,
        phase_in=neighbours.phase_in,
        follow=follow,
        prepare_s=policy.prepare_ms // 1000,
        post_s=policy.post_ms // 1000,
    )
    classes = _classes(measured.spans, claims, phases=phases, policy=policy)
    effective = effective_spans(measured.spans, classes, policy)
    served = attribute(effective, claims.claims, split=policy.split)
    seconds = {f"{state}_s": length(of_state(measured.spans, classes, state)) for state in STATES}
    seconds |= {f"{name}_s": length(of_class(classes, name)) for name in CLASSES}
    seconds |= {f"{each}_s": sum(line.seconds for line in served if line.standing == each) for each in STANDINGS}
    energised_s, inferred_s = _energised(measured)
    return HourRecord(
        v=2,
        asset=asset_no,
        day=measured.day.isoformat(),
        policy=policy.sha256,
        owner=said.owner,
        lead_in=measured.lead_in,
        lead_out=measured.lead_out,
        phase_in=neighbours.phase_in,
        phase_out=phases.phase_out,
        follow=follow,
        until=measured.until,
        energised_s=energised_s,
        inferred_s=inferred_s,
        bridged_s=length(measured.bridged),
        no_run_s=measured.no_run_s,
        effective_s=length(effective),
        hand_s=claims.hand_s,
        hand_external_s=claims.hand_external_s,
        journals=measured.journals,
        facts=claims.refs,
        spans=measured.spans,
        classes=classes,
        bridged=measured.bridged,
        served=served,
        told=measured.told,
        flags=tuple(sorted({*claims.flags, *(["vetoed"] if measured.vetoed_s else [])})),
        **seconds,
    )


def evidence_window(day: date, policy: Policy) -> Interval:
    """The stretch of UTC ms of which a day's measured states need every reading that touches it."""
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


def reaches(blocks: Iterable[tuple[str, Entry, Reading]], start_ms: int, *, end_ms: int) -> dict[str, int]:
    """By origin, up to when (UTC ms) readings that touch [start_ms, end_ms) go: said.py, rule 6."""
    found: dict[str, int] = {}
    for origin, entry, reading in blocks:
        start, end = covered_ms(entry, reading)
        if start < end_ms and start_ms < end:
            found[origin] = max(found.get(origin, 0), min(end, end_ms))
    return found


def _classes(spans: tuple[DaySpan, ...], claims: Claims, *, phases: Phases, policy: Policy) -> tuple[ClassSpan, ...]:
    """What is neither plain run nor plain standby, in order and disjoint.

    A declaration changes the class of measured run and standby and makes neither (domain.md section 3); of two for the
    same second fault goes before maintenance before calibration, and each of them before prepare and post. Where the
    run beside prepare or post is declared to be no work, so are they; of a run beyond midnight that is not known.
    """
    powered = union(span[:2] for span in spans if span[2] in ("standby", "run"))
    declared = {name: intersect(powered, claims.classes.get(name, [])) for name in _DECLARED}
    no_work = [*declared["fault"], *declared["maintain"]]
    no_work += declared["calibrate"] if policy.calibration == "excluded" else []
    wanted: list[tuple[OperatingClass, list[Interval]]] = [
        *declared.items(),
        ("post", [each for each in phases.post if not clip(union(no_work), each[0] - 1, each[0])]),
        ("prepare", [each for each in phases.prepare if not clip(union(no_work), each[1], each[1] + 1)]),
    ]
    taken: list[Interval] = []
    found: list[ClassSpan] = []
    for name, intervals in wanted:
        found += [(*each, name) for each in subtract(union(intervals), taken)]
        taken = union([*taken, *intervals])
    return tuple(sorted(found))


def effective_spans(spans: tuple[DaySpan, ...], classes: tuple[ClassSpan, ...], policy: Policy) -> list[Interval]:
    """Effective time (domain.md section 2): prepare, run and post; calibration and standby where the policy says so."""
    parts = [of_state(spans, classes, "run"), of_class(classes, "prepare"), of_class(classes, "post")]
    if policy.calibration == "counts":  # while it runs: nobody declares an idle night to be work
        parts.append(intersect(of_class(classes, "calibrate"), of_state(spans, (), "run")))
    if policy.standby_counts is not None:
        parts.append(of_state(spans, classes, "standby"))
    return union(each for part in parts for each in part)


def _energised(measured: Measured) -> tuple[int, int]:
    """Seconds of standby and run that a watcher of the instrument's own power saw, and those that were inferred."""
    powered = union(span[:2] for span in measured.spans if span[2] in ("standby", "run"))
    seen = subtract(powered, list(measured.bridged))
    if not measured.told:  # the meter alone
        return length(seen), 0
    by_power = union(
        span[:2]
        for name, told in measured.told
        for span in told
        if name.partition(":")[0] in _ENERGISED_BY and span[2] in ("standby", "run")
    )
    energised_s = length(intersect(seen, by_power))
    return energised_s, length(seen) - energised_s


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


def _seconds(intervals: Iterable[Interval], start_ms: int) -> list[Interval]:
    return union((_second(start, start_ms), _second(end, start_ms)) for start, end in intervals)


def _second(instant_ms: int, start_ms: int) -> int:
    return (instant_ms - start_ms) // 1000
