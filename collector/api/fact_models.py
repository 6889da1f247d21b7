"""What is said to the API of orders and uses, and how it shows them; the members are those of docs/facts.md."""

from datetime import date, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from collector.api.models import HEX64, WrittenDay, WrittenInstant
from collector.api.registry_models import RefusedRow

MAX_ROWS = 1_000

Purpose = Literal["own-research", "service-order", "teaching", "maintenance", "calibration", "fault"]
Way = Literal["occupy", "technical", "commissioned", "remote", "other"]
DocumentKind = Literal["agreement", "invoice", "voucher", "report"]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Uscc = Annotated[str, Field(min_length=18, max_length=18, description="Unified social credit code (GB 32100-2015)")]
Yuan = Annotated[
    str, Field(max_length=20, pattern=r"^[0-9]+(\.[0-9]{1,2})?$", description="An amount in yuan, as 1200.50")
]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Sha256 = Annotated[str, Field(pattern=HEX64, description="SHA-256 of a stored document")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ForWhom(_Model):
    """What a use may say of the order that it serves as well."""

    beneficiary: Uscc | None = None
    beneficiary_name: Text | None = None
    content: Text | None = None
    way: Way | None = None
    fee: Yuan | None = None


class NewUse(_ForWhom):
    """Who had an instrument over [start, end), after it was over. With a beneficiary it makes the order as well."""

    key: Text | None = Field(
        default=None, description="Its number in the caller's system: sent again it is nothing new"
    )
    asset: Name = Field(description="Asset number")
    start: WrittenInstant
    end: WrittenInstant
    purpose: Purpose | None = Field(
        default=None, description="May be left out where an order or a beneficiary is named"
    )
    order: Name | None = Field(default=None, description="Number of the service order")
    user: Text | None = Field(default=None, description="Kept as a salted hash only")
    samples: Count | None = None
    run_min: Count | None = Field(default=None, description="Minutes that it ran, where batches are split by run time")
    share: Count | None = None


class NewOrder(_ForWhom):
    """Work of a unit for a beneficiary, under a number of the unit's own."""

    unit: Uscc | None = Field(default=None, description="May be left out by a key whose scope is the unit")
    order: Name
    first_day: WrittenDay | None = None
    last_day: WrittenDay | None = None
    voucher_issuer: Text | None = None
    voucher_number: Name | None = None
    voucher_amount: Yuan | None = None
    agreement: Sha256 | None = None
    invoice: Sha256 | None = None
    voucher: Sha256 | None = None
    report: Sha256 | None = None


class NewOrderDocument(_Model):
    """One more document of an order."""

    unit: Uscc | None = Field(default=None, description="May be left out by a key whose scope is the unit")
    order: Name
    kind: DocumentKind
    document: Sha256


New = TypeVar("New", bound=BaseModel)


class NewRows(_Model, Generic[New]):
    """Many at once; each is taken or refused on its own."""

    items: list[New] = Field(min_length=1, max_length=MAX_ROWS)


class RecordedFacts(_Model):
    """Under which identities something is held."""

    facts: list[str] = Field(description="SHA-256 of each; a use that made its order stands after it")
    is_new: bool = Field(description="Whether any of it was not known before")


class RecordedRow(RecordedFacts):
    row: int = Field(description="Number of the item, from 1 on")


class FactsReport(_Model):
    """What became of many."""

    is_applied: bool = Field(description="Whether what was accepted is recorded: not after a dry run")
    rows: int
    accepted: int
    unchanged: int = Field(description="Accepted, and known already")
    refused: int
    recorded: list[RecordedRow]
    refusals: list[RefusedRow]


class CorrectedBy(_Model):
    """A correction of the fact, or of a correction of it: what it takes out is its target."""

    sha256: str
    target: str
    by: str
    approver: str
    approved_at: datetime
    reason: str
    puts_in: Literal["use", "order"] | None


class _Held(_Model):
    sha256: str = Field(description="Its identity; the exact bytes are at /api/v1/facts/{sha256}/bytes")
    recorded_at: datetime
    by: str
    corrects: str | None = Field(description="What it stands in place of, where a correction put it in")
    corrected_by: list[CorrectedBy] = Field(description="Empty: it counts as it is")


class HeldUse(_Held):
    asset: str
    start: datetime
    end: datetime
    purpose: Purpose
    order: str | None
    user: str | None = Field(description="A salted hash")
    samples: int | None
    run_s: int | None
    share: int | None


class HeldDocument(_Model):
    kind: DocumentKind
    sha256: str


class HeldVoucher(_Model):
    issuer: str
    number: str
    amount_fen: int


class HeldOrder(_Held):
    unit: str
    order: str
    beneficiary: str | None
    beneficiary_name: str | None
    content: str | None
    way: Way | None
    first_day: date | None
    last_day: date | None
    fee_fen: int | None
    voucher: HeldVoucher | None
    documents: list[HeldDocument] = Field(description="Those of the order itself, and those that were added to it")


class StoredDocument(_Model):
    sha256: str
    bytes: int
    media_type: str
    name: str
    is_new: bool
