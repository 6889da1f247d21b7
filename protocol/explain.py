"""Why a second of a day counted or did not: readings, thresholds, dwell, fusion, classes, claims, policy. Pure.

Made from the same inputs as the record (derivation.py), so that an auditor's explanation is the collector's. Each step
is one plain sentence with the number of its rule, as the file that holds the rule numbers it, and with the entries and
facts behind it. Boundaries are rounded down to seconds, so a second is what its last instant is: that is looked at.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

import msgspec

from protocol.attribution import Claim, Standing
from protocol.derivation import effective_spans, reaches
from protocol.explain_meter import Metered, explain_meter
from protocol.facts import target_of_declaration
from protocol.fusion import METER
from protocol.grades import Grade, GradeRecord, GradeSpan, Reason
from protocol.hours import HourRecord, OperatingClass
from protocol.interval import day_bounds_ms
from protocol.lead import State
from protocol.observation import covered_ms
from protocol.policy import POWER, Policy
from protocol.said import Claims, Said, claims_of
from protocol.step import Step, clock, span
from protocol.witness import Block, Evidence

What = TypeVar("What", bound=str)


class Explanation(msgspec.Struct, frozen=True):
    """`state` was measured, `operating_state` is what declarations and phases made of it; `standings` of the claims
    there, or unresolved where it is effective and nobody claims it; `grade` None where nobody observed it."""

    asset: str
    day: str
    at: str  # local time, YYYY-MM-DD HH:MM:SS
    state: State
    operating_state: State | OperatingClass
    is_effective: bool
    standings: tuple[Standing, ...]
    grade: Grade | None
    owner: str
    policy: str
    steps: tuple[Step, ...]


class Ground(NamedTuple):
    """What a record was derived from: the arguments of derive_day, and the readings behind its evidence."""

    evidence: Evidence
    blocks: Sequence[Block]
    policy: Policy
    said: Said
    graded: GradeRecord | None = None


def explain(record: HourRecord, ground: Ground, *, second: int) -> Explanation:
    """Explains one second of a record's day. ValueError for a second that the record does not reach."""
    if not 0 <= second < record.until:
        raise ValueError(f"the record reaches from second 0 to {record.until} of its day, and not to {second}")
    account = _Account(record, ground, second)
    steps = (
        *account.measured(),
        *account.fused(),
        *account.classified(),
        account.counted(),
        *account.served(),
        *account.graded(),
        account.ruled(),
    )
    return Explanation(
        asset=record.asset,
        day=record.day,
        at=clock(account.at_ms - 999),
        state=account.state,
        operating_state=account.operating_class or account.state,
        is_effective=account.is_effective,
        standings=account.standings,
        grade=account.grade,
        owner=record.owner,
        policy=record.policy,
        steps=steps,
    )


def encode(explanation: Explanation) -> bytes:
    """The explanation as JSON."""
    return msgspec.json.encode(explanation)


def render(explanation: Explanation) -> str:
    """The explanation as lines of text for people."""
    counts = "effective" if explanation.is_effective else "not effective"
    grade = [] if explanation.grade is None else [f"grade {explanation.grade}"]
    verdict = ", ".join([explanation.operating_state, counts, *explanation.standings, *grade])
    lines = [f"{explanation.asset} at {explanation.at} (UTC+8): {verdict}", ""]
    for step in explanation.steps:
        lines.append(f"  {step.text}  [{step.rule}]")
        lines += [f"      {ref}" for ref in step.refs]
    return "\n".join(lines)


