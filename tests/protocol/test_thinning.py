"""Receipts that a bundle leaves out: no block earns anything else for it, and few are kept."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.grades import GradedBlock, earned
from protocol.policy import Grades
from protocol.thinning import Given, latest_ms, thin

LIMITS = Grades(bracket_ms=1_200, delay_ms=1_000, clock_ms=60, late_ms=7_000)
MINUTE = 60_000


def block(
    start_ms: int, end_ms: int, received_ms: int | None, beacon_ms: int | None = None, **more: object
) -> GradedBlock:
    middle = (start_ms + end_ms) // 2
    durations = (middle - start_ms, end_ms - middle) if start_ms < middle else (end_ms - start_ms,)
    error = None if beacon_ms is None else 0
    return GradedBlock(start_ms, end_ms, durations, received_ms, beacon_ms, error, **more)  # type: ignore[arg-type]


_MARKS: list[dict[str, bool]] = [{}, {}, {}, {"is_recovered": True}, {"is_ruly": False}, {"is_whole": False}]


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[int, list[GradedBlock]]]:
    """Receipts in order with their blocks; times never go back."""
    found, at = [], 10_000
    for _ in range(draw(st.integers(1, 8))):
        at += draw(st.integers(0, 300) | st.integers(0, 1_500))
        blocks = []
        for _ in range(draw(st.integers(0, 3))):
            end = at + draw(st.integers(-900, 200) | st.integers(-9_000, 200))
            start = end - draw(st.integers(1, 800))
            beacon = draw(st.none() | st.integers(at - 2_500, at + 50))
            marks = draw(st.sampled_from(_MARKS))
            blocks.append(block(start, end, at, beacon, written_ms=end + draw(st.integers(-100, 100)), **marks))
        found.append((at, blocks))
    return found


def _given(log: list[tuple[int, list[GradedBlock]]]) -> list[Given[int]]:
    return [
        Given(number, at, [late for each in blocks if (late := latest_ms(each, LIMITS)) is not None])
        for number, (at, blocks) in enumerate(log)
    ]


def _earns_the_same(log: list[tuple[int, list[GradedBlock]]], kept: list[int]) -> bool:
    for number, (_, blocks) in enumerate(log):
        at = log[next(each for each in kept if each >= number)][0]
        if any(earned(each, LIMITS) != earned(each._replace(received_ms=at), LIMITS) for each in blocks):
            return False
    return True


@given(logs())
@settings(max_examples=600)
def test_no_block_earns_anything_else(log: list[tuple[int, list[GradedBlock]]]) -> None:
    kept = list(thin(_given(log)))
    assert kept[-1] == len(log) - 1, "the last receipt covers the last entry"
    assert _earns_the_same(log, kept)


@given(logs())
@settings(max_examples=150)
def test_there_are_no_fewer_where_nothing_else_lowers_a_grade(log: list[tuple[int, list[GradedBlock]]]) -> None:
    log = [
        (at, [each._replace(is_recovered=False, is_ruly=True, is_whole=True) for each in blocks]) for at, blocks in log
    ]
    kept, last = list(thin(_given(log))), len(log) - 1
    fewer = ([*chosen, last] for many in range(len(kept) - 1) for chosen in combinations(range(last), many))
    bounds = {number: each.latest_ms for number, each in enumerate(_given(log))}

    def is_in_time(chosen: list[int]) -> bool:
        return all(
            log[next(each for each in chosen if each >= number)][0] <= late
            for number in bounds
            for late in bounds[number]
        )

    assert not any(is_in_time(chosen) for chosen in fewer)


@pytest.mark.parametrize(
    ("start", "end", "beacon", "latest"),
    [
        (9_500, 9_900, None, 10_500),  # the first interval would be late
        (8_000, 9_900, None, 15_000),  # it is late already, and must not be too late
        (9_500, 9_900, 9_000, 10_200),  # the bracket would be too wide
        (9_500, 9_900, 10_040, 10_039),  # the receipt is before the beacon
        (9_500, 10_100, None, 10_039),  # it covers time after its receipt
    ],
)
def test_each_limit_bounds_how_late_a_receipt_may_be(start: int, end: int, beacon: int | None, latest: int) -> None:
    known = block(start, end, 10_000, beacon)
    assert latest_ms(known, LIMITS) == latest
    assert earned(known, LIMITS) == earned(known._replace(received_ms=latest), LIMITS)
    if beacon is not None or end > 10_000:
        assert earned(known, LIMITS) != earned(known._replace(received_ms=latest + 1), LIMITS)


def test_an_agent_that_sends_every_five_minutes_keeps_one_in_a_few() -> None:
    """Blocks of five minutes, a beacon every ten, everything received a second later."""
    log = []
    for number in range(288):
        end = number * 5 * MINUTE
        beacon = end // (10 * MINUTE) * 10 * MINUTE
        log.append(Given(number, end + 1_000, [latest_ms(_minutes(end, beacon), Grades()) or 0]))
    kept = list(thin(log))
    assert 288 / 5 < len(kept) < 288 / 2


def _minutes(end: int, beacon: int) -> GradedBlock:
    return block(end - 5 * MINUTE, end, end + 1_000, beacon)


def test_a_block_that_was_never_received_cannot_be_asked_about() -> None:
    with pytest.raises(ValueError, match="without a receipt"):
        latest_ms(block(0, 10, None), LIMITS)


def test_nothing_is_kept_of_nothing() -> None:
    assert list(thin([])) == []
