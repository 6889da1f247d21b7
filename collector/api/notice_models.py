"""What the API is asked and answers about notices 通报."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from collector.api.models import HEX64, USCC, Model
from collector.api.monitoring_models import Why
from collector.monitoring.acts import MAX_REPLY
from collector.monitoring.notice_form import Kind
from collector.monitoring.notices import MAX_NUMBER
from collector.registry.audit import MAX_TEXT

Uscc = Annotated[str, Field(pattern=USCC)]


class NamedUnit(Model):
    """A unit that a notice is to name, and why."""

    uscc: Uscc
    reason: str = Field(min_length=1, max_length=MAX_TEXT)


class AskedNotice(Model):
    """A notice over a month, a quarter or a year."""

    number: str = Field(min_length=1, max_length=MAX_NUMBER, examples=["陕科通〔2026〕3号"])
    kind: Kind = "regular"
    subject: str = Field(
        default="everything",
        pattern="^(everything|unit:[0-9A-HJ-NPQRTUWXY]{18}|division:[0-9]{2,6})$",
        description="everything, unit:USCC, or division:DIGITS, the first of GB/T 2260",
    )
    period: str = Field(pattern="^2[01][0-9]{2}(-(Q[1-4]|0[1-9]|1[0-2]))?$", examples=["2026-03", "2026-Q1", "2026"])
    frozen: str = Field(min_length=1, max_length=40, description="Name of the frozen period of exactly these days")
    units: list[NamedUnit] = Field(default=[], max_length=500)
    why: Why


class DraftedNotice(Model):
    """What a notice would say."""

    text: str = Field(description="Markdown, Chinese")


class Notice(Model):
    """A notice that was issued; its text, page, figures and annex are below its own address."""

    notice_id: int
    number: str
    kind: Kind
    subject: str
    first_day: date
    last_day: date
    frozen: str = Field(description="The frozen period that its hours are from")
    sha256: str = Field(description="Of the figures' bytes, at …/figures")
    text_sha256: str = Field(description="Of the text's bytes, at …/text")
    why: str
    issued_by: str
    issued_at: datetime
    units: int = Field(description="How many units it names")
    replies: int


class Reply(Model):
    """What a unit said to a notice that names it."""

    uscc: str
    text: str
    document: str | None
    made_by: str
    made_at: datetime


class NoticeDetail(Notice):
    """A notice with the replies to it."""

    said: list[Reply]


class AskedReply(Model):
    """What a unit says to a notice that names it."""

    uscc: Uscc
    text: str = Field(min_length=1, max_length=MAX_REPLY)
    document: str | None = Field(default=None, pattern=HEX64, description="SHA-256 of a stored file that belongs to it")