class _Account:
    """One second of a record, and what is said of it step by step."""

    def __init__(self, record: HourRecord, ground: Ground, second: int) -> None:
        self._record, self._ground, self._second = record, ground, second
        self._day_ms, _ = day_bounds_ms(date.fromisoformat(record.day))
        self.at_ms = self._day_ms + second * 1000 + 999
        state = _there(record.spans, second)
        assert state is not None, "spans cover the record"
        self.state = state
        self.operating_class = _there(record.classes, second)
        spans = effective_spans(record.spans, record.classes, ground.policy)
        self.is_effective = any(start <= second < end for start, end in spans)
        _, end_ms = day_bounds_ms(date.fromisoformat(record.day))
        reached = reaches(ground.blocks, self._day_ms, end_ms=end_ms)
        self._claims = claims_of(ground.said, record.asset, date.fromisoformat(record.day), reached=reached)

    @property
    def here(self) -> list[Claim]:
        """The claims on this second."""
        return [each for each in self._claims.claims if each.start_s <= self._second < each.end_s]

    @property
    def standings(self) -> tuple[Standing, ...]:
        if not self.is_effective:
            return ()
        return tuple(sorted({each.standing for each in self.here})) or ("unresolved",)

    def measured(self) -> Iterator[Step]:
        """What the meter told, where the instrument has one."""
        if self._ground.evidence.observed or not self._record.told:
            yield from explain_meter(self.at_ms, self._metered, refs=self._readings(POWER))

    @property
    def _metered(self) -> Metered:
        reach = self._day_ms, self._day_ms + self._record.until * 1000
        return Metered(self._ground.evidence.observed, self._ground.policy, self._record.lead_in, reach)

    def fused(self) -> Iterator[Step]:
        """Rules 13 to 16 of fusion.py and bridging.py."""
        told = [(name, _there(spans, self._second)) for name, spans in self._record.told]
        for name, state in told:
            kind, _, channel = name.partition(":")
            if kind != METER:
                yield Step("fusion 13", f"{name} told {state or 'nothing'}.", self._readings(channel))
        deciding = next(((name, state) for name, state in told if state not in (None, "unobserved")), None)
        if deciding is not None:
            yield Step("fusion 13", f"The weightiest of those that told anything is {deciding[0]}: {deciding[1]}.")
            if deciding[1] == "run" and self.state == "off":
                yield Step("fusion 14", "The meter is below its off threshold and forbids the run: it is off.")
        elif told:
            yield Step("fusion 15", "No watcher told anything here: it is unobserved.")
        if any(start <= self._second < end for start, end in self._record.bridged):
            limit = span(self._ground.policy.bridge_ms)
            text = f"Both sides of this gap are {self.state}, and it is shorter than bridge_ms {limit}: it is bridged."
            yield Step("bridging 16", text)

    def classified(self) -> Iterator[Step]:
        """What declarations and phases make of run and standby."""
        name = self.operating_class
        if name in ("prepare", "post"):
            yield Step(_PHASE_RULE[name], _PHASE_TEXT[name])
        elif name is not None:
            yield Step("said 5", f"It was declared: {name}.", _declared(self._claims, self._ground.said, self.at_ms))

    def counted(self) -> Step:
        """Whether the second is effective (domain.md section 2)."""
        name = self.operating_class or self.state
        verdict = "is effective time" if self.is_effective else "is not effective time"
        return Step("derivation", f"{name} {verdict}: {_why_counted(name, self.is_effective, self._ground.policy)}.")

    def served(self) -> Iterator[Step]:
        """Whom an effective second served."""
        if not self.is_effective:
            return
        for claim in self.here:
            yield Step("said 2 to 4", _describe(claim), (claim.ref,))
        if len(self.here) > 1:
            method = self._ground.policy.split
            yield Step("attribution 4", f"They share this second, by {method} where all state it, else equally.")
        if not self.here:
            yield Step("attribution 2", "Nobody claims this second: whom it served is unresolved.")

    @property
    def _graded_span(self) -> GradeSpan | None:
        spans = () if self._ground.graded is None else self._ground.graded.spans
        return next((span for span in spans if span[0] <= self._second < span[1]), None)

    @property
    def grade(self) -> Grade | None:
        return None if self._graded_span is None else self._graded_span[2]

    def graded(self) -> Iterator[Step]:
        """How well the second is shown (grades.py)."""
        if self._graded_span is None or self._ground.graded is None:
            return
        *_, given, why = self._graded_span
        refs = self._ground.graded.decisions if why == "excluded" or given == "D" else ()
        yield Step("grades", f"Its grade is {given}: {WHY[why]}.", tuple(refs))

    def ruled(self) -> Step:
        """Under which policy and for which owner."""
        owner = self._record.owner or "nobody"
        text = f"The policy of this day is {self._ground.policy.name}, {self._record.policy}; the owner is {owner}."
        return Step("policy", text)

    def _readings(self, channel: str) -> tuple[str, ...]:
        return tuple(_covering(self._ground.blocks, channel, self.at_ms))


