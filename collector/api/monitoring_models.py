"""What the API is asked and answers about monitoring: settings, idle instruments, alarms, the fleet, changes."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from collector.accounts.liveness import Liveness
from collector.api.models import HEX64, Model, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.monitoring.alarms import Kind as AlarmKind
from collector.monitoring.case_states import Outcome, State
from collector.monitoring.changes import Kind as ChangeKind
from collector.monitoring.fleet import Standing
from collector.monitoring.idle import Idleness
from collector.registry.audit import MAX_TEXT
from protocol.grades import Grade

Why = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="Is kept with it, beside who and when")]
Day = Annotated[WrittenDay, Field(ge=FIRST_DAY, le=LAST_DAY)]
Asset = Annotated[str, Field(min_length=1, max_length=64)]


class AskedSetting(Model):
    """A threshold or a term, from a day on."""

    name: str = Field(min_length=1, max_length=40, examples=["idle-days"])
    value: int = Field(strict=True, ge=0, lt=2**31)
    from_day: Day
    why: Why


class DecidedSetting(Model):
    """A setting as somebody decided it."""

    name: str
    value: int
    from_day: date
    why: str
    set_by: str
    set_at: datetime


class Settings(Model):
    """What holds on a day, and what was ever decided."""

    day: date
    held: dict[str, int | None] = Field(description="null: none holds until somebody decides")
    decided: list[DecidedSetting]


class IdleCounter(Model):
    """How long ago an instrument was powered on for the last time, at the end of a local day."""

    asset_no: str
    name_zh: str
    uscc: str
    state: Idleness
    begins: date | None = Field(description="First day that counts; null where nothing measures it")
    last_on: date | None = Field(description="Last day with power-on evidence since; null: none")
    days: int = Field(description="Since then; observed_days + unobserved_days")
    observed_days: int
    unobserved_days: int = Field(description="Neither idle nor use: nobody looked")
    case_id: int | None = Field(description="The case that is open")


class IdleStep(Model):
    """How a case came to a state."""

    state: State
    why: str
    document: str | None
    until_day: date | None
    outcome: Outcome | None
    made_by: str
    made_at: datetime


class IdleCase(Model):
    """A reminder with the figures of its day, and where the case stands."""

    case_id: int
    asset_no: str
    uscc: str = Field(description="The unit that was reminded")
    kind: Literal["idle", "silent"]
    begins: date
    last_on: date | None
    last_day: date = Field(description="At the end of which day the figures are")
    observed_days: int
    unobserved_days: int
    threshold_days: int
    answer_by: date
    why: str
    made_by: str
    made_at: datetime
    state: State
    is_late: bool = Field(description="Nobody answered, and the term is over")


class IdleCaseDetail(IdleCase):
    """A case with its steps after the reminder."""

    steps: list[IdleStep]


class IdleCases(Model):
    """Cases that were begun."""

    items: list[IdleCase]


class AskedReminders(Model):
    """Reminders: of these instruments, or of all that are due."""

    assets: list[Asset] | None = Field(default=None, min_length=1, max_length=500, description="null: all that are due")
    why: Why


class AskedAnswer(Model):
    """The unit says why."""

    why: Why
    document: str | None = Field(default=None, pattern=HEX64, description="SHA-256 of a stored file that shows it")


class AskedIdleStep(Model):
    """The platform judges, opens the transfer, closes or withdraws."""

    state: Literal["accepted", "refused", "transfer", "closed", "withdrawn"]
    why: Why
    until_day: Day | None = Field(default=None, description="Of accepted: until when the reason holds")
    outcome: Outcome | None = Field(default=None, description="Of closed")


class Alarm(Model):
    """What is wrong, since when, and who knows of it."""

    alarm_id: int
    kind: AlarmKind
    subject: str = Field(examples=["agent:em-01", "instrument:A001"])
    since: datetime = Field(description="When it began")
    detail: str
    opened_at: datetime = Field(description="When it was noticed")
    closed_at: datetime | None = Field(description="When it was over; null while it is open")
    acknowledged_why: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class AskedAcknowledgement(Model):
    """Somebody knows of it, and says what he does."""

    why: Why


class FleetAgent(Model):
    """One agent as whoever keeps it running looks at it."""

    agent_id: str
    assets: list[str] = Field(description="What it measures")
    uscc: str | None = Field(description="Owner of the first of them")
    liveness: Liveness
    last_seen_at: datetime | None
    receipted_at: datetime | None = Field(description="When its newest journal got its last receipt")
    waiting: int = Field(description="Entries that it said it has and that are not here")
    standing: Standing | None
    version: str = Field(description="What it said when it began last; empty before")
    grade: Grade | None = Field(description="Worst grade of effective time of its instruments within seven days")
    alarms: int = Field(description="Alarms of it that are open")


class FleetCount(Model):
    """How many agents are alike."""

    liveness: Liveness
    version: str
    agents: int
    waiting: int


class FleetSummary(Model):
    """Agents by liveness and version."""

    items: list[FleetCount]


class Change(Model):
    """Something that changed; what it is now is told at `href`."""

    kind: ChangeKind
    subject: str = Field(description="Asset number, USCC, number of a facility, or name of a round")
    day: date | None = Field(description="Local day of the record, or from which the fact holds")
    revision: int | None = Field(description="Of hours: 1 where the day closed, else which revision took its place")
    noted_at: datetime
    href: str | None = Field(description="null for a facility, which has no address of its own")


class Changes(Model):
    """Changes in an order in which they could be seen; ask with `since` set to `cursor` for what comes after them."""

    items: list[Change]
    cursor: str = Field(description="From where to go on; always given, also where nothing changed")
    has_more: bool = Field(description="More can be had at once")
