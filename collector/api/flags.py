"""What ought to be looked at on site: flags as they were found, and the order of the visits."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from collector.api.access import Lent, ReadsReadings
from collector.api.models import Model, Page
from collector.api.paging import AssetNo, Cursor, FirstDay, LastDay, Limit, after, check_days, page
from collector.api.problem import responses
from collector.flags import listing
from protocol.flags.catalogue import RULES, tell

router = APIRouter(prefix="/flags", tags=["flags"])

RuleName = Annotated[str | None, Query(max_length=64, description="Only of this rule; GET /api/v1/flags/rules")]


class Figure(Model):
    """One number that a rule states."""

    name: str
    value: int
    unit: str = Field(description="s, days, mW, mWh, ppm, ppb, fen, bytes, or empty for a number of things")


class Flag(Model):
    """A signal for an on-site check, never a verdict; kept as it was found, with the version of its rule."""

    sha256: str
    asset_no: str
    rule: str
    version: int
    first_day: date
    last_day: date
    weight: int = Field(description="1 to 100")
    figures: list[Figure]
    about: list[str] = Field(description="Other instruments, days or orders that it is about")
    told_zh: str
    told_en: str
    found_at: datetime


class Check(Model):
    """An instrument to be visited: the weights of its rules, and one more for each further finding, up to nine each."""

    asset_no: str
    weight: int
    findings: int
    rules: list[str]
    last_day: date


class Rule(Model):
    """A rule; docs/flags.md says what it looks at and how often an honest instrument trips it."""

    name: str
    version: int
    weight: int
    title_zh: str
    title_en: str


@router.get("", responses=responses(400))
def list_flags(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    first_day: FirstDay,
    last_day: LastDay,
    asset_no: AssetNo | None = None,
    rule: RuleName = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Flag]:
    """Flags that touch a range of local days, the latest found first."""
    check_days(first_day, last_day)
    [before] = after(request, cursor, start=[2**62])
    found = listing.list_flags(
        connection,
        caller.access.scope,
        first_day=first_day,
        last_day=last_day,
        asset_no=asset_no,
        rule=rule,
        before=int(before),
        limit=limit + 1,
    )
    places = {each.sha256: each.seq for each in found}
    return page(request, found, limit=limit, item=_item, key=lambda item: [places[item.sha256]])


@router.get("/checks", responses=responses(400))
def list_flag_checks(
    caller: ReadsReadings, connection: Lent, first_day: FirstDay, last_day: LastDay, limit: Limit = 100
) -> list[Check]:
    """The order of on-site checks by the flags of a range of local days."""
    check_days(first_day, last_day)
    found = listing.list_checks(connection, caller.access.scope, first_day=first_day, last_day=last_day, limit=limit)
    return [Check(**each._asdict()) for each in found]


@router.get("/rules")
def list_flag_rules(_caller: ReadsReadings) -> list[Rule]:
    """The rules there are, the weightiest first."""
    return [
        Rule(name=rule.name, version=rule.version, weight=rule.weight, title_zh=rule.title_zh, title_en=rule.title_en)
        for rule in RULES.values()
    ]


def _item(kept: listing.Kept) -> Flag:
    flag = kept.flag
    return Flag(
        sha256=kept.sha256,
        asset_no=flag.asset,
        rule=flag.rule,
        version=flag.version,
        first_day=date.fromisoformat(flag.first_day),
        last_day=date.fromisoformat(flag.last_day),
        weight=kept.weight,
        figures=[Figure(name=figure.name, value=figure.value, unit=figure.unit) for figure in flag.figures],
        about=list(flag.about),
        told_zh=tell(flag, "zh"),
        told_en=tell(flag, "en"),
        found_at=kept.found_at,
    )
