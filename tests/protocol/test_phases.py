"""Preparation and post-processing: once per power-on session, next to a run, up to the policy's minutes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.interval import DAY_S, Interval
from protocol.phases import MAX_PHASE_S, DaySpan, Phases, classify, head_of, parse_head, parse_phase

OFF, IDLE, RUN, DARK = "off", "standby", "run", "unobserved"
PREPARE_S, POST_S = 1800, 900


def day(*pieces: tuple[int, str]) -> list[DaySpan]:
    """Pieces of so many seconds; what is left of the day continues in the last piece's state."""
    spans: list[DaySpan] = []
    at = 0
    for seconds, state in pieces:
        spans.append((at, at + seconds, state))  # type: ignore[arg-type]
        at += seconds
    return [*spans[:-1], (spans[-1][0], DAY_S, spans[-1][2])]


def phases(*pieces: tuple[int, str], phase_in: str = "new", follow: str = "") -> Phases:
    return classify(day(*pieces), phase_in=phase_in, follow=follow, prepare_s=PREPARE_S, post_s=POST_S)


def test_standby_next_to_the_only_run_counts_up_to_the_minutes() -> None:
    found = phases((10_000, OFF), (4_000, IDLE), (3_600, RUN), (4_000, IDLE), (0, OFF))
    assert found == Phases([(12_200, 14_000)], [(17_600, 18_500)], "new")


def test_less_standby_than_the_minutes_counts_as_it_is() -> None:
    found = phases((10_000, OFF), (60, IDLE), (3_600, RUN), (30, IDLE), (0, OFF))
    assert found[:2] == ([(10_000, 10_060)], [(13_660, 13_690)])


def test_warm_up_without_a_run_counts_nothing() -> None:
    assert phases((10_000, OFF), (7_200, IDLE), (0, OFF))[:2] == ([], [])
    assert phases((10_000, OFF), (7_200, IDLE), (0, IDLE))[:2] == ([], [])


def test_pulses_every_hour_do_not_make_a_day() -> None:
    pulses = [piece for _ in range(22) for piece in ((60, RUN), (3_540, IDLE))]
    found = phases((1_000, OFF), (3_000, IDLE), *pulses, (0, OFF))
    assert [end - start for start, end in (*found.prepare, *found.post)] == [PREPARE_S, POST_S]


def test_an_instrument_that_is_never_off_has_neither() -> None:
    week = [(3_600, IDLE), (3_600, RUN)] * 5
    assert phases(*week, (0, IDLE), phase_in="ran", follow="run:0") == Phases([], [], "ran")


def test_unobserved_time_begins_and_ends_no_session() -> None:
    assert phases((3_600, RUN), (600, DARK), (3_600, IDLE), (3_600, RUN), (0, IDLE), phase_in="ran")[:2] == ([], [])
    # standby behind a hole is not directly before the run
    assert phases((100, OFF), (500, IDLE), (300, DARK), (0, RUN))[:2] == ([], [])
    # nor directly after it; off behind the hole still ends the session
    found = phases((100, OFF), (500, RUN), (300, IDLE), (300, DARK), (300, IDLE), (0, OFF))
    assert found.post == [(600, 900)]


def test_post_waits_for_power_off_and_a_further_run_takes_it() -> None:
    evening = (80_000, OFF), (3_600, RUN), (0, IDLE)
    assert phases(*evening, follow="off").post == [(83_600, 84_500)]
    assert phases(*evening, follow="run:30").post == []
    assert phases(*evening, follow="run").post == []
    assert phases(*evening, follow="").post == []


def test_post_goes_on_over_midnight_and_both_days_agree() -> None:
    evening = phases((80_000, OFF), (6_000, RUN), (0, IDLE), follow="off")
    assert (evening.post, evening.phase_out) == ([(86_000, 86_400)], "ran:400")
    morning = phases((4_000, IDLE), (0, OFF), phase_in="ran:400")
    assert morning.post == [(0, 500)]
    # of a run of the day before, a day that does not see power-off itself decides nothing
    assert phases((0, IDLE), phase_in="ran:400", follow="off").post == []


def test_prepare_goes_back_over_midnight() -> None:
    evening = phases((80_000, OFF), (0, IDLE), follow="run:600")
    assert (evening.prepare, evening.phase_out) == ([(DAY_S - 1_200, DAY_S)], "new")
    assert phases((600, IDLE), (0, RUN), phase_in="new").prepare == [(0, 600)]
    assert phases((80_000, OFF), (0, IDLE), follow="run:1800").prepare == []
    assert phases((86_000, OFF), (0, IDLE), follow="run:0").prepare == [(86_000, DAY_S)]
    assert phases((80_000, OFF), (0, IDLE), follow="run").prepare == []


