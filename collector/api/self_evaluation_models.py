"""What the API is asked and answers about self-evaluation reports, the officer's worklist and timeliness."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from collector.api.models import Model, WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY
from collector.registry.audit import MAX_TEXT
from collector.self_evaluation.states import State
from collector.self_evaluation.timeliness import Judged
from collector.self_evaluation.worklist import Kind

Why = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="Is kept with it, beside who and when")]


class AskedReportStep(Model):
    """A report goes on."""

    why: Why


class AskedDraft(AskedReportStep):
    """The next version out of the records of now."""

    texts: dict[str, str] = Field(
        default={},
        description="By field (docs/self-evaluation.md): they replace those of the version before, empty ones "
        "take theirs back, the others stay. Send long ones one request after the other: each holds at most 64 KiB",
        examples=[{"staff": "实验技术人员 12 人"}],
    )


class AskedConfirmation(AskedReportStep):
    """The officer confirms the newest version."""

    keep_figures: bool = Field(default=False, description="Although the records say otherwise by now")


class AskedDue(AskedReportStep):
    """Until when the reports of a year are submitted."""

    year: int = Field(strict=True, ge=2000, le=2199)
    due_on: WrittenDay = Field(ge=FIRST_DAY, le=LAST_DAY)


class SelfEvaluation(Model):
    """A report and where it stands."""

    uscc: str
    name_zh: str
    year: int
    state: State
    version: int
    sha256: str = Field(description="Of the exact bytes of that version")
    made_by: str = Field(description="Who made the newest step")
    made_at: datetime


class ReportStep(Model):
    """How a report came to a state."""

    state: State
    version: int
    sha256: str
    differences: int = Field(description="Of a confirmation: how many figures were not the records' any more")
    why: str
    by: str
    at: datetime


class SelfEvaluationDetail(SelfEvaluation):
    """A report with its steps."""

    steps: list[ReportStep]


class ReportDifference(Model):
    """A figure that the records give otherwise now; values as JSON, empty where there is none."""

    place: str = Field(examples=["lines[A001].seconds.effective_s"])
    was: str
    now: str


class Confirmed(SelfEvaluation):
    """What was confirmed, and what the records say otherwise."""

    differences: list[ReportDifference]


class DueDay(Model):
    """Until when the reports of a year are submitted."""

    year: int
    due_on: date
    why: str
    made_by: str
    made_at: datetime


class UnitTimeliness(Model):
    """How a unit stands to the last day."""

    uscc: str
    name_zh: str
    judged: Judged
    days: int = Field(description="Calendar days late, missing for, or left; else 0")
    due_on: date | None
    state: State | None = Field(description="Of its report; null where there is none")
    first_submitted_at: datetime | None
    last_submitted_at: datetime | None
    returned: int = Field(description="How often it came back")


class Waiting(Model):
    """Something that waits for the unit's officer."""

    kind: Kind
    number: int
    link: str = Field(description="The question that lists it")
    seconds: int | None = Field(description="How much of it, where it is time")
    since: date | None
    due_on: date | None
    what: str = Field(description="In which state it is, where it has one")
    about: list[str] = Field(description="The first few")


class Worklist(Model):
    """All that waits for a unit."""

    uscc: str
    as_of: date
    items: list[Waiting]
