"""Rules that look at power: each finds its lie, and leaves the honest day alone that comes nearest to it."""

from random import Random

import pytest

from protocol.flags.constant_load import MIN_DAYS, find_constant_load
from protocol.flags.feeder import find_feeder_idle
from protocol.flags.likeness import distance_of, nearest
from protocol.flags.product import find_no_product
from protocol.flags.ratio import find_ratio_changed
from protocol.flags.replay import find_replayed, find_same_pattern
from protocol.flags.shape import Shape

HOUR = 3600
USUAL = [40_000_000] * 20
"""Distances, in ppb, of an instrument whose days resemble each other."""


def still(ripple_ppm: int, run_s: int = 2 * HOUR) -> Shape:
    return Shape(run_s=run_s, ripple_ppm=ripple_ppm)


def figures(found: object) -> dict[str, int]:
    return {each.name: each.value for each in found.figures}  # type: ignore[attr-defined]


def trace(seed: int, minutes: int = 120, *, noise: float = 0.01) -> list[int]:
    """A program of forty minutes, over and over, with noise of its own."""
    chance = Random(seed)
    return [round((900_000 + 300_000 * (n % 40 < 25)) * (1 + noise * chance.uniform(-1, 1))) for n in range(minutes)]


def test_a_load_that_is_far_stiller_than_ever_is_flagged_with_its_figures() -> None:
    before = [still(50_000 + n * 1000) for n in range(MIN_DAYS)]
    found = find_constant_load(still(900), before)
    assert figures(found) == {
        "spread": 900, "usual": 54_000, "stillest": 50_000, "compared": MIN_DAYS, "run": 2 * HOUR,
    }  # fmt: skip


@pytest.mark.parametrize(
    "day, before",
    [
        (still(13_500), [still(54_000)] * MIN_DAYS),  # a quarter, and not less
        (still(12_000), [still(54_000)] * (MIN_DAYS - 1) + [still(24_000)]),  # it was nearly as still before
        (still(0), [still(54_000)] * (MIN_DAYS - 1)),  # nobody knows yet how it usually is
        (still(0), [still(54_000, run_s=600)] * 30),  # nothing but short runs to compare with
        (still(0, run_s=HOUR - 1), [still(54_000)] * 30),  # too short to say
        (still(0), [still(0)] * 30),  # a laser that is always still
    ],
)
def test_a_still_day_among_still_days_or_without_history_is_no_news(day: Shape, before: list[Shape]) -> None:
    assert find_constant_load(day, before) is None


def test_the_same_readings_again_are_a_replay_and_the_same_program_again_is_not() -> None:
    before = [(f"2026-03-{n:02}", trace(n)) for n in range(1, 13)]
    usual = [nearest([run], before[:at]).distance_ppb for at, (_, run) in enumerate(before) if at]  # type: ignore[union-attr]
    honest = nearest([trace(99)], before)
    assert honest is not None
    assert honest.distance_ppb < 50_000_000
    assert find_replayed([trace(99)], before, usual_ppb=usual) is None
    found = find_replayed([trace(7)], before, usual_ppb=usual)
    assert found is not None
    assert found.about == ("2026-03-07",)
    assert figures(found)["distance"] == 0
    assert figures(found)["length"] == 116 * 60


