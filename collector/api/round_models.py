"""What the API is asked and answers about rounds of evaluation.

Quotients are exact; what is rounded stands beside them, halves up. Money is in fen, time in seconds, points in
hundredths where the name says so.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from collector.api.models import USCC, Model, WrittenDay
from collector.evaluation.indicators import Measure
from collector.evaluation.population import Kind, Reason, Verdict
from collector.evaluation.scheme import Rating
from collector.evaluation.states import State
from collector.registry.audit import MAX_TEXT

Why = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="Is kept with it, beside who and when")]
Uscc = Annotated[str, Field(pattern=USCC)]


class AskedRound(Model):
    """A round that is to begin."""

    name: str = Field(pattern="^[0-9]{4}[A-Za-z0-9._-]{0,36}$", description="Begins with the year", examples=["2026"])
    year: int = Field(strict=True, ge=2000, le=2199)
    as_of: WrittenDay | None = Field(default=None, description="Whose registry says who is counted; null: 31 December")
    min_value_fen: int = Field(default=20_000_000, strict=True, ge=1, lt=10**13)
    over_government_percent: int = Field(default=50, strict=True, ge=0, le=99)
    why: Why


class AskedChoice(Model):
    """What a person decides of who is counted."""

    subject: str = Field(min_length=1, max_length=80, examples=["instrument:A001", "unit:91610131MA6TYUUC74"])
    verdict: Verdict
    why: Why


class AskedStep(Model):
    """A round goes on."""

    why: Why


class AskedData(AskedStep):
    """The figures of a frozen period."""

    frozen: str = Field(min_length=1, max_length=40, description="Its name; /api/v1/frozen lists them")


class AskedExpert(AskedStep):
    """Somebody gives points."""

    person: str = Field(min_length=1, max_length=200)
    indicators: list[Literal[1, 3, 4, 6, 8]] = Field(default=[1, 3, 4, 6, 8], min_length=1, max_length=5)


class AskedOpening(AskedStep):
    """Experts begin under a scheme."""

    scheme: str = Field(pattern="^[0-9a-f]{8,64}$", description="SHA-256 of the scheme, or its first 8 digits")


class AskedPoints(Model):
    """Points of one unit for one indicator."""

    uscc: Uscc
    indicator: Literal[1, 3, 4, 6, 8]
    hundredths: int = Field(strict=True, ge=0, le=10_000, description="Hundredths of a point")


class AskedAward(AskedStep):
    """All of these points or none."""

    points: list[AskedPoints] = Field(min_length=1, max_length=500)


class AskedRating(AskedStep):
    """A person rates a unit otherwise than the scheme did."""

    uscc: Uscc
    rating: Rating


class AskedScheme(AskedStep):
    """A scoring scheme."""

    text: str = Field(description="TOML or JSON, as docs/evaluation.md shows it; at most 32 KiB")


class Scheme(Model):
    """A scoring scheme that was entered."""

    sha256: str
    name: str
    from_day: date
    is_example: bool = Field(description="Nobody decided it; what rests on it is no evaluation")
    why: str
    entered_by: str
    entered_at: datetime


class Schemes(Model):
    """All schemes, the latest first."""

    items: list[Scheme]


class Step(Model):
    """How a round came to a state."""

    state: State
    why: str
    by: str
    at: datetime


class Quotient(Model):
    """An exact quotient of integers."""

    indicator: int
    measure: Measure
    numerator: int
    denominator: int
    is_undefined: bool = Field(description="Over nothing: counts as 0")
    value: float = Field(description="Rounded: hours to 0.1, shares to 0.0001")


class Excluded(Model):
    """How many of a kind are not counted for a reason."""

    kind: Kind
    reason: Reason
    count: int


class Indicators(Model):
    """What was computed of one unit, or of all (`uscc` empty)."""

    uscc: str
    name_zh: str
    name_en: str
    instruments: int = Field(description="How many are counted")
    facilities: int
    value_fen: int = Field(description="Original value of the instruments counted")
    excluded: list[Excluded]
    measures: list[Quotient]
    seconds: dict[str, int] = Field(description="Sums over the instruments counted; docs/evaluation.md names them")
    coverage: float | None = Field(description="Observed ÷ in-network seconds; null where nothing was in the network")
    policies: list[str] = Field(description="SHA-256 of each policy that a record was derived under")


class Round(Model):
    """A round and where it stands."""

    name: str
    year: int
    as_of: date
    min_value_fen: int
    over_government_percent: int
    state: State
    frozen: str | None = Field(description="The frozen period that its figures are from")
    scheme: str | None = Field(description="SHA-256 of its scheme")


class Rounds(Model):
    """All rounds, the latest first."""

    items: list[Round]


class RoundDetail(Round):
    """A round with its steps; `all_units` for a scope of everything, once computed."""

    steps: list[Step]
    all_units: Indicators | None


class Member(Model):
    """An instrument or facility with the reason for which it is counted or not."""

    kind: Kind
    name: str
    uscc: str | None
    value_fen: int | None
    government_fen: int | None
    shareable: bool | None
    is_in: bool
    reason: Reason
    note: str = Field(description="The document, or what the person said who decided")
    bookable: bool | None = Field(description="Whether it is open for booking")


class Points(Model):
    """What an expert gave."""

    uscc: str
    indicator: int
    expert: str
    hundredths: int
    why: str
    given_at: datetime


class Progress(Model):
    """How many of an expert's points are in."""

    expert: str
    given: int
    wanted: int


class PointsGiven(Model):
    """Experts' points: the caller's own until they are open to all."""

    are_open: bool
    progress: list[Progress]
    items: list[Points]


class Part(Model):
    """Points of one indicator from one source."""

    indicator: int
    source: str = Field(description="A measure, or `experts`")
    points: float = Field(description="Rounded to 0.01")
    exact_hundredths: str = Field(examples=["85/3"])


class Placed(Model):
    """A unit's place. `rating` is the one that holds."""

    rank: int
    uscc: str
    name_zh: str
    name_en: str
    points: float = Field(description="Rounded to 0.01; ranks and cut-offs go by the exact ones")
    exact_hundredths: str
    rating: Rating
    scheme_rating: Rating
    why: str | None = Field(description="Why a person rated otherwise")
    set_by: str | None
    set_at: datetime | None
    parts: list[Part]


class RoundRanking(Model):
    """Units by their exact points; of equal points they share a rank. Empty before the round is closed."""

    is_example: bool = Field(description="The scheme is an example: this is no evaluation")
    items: list[Placed]
