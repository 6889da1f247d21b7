"""A scoring scheme: what turns the values of indicators into points, as whoever evaluates enters it. Pure.

The regulation gives each indicator its points (附件2) and nothing else, so curves and cut-offs are somebody's decision,
with a name and a date. A scheme is a TOML or JSON file; its identity is the SHA-256 of the file's bytes. Numbers are
integers: values in the measure's own unit (`UNITS`), points in hundredths where a curve gives them.

    name = "2026 trial"
    from_day = 2026-01-01           # for rounds of years from this day on
    example = false                 # true: nobody decided it, and every result says so

    [weights]                       # points by indicator, 100 together
    1 = 5
    …

    [[curve]]                       # what is computed; experts give what the weight leaves over
    measure = "average_effective"
    points = 20                     # the most that it gives
    knots = [[0, 0], [800, 1200], [1400, 2000]]     # [hours, hundredths of a point]

    [cutoffs]                       # from so many points on; below `qualified` is poor 较差
    excellent = 90
    good = 75
    qualified = 60

A curve is linear between its knots and level beyond them. Values rise from knot to knot and points never fall; the last
knot gives all the points. A measure has one curve. Indicators 2, 5 and 7 are computed whole; of 4 the experts give what
its curve leaves; 1, 3, 6 and 8 are theirs.
"""

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from collector.errors import SchemeError
from collector.evaluation.indicators import INDICATOR_OF, Measure, Quotient
from protocol.errors import one_line

MAX_SCHEME_BYTES = 32_768
MAX_KNOTS = 100
ALL_POINTS = 100
HUNDREDTHS = 100
COMPUTED = (2, 5, 7)
"""Indicators to which experts give no points."""
INDICATORS = range(1, 9)
UNITS: dict[Measure, tuple[int, int, str]] = {
    "open_rate_value": (10_000, 1, "hundredths of a percent"),
    "opened_rate_count": (10_000, 1, "hundredths of a percent"),
    "docked_share": (10_000, 1, "hundredths of a percent"),
    "bookable_share": (10_000, 1, "hundredths of a percent"),
    "average_effective": (1, 3600, "hours"),
    "sharing_rate_verified": (10_000, 1, "hundredths of a percent"),
}
"""By which numbers a value is multiplied and divided to be in the unit of a curve's knots, and what that unit is."""
Rating = Literal["excellent", "good", "qualified", "poor"]
RATINGS_ZH: dict[str, str] = {"excellent": "优秀", "good": "良好", "qualified": "合格", "poor": "较差"}
RATINGS: tuple[Rating, ...] = get_args(Rating)
_Whole = Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`knots`: (value, hundredths of a point), in order."""

    measure: Measure
    points: _Whole
    knots: tuple[tuple[_Whole, _Whole], ...]

    @property
    def indicator(self) -> int:
        return INDICATOR_OF[self.measure]

    def hundredths(self, quotient: Quotient) -> Fraction:
        """What the value earns, exact, in hundredths of a point."""
        times, by, _ = UNITS[self.measure]
        value = quotient.value * times / by
        if value <= self.knots[0][0]:
            return Fraction(self.knots[0][1])
        for (left, low), (right, high) in pairwise(self.knots):
            if value <= right:
                return low + (value - left) * (high - low) / (right - left)
        return Fraction(self.knots[-1][1])


class Cutoffs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From so many points on."""

    excellent: _Whole
    good: _Whole
    qualified: _Whole

    def rating(self, hundredths: Fraction) -> Rating:
        """Of exact points, not of what is printed of them."""
        for rating in RATINGS[:-1]:
            if hundredths >= getattr(self, rating) * HUNDREDTHS:
                return rating
        return "poor"


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of the file."""

    name: str
    from_day: date
    weights: dict[_Whole, _Whole]
    curve: tuple[Curve, ...]
    cutoffs: Cutoffs
    example: bool = False

    def expert_points(self, indicator: int) -> int:
        """The most that experts give to an indicator, in whole points; 0 where it is none of theirs."""
        return self.weights[indicator] - sum(curve.points for curve in self.curve if curve.indicator == indicator)

    @property
    def of_experts(self) -> tuple[int, ...]:
        """The indicators to which experts give points."""
        return tuple(indicator for indicator in INDICATORS if self.expert_points(indicator) > 0)


class Fault(NamedTuple):
    """One thing that is wrong: where, what was found, what to do."""

    place: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.found}; {self.remedy}"


def parse(raw: bytes) -> Scheme:
    """The scheme of a file's bytes, TOML or JSON. Raises SchemeError with all that is wrong with it."""
    scheme = _read(raw)
    if found := list(_faults(scheme)):
        raise SchemeError("this scheme cannot be used:" + "".join(f"\n  {fault}" for fault in found))
    return scheme


def identity(raw: bytes) -> str:
    """The SHA-256 by which a scheme is known, in hex."""
    return sha256(raw).hexdigest()


