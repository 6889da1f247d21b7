"""From indicators and experts' points to a ranking: exact quotients, hundredths of a point. Pure.

1  a measure earns what the scheme's curve gives for its exact value; an undefined one earns what 0 does
2  experts' points of an indicator are the mean of what those experts gave who gave any
3  a unit's points are the sum; units of exactly equal points share a rank, and the next rank is left free
4  the rating follows from the exact points by the scheme's cut-offs

Nothing is rounded here: two units that print the same points may have different ranks, and then their exact points say
why. Units of which no instrument is counted are not ranked.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import msgspec

from collector.errors import RoundError
from collector.evaluation.indicators import ALL_UNITS, Indicators, nearest
from collector.evaluation.scheme import Rating, Scheme

EXPERTS = "experts"
"""The source of points that no curve gave."""
Given = Mapping[tuple[str, int], Sequence[int]]
"""By unit and indicator: what each expert gave, in hundredths of a point."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Points of one indicator from one source, a measure or `EXPERTS`; `hundredths` exact, as "85/3"."""

    indicator: int
    source: str
    hundredths: str


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a unit reached. `hundredths` is the sum of its parts."""

    uscc: str
    rank: int
    rating: Rating
    hundredths: str
    parts: tuple[Part, ...]


class Missing(NamedTuple):
    """An indicator of a unit to which nobody gave points."""

    uscc: str
    indicator: int


def ranked(indicators: Iterable[Indicators]) -> list[Indicators]:
    """Those of the units that are ranked."""
    return [each for each in indicators if each.uscc != ALL_UNITS and each.instruments]


def find_missing(indicators: Iterable[Indicators], scheme: Scheme, given: Given) -> list[Missing]:
    """Where no expert gave points, by unit and indicator."""
    return [
        Missing(each.uscc, indicator)
        for each in ranked(indicators)
        for indicator in scheme.of_experts
        if not given.get((each.uscc, indicator))
    ]


def score_all(indicators: Iterable[Indicators], scheme: Scheme, given: Given) -> list[Score]:
    """The ranking, best first and then by code. RoundError where nobody gave points that are needed."""
    held = ranked(indicators)
    if missing := find_missing(held, scheme, given):
        named = ", ".join(f"{uscc} indicator {indicator}" for uscc, indicator in missing[:10])
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise RoundError(f"nobody gave points to {named}{more}: have an expert give them before the round closes")
    return rank_all({each.uscc: tuple(_parts(each, scheme, given)) for each in held}, scheme)


def rank_all(parts: Mapping[str, tuple[Part, ...]], scheme: Scheme) -> list[Score]:
    """The ranking of units by code and the parts of their points, best first and then by code."""
    totals = {uscc: sum((Fraction(part.hundredths) for part in each), Fraction(0)) for uscc, each in parts.items()}
    ordered = sorted(totals.values(), reverse=True)
    first_place = {total: place for place, total in reversed(list(enumerate(ordered, 1)))}
    return [
        Score(uscc, first_place[total], scheme.cutoffs.rating(total), str(total), parts[uscc])
        for uscc, total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]


def rounded(hundredths: str) -> int:
    """Exact hundredths of a point as they are printed: whole ones."""
    return nearest(Fraction(hundredths))


def encode(score: Score) -> bytes:
    """The one byte string of a score."""
    return msgspec.json.encode(score)


def decode(raw: bytes) -> Score:
    """What these bytes of ours say."""
    return msgspec.json.decode(raw, type=Score)


def _parts(indicators: Indicators, scheme: Scheme, given: Given) -> Iterable[Part]:
    for curve in sorted(scheme.curve, key=lambda each: (each.indicator, each.measure)):
        earned = curve.hundredths(indicators.measured(curve.measure))
        yield Part(curve.indicator, curve.measure, str(earned))
    for indicator in scheme.of_experts:
        points = given[indicators.uscc, indicator]
        yield Part(indicator, EXPERTS, str(Fraction(sum(points), len(points))))
