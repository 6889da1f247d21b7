"""What bounds a reading: receipts, beacons, landmarks; and what may not be claimed afterwards."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.brackets import NAMED_WITHIN, Log, bracketed, recovered_by, running
from protocol.clock_bounds import Fix
from protocol.entry import Reading, Start, Stop, make
from protocol.grades import GradedBlock
from protocol.witness import Block

ORIGIN, BOOT, OTHER_BOOT = "jishi.example/a/em-01/1", "0000000a", "0000000b"
MIN = 60_000
BOOTED_MS = 1_764_604_800_000
"""UTC at which the monotonic clock of the boot was 0."""


def block(index: int, start_min: int, end_min: int, **changes: Any) -> Block:
    """A reading over minutes of the boot, written as it ended."""
    reading = Reading(
        changes.pop("watcher", "meter1"), "power", start_min * MIN, ((end_min - start_min) * MIN,), (1,), (1,), (1,)
    )
    mono_ms = changes.pop("mono_ms", end_min * MIN)
    entry = make(
        reading,
        index=index,
        wall_ms=BOOTED_MS + mono_ms + changes.pop("ahead_ms", 0),
        mono_ms=mono_ms,
        boot=changes.pop("boot", BOOT),
    )
    assert not changes
    return ORIGIN, entry, reading


def bounds(*blocks: Block, **of_log: Any) -> list[GradedBlock]:
    log = {"is_whole": True, "receipts": [(0, 10_000, BOOTED_MS)], **of_log}
    return list(bracketed(blocks, {ORIGIN: Log(**log)}))


def ruly(*blocks: Block, **of_log: Any) -> list[bool]:
    return [each.is_ruly for each in bounds(*blocks, **of_log)]


def test_the_first_receipt_whose_size_is_above_the_index_bounds_it() -> None:
    receipts = [(4, 6, 100), (6, 7, 200)]
    found = bounds(*(block(index, index, index + 1) for index in (3, 4, 5, 6, 7)), receipts=receipts)
    assert [each.received_ms for each in found] == [None, 100, 100, 200, None]


def test_the_newest_beacon_at_or_before_it_bounds_it_also_one_of_a_boot_before() -> None:
    beacons = [(OTHER_BOOT, Fix(1, 5 * MIN, 111)), (BOOT, Fix(4, 4 * MIN, BOOTED_MS + 4 * MIN - 30))]
    found = bounds(*(block(index, index, index + 1) for index in (0, 2, 5)), beacons=beacons)
    assert [each.beacon_ms for each in found] == [None, 111, BOOTED_MS + 4 * MIN - 30]
    assert [each.error_ms for each in found] == [None, None, 30]


def test_what_was_corrected_counts_as_wrong_by_all_of_it() -> None:
    found = bounds(block(5, 5, 6), beacons=[(BOOT, Fix(4, 4 * MIN, BOOTED_MS))], shifts={5: -3_600_000})
    assert found[0].error_ms == 3_600_000


def test_a_log_that_nobody_knows_bounds_nothing() -> None:
    found = list(bracketed([block(1, 0, 5)], {}))
    assert (found[0].received_ms, found[0].beacon_ms, found[0].is_whole) == (None, None, False)


def test_blocks_that_follow_each_other_keep_the_rule_in_whatever_order_they_come() -> None:
    assert ruly(block(3, 10, 15), block(1, 0, 5), block(2, 5, 10)) == [True, True, True]


def test_a_block_that_goes_back_before_the_one_before_it_breaks_it() -> None:
    assert ruly(block(1, 0, 5), block(2, 4, 9)) == [True, False]
    assert ruly(block(1, 0, 5), block(2, 4, 9, watcher="meter2")) == [True, True]
    assert ruly(block(1, 0, 5), block(2, 4, 9, boot=OTHER_BOOT)) == [True, True]
    # The one before the one before counts too: a liar's second block does not begin a new order.
    assert ruly(block(1, 60, 65), block(2, 10, 15), block(3, 15, 20)) == [True, False, False]


def test_hours_that_are_claimed_long_afterwards_break_it() -> None:
    assert ruly(block(1, 0, 5, mono_ms=6 * MIN)) == [True]
    assert ruly(block(1, 0, 5, mono_ms=6 * MIN + 1)) == [False]
    assert ruly(block(1, 0, 5, mono_ms=5 * MIN - 1)) == [False]


def test_an_entry_that_pretends_to_be_older_than_a_landmark_before_it_breaks_it() -> None:
    """The agent was at work again since: what it says of the time before comes too late."""
    landmarks = {BOOT: running([(7, 100 * MIN), (9, 101 * MIN)])}
    assert ruly(block(6, 0, 5), block(8, 10, 15), block(10, 101, 102), landmarks=landmarks) == [True, False, True]
    assert ruly(block(8, 10, 15, boot=OTHER_BOOT), landmarks=landmarks) == [True]


def test_what_was_recovered_stands_behind_landmarks_that_came_later() -> None:
    landmarks = {BOOT: running([(7, 100 * MIN)])}
    found = bounds(block(8, 10, 15), landmarks=landmarks, recovered=frozenset({8}))
    assert [(each.is_ruly, each.is_recovered) for each in found] == [(True, True)]


@pytest.mark.parametrize(("index", "is_named"), [(499, True), (500 - NAMED_WITHIN, True), (369, False), (500, False)])
def test_a_start_names_what_it_recovered_a_little_before_it(index: int, is_named: bool) -> None:
    start = make(Start("1.0", ((BOOT, index),)), index=500, wall_ms=1, mono_ms=1, boot=BOOT)
    assert recovered_by(start) == ({index} if is_named else set())
    assert recovered_by(make(Stop("x"), index=500, wall_ms=1, mono_ms=1, boot=BOOT)) == set()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12), st.integers(0, 60))
def test_running_says_how_far_a_boot_had_come(landmarks: list[tuple[int, int]], index: int) -> None:
    once = dict(landmarks)
    found = [mono_ms for at, mono_ms in running(once.items()) if at < index]
    assert (found[-1] if found else 0) == max((mono for at, mono in once.items() if at < index), default=0)