WHY: dict[Reason, str] = {
    "two controls": "two watchers under different control tell this state, each shown in time",
    "one control": "one control tells this state, and its time is bounded from both sides",
    "recovered": "it was recovered after a crash",
    "no beacon": "no beacon stands before it in its boot, so nothing bounds its time from below",
    "clock": "its own clock was wrong, and beacons correct it",
    "bracket": "beacon and receipt lie too far apart",
    "late": "it was received too long after it began",
    "differ": "watchers tell different states; the weightier one decided",
    "bridged": "nobody looked: a short gap that the energy counter explains",
    "not received": "no receipt covers it",
    "too late": "it was received after the policy's last moment",
    "reading rule": "its reading covers what it may not: time before another one, or long before it was written",
    "clock impossible": "it was written before the beacon that stands before it, or covers time after its receipt",
    "log in doubt": "its log is in doubt: a fork, or an epoch that nobody reviewed",
    "excluded": "two people decided that it does not count",
}
"""Why a second has its grade, for people."""

_PHASE_RULE = {"prepare": "phases 2", "post": "phases 3"}
_PHASE_TEXT = {
    "prepare": "This standby lies directly before the first run since the instrument was off, within prepare_ms.",
    "post": "This standby lies directly after the last run before the instrument was off, within post_ms.",
}


def _there(spans: Iterable[tuple[int, int, What]], second: int) -> What | None:
    return next((what for start, end, what in spans if start <= second < end), None)


def _why_counted(name: str, is_effective: bool, policy: Policy) -> str:
    if name == "calibrate":
        return f"the policy says of calibration that it {'counts' if policy.calibration == 'counts' else 'does not'}"
    if name == "standby" and is_effective:
        return f"the policy counts standby, because: {policy.standby_counts}"
    if is_effective:
        return "run, preparation and post-processing are"
    return "only run, preparation and post-processing are, and what the policy adds"


def _describe(claim: Claim) -> str:
    whom = claim.beneficiary or "nobody named"
    order = f"order {claim.order}" if claim.order else "no order"
    stated = [f"{name} {value}" for name in ("share", "samples", "run_s") if (value := getattr(claim, name))]
    weights = f", stating {', '.join(stated)}" if stated else ""
    return f"Claimed for {whom} by {order}, {claim.documents} documents: {claim.standing}{weights}."


def _declared(claims: Claims, said: Said, at_ms: int) -> tuple[str, ...]:
    """The uses and sign-ins over an instant that count and are a class."""
    found = {ref for ref, fact in said.facts.items() if _covers(fact, at_ms)}
    found |= {
        target_of_declaration(stay.origin, stay.entry_index)
        for stay in said.present
        if stay.start_ms <= at_ms < stay.end_ms
    }
    return tuple(sorted(found & set(claims.refs)))


def _covers(fact: object, at_ms: int) -> bool:
    use = getattr(fact, "use", None) or fact
    start, end = getattr(use, "start", None), getattr(use, "end", None)
    return start is not None and end is not None and start <= at_ms < end


def _covering(blocks: Iterable[Block], channel: str, at_ms: int) -> Iterator[str]:
    """The entries whose reading of a channel covers an instant."""
    for origin, entry, reading in blocks:
        start_ms, end_ms = covered_ms(entry, reading)
        if reading.channel == channel and start_ms <= at_ms < end_ms:
            yield target_of_declaration(origin, entry.index)
