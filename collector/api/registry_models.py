"""What the API answers about the registry: units, instruments, who measures them, and files that fill it."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from collector.api.models import Model


class Unit(Model):
    """The legal person that owns an instrument."""

    uscc: str = Field(description="Unified social credit code (GB 32100-2015)")
    name_zh: str
    name_en: str


class UnitDetail(Unit):
    """A unit as it was on the day asked for; text is empty where nobody said."""

    kind: Literal["", "university", "institute", "enterprise", "testing-body", "hospital", "other"]
    department: str = Field(description="主管部门")
    division: str = Field(description="Code of the administrative division, GB/T 2260")
    described_from: date | None = Field(description="From when this holds; null: only names were ever registered")
    instruments: int = Field(description="How many instruments it owned on that day")


class Officer(Model):
    name: str
    role: Literal["officer", "approver"]


class UnitWithOfficers(UnitDetail):
    officers: list[Officer] = Field(description="Who spoke for the unit at the end of that day")


class Instrument(Model):
    """An instrument as it was on the day asked for; text is empty and the rest null where nobody said."""

    asset_no: str
    name_zh: str
    name_en: str
    model: str
    registered_at: datetime
    unit: Unit | None
    class_code: str
    value_fen: int | None = Field(description="Original value; 100 fen are 1 CNY")
    funding: str
    government_fen: int | None = Field(description="How much of the value public money paid")
    maker: str
    origin: Literal["", "domestic", "imported"]
    country: str
    accepted_on: date | None
    shareable: bool | None = Field(description="False: exempt from sharing, by the document and for the reason beside")
    exempt_document: str
    exempt_reason: str
    bookable: bool | None = Field(description="Whether it is open for booking")
    fee: str = Field(description="The tariff in the unit's words")
    location: str = Field(description="Where it stands")
    facility_no: str | None = Field(description="The facility that it belongs to")
    centre_no: str | None = Field(description="The centre that it belongs to")
    described_from: date | None = Field(description="From when this holds; null: only names were ever registered")


class RefusedRow(Model):
    row: int = Field(description="As a spreadsheet numbers it")
    field: str
    value: str
    why: str
    remedy: str


class ImportReport(Model):
    """What became of the rows of a file."""

    is_applied: bool = Field(description="Whether what was accepted is registered now")
    rows: int
    accepted: int
    unchanged: int = Field(description="Accepted rows that say what was registered before")
    refused: int
    refusals: list[RefusedRow] = Field(description="The first thousand faults, by row")


class MeasuringChannel(Model):
    """A watcher's channel that measures the instrument today."""

    agent_id: str
    watcher: str
    channel: str
    from_day: date


class PolicyInForce(Model):
    sha256: str = Field(description="Its identity: SHA-256 of the policy file's bytes; see /api/v1/policies")
    name: str
    from_day: date
    is_default: bool = Field(description="Whether it holds because the instrument has no policy of its own")


class InstrumentDetail(Instrument):
    channels: list[MeasuringChannel]
    policy: PolicyInForce | None
