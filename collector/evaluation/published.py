"""The published result of a round: one byte string, with a hash, that nobody changes any more. Pure.

    {"v":1,"round":"2026","year":2026,"as_of":"2026-12-31","frozen":"2026","scheme":"9f12…","is_example":false,
     "units":[{"rank":1,"uscc":"9161…","name_zh":"…","name_en":"…","rating":"good","scheme_rating":"good",
               "hundredths":"8612","points":8612,"parts":[[1,"experts","85/3",28],…]},…],
     "amendments":[[3,"9161…",5,"average_effective","1200","1350"],…],"draws":[["4 2 6 1 5",2,["9161…","1210…"]],…]}

Points are hundredths of a point: exact beside what is printed of them, rounded once, halves up. An amendment names its
objection, the part that it changed, and what that was and became. A draw is that of units to be visited: its seed, of
how many, and whom it drew (drawing.py); whom flags chose stays out. It holds no person's name and nobody's reason.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

import msgspec

from collector.evaluation.amending import Amendment
from collector.evaluation.results import Result
from collector.evaluation.rounds import Round
from collector.evaluation.scheme import Rating
from collector.evaluation.scoring import rounded


class PublishedPart(msgspec.Struct, frozen=True, array_like=True):
    """Points of one indicator from one source."""

    indicator: int
    source: str
    hundredths: str
    points: int


class PublishedUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit's line."""

    rank: int
    uscc: str
    name_zh: str
    name_en: str
    rating: Rating
    scheme_rating: Rating
    hundredths: str
    points: int
    parts: tuple[PublishedPart, ...]


class PublishedAmendment(msgspec.Struct, frozen=True, array_like=True):
    """What an upheld objection changed."""

    objection: int
    uscc: str
    indicator: int
    source: str
    was: str
    became: str


class PublishedDraw(msgspec.Struct, frozen=True, array_like=True):
    """Which units a seed drew, by their code."""

    seed: str
    count: int
    units: tuple[str, ...]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See the top of the file."""

    v: Literal[1]
    round: str
    year: int
    as_of: str
    frozen: str
    scheme: str
    is_example: bool
    units: tuple[PublishedUnit, ...]
    amendments: tuple[PublishedAmendment, ...]
    draws: tuple[PublishedDraw, ...]


def compose(
    held: Round,
    results: Iterable[Result],
    *,
    amendments: Iterable[tuple[int, Amendment]],
    draws: Iterable[PublishedDraw],
    is_example: bool,
) -> Published:
    """The result of a round whose ranking stands; `amendments` with the objections that they answer, in order."""
    assert held.frozen is not None, "it has one from the state `data` on"
    assert held.scheme is not None, "it has one from the state `experts` on"
    return Published(
        v=1,
        round=held.name,
        year=held.year,
        as_of=held.as_of.isoformat(),
        frozen=held.frozen,
        scheme=held.scheme,
        is_example=is_example,
        units=tuple(_unit(each) for each in results),
        amendments=tuple(
            PublishedAmendment(number, each.uscc, each.indicator, each.correction.source, each.was, each.became)
            for number, each in amendments
        ),
        draws=tuple(draws),
    )


def with_names_of(stored: Published, computed: Published) -> Published:
    """What was computed, with the names under which the units were published: the registry may know others by now."""
    names = {unit.uscc: (unit.name_zh, unit.name_en) for unit in stored.units}
    units = tuple(
        msgspec.structs.replace(unit, name_zh=zh, name_en=en)
        for unit in computed.units
        for zh, en in [names.get(unit.uscc, (unit.name_zh, unit.name_en))]
    )
    return msgspec.structs.replace(computed, units=units)


def encode(published: Published) -> bytes:
    """The one byte string of a result."""
    return msgspec.json.encode(published)


def decode(raw: bytes) -> Published:
    """What these bytes of ours say."""
    return msgspec.json.decode(raw, type=Published)


def identity(raw: bytes) -> str:
    """The SHA-256 by which a result is known, in hex."""
    return sha256(raw).hexdigest()


def _unit(result: Result) -> PublishedUnit:
    score = result.score
    return PublishedUnit(
        rank=score.rank,
        uscc=score.uscc,
        name_zh=result.name_zh,
        name_en=result.name_en,
        rating=result.rating,
        scheme_rating=score.rating,
        hundredths=score.hundredths,
        points=rounded(score.hundredths),
        parts=tuple(
            PublishedPart(each.indicator, each.source, each.hundredths, rounded(each.hundredths))
            for each in score.parts
        ),
    )
