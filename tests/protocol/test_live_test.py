"""A guided live test held against what was measured."""

import pytest

from protocol.findings import Deed, Step
from protocol.live_test import Measured, compare

MINUTE = 60_000


def steps(*told: tuple[Deed, int]) -> list[Step]:
    return [Step(do=do, at=minute * MINUTE) for do, minute in told]


TEST = steps(("off", 0), ("run", 10), ("end", 20))


def measured(*spans: tuple[int, int, str]) -> list[Measured]:
    return [Measured(start * MINUTE, end * MINUTE, state) for start, end, state in spans]


def test_what_was_measured_agrees() -> None:
    off, run = compare(TEST, measured((0, 10, "off"), (10, 20, "run")))
    assert (off.judged_ms, off.agreed_ms, off.differed_ms, off.unseen_ms) == (9 * MINUTE, 9 * MINUTE, 0, 0)
    assert off.agrees
    assert run.agrees


def test_a_change_that_is_late_within_the_tolerance_says_nothing() -> None:
    late = [Measured(0, 10 * MINUTE + 30_000, "off"), Measured(10 * MINUTE + 30_000, 20 * MINUTE, "run")]
    assert all(each.agrees for each in compare(TEST, late))
    later = [Measured(0, 10 * MINUTE + 30_001, "off"), Measured(10 * MINUTE + 30_001, 20 * MINUTE, "run")]
    assert [each.agrees for each in compare(TEST, later)] == [True, False]


def test_a_watcher_that_shows_a_run_while_it_was_off_differs() -> None:
    off, _ = compare(TEST, measured((0, 20, "run")))
    assert (off.agrees, off.agreed_ms, off.differed_ms) == (False, 0, 9 * MINUTE)


@pytest.mark.parametrize("spans", [(), ((0, 20, "unobserved"),)])
def test_what_nobody_saw_neither_agrees_nor_differs(spans: tuple[tuple[int, int, str], ...]) -> None:
    off, _ = compare(TEST, measured(*spans))
    assert (off.agrees, off.differed_ms, off.unseen_ms) == (False, 0, 9 * MINUTE)


@pytest.mark.parametrize(
    ("do", "state", "agrees"),
    [("on", "standby", True), ("on", "run", True), ("on", "off", False), ("idle", "run", False), ("run", "run", True)],
)
def test_what_each_deed_should_show(do: Deed, state: str, agrees: bool) -> None:
    [found] = compare(steps((do, 0), ("end", 10)), measured((0, 10, state)))
    assert found.agrees is agrees


def test_the_last_step_has_no_end_and_is_not_judged() -> None:
    assert compare(steps(("off", 0)), measured((0, 10, "off"))) == []
    assert len(compare(steps(("off", 0), ("end", 5), ("run", 10)), measured((0, 20, "off")))) == 1


def test_a_step_shorter_than_the_tolerance_is_not_judged() -> None:
    [found] = compare(steps(("off", 0), ("end", 1)), measured((0, 10, "run")))
    assert (found.judged_ms, found.differed_ms) == (0, 0)