def _read(raw: bytes) -> Scheme:
    if len(raw) > MAX_SCHEME_BYTES:
        raise SchemeError(f"a scheme has at most {MAX_SCHEME_BYTES} bytes, not {len(raw)}: is it another file?")
    try:
        text = raw.decode("utf-8")
        said = json.loads(text, object_pairs_hook=_once) if text.lstrip().startswith("{") else tomllib.loads(text)
        return msgspec.convert(said, Scheme, str_keys=True)
    except (ValueError, RecursionError) as error:  # what json, tomllib, the decoder and msgspec raise
        message = one_line(error) or "its values are nested too deeply"
        raise SchemeError(f"this is no scheme: {message}; deploy/evaluation/scheme-example.toml is one") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's parser would take the last of two members without a word."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!a} is given twice: keep one of the two")
    return found


def _faults(scheme: Scheme) -> Iterator[Fault]:
    if not scheme.name.strip() or not scheme.name.isprintable() or len(scheme.name) > 100:
        yield Fault("name", f"{scheme.name[:40]!a} is no name", "write 1 to 100 printable characters on one line")
    yield from _weight_faults(scheme)
    yield from _curve_faults(scheme)
    yield from _cutoff_faults(scheme.cutoffs)


def _weight_faults(scheme: Scheme) -> Iterator[Fault]:
    expected = set(INDICATORS)
    for indicator in sorted(scheme.weights.keys() - expected):
        yield Fault(f"weights.{indicator}", "there is no such indicator", "indicators are 1 to 8 (附件2)")
    for indicator in sorted(expected - scheme.weights.keys()):
        yield Fault(f"weights.{indicator}", "it is missing", "give it its points, 0 where it counts nothing")
    for indicator, weight in sorted(scheme.weights.items()):
        if not 0 <= weight <= ALL_POINTS:
            yield Fault(f"weights.{indicator}", f"it is {weight}", f"give 0 to {ALL_POINTS} points")
    total = sum(scheme.weights.values())
    if total != ALL_POINTS:
        remedy = f"{'take away' if total > ALL_POINTS else 'add'} {abs(ALL_POINTS - total)}"
        yield Fault("weights", f"together they are {total} points, not {ALL_POINTS}", remedy)


def _curve_faults(scheme: Scheme) -> Iterator[Fault]:
    places: dict[Measure, int] = {}
    given = dict.fromkeys(INDICATORS, 0)
    for place, curve in enumerate(scheme.curve):
        if curve.measure in places:
            found = f"{curve.measure} has a curve already, curve[{places[curve.measure]}]"
            yield Fault(f"curve[{place}].measure", found, "keep one of the two")
        places.setdefault(curve.measure, place)
        given[curve.indicator] += curve.points
        yield from (fault._replace(place=f"curve[{place}].{fault.place}") for fault in _knot_faults(curve))
    for indicator in INDICATORS:
        weight = scheme.weights.get(indicator)
        if weight is None:
            continue
        if given[indicator] > weight:
            found = f"the curves of indicator {indicator} give {given[indicator]} points and it has {weight}"
            yield Fault("curve", found, "lower `points` of a curve, or raise the weight")
        elif indicator in COMPUTED and given[indicator] < weight:
            found = f"the curves of indicator {indicator} give {given[indicator]} of its {weight} points"
            yield Fault("curve", found, "it is computed whole: let its curves give them all")


def _knot_faults(curve: Curve) -> Iterator[Fault]:
    if not 0 < curve.points <= ALL_POINTS:
        yield Fault("points", f"it is {curve.points}", f"give 1 to {ALL_POINTS} points")
    if not 2 <= len(curve.knots) <= MAX_KNOTS:
        yield Fault("knots", f"there are {len(curve.knots)}", f"a curve has 2 to {MAX_KNOTS}, as [[0, 0], [800, 1000]]")
        return
    for place, ((left, low), (right, high)) in enumerate(pairwise(curve.knots), 1):
        if right <= left:
            unit = UNITS[curve.measure][2]
            yield Fault(f"knots[{place}]", f"its value {right} does not come after {left} ({unit})", "let values rise")
        if high < low:
            yield Fault(
                f"knots[{place}]", f"its points fall from {low} to {high}", "more never earns less: let them rise"
            )
    first, last = curve.knots[0], curve.knots[-1]
    if first[0] < 0 or first[1] < 0:
        yield Fault("knots[0]", f"it is {list(first)}", "neither values nor points are negative")
    if last[1] != curve.points * HUNDREDTHS:
        found = f"its points are {last[1]} hundredths and the curve has {curve.points}"
        yield Fault(f"knots[{len(curve.knots) - 1}]", found, f"end with {curve.points * HUNDREDTHS}")


def _cutoff_faults(cutoffs: Cutoffs) -> Iterator[Fault]:
    held = [(rating, int(getattr(cutoffs, rating))) for rating in RATINGS[:-1]]
    for rating, points in held:
        if not 0 < points <= ALL_POINTS:
            yield Fault(f"cutoffs.{rating}", f"it is {points}", f"give 1 to {ALL_POINTS} points")
    for (better, high), (worse, low) in pairwise(held):
        if high <= low:
            remedy = f"let {better} begin above {worse}"
            yield Fault(f"cutoffs.{better}", f"it is {high} and {worse} is {low}: they overlap", remedy)
