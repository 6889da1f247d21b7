"""What the API is asked and answers about proposals, rulings and reported hours."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from collector.api.models import HEX64, Model, WrittenDay
from protocol.note import MAX_NOTE_BYTES


class AskedProposal(Model):
    """What is proposed: `proposal` has a `kind` (correction, hand, policy, decision) and the members of that kind."""

    reason: str = Field(min_length=1, max_length=500)
    proposal: dict[str, Any] = Field(
        examples=[{"kind": "hand", "asset": "A001", "day": "2026-11-16", "seconds": 3600, "source": "log, page 3"}]
    )


class MadeProposal(Model):
    number: int


class Proposal(Model):
    """Something that one person proposed, and what a second one said to it."""

    number: int
    kind: str
    subject: str = Field(description="instrument:ASSET, unit:USCC, model:NAME or everything")
    state: Literal["open", "overdue", "approved", "refused"]
    proposal: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: datetime
    due_on: date
    ruled_by: str | None
    ruled_at: datetime | None
    why: str | None
    fact: str | None = Field(description="SHA-256 of the fact that an approval made")


class AskedRuling(Model):
    verdict: Literal["approved", "refused"]
    why: str = Field(default="", max_length=500, description="A refusal needs it")
    note: str | None = Field(
        default=None,
        max_length=MAX_NOTE_BYTES,
        description="The approval of a decision needs it: the text of `GET …/text`, signed with the approver's own key",
    )


class TextToSign(Model):
    """What the approver of a decision signs."""

    text: str


class MadeRuling(Model):
    number: int
    verdict: Literal["approved", "refused"]
    made: str | None = Field(description="SHA-256 of the fact or the policy that came of it")


class DryRunLine(Model):
    """One instrument that a proposal would change, in seconds over the range."""

    asset_no: str
    days: int
    days_changed: int
    run_s_before: int
    run_s_after: int
    effective_s_before: int
    effective_s_after: int
    external_s_before: int
    external_s_after: int
    problem: str = Field(description="Why its days could not be derived; empty where they could")


class DryRun(Model):
    """What a proposed policy or decision would change over a range of days; of a decision at most."""

    first_day: date
    last_day: date
    run_at: datetime
    instruments: int = Field(description="For how many instruments it would hold")
    lines: list[DryRunLine]


class AskedReport(Model):
    """Hours of an instrument without an agent."""

    unit: str = Field(min_length=18, max_length=18, description="USCC of the owner")
    asset_no: str = Field(min_length=1, max_length=64)
    first_day: WrittenDay
    last_day: WrittenDay
    effective_s: int = Field(strict=True, ge=0, le=2**53 - 1)
    external_s: int = Field(strict=True, ge=0, le=2**53 - 1)
    document: str | None = Field(default=None, pattern=HEX64)


class RecordedFact(Model):
    fact: str = Field(description="SHA-256 of its bytes")
    is_new: bool


class ReportedHours(Model):
    """Hours that a unit reported; nobody measured them."""

    fact: str
    unit: str
    asset_no: str
    first_day: date
    last_day: date
    effective_s: int
    external_s: int
    document: str | None
