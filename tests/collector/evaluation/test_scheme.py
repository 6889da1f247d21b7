"""A scheme adds up, or every fault of it is named with its place and what to do."""

import json
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SchemeError
from collector.evaluation.indicators import Quotient
from collector.evaluation.scheme import COMPUTED, HUNDREDTHS, MAX_SCHEME_BYTES, Curve, parse

EXAMPLE = (Path(__file__).parents[3] / "deploy" / "evaluation" / "scheme-example.toml").read_text(encoding="utf-8")


def test_the_shipped_scheme_is_marked_as_an_example_and_has_the_weights_of_the_regulation() -> None:
    scheme = parse(EXAMPLE.encode())
    assert scheme.example
    assert "EXAMPLE" in scheme.name
    assert EXAMPLE.startswith("# AN EXAMPLE (示例)")
    assert scheme.weights == {1: 5, 2: 10, 3: 10, 4: 15, 5: 20, 6: 20, 7: 10, 8: 10}
    assert scheme.of_experts == (1, 3, 4, 6, 8)
    assert [scheme.expert_points(each) for each in (1, 4, 6, *COMPUTED)] == [5, 10, 20, 0, 0, 0]


def test_the_same_scheme_may_be_json() -> None:
    said = tomllib.loads(EXAMPLE)
    assert parse(json.dumps(said, default=str).encode()) == parse(EXAMPLE.encode())


