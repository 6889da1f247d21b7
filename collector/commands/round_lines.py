"""How a round of evaluation is printed: one line a thing. Rounded here and nowhere before, halves up."""

from collections import Counter
from collections.abc import Iterable, Iterator

from collector.evaluation.figures import NamedIndicators
from collector.evaluation.indicators import INDICATOR_OF, Quotient, nearest
from collector.evaluation.population import REASONS, Member
from collector.evaluation.results import Result
from collector.evaluation.rounds import Round
from collector.evaluation.scheme import RATINGS_ZH
from collector.evaluation.schemes import EnteredScheme
from collector.evaluation.scoring import rounded


def of_round(held: Round) -> str:
    """`2026 draft as of 2026-12-31, from 200000.00 CNY on, more than 50 % public money`"""
    fen = held.rules.min_value_fen
    limits = f"from {fen // 100}.{fen % 100:02} CNY on, more than {held.rules.over_government_percent} % public money"
    data = f", figures of frozen period {held.frozen}" if held.frozen else ""
    return f"{held.name} {held.state} as of {held.as_of}, {limits}{data}"


def of_population(members: Iterable[Member]) -> Iterator[str]:
    """`population: 12 instruments in, below-value`, by kind and reason."""
    counted = Counter((each.kind, each.is_in, each.reason) for each in members)
    for (kind, is_in, reason), count in sorted(
        counted.items(), key=lambda item: (item[0][0], REASONS.index(item[0][2]), item[0][1])
    ):
        yield f"population: {count} {kind} {'in' if is_in else 'out'}, {reason}"


def of_indicators(lines: Iterable[NamedIndicators]) -> Iterator[str]:
    """Of each unit a line, and one a measure, with the exact quotient beside what is printed of it."""
    for line in lines:
        found = line.indicators
        coverage = "none" if found.coverage is None else f"{_hundredths(nearest(found.coverage * 10_000))} %"
        yield (
            f"{found.uscc or 'all units'} {line.name_zh}: {found.instruments} instruments, {found.facilities} "
            f"facilities, coverage {coverage}, by grade A {found.seconds.a_s} B {found.seconds.b_s} "
            f"C {found.seconds.c_s} D {found.seconds.d_s} X {found.seconds.x_s} s"
        )
        for each in found.measures:
            yield f"  {INDICATOR_OF[each.measure]} {each.measure} {_of_quotient(each)}"


def of_scheme(entered: EnteredScheme) -> str:
    """`9f12ab34… 2026 trial from 2026-01-01 by Wang`, and EXAMPLE where it is one."""
    scheme = entered.scheme
    mark = " EXAMPLE, decided by nobody (示例)" if scheme.example else ""
    return f"scheme {entered.sha256} {scheme.name} from {scheme.from_day} by {entered.entered_by}{mark}"


def of_result(result: Result) -> str:
    """`1  86.12  good 良好  91610131MA6TYUUC74 西安测试大学`"""
    score = result.score
    by_hand = (
        ""
        if result.set_rating is None
        else f", set by {result.set_by} ({result.why}) instead of {score.rating} {RATINGS_ZH[score.rating]}"
    )
    points = _hundredths(rounded(score.hundredths))
    rating = f"{result.rating} {RATINGS_ZH[result.rating]}"
    return f"{score.rank:>3}  {points:>6}  {rating}  {score.uscc} {result.name_zh}{by_hand}"


def _of_quotient(each: Quotient) -> str:
    exact = f"{each.numerator} / {each.denominator}"
    if each.is_undefined:
        return f"undefined, counted as 0 = {exact}"
    if each.measure == "average_effective":
        tenths = nearest(each.value * 10 / 3600)
        return f"{tenths // 10}.{tenths % 10} h = {exact} s"
    return f"{_hundredths(nearest(each.value * 10_000))} % = {exact}"


def _hundredths(number: int) -> str:
    return f"{number // 100}.{number % 100:02}"
