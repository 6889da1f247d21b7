"""What the API answers, as its description at /docs shows it.

Instants are RFC 3339 in UTC; days are local (UTC+8); times of a day are whole seconds; power is in mW.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from protocol.attribution import Standing
from protocol.grades import Grade, Reason
from protocol.hours import OperatingClass
from protocol.lead import State

Item = TypeVar("Item", bound=BaseModel)
HEX64 = "^[0-9a-f]{64}$"
USCC = "^[0-9A-HJ-NPQRTUWXY]{18}$"


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _check_day(said: object) -> object:
    if not isinstance(said, str) or not _DAY.fullmatch(said):
        raise ValueError("write a day as YYYY-MM-DD")
    return said


def _check_instant(said: object) -> object:
    if not isinstance(said, str) or not _DAY.match(said):
        raise ValueError("write an instant as in 2026-03-02T08:00:00+08:00")
    return said


# By itself pydantic takes numbers, and texts that are numbers, for seconds since 1970.
WrittenDay = Annotated[date, BeforeValidator(_check_day)]
"""A day in what is said to the API, as the description has it."""
WrittenInstant = Annotated[AwareDatetime, BeforeValidator(_check_instant)]
"""An instant there, with its offset."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Page(Model, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        default=None,
        description="Ask the same question with `cursor` set to this for the next page; null on the last one.",
    )


class JournalRange(Model):
    """The entries of one journal that show a day."""

    origin: str
    first: int = Field(description="Index of the first entry")
    last: int = Field(description="Index of the last entry")


class Span(Model):
    """One state over [start_s, end_s) of the local day."""

    start_s: int
    end_s: int
    state: State


class HourRecord(Model):
    """One instrument's local day.

    off + standby + prepare + run + post + calibrate + maintain + fault + unobserved = until;
    internal + claimed + verified + unresolved = effective; claimed + verified = external.
    """

    asset_no: str
    day: date
    is_open: bool = Field(description="The day is not over: the record reaches to the newest evidence")
    until_s: int = Field(description="Seconds of the day that the record covers; 86400 once the day is over")
    owner: str | None = Field(description="USCC of the unit that owned the instrument on that day")
    off_s: int
    standby_s: int
    prepare_s: int = Field(
        description="Standby directly before the first run after power-on, as far as the policy goes"
    )
    run_s: int
    post_s: int = Field(description="Standby directly after the last run before power-off, as far as the policy goes")
    calibrate_s: int
    maintain_s: int
    fault_s: int
    unobserved_s: int
    energised_s: int = Field(description="Standby and run that a watcher of the instrument's own power saw")
    inferred_s: int = Field(description="Standby and run that only other watchers told of")
    bridged_s: int = Field(description="Short gaps that the energy counter explains; counted in their state as well")
    effective_s: int
    internal_s: int
    claimed_s: int = Field(description="Effective seconds for another legal person, without a document")
    verified_s: int = Field(description="Effective seconds for another legal person, with a document at least")
    external_s: int = Field(description="Effective seconds that served another legal person: claimed and verified")
    unresolved_s: int = Field(description="Effective seconds of which nobody said whom they served; never external")
    hand_s: int = Field(description="Seconds entered by hand: beside the measured ones, in none of them")
    hand_external_s: int
    no_run_s: int = Field(description="Unobserved seconds in which a meter's counter proves that no run took place")
    coverage: float | None = Field(
        description="Observed seconds divided by until_s, to four decimals; null where until_s is 0"
    )
    lead_in: str = Field(description="The state in which the day before ended, with what was pending")
    lead_out: str
    flags: list[str]
    policy_sha256: str
    record_sha256: str = Field(description="SHA-256 of the record's bytes at …/record")
    counted_s: int | None = Field(
        description="Effective seconds that count: grades A, B, C, and of D what was accepted; null while ungraded"
    )
    counted_external_s: int | None = Field(description="The part of counted_s that served another legal person")
    grades: dict[Grade, int] | None = Field(
        description="Effective seconds by grade: A two controls, B one, C late or wide, D doubtful, X excluded"
    )
    readings: str = Field(description="Where the readings of the day are, as they were received")
    journals: list[JournalRange]
    derived_at: datetime


class GradedSpan(Model):
    """One grade over [start_s, end_s) of the local day, and why it is no better."""

    start_s: int
    end_s: int
    grade: Grade
    reason: Reason


class GradedSeconds(Model):
    """Seconds of one grade and operating state."""

    grade: Grade
    state: str
    seconds: int


class Graded(Model):
    """The grade record of a day, which stands beside its hour record; -1 where something is not known."""

    spans: list[GradedSpan]
    seconds: list[GradedSeconds]
    external: dict[Grade, int] = Field(description="External seconds by grade")
    lost_s: int = Field(description="Seconds that only the losing branch of a fork shows, beside the record")
    error_ms: int = Field(description="The largest error of a reading's own clock, in either direction")
    decisions: list[str] = Field(description="fact:SHA-256 of decisions on seconds of the day")
    sha256: str = Field(description="SHA-256 of the grade record's bytes at …/grades")


class ToldBy(Model):
    """What one watcher told beside the record's states; empty where the meter alone decided."""

    watcher: str = Field(description="class:channel, as in contact:beam; the weightiest stands first")
    agree_s: int = Field(description="Observed seconds of which it told the record's state")
    differ_s: int = Field(description="Observed seconds of which it told another state")
    silent_s: int = Field(description="Observed seconds of which it told nothing")
    spans: list[Span]


class OperatingSpan(Model):
    """One operating state over [start_s, end_s) of the local day."""

    start_s: int
    end_s: int
    state: State | OperatingClass


