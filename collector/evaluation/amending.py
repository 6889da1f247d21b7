"""An upheld objection changes one part of one unit's points, and the ranking is made again. Pure.

Of a measure the evaluator enters the quotient that is right, and the scheme's curve gives its points; of experts'
points the hundredths that take their place. Nothing else changes: the other parts, the scheme and the cut-offs stay,
what was computed stays stored beside, and each amendment says what its part was and became.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from collector.errors import RoundError
from collector.evaluation.indicators import Quotient
from collector.evaluation.scheme import HUNDREDTHS, Scheme
from collector.evaluation.scoring import EXPERTS, Part, Score, rank_all

MAX_COUNT = 2**53 - 1
"""No sum of seconds or fen of a year is as large, and every reader of JSON can hold it."""


class Correction(NamedTuple):
    """What is right instead: `numerator` and `denominator` of a measure (seconds, fen, instruments), or `hundredths` of
    experts' points."""

    source: str
    numerator: int | None = None
    denominator: int | None = None
    hundredths: int | None = None


class Amendment(NamedTuple):
    """A correction of a unit's part, as it was made; `was` and `became` are exact hundredths, as "85/3"."""

    uscc: str
    indicator: int
    correction: Correction
    was: str
    became: str


def amend(
    scores: Iterable[Score], scheme: Scheme, *, uscc: str, indicator: int, correction: Correction
) -> tuple[Amendment, list[Score]]:
    """The amendment, and the whole ranking after it. RoundError where the unit has no such part, or no such points."""
    parts = {score.uscc: score.parts for score in scores}
    wanted = (indicator, correction.source)
    held = next((each for each in parts.get(uscc, ()) if (each.indicator, each.source) == wanted), None)
    if held is None:
        known = [each.source for each in parts.get(uscc, ()) if each.indicator == indicator]
        raise RoundError(
            f"unit {uscc[:20]!a} has no points of indicator {indicator} from {correction.source[:40]!a}: "
            + (f"they come from {', '.join(known)}" if known else "the scheme gives none")
        )
    became = str(_earned(scheme, indicator, correction))
    changed = tuple(Part(indicator, held.source, became) if each is held else each for each in parts[uscc])
    amendment = Amendment(uscc, indicator, correction, held.hundredths, became)
    return amendment, rank_all({**parts, uscc: changed}, scheme)


def _earned(scheme: Scheme, indicator: int, correction: Correction) -> Fraction:
    source, numerator, denominator, hundredths = correction
    if source == EXPERTS:
        most = scheme.expert_points(indicator) * HUNDREDTHS
        if hundredths is None or not 0 <= hundredths <= most:
            raise RoundError(f"experts' points of indicator {indicator} are 0 to {most} hundredths: say which")
        return Fraction(hundredths)
    if numerator is None or denominator is None or not (0 <= numerator <= MAX_COUNT and 0 < denominator <= MAX_COUNT):
        raise RoundError(
            f"{source} is computed: say which numerator and which denominator are right, in seconds, fen or instruments"
        )
    curve = next(each for each in scheme.curve if each.measure == source)
    return curve.hundredths(Quotient(curve.measure, numerator, denominator))
