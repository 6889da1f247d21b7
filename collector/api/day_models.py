"""What the API answers of explanations and revisions, as its description at /docs shows it."""

from datetime import date, datetime

from pydantic import Field

from collector.api.models import Model
from protocol.attribution import Standing
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
