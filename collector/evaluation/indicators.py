"""The indicators that are computed, of each unit and of all together: integers and exact quotients. Pure.

    no.  measure                 numerator                            denominator
    2    open_rate_value         original value of what is open       original value of the instruments counted
    2    opened_rate_count       how many are open                    how many instruments are counted
    4    docked_share            how many showed anything at all      how many instruments are counted
    4    bookable_share          how many are open for booking        how many instruments are counted
    5    average_effective       counted effective seconds            how many instruments are counted
    7    sharing_rate_verified   verified external, counted seconds   counted effective seconds

Counted effective time is that of the grades A, B and C, and of D what two people accepted (protocol/grades.py); what
was measured beside it is printed, and so are claimed external seconds, and neither is in any numerator. Instruments
alone are summed: a facility stands in the population, has no hours of its own, and its value holds that of its
instruments again. Hours count where the owner on the round's date also owned the instrument; what it worked before,
for another unit, is `elsewhere_s`. A quotient over nothing is undefined: it counts as 0 and is marked.

A round computes the measures of its edition: the first one, of rounds made before the registry knew what may be booked,
has no `bookable_share`.

A rate of a sum is the quotient of sums, never a mean of rates (domain.md section 2), so the line of all units adds up.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor
from typing import Literal, get_args

import msgspec

from collector.evaluation.population import Kind, Member, Reason

Measure = Literal[
    "open_rate_value",
    "opened_rate_count",
    "docked_share",
    "bookable_share",
    "average_effective",
    "sharing_rate_verified",
]
MEASURES: tuple[Measure, ...] = get_args(Measure)
INDICATOR_OF: Mapping[Measure, int] = {
    "open_rate_value": 2,
    "opened_rate_count": 2,
    "docked_share": 4,
    "bookable_share": 4,
    "average_effective": 5,
    "sharing_rate_verified": 7,
}
EDITION = 2
"""Of rounds that are made now."""
SINCE: Mapping[Measure, int] = {"bookable_share": 2}
"""From which edition on a measure is computed; the others always."""
ALL_UNITS = ""
"""The name under which the sum over all units stands."""


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whole seconds of one instrument, or of many, over the year.

    `network_s` are all seconds of the days owned, `observed_s` those that somebody saw. `a_s` to `x_s` are the
    effective time by grade, `counted_s` what counts of it, `counted_verified_s` what of that served others and is
    proved by a document. `hand_s` stands beside all others, `elsewhere_s` under another owner.
    """

    network_s: int = 0
    observed_s: int = 0
    bridged_s: int = 0
    effective_s: int = 0
    counted_s: int = 0
    counted_verified_s: int = 0
    claimed_s: int = 0
    verified_s: int = 0
    unresolved_s: int = 0
    a_s: int = 0
    b_s: int = 0
    c_s: int = 0
    d_s: int = 0
    x_s: int = 0
    hand_s: int = 0
    elsewhere_s: int = 0


SECONDS: tuple[str, ...] = Seconds.__struct_fields__


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument's year under the unit that owned it on the round's date; `policies` by SHA-256, in order."""

    asset_no: str
    uscc: str
    seconds: Seconds
    policies: tuple[str, ...] = ()


class Quotient(msgspec.Struct, frozen=True, array_like=True):
    """An exact quotient of integers."""

    measure: Measure
    numerator: int
    denominator: int

    @property
    def is_undefined(self) -> bool:
        return self.denominator == 0

    @property
    def value(self) -> Fraction:
        """The quotient; 0 where it is undefined. Seconds per instrument of `average_effective`."""
        return Fraction(0) if self.is_undefined else Fraction(self.numerator, self.denominator)


class Excluded(msgspec.Struct, frozen=True, array_like=True):
    """How many of a kind are not counted for a reason."""

    kind: Kind
    reason: Reason
    count: int


class Indicators(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was computed of one unit; `uscc` "" for all units. `value_fen` is that of the instruments counted. `v`: the
    edition."""

    v: Literal[1, 2]
    uscc: str
    instruments: int
    facilities: int
    value_fen: int
    excluded: tuple[Excluded, ...]
    measures: tuple[Quotient, ...]
    seconds: Seconds
    policies: tuple[str, ...]

    def measured(self, measure: Measure) -> Quotient:
        return next(each for each in self.measures if each.measure == measure)

    @property
    def coverage(self) -> Fraction | None:
        """Observed ÷ in-network seconds, printed beside every figure; None where nothing was in the network."""
        return Fraction(self.seconds.observed_s, self.seconds.network_s) if self.seconds.network_s else None