WRONG = {
    "too few points": ("1 = 5 ", "1 = 4 ", "weights: together they are 99 points, not 100; add 1"),
    "too many points": ("1 = 5 ", "1 = 9 ", "weights: together they are 104 points, not 100; take away 4"),
    "a missing weight": ("1 = 5 ", "", "weights.1: it is missing"),
    "a weight of nothing": ("1 = 5 ", "9 = 5 ", "weights.9: there is no such indicator; indicators are 1 to 8"),
    "a negative weight": ("1 = 5 ", "1 = -5 ", "weights.1: it is -5; give 0 to 100 points"),
    "values that do not rise": ("[[0, 0], [800, ", "[[800, 0], [800, ", "knots[1]: its value 800 does not come"),
    "points that fall": ("[800, 1200]", "[800, 1900]", "curve[2].knots[2]: its points fall from 1900 to 1800"),
    "a curve that ends low": ("[2000, 2000]", "[2000, 1900]", "curve[2].knots[3]: its points are 1900 hundredths"),
    "a curve of one knot": ("[[0, 0], [10000, 500]]", "[[0, 500]]", "curve[1].knots: there are 1; a curve has 2 to"),
    "a negative knot": ("[[0, 0], [8000", "[[-1, 0], [8000", "curve[0].knots[0]: it is [-1, 0]; neither values nor"),
    "two curves of a measure": ('"docked_share"', '"open_rate_value"', "curve[1].measure: open_rate_value has a curve"),
    "a curve over the weight": (
        'measure = "docked_share"', 'measure = "opened_rate_count"',
        "the curves of indicator 2 give 15 points and it has 10; lower `points` of a curve, or raise the weight",
    ),
    "a computed indicator left open": (
        'measure = "sharing_rate_verified"', 'measure = "opened_rate_count"',
        "the curves of indicator 7 give 0 of its 10 points; it is computed whole",
    ),
    "cut-offs that overlap": ("good = 75", "good = 90", "cutoffs.excellent: it is 90 and good is 90: they overlap"),
    "a cut-off beyond all points": ("excellent = 90", "excellent = 101", "cutoffs.excellent: it is 101; give 1 to 100"),
    "no name": ('"EXAMPLE 示例评分方案"', '" "', "name: ' ' is no name"),
    "an unknown measure": ('"docked_share"', '"docked"', "Invalid enum value 'docked' - at `$.curve[1].measure`"),
    "a fraction": ("points = 5\n", "points = 5.0\n", "Expected `int`, got `float` - at `$.curve[1].points`"),
    "an unknown member": ("example = true", "sample = true", "unknown field `sample`"),
    "a number beyond all sense": ("1 = 5 ", f"1 = {10**30} ", "this is no scheme: "),
    "no date": ("2026-01-01", '"soon"', "at `$.from_day`"),
    "a member given twice": ("example = true", "example = true\nexample = true", "this is no scheme: "),
    "no TOML": ("[weights]", "[weights", "this is no scheme: "),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_place_and_the_remedy(name: str) -> None:
    old, new, says = WRONG[name]
    assert old in EXAMPLE
    with pytest.raises(SchemeError) as caught:
        parse(EXAMPLE.replace(old, new, 1).encode())
    assert says in str(caught.value)


def test_all_faults_come_at_once() -> None:
    raw = EXAMPLE.replace("1 = 5 ", "1 = 4 ").replace("good = 75", "good = 95").replace("[800, 1200]", "[800, 1900]")
    with pytest.raises(SchemeError) as caught:
        parse(raw.encode())
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe", b"{", b'{"name":"x","name":"y"}', b'{"\\ud800":1}', b"[" * 9000, b"x = " + b"[" * 9000,
     b" " * (MAX_SCHEME_BYTES + 1), b"{" + b'"a":{' * 3000],
)  # fmt: skip
def test_foreign_bytes_are_no_scheme(raw: bytes) -> None:
    with pytest.raises(SchemeError) as caught:
        parse(raw)
    assert str(caught.value).encode(), "it can be printed"


def hours(numerator: int, denominator: int = 1) -> Quotient:
    return Quotient("average_effective", numerator * 3600, denominator)


CURVE = Curve("average_effective", 20, ((100, 0), (800, 1200), (1400, 2000)))


@pytest.mark.parametrize(
    ("quotient", "hundredths"),
    [
        (hours(0), Fraction(0)),
        (hours(100), Fraction(0)),
        (hours(450), Fraction(600)),
        (hours(800), Fraction(1200)),
        (hours(801), Fraction(1200) + Fraction(800, 600)),
        (hours(2401, 3), Fraction(1200) + Fraction(1, 3) * Fraction(800, 600)),
        (hours(1400), Fraction(2000)),
        (hours(9000), Fraction(2000)),
        (Quotient("average_effective", 0, 0), Fraction(0)),
    ],
)
def test_a_curve_is_linear_between_its_knots_and_level_beyond(quotient: Quotient, hundredths: Fraction) -> None:
    assert CURVE.hundredths(quotient) == hundredths


def test_a_share_is_read_in_hundredths_of_a_percent() -> None:
    curve = Curve("sharing_rate_verified", 10, ((0, 0), (1700, 700), (3000, 1000)))
    assert curve.hundredths(Quotient("sharing_rate_verified", 17, 100)) == 700
    assert curve.hundredths(Quotient("sharing_rate_verified", 1, 3)) == 1000
    assert curve.hundredths(Quotient("sharing_rate_verified", 1, 7)) == Fraction(10_000, 7) * 700 / 1700


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6))
def test_more_never_earns_less(one: int, other: int, instruments: int) -> None:
    low, high = sorted((one, other))
    earned = [CURVE.hundredths(Quotient("average_effective", each, instruments)) for each in (low, high)]
    assert 0 <= earned[0] <= earned[1] <= CURVE.points * HUNDREDTHS


def test_a_rating_begins_at_its_cut_off_exactly() -> None:
    cutoffs = parse(EXAMPLE.encode()).cutoffs
    at = {Fraction(9000): "excellent", Fraction(9000) - Fraction(1, 10**9): "good", Fraction(7500): "good",
          Fraction(6000): "qualified", Fraction(5999): "poor", Fraction(0): "poor"}  # fmt: skip
    assert {hundredths: cutoffs.rating(hundredths) for hundredths in at} == at
