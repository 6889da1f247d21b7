"""What the tests of the kernel draw: small policies and observations in which everything happens within 100 ms."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from protocol.observation import Observation
from protocol.policy import Policy, Trigger
from tests.protocol.oracle import Limits, Rules

LOWEST, HIGHEST = 0, 12


@st.composite
def policies(draw: Callable[..., Any]) -> Policy:
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
    )


@st.composite
def observed(draw: Callable[..., Any], most: int = 30, start_ms: int = 0) -> list[Observation]:
    """Observations in order from start_ms on, most of them touching, some after a hole."""
    found = []
    at = start_ms
    for _ in range(draw(st.integers(0, most))):
        at += draw(st.sampled_from([0, 0, 0, 0, 1, 2, 5, 7, 12]))
        end = at + draw(st.integers(1, 8))
        low = draw(st.integers(LOWEST, HIGHEST))
        high = draw(st.one_of(st.just(low), st.integers(low, HIGHEST)))
        found.append(Observation(at, end, low, low, high, None))
        at = end
    return found


def rules_of(policy: Policy) -> Rules:
    """The policy as the oracle takes it, one tick to the millisecond."""
    limits = [Limits(each.on_mw, each.off_mw, each.on_ms, each.off_ms) for each in (policy.standby, policy.run)]
    return Rules(*limits, gap=policy.gap_ms)


def samples_of(observations: list[Observation]) -> list[tuple[int, int, int, int]]:
    return [(each.start_ms, each.end_ms, each.low_mw, each.high_mw) for each in observations]