@pytest.mark.parametrize(
    ("spans", "head"),
    [
        (day((0, RUN)), "run:0"),
        (day((600, IDLE), (0, RUN)), "run:600"),
        (day((600, IDLE), (10, DARK), (0, RUN)), "run"),
        (day((MAX_PHASE_S + 1, IDLE), (0, RUN)), "run"),
        (day((600, IDLE), (10, OFF), (0, RUN)), "off"),
        (day((600, DARK), (0, OFF)), "off"),
        (day((0, IDLE)), ""),
        ([], ""),
    ],
)
def test_the_head_of_a_day(spans: list[DaySpan], head: str) -> None:
    assert head_of(spans) == head
    parse_head(head)


@pytest.mark.parametrize("text", ["", "old", "ran:", "ran:01", "ran:-1", "new:1", "ran:1 "])
def test_what_is_no_phase_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a phase"):
        parse_phase(text)


@pytest.mark.parametrize("text", ["on", "run:", "off:1", "run:1x"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the head"):
        parse_head(text)


STATES = st.sampled_from((OFF, IDLE, RUN, DARK))
DAYS = st.lists(st.tuples(st.integers(1, 20_000), STATES), min_size=1, max_size=12).map(
    lambda pieces: joined(day(*_cut(pieces)))
)


def _cut(pieces: list[tuple[int, str]]) -> list[tuple[int, str]]:
    total, kept = 0, []
    for seconds, state in pieces:
        if total + seconds >= DAY_S:
            break
        kept.append((seconds, state))
        total += seconds
    return kept


def joined(spans: list[DaySpan]) -> list[DaySpan]:
    found: list[DaySpan] = []
    for start, end, state in spans:
        if found and found[-1][2] == state:
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found


def oracle(spans: list[DaySpan]) -> tuple[set[int], set[int]]:
    """Seconds of prepare and post over any stretch that begins before anything was observed, second by second.

    Looks as far ahead as it wants; so it agrees with days in a chain where power-off comes within the day after.
    """
    states = [state for start, end, state in spans for _ in range(start, end)]
    prepare: set[int] = set()
    post: set[int] = set()
    sessions: list[list[int]] = [[]]  # seconds of each session, an unknown one first
    for second, state in enumerate(states):
        if state == OFF and sessions[-1]:
            sessions.append([])
        elif state != OFF:
            sessions[-1].append(second)
    begins_off = states[0] == OFF
    for number, session in enumerate(sessions):
        runs = [second for second in session if states[second] == RUN]
        if not runs:
            continue
        if number > 0 or begins_off:
            at = runs[0]
            first = session[0]
            while at > first and states[at - 1] == IDLE and runs[0] - at < PREPARE_S:
                at -= 1
                prepare.add(at)
        if number + 1 < len(sessions):
            at = runs[-1] + 1
            while at < len(states) and states[at] == IDLE and at - runs[-1] - 1 < POST_S:
                post.add(at)
                at += 1
    return prepare, post


def seconds_of(intervals: list[Interval]) -> set[int]:
    return {second for start, end in intervals for second in range(start, end)}


SMALL = st.lists(st.tuples(st.integers(1, 40), STATES), min_size=1, max_size=14)


@given(SMALL)
def test_a_day_against_the_oracle(pieces: list[tuple[int, str]]) -> None:
    """In hundreds of seconds, so that the oracle may go second by second."""
    spans = joined(day(*((seconds * 100, state) for seconds, state in pieces)))
    found = classify(spans, phase_in="ran", follow="", prepare_s=PREPARE_S, post_s=POST_S)
    prepare, post = oracle(spans)
    assert seconds_of(found.prepare) == prepare
    assert seconds_of(found.post) == post


@given(
    DAYS, st.sampled_from(("new", "ran", "ran:0", "ran:300")), st.sampled_from(("", "off", "run", "run:0", "run:900"))
)
def test_every_second_of_prepare_and_post_was_standby_and_both_keep_to_their_limits(
    spans: list[DaySpan], phase_in: str, follow: str
) -> None:
    found = classify(spans, phase_in=phase_in, follow=follow, prepare_s=PREPARE_S, post_s=POST_S)
    for intervals, limit in ((found.prepare, PREPARE_S), (found.post, POST_S)):
        for start, end in intervals:
            assert 0 < end - start <= limit
            assert any(first <= start and end <= last and state == IDLE for first, last, state in spans)
    assert not seconds_of(found.prepare) & seconds_of(found.post)
    parse_phase(found.phase_out)
