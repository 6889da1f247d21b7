"""The choice of a road: a table of what happened when, told the time."""

from random import Random

import pytest

from agent.roads.choice import (
    FIRST_TRIAL_MS,
    LAST_TRIAL_MS,
    PATIENCE_MS,
    Answered,
    Choice,
    Due,
    Event,
    Failed,
    State,
)

MINUTE_MS = 60_000


def go(*story: tuple[int, Event | str], choice: Choice | None = None) -> Choice:
    """Tell it a story of (minute, event); a text is a failure at that minute."""
    choice, chance = choice or Choice(), Random(1)
    for minute, event in story:
        now_ms = minute * MINUTE_MS
        choice = choice.after(Failed(now_ms, event) if isinstance(event, str) else event, now_ms, chance)
    return choice


def test_a_broker_that_is_away_for_less_than_five_minutes_is_waited_for() -> None:
    assert go((0, "away"), (4, "away")).state is State.DOUBTED
    assert go((0, "away"), (4, "away"), (5, Answered())) == Choice()


def test_a_broker_that_is_away_for_five_minutes_is_gone_round() -> None:
    choice = go((10, "refused"), (12, "refused"), (15, "timed out"))
    assert (choice.is_detour, choice.since_ms, choice.why) == (True, 10 * MINUTE_MS, "timed out")


def test_the_five_minutes_begin_anew_after_an_answer() -> None:
    assert not go((0, "away"), (4, Answered()), (5, "away"), (9, "away")).is_detour


def test_a_collector_that_is_silent_behind_a_broker_that_connects_is_gone_round_at_once() -> None:
    assert go((20, Failed(20 * MINUTE_MS - PATIENCE_MS, "no answer"))).is_detour


def test_a_detour_ends_when_mqtt_works_again() -> None:
    detour = go((0, "away"), (5, "away"))
    assert detour.due_ms is not None
    assert 3 * FIRST_TRIAL_MS // 4 <= detour.due_ms - 5 * MINUTE_MS <= FIRST_TRIAL_MS
    trial = go((20, Due()), choice=detour)
    assert (trial.is_detour, trial.due_ms) == (False, None)
    assert go((21, Answered()), choice=trial) == Choice()


def test_a_trial_that_fails_goes_back_to_the_detour_and_the_next_comes_later() -> None:
    choice, waits = go((0, "away"), (5, "away")), []
    for minute in range(100, 1000, 100):
        choice = go((minute, Due()), (minute, "still away"), choice=choice)
        assert choice.due_ms is not None
        waits.append(choice.due_ms - minute * MINUTE_MS)
    assert choice.is_detour
    assert choice.since_ms == 0
    assert waits[0] > FIRST_TRIAL_MS
    assert 3 * LAST_TRIAL_MS // 4 <= waits[-1] <= LAST_TRIAL_MS


def test_where_neither_road_works_they_take_turns() -> None:
    detour = go((0, "away"), (5, "away"))
    trial = go((6, "https fails, too"), choice=detour)
    assert not trial.is_detour
    assert go((7, "away"), choice=trial).is_detour


def test_what_cannot_happen_is_refused() -> None:
    with pytest.raises(ValueError, match="Due in state BROKER"):
        Choice().after(Due(), 0, Random(1))
