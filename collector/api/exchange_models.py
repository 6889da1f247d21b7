"""What the API says of messages to other platforms, and what is said to it of bookings, users, charges and details."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from collector.api.fact_models import Name, Text, Uscc, Yuan
from collector.api.models import Model, WrittenDay, WrittenInstant
from collector.api.registry_models import RefusedRow
from collector.exchange.compared import Kind
from collector.exchange.states import State
from collector.registry.audit import MAX_TEXT

Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
_OPTIONAL_UNIT = Field(default=None, description="May be left out by a key whose scope is the unit")


class Message(Model):
    """One revision of one record as it is told to a platform, and where it stands."""

    number: int
    kind: Literal["record", "effect"]
    inner_id: str = Field(description="Our name of the record, the same in all its revisions")
    revision: int
    cites: str | None = Field(description="SHA-256 of the revision that it replaces")
    sha256: str = Field(description="SHA-256 of the bytes that are sent")
    mapping_sha256: str
    unit: str
    asset_no: str
    first_day: date
    last_day: date
    order: str | None
    made_at: datetime
    state: State
    since: datetime
    due_at: datetime | None = Field(description="From when on it is sent, or asked about, again")
    attempts: int
    receipt: str = Field(description="The platform's, once it accepted")
    problem: str = Field(description="What the platform said last, or why it said nothing")


class MessageStep(Model):
    """One step of a message."""

    state: State
    at: datetime
    http_status: int | None
    answer: str | None = Field(description="What came back, as it came; what is no UTF-8 is shown as U+FFFD")
    problem: str
    receipt: str
    made_by: str


class MessageWithSteps(Message):
    body: str = Field(description="The exact bytes that are sent, as text")
    steps: list[MessageStep]


class AskedRetry(Model):
    """Why a message is sent once more."""

    why: str = Field(min_length=1, max_length=MAX_TEXT)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewBooking(_Model):
    """Who has booked an instrument over [start, end). Said otherwise later under the same key, it was moved."""

    key: Text = Field(description="Its number in the caller's system")
    asset: Name = Field(description="Asset number")
    start: WrittenInstant
    end: WrittenInstant
    user: Text | None = Field(default=None, description="Kept as a salted hash only")
    order: Name | None = None
    booking_state: Literal["booked", "cancelled"] = "booked"


class NewUser(_Model):
    """Who uses a unit's instruments; no name is kept."""

    unit: Uscc | None = _OPTIONAL_UNIT
    user: Text = Field(description="His number or account, kept as a salted hash only")
    card: Text | None = Field(default=None, description="Kept as a salted hash only")
    member_of: Uscc | None = Field(default=None, description="The legal person that he belongs to")
    user_kind: Literal["staff", "student", "external", "other"] = "other"
    user_state: Literal["active", "left"] = "active"


class NewCharge(_Model):
    """Money that an order brought in, or gave back."""

    unit: Uscc | None = _OPTIONAL_UNIT
    key: Text = Field(description="Its number in the caller's system; told once")
    order: Name
    charge_kind: Literal["charge", "refund"] = "charge"
    amount: Yuan
    charged_on: WrittenDay


class NewOrderDetail(_Model):
    """What platforms ask of a service besides whom it served."""

    unit: Uscc | None = _OPTIONAL_UNIT
    order: Name
    project_name: Text | None = None
    project_source: Text | None = None
    area: Text | None = None
    direction: Literal["research", "development", "teaching", "other"] | None = None
    satisfaction: Literal["1", "2", "3", "4", "5"] | None = Field(default=None, description="5 is the most content")


class NewEffect(_Model):
    """What an instrument's year brought that nobody can measure."""

    asset: Name = Field(description="Asset number")
    year: Annotated[int, Field(strict=True, ge=2000, le=2199)]
    papers: Count = 0
    patents: Count = 0
    remark: Text | None = None


class BroughtReport(_Model):
    """What became of many rows."""

    is_applied: bool = Field(description="Whether what was accepted is recorded: not after a dry run")
    rows: int
    accepted: int
    unchanged: int = Field(description="Accepted, and known already")
    refused: int
    refusals: list[RefusedRow]


class HeldBooking(Model):
    """A booking as it was said last."""

    number: int
    source: str
    key: str
    state: Literal["booked", "cancelled"]
    asset_no: str
    start: datetime
    end: datetime
    order: str | None
    recorded_at: datetime


class ComparedBooking(Model):
    """A booking beside what was measured, or work that nobody booked. It changes no hour."""

    kind: Kind
    asset_no: str
    start: datetime
    end: datetime
    booking: str = Field(description="Source and key; empty for work that nobody booked")
    order: str | None
    worked_s: int = Field(description="Seconds within it in which the instrument worked")
    booked_s: int
