"""A counter is believed when a load could have done it, or when it stays."""

from agent.watchers.counter import SLACK_MWH, CounterJudge


def judge_with(counter_mwh: int) -> CounterJudge:
    judge = CounterJudge(max_w=15_000)
    assert judge.objection(1000, counter_mwh) is None
    return judge


def test_a_counter_that_rises_as_the_load_may_is_believed() -> None:
    judge = judge_with(5_000_000)
    assert judge.objection(2000, 5_000_000) is None
    assert judge.objection(3000, 5_001_000) is None
    assert judge.objection(3_603_000, 5_001_000 + 15_000_000) is None


def test_a_fall_is_held_back_until_the_next_poll_agrees() -> None:
    judge = judge_with(5_000_000)
    objection = judge.objection(2000, 0)
    assert objection == (
        "the counter went from 5.000 to 0.000 kWh within 1 s, which no load does; believed only if the next poll agrees"
    )
    assert judge.objection(3000, 0) is None
    assert judge.objection(4000, 1000) is None


def test_a_leap_that_does_not_stay_leaves_no_trace() -> None:
    judge = judge_with(5_000_000)
    assert judge.objection(2000, 5_000_000 + SLACK_MWH + 5_000) is not None
    assert judge.objection(3000, 5_001_000) is None
    assert judge.objection(4000, 4_999_000) is not None


def test_two_different_leaps_are_both_held_back() -> None:
    judge = judge_with(5_000_000)
    assert judge.objection(2000, 900_000_000) is not None
    assert judge.objection(3000, 100) is not None
    assert judge.objection(4000, 100) is None


def test_a_leap_that_stays_is_believed_and_named_once() -> None:
    judge = judge_with(5_000_000)
    assert judge.objection(2000, 900_000_000) is not None
    assert judge.leap == ""
    assert judge.objection(3000, 900_000_000) is None
    assert judge.leap == (
        "the counter went from 5.000 to 900.000 kWh, and stays there: the meter was replaced or its counter set"
    )
    assert judge.objection(4000, 900_001_000) is None
    assert judge.leap == ""


def test_a_fall_is_no_leap() -> None:
    judge = judge_with(5_000_000)
    judge.objection(2000, 0)
    assert judge.objection(3000, 0) is None
    assert judge.leap == ""
