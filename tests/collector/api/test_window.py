"""A window that slides, counted in two numbers; the time is given, so nothing waits."""

import pytest

from collector.api.window import Windows

MINUTE = 60


def hits(windows: Windows, times: int, now: float, *, bucket: int = 1) -> int:
    """How many of so many are let through."""
    return sum(windows.hit(bucket, now) == 0 for _ in range(times))


def test_so_many_are_let_through_and_others_are_not_touched() -> None:
    windows = Windows(10, MINUTE)
    assert hits(windows, 15, 600.0) == 10
    assert hits(windows, 1, 600.0, bucket=2) == 1


@pytest.mark.parametrize(
    ("later_s", "let_through"), [(59.9, 0), (60.0, 0), (66.0, 1), (90.0, 5), (119.9, 10), (180, 10)]
)
def test_what_was_counted_before_counts_by_the_share_that_is_still_covered(later_s: float, let_through: int) -> None:
    windows = Windows(10, MINUTE)
    hits(windows, 10, 600.0)
    assert hits(windows, 15, 600.0 + later_s) == let_through


def test_whoever_waits_as_told_is_let_through() -> None:
    windows, now = Windows(10, MINUTE), 637.0
    for _ in range(60):
        wait_s = windows.hit(1, now)
        assert 0 <= wait_s <= MINUTE
        now += wait_s
    assert now <= 637.0 + 60 / 10 * MINUTE + MINUTE, "and no slower than is allowed"


def test_looking_counts_nothing_and_refused_ones_do_not_count() -> None:
    windows = Windows(2, MINUTE)
    assert [windows.look(1, 600.0) for _ in range(5)] == [0] * 5
    assert hits(windows, 50, 600.0) == 2
    assert windows.look(1, 600.0) == MINUTE
    assert windows.look(1, 690.0) == 0


def test_a_clock_that_is_set_back_lets_nobody_wait_for_longer_than_the_window() -> None:
    windows = Windows(1, MINUTE)
    hits(windows, 1, 6000.0)
    assert windows.hit(1, 600.0) <= MINUTE
