"""Points are exact, ties share a rank, and nobody is ranked without what belongs to it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RoundError
from collector.evaluation.indicators import Figure, Indicators, Seconds, compute
from collector.evaluation.population import Member
from collector.evaluation.scheme import RATINGS, parse
from collector.evaluation.scoring import decode, encode, find_missing, rounded, score_all
from tests.collector.evaluation.test_scheme import EXAMPLE

SCHEME = parse(EXAMPLE.encode())
UNITS = ["12100000400000624D", "91610131MA6TYUUC74", "91440300708461136T"]
FULL = {1: 500, 3: 1000, 4: 1000, 6: 2000, 8: 1000}


def indicators(*hours: int) -> list[Indicators]:
    """Of one unit for each number of hours, with one instrument, all open, observed, a tenth of it for others."""
    members, figures = [], []
    for uscc, each in zip(UNITS, hours, strict=False):
        members.append(Member("instrument", uscc, uscc, 10**8, 10**8, True, True, "meets-rules", ""))
        seconds = Seconds(observed_s=1, network_s=1, counted_s=each * 3600, counted_verified_s=each * 360)
        figures.append(Figure(uscc, uscc, seconds))
    return compute(members, figures)


def all_points(*units: str) -> dict[tuple[str, int], list[int]]:
    return {(uscc, indicator): [most] for uscc in units for indicator, most in FULL.items()}


def test_a_units_points_are_the_sum_of_its_parts() -> None:
    [score] = score_all(indicators(800), SCHEME, all_points(UNITS[0]))
    parts = {(part.indicator, part.source): Fraction(part.hundredths) for part in score.parts}
    assert parts == {
        (2, "open_rate_value"): 1000, (4, "docked_share"): 500, (5, "average_effective"): 1200,
        (7, "sharing_rate_verified"): Fraction(1000 * 700, 1700),
        **{(number, "experts"): most for number, most in FULL.items()},
    }  # fmt: skip
    assert Fraction(score.hundredths) == sum(parts.values())
    assert (score.rank, score.rating, rounded(score.hundredths)) == (1, "good", 8612)


def test_experts_points_are_their_mean() -> None:
    given_ = {**all_points(UNITS[0]), (UNITS[0], 6): [2000, 1000, 1001]}
    [score] = score_all(indicators(800), SCHEME, given_)
    assert next(part.hundredths for part in score.parts if part.indicator == 6) == str(Fraction(4001, 3))


def test_units_of_equal_points_share_a_rank_and_the_next_one_is_left_free() -> None:
    scores = score_all(indicators(800, 800, 400), SCHEME, all_points(*UNITS))
    assert [(each.rank, each.uscc) for each in scores] == [(1, UNITS[0]), (1, UNITS[1]), (3, UNITS[2])]


def test_what_prints_alike_may_still_differ() -> None:
    given_ = {**all_points(*UNITS[:2]), (UNITS[1], 6): [2000] * 2999 + [1999]}
    first, second = score_all(indicators(800, 800), SCHEME, given_)
    assert rounded(first.hundredths) == rounded(second.hundredths)
    assert (first.uscc, first.rank, second.rank) == (UNITS[0], 1, 2)


@pytest.mark.parametrize(("hundredths", "printed"), [("1/2", 1), ("3/2", 2), ("5/2", 3), ("85/3", 28), ("9000", 9000)])
def test_points_are_printed_to_a_hundredth_halves_up(hundredths: str, printed: int) -> None:
    assert rounded(hundredths) == printed


def test_without_points_of_an_expert_nothing_is_ranked() -> None:
    given_ = all_points(*UNITS[:2])
    del given_[UNITS[1], 3]
    assert [tuple(each) for each in find_missing(indicators(1, 1), SCHEME, given_)] == [(UNITS[1], 3)]
    with pytest.raises(RoundError, match=f"nobody gave points to {UNITS[1]} indicator 3: have an expert give them"):
        score_all(indicators(1, 1), SCHEME, given_)


def test_a_unit_of_which_nothing_is_counted_is_not_ranked() -> None:
    left_out = compute([Member("instrument", "A1", UNITS[0], 1, 1, True, False, "below-value", "")], [])
    assert score_all(left_out, SCHEME, {}) == []


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=3), st.randoms())
def test_the_ranking_is_the_same_in_whatever_order_units_come(hours: list[int], random: object) -> None:
    found = indicators(*hours)
    scores = score_all(found, SCHEME, all_points(*UNITS))
    random.shuffle(found)  # type: ignore[attr-defined]
    assert score_all(found, SCHEME, all_points(*UNITS)) == scores
    exact = [Fraction(each.hundredths) for each in scores]
    assert exact == sorted(exact, reverse=True)
    assert [each.rank for each in scores] == [1 + sum(other > each for other in exact) for each in exact]
    assert all(each.rating in RATINGS and decode(encode(each)) == each for each in scores)
