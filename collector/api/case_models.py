"""What the API is asked and answers about cases of units: poor ratings, proved fraud, transfers of instruments."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from collector.api.models import Model
from collector.api.reply_models import Sha256
from collector.api.round_models import AskedStep, Uscc
from collector.cases.poor import Kind, State, Verdict
from protocol.signed_case import MAX_EVIDENCE, Way

Person = Annotated[str, Field(min_length=1, max_length=200, description="A registered person")]


class PoorCase(Model):
    """A unit that was rated poor, and its year to rectify."""

    case: int = Field(description="Its number")
    round: str
    uscc: str
    name_zh: str
    name_en: str
    notice_on: date
    due_on: date = Field(description="One year after the notice")
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    state: State


class CaseEntry(Model):
    """What the unit did, or a document that shows it."""

    kind: Kind
    told: str
    document: str | None
    made_by: str
    made_at: datetime


class CaseRuling(Model):
    """What an evaluator said of it; accepted closes the case."""

    verdict: Verdict
    why: str
    made_by: str
    made_at: datetime


class CaseDetail(PoorCase):
    """A case with all that was entered."""

    entries: list[CaseEntry]
    rulings: list[CaseRuling]


class AskedEntry(AskedStep):
    """A remedy, or evidence; `why` says what it is."""

    kind: Kind
    document: Sha256 | None = Field(default=None, description="Evidence names one")


class AskedCaseRuling(AskedStep):
    """An evaluator rules."""

    verdict: Verdict


class AskedFraud(AskedStep):
    """What an approver is to sign of proved fraud; `why` stands in the text."""

    uscc: Uscc
    round: str = Field(min_length=1, max_length=40)
    first_year: int = Field(strict=True, ge=2000, le=2199, description="Out of rounds of this year")
    last_year: int = Field(strict=True, ge=2000, le=2199, description="… to this one, both included")
    evidence: list[Annotated[str, Field(pattern="^(decision|finding|fork|document):[0-9a-f]{64}$")]] = Field(
        min_length=1, max_length=MAX_EVIDENCE, description="By SHA-256; a flag is none"
    )
    approver: Person


class AskedTransfer(AskedStep):
    """What an approver is to sign of an instrument's transfer; `why` stands in the text."""

    uscc: Uscc
    asset_no: str = Field(min_length=1, max_length=64)
    way: Way
    to: Uscc | None = Field(default=None, description="The unit that gets it; null within the unit")
    approver: Person


class TextToSign(Model):
    """The exact text; nothing was kept."""

    text: str


class AskedSigned(AskedStep):
    """A decision about a unit, signed."""

    note: str = Field(min_length=1, max_length=32_768, description="As `jishi-audit key sign` wrote it")


class Brought(Model):
    """What was kept."""

    kind: str = Field(description="`fraud` or `transfer`")
    number: int
    sha256: str = Field(description="Of the signed text")


class FraudCase(Model):
    """Proved fraud: a decision that an approver signed."""

    fraud: int = Field(description="Its number")
    round: str
    uscc: str
    name_zh: str
    name_en: str
    first_year: int
    last_year: int
    why: str
    evidence: list[str]
    by: str
    approver: str
    signed_by: str = Field(description="The approver's key")
    sha256: str = Field(description="Of the signed text")
    note: str = Field(description="The signed note; `jishi-audit note` verifies it")
    brought_by: str
    brought_at: datetime


class Candidate(Model):
    """An instrument that is little used; seconds of the year of the second round."""

    asset_no: str
    name_zh: str
    class_code: str
    model: str
    value_fen: int
    shareable: bool | None
    counted_s: int
    counted_verified_s: int
    network_s: int
    observed_s: int


class TwicePoor(Model):
    """A unit that was poor in its two latest published results, with what may be transferred. It decides nothing."""

    uscc: str
    name_zh: str
    name_en: str
    rounds: list[str]
    candidates: list[Candidate] = Field(description="The least used first, a hundred at most")


class TwicePoorUnits(Model):
    """All such units."""

    items: list[TwicePoor]


class Transfer(Model):
    """A transfer that an approver signed; who owns the instrument is the registry's own fact."""

    transfer: int = Field(description="Its number")
    round: str
    uscc: str
    asset_no: str
    way: Way
    to: str | None
    why: str
    by: str
    approver: str
    signed_by: str
    sha256: str
    note: str
    brought_by: str
    brought_at: datetime
