"""What the API answers of explanations, revisions and frozen periods, as its description at /docs shows it."""

from datetime import date, datetime

from pydantic import Field

from collector.api.models import Model, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY
from protocol.attribution import Standing
from protocol.grades import Grade
from protocol.hours import OperatingClass
from protocol.lead import State


class Step(Model):
    """One sentence of why."""

    rule: str = Field(description="Which rule, as protocol/ numbers it", examples=["timeline 6"])
    text: str
    refs: list[str] = Field(description="Behind it: `entry:ORIGIN#INDEX`, `fact:SHA256`")


class Explanation(Model):
    """Why one second of a day counts or does not."""

    asset_no: str
    day: date
    at: str = Field(description="Local time (UTC+8)")
    state: State = Field(description="What was measured")
    operating_state: State | OperatingClass = Field(description="What declarations and phases make of it")
    is_effective: bool
    standings: list[Standing] = Field(description="Of the claims on the second, where it is effective")
    grade: Grade | None = Field(description="How well the second is shown; null where nobody observed it")
    owner: str = Field(description="USCC of the owner on that day; empty where there is none")
    policy_sha256: str
    steps: list[Step]


class Revision(Model):
    """One closed record of a day."""

    revision: int
    sha256: str = Field(description="Of the bytes at …/revisions/N")
    cites: str | None = Field(description="SHA-256 of the revision before; null in the first")
    why: str = Field(description="What had changed: readings, declaration, fact, policy, measurement, ownership, …")
    closed_at: datetime


class Revisions(Model):
    """All closed records of a day."""

    items: list[Revision]


class AskedPeriod(Model):
    """What is to be frozen: closed days, both included."""

    name: str = Field(min_length=1, max_length=40, description="Letters, digits, dots, underscores, hyphens; for good")
    first_day: WrittenDay = Field(ge=FIRST_DAY, le=LAST_DAY)
    last_day: WrittenDay = Field(ge=FIRST_DAY, le=LAST_DAY)
    unit: str | None = Field(default=None, max_length=18, description="USCC of one unit; null: every unit")


class FrozenPeriod(Model):
    """A frozen period, by its manifest."""

    name: str
    first_day: date
    last_day: date
    unit: str | None
    by: str
    sha256: str = Field(description="Of the manifest's bytes at …/manifest")
    root: str = Field(description="Of the Merkle tree over all that was frozen")
    leaves: dict[str, int] = Field(description="How many of each kind")


class FrozenPeriods(Model):
    """All frozen periods."""

    items: list[FrozenPeriod]