def is_computed(measure: Measure, edition: int) -> bool:
    """Whether rounds of an edition have the measure."""
    return SINCE.get(measure, 1) <= edition


def compute(members: Iterable[Member], figures: Iterable[Figure], *, edition: int = EDITION) -> list[Indicators]:
    """The indicators of all units (`ALL_UNITS`, first) and of each that a member belongs to, by code.

    `figures` has one line for each instrument that is counted, at most; one without was never heard of.
    """
    held = list(members)
    of_asset = {figure.asset_no: figure for figure in figures}
    names = sorted({member.uscc for member in held if member.uscc is not None})
    by_unit: dict[str, list[Member]] = {name: [] for name in names}
    for member in held:
        if member.uscc is not None:
            by_unit[member.uscc].append(member)
    units = {ALL_UNITS: held, **{name: by_unit[name] for name in names}}
    return [_compute(name, of_unit, of_asset, edition=edition) for name, of_unit in units.items()]


def encode(indicators: Indicators) -> bytes:
    """The one byte string of what was computed."""
    return msgspec.json.encode(indicators)


def decode(raw: bytes) -> Indicators:
    """What these bytes of ours say."""
    return msgspec.json.decode(raw, type=Indicators)


def add_up(parts: Iterable[Seconds]) -> Seconds:
    """Their sums, member by member."""
    held = list(parts)
    return Seconds(**{name: sum(getattr(part, name) for part in held) for name in SECONDS})


def nearest(exact: Fraction) -> int:
    """The whole number that is printed, halves up, as protocol.hours.in_tenths rounds: made once, on output."""
    return floor(exact + Fraction(1, 2))


def _compute(uscc: str, members: list[Member], of_asset: Mapping[str, Figure], *, edition: int) -> Indicators:
    counted = [member for member in members if member.is_in and member.kind == "instrument"]
    left_out = Counter((member.kind, member.reason) for member in members if not member.is_in)
    found = [of_asset[member.name] for member in counted if member.name in of_asset]
    seconds = add_up(figure.seconds for figure in found)
    value_fen = sum(member.value_fen or 0 for member in counted)
    opened = [member for member in counted if member.shareable]
    docked = sum(1 for figure in found if figure.seconds.observed_s)
    bookable = sum(1 for member in counted if member.bookable)
    measures = (
        Quotient("open_rate_value", sum(member.value_fen or 0 for member in opened), value_fen),
        Quotient("opened_rate_count", len(opened), len(counted)),
        Quotient("docked_share", docked, len(counted)),
        Quotient("bookable_share", bookable, len(counted)),
        Quotient("average_effective", seconds.counted_s, len(counted)),
        Quotient("sharing_rate_verified", seconds.counted_verified_s, seconds.counted_s),
    )
    return Indicators(
        v=2 if edition > 1 else 1,
        uscc=uscc,
        instruments=len(counted),
        facilities=sum(1 for member in members if member.is_in and member.kind == "facility"),
        value_fen=value_fen,
        excluded=tuple(Excluded(*key, count) for key, count in sorted(left_out.items())),
        measures=tuple(each for each in measures if is_computed(each.measure, edition)),
        seconds=seconds,
        policies=tuple(sorted({policy for figure in found for policy in figure.policies})),
    )