def test_a_replay_is_found_though_it_begins_minutes_off_and_was_scaled_or_cut() -> None:
    before = [("2026-03-01", trace(1))]
    for replayed in (trace(1)[2:], [power * 3 // 2 for power in trace(1)], trace(1)[:100]):
        assert find_replayed([replayed], before, usual_ppb=USUAL) is not None
    assert find_replayed([trace(1)[:60]], before, usual_ppb=USUAL) is None  # half of it: more of it is something else


def test_without_history_of_distances_or_with_nothing_to_compare_a_replay_is_not_told() -> None:
    before = [("2026-03-01", trace(1))]
    assert find_replayed([trace(1)], before, usual_ppb=USUAL[:9]) is None
    assert find_replayed([], before, usual_ppb=USUAL) is None
    assert find_replayed([trace(1)[:25]], before, usual_ppb=USUAL) is None
    assert distance_of([900_000] * 60, [900_000] * 60) is None  # what never moves has no likeness


def test_two_instruments_with_one_pattern_are_flagged_and_two_with_one_program_are_not() -> None:
    honest = [trace(50 + n) for n in range(20)]
    usual = [distance_of(honest[0], each)[0] for each in honest[1:]]  # type: ignore[index]
    assert find_same_pattern([trace(1)], [("A002", trace(2))], usual_ppb=usual) is None
    found = find_same_pattern([trace(1)], [("A002", trace(2)), ("A003", trace(1))], usual_ppb=usual)
    assert found is not None
    assert found.rule == "same-pattern"
    assert found.about == ("A003",)


def made(product: int, run_s: int = 3 * HOUR, product_s: int | None = None) -> Shape:
    return Shape(run_s=run_s, product=product, product_s=run_s if product_s is None else product_s)


def test_two_days_of_run_without_a_product_are_flagged_and_one_is_an_alignment() -> None:
    before = [made(30_000)] * 10
    found = find_no_product([*before, made(0), made(10)])
    assert figures(found) == {"run": 6 * HOUR, "barren": 2, "product": 10, "usual_an_hour": 10_000, "compared": 10}
    assert find_no_product([*before, made(0)]) is None
    assert find_no_product([*before, made(0), made(30_000)]) is None


@pytest.mark.parametrize(
    "before, last",
    [
        ([made(30_000)] * 9, made(0)),  # too little history
        ([made(30_000)] * 8 + [made(0), made(30_000)] * 2, made(0)),  # it often leaves nothing
        ([made(30_000)] * 10, made(0, run_s=HOUR)),  # too short
        ([made(30_000)] * 10, made(0, product_s=2 * HOUR)),  # nobody watched its files
        ([made(30_000)] * 10, made(400)),  # little, and more than a hundredth
        ([made(0)] * 12, made(0)),  # it never leaves anything
    ],
)
def test_where_a_product_is_not_to_be_expected_none_is_missed(before: list[Shape], last: Shape) -> None:
    assert find_no_product([*before, last, last]) is None


def test_a_run_that_its_feeder_does_not_carry_is_flagged() -> None:
    found = find_feeder_idle(Shape(run_s=2 * HOUR, feeder_s=HOUR, feeder_idle_s=1800))
    assert figures(found) == {"idle": 1800, "compared": HOUR}
    for honest in (
        Shape(feeder_s=HOUR, feeder_idle_s=540),  # clocks some minutes apart
        Shape(feeder_s=2 * HOUR, feeder_idle_s=3000),  # less than half of the time
        Shape(run_s=HOUR),  # no feeder
    ):
        assert find_feeder_idle(honest) is None


def level(run_w: int, standby_w: int) -> Shape:
    return Shape(run_mw=run_w * 1000, standby_mw=standby_w * 1000)


def test_all_levels_by_one_factor_are_a_changed_ratio_told_once_and_a_new_lamp_is_none() -> None:
    days = [level(900 + n, 200) for n in range(10)] + [level(1800, 400)] * 8
    told = [at for at in range(len(days)) if find_ratio_changed(days[: at + 1])]
    assert told == [14]
    assert figures(find_ratio_changed(days[:15])) == {
        "run_before": 904_000, "run": 1_800_000, "standby_before": 200_000, "standby": 400_000,
    }  # fmt: skip
    assert not any(find_ratio_changed([level(900, 200)] * 10 + [level(1800, 200)] * n) for n in range(9))
    assert not any(find_ratio_changed([level(900, 200)] * 10 + [level(1000, 400)] * n) for n in range(9))
    assert not any(find_ratio_changed([level(900, 200)] * 10 + [level(1800, 400)] * n) for n in range(5))
    down = [level(900, 200)] * 10 + [level(450, 100)] * 5
    assert find_ratio_changed(down) is not None


def test_another_ratio_in_the_policy_is_told_and_the_same_one_in_other_numbers_is_not() -> None:
    found = find_ratio_changed([], ratio=(40, 1), ratio_before=(20, 1))
    assert figures(found) == {"ratio_before": 20_000_000, "ratio": 40_000_000}
    assert find_ratio_changed([], ratio=(40, 1), ratio_before=(80, 2)) is None
