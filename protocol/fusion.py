"""States from all evidence: the meter's timeline (timeline.py) and what the other watchers tell, fused.

Rules, by signals.md section 3.5 (S3.5) and domain.md section 3 (D3 "two watchers overlap"); they go on where those of
timeline.py end:

13 Weight. At each instant the state is that of the weightiest watcher that tells one: native status, then contact,
   data files, meter, process, unless the policy's `priorities` say otherwise. Of two rules of one class the one that
   stands first in the policy. Whether the PC is on decides nothing.
14 Veto. A run of any other watcher is none while a valid meter is below its off threshold: the meter's state is off
   there, and no observation in it is above `standby.off_mw`. It is off then.
15 What no watcher tells is unobserved. A long hole of the meter alone is not, where another one goes on telling.

What each watcher told is kept beside the states, so that agreement, disagreement and absence can be counted.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from protocol.bridging import bridge
from protocol.interval import Interval, clip, intersect, subtract, union
from protocol.lead import State
from protocol.observation import Observation, between
from protocol.policy import POWER, Policy
from protocol.timeline import Span, derive
from protocol.witness import Evidence, Shown, within

METER: Final = "meter"

Told = tuple[str, tuple[Span, ...]]
"""A watcher's name, `class:channel`, and what it told, in order and disjoint; `meter:power` also what it missed."""


class States(NamedTuple):
    """Spans that cover a stretch without gap or overlap, how the meter's hands over, and what each watcher told.

    `told` is empty where the meter alone tells anything. `quiet`: unobserved time in which a counter proves no run.
    `bridged`: what was unobserved before rule 16. `vetoed`: where somebody told a run and the meter forbade it.
    """

    spans: tuple[Span, ...]
    lead_out: str
    told: tuple[Told, ...]
    quiet: list[Interval]
    bridged: list[Interval]
    vetoed: list[Interval]


def derive_states(evidence: Evidence, policy: Policy, *, start_ms: int, end_ms: int, lead_in: str) -> States:
    """Rules 1 to 16 over [start_ms, end_ms); arguments and errors are those of timeline.derive."""
    metered = derive(evidence.observed, policy, start_ms=start_ms, end_ms=end_ms, lead_in=lead_in)
    here = within(evidence, start_ms, end_ms=end_ms)
    told = _told(metered.spans, here, policy)
    fused = metered.spans
    vetoed: list[Interval] = []
    if any(each for name, each in told if name != _name(METER, POWER)):
        below_off = _below_off(metered.spans, between(evidence.observed, start_ms, end_ms=end_ms), policy)
        fused, vetoed = _fuse(told, below_off, (start_ms, end_ms))
    else:
        told = ()
    spans, bridged = bridge(fused, here.gaps, policy)
    quiet = intersect(list(here.quiet), _of(spans, "unobserved"))
    return States(spans, metered.lead_out, told, quiet, bridged, vetoed)


def _told(metered: tuple[Span, ...], evidence: Evidence, policy: Policy) -> tuple[Told, ...]:
    """Everybody's claims, the weightiest first."""
    weight = policy.priorities.index
    claims: list[tuple[int, Told]] = [(weight(METER), (_name(METER, POWER), metered))]
    for rule, shown in zip(policy.evidence, evidence.shown, strict=True):
        claims.append((weight(rule.kind), (_name(rule.kind, rule.channel), _spans(shown))))
    return tuple(told for _, told in sorted(claims, key=lambda claim: claim[0]))  # stable: the policy's order stays


def _name(kind: str, channel: str) -> str:
    return f"{kind}:{channel}"


def _fuse(
    told: Iterable[Told], below_off: list[Interval], stretch: Interval
) -> tuple[tuple[Span, ...], list[Interval]]:
    """Rules 13 to 15: the states, and where the veto made them."""
    free = [stretch]
    decided: list[Shown] = []
    for _, spans in told:
        claims = [each for each in spans if each.state != "unobserved"]
        decided += [(*part, each.state) for each in claims for part in clip(free, each.start_ms, each.end_ms)]
        free = subtract(free, union((each.start_ms, each.end_ms) for each in claims))
    runs = union((start, end) for start, end, state in decided if state == "run")
    vetoed = intersect(runs, below_off)
    spans = _spans(
        [
            *(each for each in decided if each[2] != "run"),
            *((*each, "run") for each in subtract(runs, below_off)),
            *((*each, "off") for each in vetoed),
            *((*each, "unobserved") for each in free),
        ]
    )
    return spans, vetoed


def _below_off(metered: Iterable[Span], observed: Sequence[Observation], policy: Policy) -> list[Interval]:
    """Where the meter is off, and was not seen above the threshold at which that begins."""
    above = union((each.start_ms, each.end_ms) for each in observed if each.high_mw > policy.standby.off_mw)
    return subtract(_of(metered, "off"), above)


def _spans(shown: Iterable[Shown]) -> tuple[Span, ...]:
    """In order, touching ones of one state as one."""
    spans: list[Span] = []
    for start_ms, end_ms, state in sorted(shown):
        if spans and (spans[-1].end_ms, spans[-1].state) == (start_ms, state):
            spans[-1] = spans[-1]._replace(end_ms=end_ms)
        else:
            spans.append(Span(start_ms, end_ms, state))
    return tuple(spans)


def _of(spans: Iterable[Span], state: State) -> list[Interval]:
    return union((each.start_ms, each.end_ms) for each in spans if each.state == state)
