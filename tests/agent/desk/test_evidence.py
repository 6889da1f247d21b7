"""Which readings show that an instrument was in use, and until when."""

import pytest

from agent.desk.evidence import used_until
from protocol.entry import Entry, Reading
from protocol.policy import parse_policy
from tests.agent.desk.conftest import POLICY

EVIDENCE = b""","evidence":[{"class":"contact","channel":"status","words":{"closed":"run","open":"standby"}},
  {"class":"files","channel":"growth","at_least":1000,"hold_ms":0}]}"""
SEM = parse_policy(POLICY[:-1] + EVIDENCE)  # run from 900 W, down at 600 W
STARTED_MS = 1_764_554_400_000


def until_s(reading: Reading, policy=SEM) -> float | None:  # type: ignore[no-untyped-def]
    """How long after the reading's start the last use ends, in s."""
    entry = Entry(7, STARTED_MS + 90_000, 1_090_000, "5f3a9c01", reading)
    ms = used_until(entry, reading, policy)
    return None if ms is None else (ms - STARTED_MS) / 1000


def power(*highs_w: int, channel: str = "power") -> Reading:
    highs = tuple(watts * 1000 for watts in highs_w)
    lows = (0,) * len(highs)
    return Reading("meter1", channel, 1_000_000, (10_000,) * len(highs), means=lows, lows=lows, highs=highs)


def states(*words: str) -> Reading:
    return Reading("watcher", "status", 1_000_000, (10_000,) * len(words), states=words)


def counts(*numbers: int) -> Reading:
    return Reading("files", "growth", 1_000_000, (10_000,) * len(numbers), counts=numbers)


@pytest.mark.parametrize(
    ("reading", "expected_s"),
    [
        (power(950, 950, 50), 20),
        (power(50, 700), 20),  # inside the run's band: it may still be one
        (power(50, 600), None),
        (power(0), None),
        (power(950, channel="cpu"), None),
        (states("closed", "open"), 10),
        (states("open", "closed"), 20),
        (states("run", "standby"), None),  # words that this policy has no meaning for
        (counts(0, 4096, 999), 20),
        (counts(999), None),
        (Reading("reader", "card", 1_000_000, (0,), events=("card=0123456789abcdef",)), None),
    ],
)
def test_what_shows_use_under_a_policy(reading: Reading, expected_s: float | None) -> None:
    assert until_s(reading) == expected_s


def test_a_meter_behind_transformers_shows_use_by_what_the_instrument_draws() -> None:
    behind = parse_policy(POLICY[:-1] + b',"ratio":[40,1]}')
    assert until_s(power(17, 16, 15), behind) == 20  # 680 W and 640 W are inside the run's band, 600 W are not


def test_without_a_policy_any_power_may_be_use() -> None:
    assert until_s(power(50, 0), policy=None) == 10
    assert until_s(power(0), policy=None) is None
    assert until_s(states("closed", "run", "open", "standby"), policy=None) == 20
    assert until_s(counts(0, 1, 0), policy=None) == 20
    assert until_s(power(950, channel="cpu"), policy=None) is None
