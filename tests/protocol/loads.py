"""Loads for the tests of the kernel: written by hand, and drawn.

By hand, a load is parts (seconds, watts) or (seconds, lowest, highest); watts of None are a hole. `POLICY` has: off
below 20 W, standby from 40 W, run from 400 W until 200 W; dwells of 20 s up and 60 s down; a hole is long above 60 s.
Drawn loads and policies are small, so that everything happens within 100 ms.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from protocol.observation import Observation
from protocol.policy import Policy, Trigger
from protocol.timeline import derive
from tests.protocol.oracle import Limits, Rules

POLICY = Policy(
    name="test",
    valid_mw=(0, 5_000_000),
    standby=Trigger(on_mw=40_000, off_mw=20_000, on_ms=20_000, off_ms=60_000),
    run=Trigger(on_mw=400_000, off_mw=200_000, on_ms=20_000, off_ms=60_000),
    gap_ms=60_000,
    sha256="0" * 64,
)

FLOOR, IDLE, BAND, BUSY = 5, 100, 300, 900  # W: off, standby, inside the band of run, run


def observed(*load, start_s=0):
    """Observations of a load, one per part."""
    found, at = [], start_s * 1000
    for seconds, *watts in load:
        end = at + round(seconds * 1000)
        if watts[0] is not None:
            low, high = min(watts) * 1000, max(watts) * 1000
            found.append(Observation(at, end, (low + high) // 2, low, high, None))
        at = end
    return found


def told(*load, lead_in="unobserved", policy=POLICY, until_s=None):
    """The states of a load as (seconds, state)."""
    end_ms = round(sum(part[0] for part in load) * 1000) if until_s is None else until_s * 1000
    spans = derive(observed(*load), policy, start_ms=0, end_ms=end_ms, lead_in=lead_in).spans
    return [((span.end_ms - span.start_ms) / 1000, span.state) for span in spans]


def led(*load, lead_in="unobserved", policy=POLICY, until_s=None):
    """The lead in which a load ends."""
    end_ms = round(sum(part[0] for part in load) * 1000) if until_s is None else until_s * 1000
    return derive(observed(*load), policy, start_ms=0, end_ms=end_ms, lead_in=lead_in).lead_out


LOWEST, HIGHEST = 0, 12


@st.composite
def drawn_policies(draw: Callable[..., Any], *, may_freeze: bool = False) -> Policy:
    """Thresholds between 1 and 11 mW, dwells and gap of 0 to 9 ms."""
    standby_off = draw(st.integers(1, 4))
    standby_on = draw(st.integers(standby_off + 1, 7))
    run_off = draw(st.integers(standby_off, 8))
    run_on = draw(st.integers(max(run_off + 1, standby_on), 11))
    dwell = st.integers(0, 9)
    return Policy(
        name="drawn",
        valid_mw=(LOWEST, HIGHEST),
        standby=Trigger(standby_on, standby_off, draw(dwell), draw(dwell)),
        run=Trigger(run_on, run_off, draw(dwell), draw(dwell)),
        gap_ms=draw(st.integers(0, 6)),
        sha256="0" * 64,
        frozen_ms=draw(st.none() | st.integers(1, 12)) if may_freeze else None,
    )


@st.composite
def drawn_observations(
    draw: Callable[..., Any], *, most: int = 30, deltas: tuple[int | None, ...] = (None,)
) -> list[Observation]:
    """Observations in order from 0 on, most of them touching, some after a hole."""
    found = []
    at = 0
    for _ in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from([0, 0, 0, 0, 1, 2, 5, 7, 12]))
        end = at + draw(st.integers(1, 8))
        low = draw(st.integers(LOWEST, HIGHEST))
        high = draw(st.one_of(st.just(low), st.integers(low, HIGHEST)))
        found.append(Observation(at, end, low, low, high, draw(st.sampled_from(deltas))))
        at = end
    return found


def rules_of(policy: Policy) -> Rules:
    """The policy as the oracle takes it, one tick to the millisecond."""
    limits = [Limits(each.on_mw, each.off_mw, each.on_ms, each.off_ms) for each in (policy.standby, policy.run)]
    return Rules(*limits, gap=policy.gap_ms)


def samples_of(observations: list[Observation]) -> list[tuple[int, int, int, int]]:
    return [(each.start_ms, each.end_ms, each.low_mw, each.high_mw) for each in observations]
