"""What the API is asked and answers about what units say to a round: evidence, objections, visits, and the result.

Points are exact hundredths beside what is rounded of them. Money is in fen.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from collector.api.models import HEX64, Model, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.api.round_models import AskedStep, Uscc, Why
from collector.evaluation.amending import MAX_COUNT
from collector.evaluation.drawing import MAX_SEED_CHARS, MAX_UNITS
from collector.evaluation.drawing import Reason as VisitReason
from collector.evaluation.evidence import MAX_NUMBER
from collector.evaluation.indicators import Measure
from collector.evaluation.objections import MAX_DAYS, MAX_DOCUMENTS, Verdict
from collector.evaluation.scheme import Rating
from collector.evaluation.states import State
from collector.registry.audit import MAX_TEXT

Sha256 = Annotated[str, Field(pattern=HEX64, description="SHA-256 of a stored document")]


class AskedItem(Model):
    """An item of evidence of a unit."""

    uscc: Uscc
    indicator: Literal[1, 3, 4, 6, 8]
    kind: str = Field(min_length=1, max_length=40, description="docs/cases.md lists those of each indicator")
    title: str = Field(min_length=1, max_length=MAX_TEXT)
    note: str = Field(default="", max_length=MAX_TEXT)
    amount_fen: int | None = Field(default=None, strict=True, ge=0, le=MAX_NUMBER)
    number: int | None = Field(
        default=None, strict=True, ge=0, le=MAX_NUMBER, description="How many; of a user's rating 1 to 5"
    )
    document: Sha256 | None = None


class Item(AskedItem):
    """An item as it is kept; the last three where it was withdrawn."""

    item: int = Field(description="Its number")
    made_by: str
    made_at: datetime
    withdrawn_why: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class AskedTerm(AskedStep):
    """Until when evidence is taken."""

    last_day: WrittenDay = Field(ge=FIRST_DAY, le=LAST_DAY, description="The last local day")


class AskedDraw(AskedStep):
    """Units that are to be visited."""

    seed: str = Field(min_length=1, max_length=MAX_SEED_CHARS, examples=["4 2 6 1 5"])
    by_flags: int = Field(
        default=0, strict=True, ge=0, le=MAX_UNITS, description="So many units whose flags weigh most"
    )
    by_seed: int = Field(default=0, strict=True, ge=0, le=MAX_UNITS, description="And so many of all units by the seed")


class Visit(Model):
    """A unit that is to be visited; a flag orders visits and is no verdict."""

    place: int
    uscc: str
    reason: VisitReason
    weight: int
    rules: list[str]


class Draw(Model):
    """A draw, which anybody can draw again."""

    draw: int = Field(description="Its number")
    seed: str
    by_flags: int
    by_seed: int
    flag_seq: int = Field(description="The last flag that it knew")
    why: str
    made_by: str
    made_at: datetime
    visits: list[Visit]


class Draws(Model):
    """All draws of a round."""

    items: list[Draw]


class AskedAnnouncement(AskedStep):
    """Units are shown their results."""

    days: int = Field(
        strict=True, ge=1, le=MAX_DAYS, description="They may object until the end of the day so many days on"
    )


class AskedObjection(Model):
    """A unit objects."""

    uscc: Uscc
    indicator: int | None = Field(strict=True, ge=1, le=8, description="Null: to the rating")
    documents: list[Sha256] = Field(default=[], max_length=MAX_DOCUMENTS)
    why: Why


class Objection(AskedObjection):
    """An objection; the last four are null while it is open."""

    objection: int = Field(description="Its number")
    made_by: str
    made_at: datetime
    verdict: Verdict | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


class AskedCorrection(Model):
    """What is right instead: the quotient of a measure, or experts' points."""

    source: Measure | Literal["experts"]
    numerator: int | None = Field(
        default=None, strict=True, ge=0, le=MAX_COUNT, description="Seconds, fen or instruments"
    )
    denominator: int | None = Field(default=None, strict=True, ge=1, le=MAX_COUNT)
    hundredths: int | None = Field(default=None, strict=True, ge=0, le=10_000, description="Of experts' points")


class AskedAnswer(AskedStep):
    """The evaluator answers; an upheld objection says what is right instead."""

    verdict: Verdict
    correction: AskedCorrection | None = None
    rating: Rating | None = None


class ResultPart(Model):
    """Points of one indicator from one source."""

    indicator: int
    source: str = Field(description="A measure, or `experts`")
    exact_hundredths: str
    points: float = Field(description="Rounded to 0.01")


class ResultLine(Model):
    """A unit's line. `rating` is the one that holds: poor where fraud was proved after the publication."""

    rank: int
    uscc: str
    name_zh: str
    name_en: str
    rating: Rating
    published_rating: Rating | None = Field(description="What the snapshot says; null before it is published")
    exact_hundredths: str
    points: float
    parts: list[ResultPart]


class Amended(Model):
    """What an upheld objection changed; the figures before stay stored."""

    objection: int
    uscc: str
    indicator: int
    source: str
    was: str = Field(description="Exact hundredths of a point")
    became: str


class RoundResult(Model):
    """The result: of all units once it is published; before, a unit is shown its own line while it may object."""

    state: State
    is_example: bool = Field(description="The scheme is an example: this is no evaluation")
    objections_until: date | None
    published_on: date | None
    sha256: str | None = Field(description="Of the published bytes")
    items: list[ResultLine]
    amendments: list[Amended]