class Served(Model):
    """A part of the day's effective time and whom it served."""

    order: str = Field(description="Number of the service order; empty where there is none")
    beneficiary: str = Field(description="USCC; empty where nobody named one")
    standing: Standing
    seconds: int
    documents: int


class HourRecordDetail(HourRecord):
    spans: list[Span] = Field(description="The measured states")
    operating: list[OperatingSpan] = Field(
        description="The same with preparation, maintenance and so on in their places"
    )
    served: list[Served]
    facts: list[str] = Field(description="What the record rests on beside readings: fact:SHA-256 or entry:ORIGIN#INDEX")
    told: list[ToldBy]
    graded: Graded | None = Field(description="null before it is graded")


class YearFigures(Model):
    """A year of a unit, or of an instrument while that unit owned it; rates are rounded here and nowhere before."""

    year: int
    asset_no: str | None = Field(description="null for a unit")
    uscc: str = Field(description="The owner")
    name_zh: str
    name_en: str
    instruments: int = Field(description="Owned on any day that is over; with zero hours, too")
    owned_days: int = Field(description="Days in the network that are over, summed over instruments")
    days: int = Field(description="Days that have an hour record")
    days_over: int = Field(description="Of these, days whose record reaches midnight")
    until_s: int = Field(description="Seconds that the records cover")
    in_network_s: int = Field(description="All seconds of owned_days, and what the records of today cover")
    unobserved_s: int = Field(description="Of the seconds that records cover; what has no record comes on top")
    bridged_s: int
    effective_s: int
    internal_s: int
    claimed_s: int = Field(description="External, without a document")
    verified_s: int = Field(description="External, with a document at least")
    external_s: int = Field(description="claimed_s + verified_s")
    unresolved_s: int = Field(description="Effective seconds of which nobody said whom they served; never external")
    hand_s: int = Field(description="Seconds entered by hand: beside the measured ones, in none of them")
    hand_external_s: int
    counted_s: int = Field(description="Effective seconds that count: grades A, B and C, and of D what was accepted")
    counted_external_s: int
    a_s: int = Field(description="Effective seconds of grade A: two controls agree, bounded from both sides")
    b_s: int = Field(description="The same of one control")
    c_s: int = Field(description="Late, or without a beacon")
    d_s: int = Field(description="Doubtful: counted only where two people accept it")
    x_s: int = Field(description="Excluded")
    coverage: float | None = Field(description="Observed seconds divided by in_network_s; null where that is 0")
    average_effective_h: float | None = Field(
        description="effective_s divided by instruments, in hours to 0.1; null without instruments"
    )
    sharing_rate_hours: float | None = Field(
        description="external_s divided by effective_s; null, with a flag, where nothing was effective"
    )
    sharing_rate_verified: float | None = Field(description="verified_s divided by effective_s; null likewise")
    flags: list[Literal["sharing-rate-undefined"]]
    details: str = Field(description="Where what this is summed from is: a unit's instruments, an instrument's days")


class RankedUnit(Model):
    rank: int = Field(description="Units of one value share a place")
    uscc: str
    name_zh: str
    name_en: str
    effective_s: int
    external_s: int
    verified_s: int
    sharing_rate_hours: float | None


class Ranking(Model):
    items: list[RankedUnit]


class Session(Model):
    """A run, in one piece over midnights."""

    asset_no: str
    start: datetime
    end: datetime
    run_s: int
    is_open: bool = Field(description="The run goes on at the newest evidence")
    days: list[date] = Field(description="The local days whose records hold it")
    readings: str = Field(description="Where the readings behind it are")


class ReadingBlock(Model):
    """One reading entry as it was received: contiguous intervals, the first beginning at `start`."""

    origin: str
    entry_index: int
    entry: str = Field(description="Where the entry's bytes and their receipt are")
    watcher: str
    channel: str
    start: datetime
    durations_ms: list[int]
    means_mw: list[int]
    lows_mw: list[int]
    highs_mw: list[int]
    deltas_mwh: list[int] | None = Field(default=None, description="What the energy counter moved in each interval")
    counter_mwh: int | None = Field(default=None, description="The counter after the last interval")


class ReceiptedEntry(Model):
    """An entry as it was received, and what proves it."""

    origin: str
    index: int
    entry_base64: str = Field(description="The exact bytes")
    entry: str = Field(description="The same as text, for people")
    receipt: str = Field(description="A signed note over origin, size and root, by the agent and by the collector")
    receipt_size: int
    proof: list[str] = Field(description="Base64 hashes from the entry's leaf to the receipt's root (RFC 6962)")
    received_at: datetime


class ReadingPoint(Model):
    """One step of a thinned trace; the extremes inside it are kept."""

    start: datetime
    end: datetime
    mean_mw: int
    low_mw: int
    high_mw: int
    observed_ms: int


class Readings(Model):
    """`blocks` as received, or `points` where `max_points` was asked for."""

    asset_no: str
    start: datetime
    end: datetime
    blocks: list[ReadingBlock] | None = None
    points: list[ReadingPoint] | None = None
    next_cursor: str | None = None


class Change(Model):
    """One line of the audit trail."""

    seq: int
    at: datetime
    actor: str = Field(description="Who: a person's name, or what the command's --by said")
    via: Literal["command", "api", "page"]
    place: str = Field(description="Where from: user@host of a command, or an address")
    action: str = Field(examples=["key.revoke"])
    target: str
    outcome: Literal["done", "refused"]
    old: dict[str, Any] | None = Field(description="What held before, where that applies")
    new: dict[str, Any] | None = Field(description="What holds now, where that applies")
    reason: str
