"""One operator in two places: signed in at instruments that do not stand together, at the same time. Pure.

Somebody who starts a long run and goes to the next room is at two instruments, and nothing is wrong with it. So only
instruments that stand in different places count: other facilities, or other units.

Threshold: half an hour of the same time on one day. Less is somebody who signed out late.
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.flags.flag import Figure, Finding
from protocol.interval import Interval, intersect, length, union

MIN_S = 1800


class Attended(NamedTuple):
    """Who (a salted hash) was at which instrument, standing where, over [start_ms, end_ms)."""

    operator: str
    asset: str
    place: str
    start_ms: int
    end_ms: int


def find_two_places(asset: str, attended: Iterable[Attended]) -> Finding | None:
    """`attended`: one day, of this instrument and of all others at which its operators were."""
    by_operator: dict[str, list[Attended]] = {}
    for each in attended:
        by_operator.setdefault(each.operator, []).append(each)
    shared_ms, others, operators = 0, set(), set()
    for operator, stays in by_operator.items():
        for here in (each for each in stays if each.asset == asset):
            elsewhere = [each for each in stays if each.asset != asset and each.place != here.place]
            at_once: list[Interval] = intersect([here[3:5]], union(each[3:5] for each in elsewhere))
            if length(at_once) >= MIN_S * 1000:
                shared_ms += length(at_once)
                operators.add(operator)
                others |= {each.asset for each in elsewhere if intersect([here[3:5]], [each[3:5]])}
    if not shared_ms:
        return None
    figures = (Figure("at_once", shared_ms // 1000, "s"), Figure("operators", len(operators)))
    return Finding("two-places", figures, tuple(sorted(others)[:10]))
