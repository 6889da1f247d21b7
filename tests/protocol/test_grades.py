"""Grades: each rule of grades.py by a case of its own, then what must hold for any blocks."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import grades, hours
from protocol.errors import MalformedRecord, TooLarge
from protocol.grades import Decided, GradedBlock, GradeRecord, earned, is_ruly
from protocol.hours import HourRecord
from protocol.interval import DAY_S, Interval, length, subtract
from protocol.phases import DaySpan
from protocol.policy import Grades

LIMITS = Grades()
MIN = 60_000
HOUR_MS = 3_600_000
DAY_START_MS = 1_764_604_800_000


def block(start_s: int, end_s: int, **changes: Any) -> GradedBlock:
    """A prompt, well bracketed block of one interval a minute."""
    start_ms, end_ms = DAY_START_MS + 1000 * start_s, DAY_START_MS + 1000 * end_s
    made = GradedBlock(
        start_ms,
        end_ms,
        tuple(min(MIN, end_ms - edge) for edge in range(start_ms, end_ms, MIN)),
        received_ms=end_ms + 1000,
        beacon_ms=end_ms - 5 * MIN,
        error_ms=40,
    )
    return made._replace(**changes)


def record(*spans: DaySpan, told: Any = (), bridged: Sequence[Interval] = ()) -> HourRecord:
    """A record of these measured states; its effective time is its run."""
    until = spans[-1][1]
    of = {
        name: sum(e - s for s, e, state in spans if state == name) for name in ("off", "standby", "run", "unobserved")
    }
    run = of["run"]
    zeros = dict.fromkeys([name for name in HourRecord.__struct_fields__ if name.endswith("_s")], 0)
    powered = of["standby"] + run
    bridged_s = length(bridged)
    members = zeros | {
        "v": 2, "asset": "A001", "day": "2025-12-02", "policy": "9f" * 32, "owner": "", "lead_in": "off",
        "lead_out": "off",
        "phase_in": "new", "phase_out": "new", "follow": "", "until": until, "off_s": of["off"],
        "standby_s": of["standby"], "run_s": run, "unobserved_s": of["unobserved"], "effective_s": run,
        "energised_s": powered - bridged_s, "bridged_s": bridged_s, "unresolved_s": run, "journals": (), "facts": (),
        "spans": spans, "classes": (), "bridged": tuple(bridged),
        "served": (("", "", "unresolved", run, 0),) if run else (), "told": told, "flags": (),
    }  # fmt: skip
    return msgspec.convert(members, HourRecord)


def grade(of: HourRecord, blocks: Sequence[GradedBlock], **more: Any) -> GradeRecord:
    effective = [span[:2] for span in of.spans if span[2] == "run"]
    return grades.grade(
        of,
        hours.encode(of),
        blocks=blocks,
        limits=LIMITS,
        day_start_ms=DAY_START_MS,
        effective=effective,
        external_within=lambda sets: [length(each) // 2 for each in sets],
        **more,
    )


RUN = record((0, 3600, "run"))
HOUR = [block(at, at + 300) for at in range(0, 3600, 300)]


@pytest.mark.parametrize(("changes", "expected", "why"), [
    ({}, "B", "one control"),
    ({"beacon_ms": None}, "C", "no beacon"),
    ({"error_ms": None}, "C", "no beacon"),
    ({"error_ms": 60_000}, "B", "one control"),
    ({"error_ms": -60_001}, "C", "clock"),
    ({"is_recovered": True}, "C", "recovered"),
    ({"beacon_ms": DAY_START_MS + 3_601_000 - 20 * MIN}, "B", "one control"),
    ({"beacon_ms": DAY_START_MS + 3_601_000 - 20 * MIN - 1}, "C", "bracket"),
    ({"beacon_ms": DAY_START_MS + 3_601_001}, "C", "clock"),
    ({"received_ms": None}, "D", "not received"),
    ({"is_ruly": False}, "D", "reading rule"),
    ({"is_whole": False}, "D", "log in doubt"),
    ({"received_ms": DAY_START_MS + 3_540_000}, "B", "one control"),
    ({"received_ms": DAY_START_MS + 3_539_999}, "D", "clock impossible"),
    ({"written_ms": DAY_START_MS + 3_240_000}, "B", "one control"),
    ({"written_ms": DAY_START_MS + 3_239_999}, "D", "clock impossible"),
    ({"written_ms": DAY_START_MS, "is_recovered": True}, "C", "recovered"),
])  # fmt: skip
def test_what_a_block_earns(changes: dict[str, Any], expected: str, why: str) -> None:
    held = block(3300, 3600, **changes)
    assert earned(held, LIMITS) == [(held.start_ms, held.end_ms, expected, why)]


def test_the_delay_counts_from_each_intervals_start() -> None:
    held = block(0, 1800, received_ms=DAY_START_MS + 1_800_000 + 1000)
    assert earned(held, LIMITS) == [
        (DAY_START_MS, DAY_START_MS + 11 * MIN, "C", "late"),
        (DAY_START_MS + 11 * MIN, held.end_ms, "B", "one control"),
    ]


def test_what_comes_after_a_week_earns_nothing() -> None:
    week_ms = 7 * 24 * HOUR_MS
    held = block(0, 600, received_ms=DAY_START_MS + week_ms + 2 * MIN, beacon_ms=None)
    assert [(part[1] - part[0], *part[2:]) for part in earned(held, LIMITS)] == [
        (2 * MIN, "D", "too late"), (8 * MIN, "C", "no beacon"),
    ]  # fmt: skip


def test_a_day_of_one_watcher_is_b() -> None:
    found = grade(RUN, HOUR)
    assert found.spans == ((0, 3600, "B", "one control"),)
    assert (found.effective, found.counted_s, found.counted_external_s) == ((("B", 3600),), 3600, 1800)
    assert found.error_ms == 40


METER, FILES, CPU = "meter:power", "files:growth", "process:cpu"


def test_two_controls_that_agree_make_it_a_and_two_on_the_host_do_not() -> None:
    both = ((METER, ((0, 3600, "run"),)), (FILES, ((600, 1200, "run"),)))
    growth = [block(0, 1200, channel="growth"), block(1200, 3600, channel="growth")]
    found = grade(record((0, 3600, "run"), told=both), [*HOUR, *growth])
    assert found.spans[:2] == ((0, 600, "B", "one control"), (600, 1200, "A", "two controls"))
    assert ("A", "run", 600) in found.seconds
    hosted = ((CPU, ((0, 3600, "run"),)), (FILES, ((600, 1200, "run"),)))
    cpu = [block(at, at + 300, channel="cpu") for at in range(0, 3600, 300)]
    assert grade(record((0, 3600, "run"), told=hosted), [*cpu, *growth]).spans == ((0, 3600, "B", "one control"),)


def test_a_meter_and_a_contact_are_two_controls() -> None:
    told = ((METER, ((0, 3600, "run"),)), ("contact:beam", ((0, 900, "run"),)))
    beam = [block(at, at + 300, channel="beam") for at in range(0, 3600, 300)]
    assert grade(record((0, 3600, "run"), told=told), [*HOUR, *beam]).spans[0] == (0, 900, "A", "two controls")


def test_who_agrees_only_afterwards_makes_nothing_better() -> None:
    """A second watcher whose blocks came late cannot lift what the first one showed in time."""
    told = ((METER, ((0, 3600, "run"),)), (FILES, ((0, 3600, "run"),)))
    late = [block(at, at + 300, channel="growth", beacon_ms=None) for at in range(0, 3600, 300)]
    assert grade(record((0, 3600, "run"), told=told), [*HOUR, *late]).spans == ((0, 3600, "B", "one control"),)


def test_who_tells_another_state_does_not_vouch_for_the_record() -> None:
    told = ((FILES, ((0, 3600, "run"),)), (METER, ((0, 3600, "standby"),)))
    poor = [block(0, 1800, channel="growth", is_ruly=False), block(1800, 3600, channel="growth", beacon_ms=None)]
    found = grade(record((0, 3600, "run"), told=told), [*HOUR, *poor])
    assert found.spans == ((0, 1800, "D", "reading rule"), (1800, 3600, "C", "no beacon"))


def test_watchers_that_differ_make_it_c_at_best() -> None:
    told = (("meter:power", ((0, 3600, "standby"),)), ("files:growth", ((0, 1800, "run"),)))
    growth = [block(at, at + 300, channel="growth") for at in range(0, 3600, 300)]
    found = grade(record((0, 1800, "run"), (1800, 3600, "standby"), told=told), [*HOUR, *growth])
    assert found.spans[0] == (0, 1800, "C", "differ")


def test_the_best_block_counts_and_a_short_gap_has_what_was_before_it() -> None:
    poor = block(0, 600, beacon_ms=None)
    found = grade(RUN, [poor, block(300, 600), block(650, 900)])
    assert found.spans == ((0, 300, "C", "no beacon"), (300, 3600, "B", "one control"))


def test_what_was_bridged_is_c_at_best() -> None:
    of = record((0, 3600, "run"), bridged=[(1000, 1060)])
    found = grade(of, [block(0, 1000), block(1060, 1300), block(1300, 3600)])
    assert (1000, 1060, "C", "bridged") in found.spans


def test_what_nobody_observed_has_no_grade() -> None:
    of = record((0, 600, "run"), (600, 3600, "unobserved"))
    assert grade(of, [block(0, 600)]).spans == ((0, 600, "B", "one control"),)


def test_decisions_exclude_and_accept_and_the_later_one_holds() -> None:
    doubtful = [block(0, 600, is_ruly=False), block(600, 900), block(900, 3600)]
    at = DAY_START_MS
    plain = grade(RUN, doubtful)
    assert plain.counted_s == 3000
    accepted = grade(RUN, doubtful, decisions=[Decided(at, at + 300_000, "accept", "fact:1")])
    assert (accepted.counted_s, accepted.decisions) == (3300, ("fact:1",))
    out = grade(RUN, doubtful, decisions=[Decided(at + 1_000_000, at + 2_000_000, "exclude", "fact:2")])
    assert ("X", "run", 1000) in out.seconds
    assert out.counted_s == 2000
    taken_back = [
        Decided(at, at + 300_000, "accept", "fact:1"),
        Decided(at, at + 600_000, "exclude", "fact:3"),
    ]
    assert grade(RUN, doubtful, decisions=taken_back).counted_s == 3000
    elsewhere = grade(RUN, doubtful, decisions=[Decided(at + 7_200_000, at + 7_300_000, "exclude", "fact:4")])
    assert elsewhere == plain


def test_what_only_a_losing_branch_shows_stands_beside() -> None:
    of = record((0, 600, "run"), (600, DAY_S, "unobserved"))
    lost = [(DAY_START_MS, DAY_START_MS + 900_000), (DAY_START_MS - 5000, DAY_START_MS + 100)]
    found = grade(of, [block(0, 600)], lost=lost)
    assert (found.lost_s, found.counted_s) == (300, 600)


@pytest.mark.parametrize(("start", "end", "written", "before", "expected"), [
    (0, 300_000, 300_000, None, True), (0, 300_000, 360_000, 0, True), (0, 300_000, 360_001, None, False),
    (0, 300_000, 299_999, None, False), (0, 300_000, 300_000, 1, False), (300, 600, 700, 300, True),
])  # fmt: skip
def test_the_reading_rule(start: int, end: int, written: int, before: int | None, expected: bool) -> None:
    assert is_ruly(start, end, written_ms=written, before_ms=before) is expected


_blocks = st.lists(
    st.builds(
        lambda start, size, late, lag, error, **flags: block(
            start,
            start + size,
            received_ms=None if late is None else DAY_START_MS + 1000 * (start + size + late),
            beacon_ms=None if lag is None else DAY_START_MS + 1000 * (start - lag),
            error_ms=error,
            **flags,
        ),
        st.integers(-100, 4000),
        st.integers(1, 900),
        st.none() | st.integers(0, 800_000),
        st.none() | st.integers(-100, 3000),
        st.none() | st.integers(-100_000, 100_000),
        is_recovered=st.booleans(),
        is_ruly=st.booleans(),
        is_whole=st.booleans(),
    ),
    max_size=12,
)


@given(_blocks, st.randoms(use_true_random=False))
def test_every_observed_second_has_one_grade_whatever_the_blocks_and_their_order(
    blocks: list[GradedBlock], chance: Any
) -> None:
    of = record((0, 500, "off"), (500, 900, "unobserved"), (900, 3600, "run"))
    found = grade(of, blocks)
    assert subtract([(0, 500), (900, 3600)], [span[:2] for span in _joined(found)]) == []
    assert sum(seconds for *_, seconds in found.seconds) == 500 + 2700
    shuffled = list(blocks)
    chance.shuffle(shuffled)
    assert grade(of, shuffled) == found
    assert grades.decode(grades.encode(found)) == found


def test_what_lies_before_two_blocks_that_begin_together_has_the_better_ones_grade() -> None:
    poor, good = block(600, 900, is_ruly=False), block(600, 900)
    of = record((0, 900, "run"))
    assert grade(of, [poor, good]).spans == grade(of, [good, poor]).spans == ((0, 900, "B", "one control"),)


@given(_blocks, _blocks)
def test_one_more_block_never_makes_anything_worse(blocks: list[GradedBlock], more: list[GradedBlock]) -> None:
    """Where blocks cover. What they do not cover has the grade of its neighbour, which may become another one."""
    covered = [
        (max(0, (b.start_ms - DAY_START_MS) // 1000), min(3600, (b.end_ms - DAY_START_MS) // 1000)) for b in blocks
    ]
    before, after = grade(RUN, blocks), grade(RUN, [*blocks, *more])
    for start, end in covered:
        for second in range(start, end, 37):
            assert _at(after, second) <= _at(before, second)


def _at(found: GradeRecord, second: int) -> str:
    return next(span[2] for span in found.spans if span[0] <= second < span[1])


def _joined(found: GradeRecord) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end, *_ in found.spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


@pytest.mark.parametrize("change", [
    {"spans": ((0, 3600, "B", "one control"), (3500, 3700, "B", "one control"))}, {"counted_s": 4000},
    {"seconds": (("B", "run", 1),)}, {"effective": (("A", 1),)}, {"counted_external_s": 3700}, {"v": 2},
])  # fmt: skip
def test_a_record_that_does_not_add_up_is_refused(change: dict[str, Any]) -> None:
    whole = msgspec.to_builtins(grade(RUN, [block(0, 600), block(600, 900)]))
    with pytest.raises(MalformedRecord):
        grades.decode(msgspec.json.encode(whole | change))


def test_bytes_have_one_form() -> None:
    raw = grades.encode(grade(RUN, [block(0, 600)]))
    with pytest.raises(MalformedRecord, match="canonical"):
        grades.decode(raw.replace(b":", b": ", 1))
    with pytest.raises(TooLarge):
        grades.decode(bytes(grades.MAX_GRADE_BYTES + 1))
