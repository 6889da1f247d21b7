"""What people said that cannot all be so: a list for whoever looks at it, by rule, with figures and where to look."""

from datetime import date

from fastapi import APIRouter
from pydantic import Field

from collector.accounts.contradictions import Rule, find_contradictions
from collector.api.access import Lent, ReadsHours
from collector.api.models import Model
from collector.api.paging import FirstDay, LastDay, check_days
from collector.api.problem import responses

router = APIRouter(prefix="/contradictions", tags=["hours"])


class Contradiction(Model):
    """One finding; it changes no hour."""

    rule: Rule
    asset_no: str = Field(description="Empty where it is about orders alone")
    day: date | None
    about: list[str] = Field(description="Facts and orders that it is about")
    seconds: int
    told: str


@router.get("", responses=responses(400))
def list_contradictions(
    caller: ReadsHours, connection: Lent, first_day: FirstDay, last_day: LastDay
) -> list[Contradiction]:
    """Contradictions over a range of local days."""
    check_days(first_day, last_day)
    found = find_contradictions(connection, caller.access.scope, first_day=first_day, last_day=last_day)
    return [Contradiction(**{**each._asdict(), "about": list(each.about)}) for each in found]
