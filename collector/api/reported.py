"""Hours that units report of instruments without an agent: never in an hour record, never scored as measured."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request

from collector.api.access import Given, Lent, ReadsHours, RecordsFacts, actor_of
from collector.api.paging import FirstDay, LastDay, check_days
from collector.api.problem import Problem, responses
from collector.api.proposal_models import AskedReport, RecordedFact, ReportedHours
from collector.approvals import reported
from collector.approvals.proposals import Asker
from collector.errors import KeyTaken, NotAllowed, RegistryError, UnknownName
from protocol.facts import Reported

router = APIRouter(prefix="/reported-hours", tags=["proposals"])

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="The unit's own name of this report: sent again with the same content it is the same report",
    ),
]


@router.get("", responses=responses(400))
def list_reported_hours(
    caller: ReadsHours, connection: Lent, first_day: FirstDay, last_day: LastDay
) -> list[ReportedHours]:
    """Reports that touch a range of days."""
    check_days(first_day, last_day)
    found = reported.list_reported(connection, caller.access.scope, first_day=first_day, last_day=last_day)
    return [
        ReportedHours(
            fact=sha256,
            unit=fact.unit,
            asset_no=fact.asset,
            first_day=date.fromisoformat(fact.first_day),
            last_day=date.fromisoformat(fact.last_day),
            effective_s=fact.effective_s,
            external_s=fact.external_s,
            document=fact.document,
        )
        for sha256, fact in found
    ]


@router.post("", responses=responses(400, 403, 404, 409))
def report_hours(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, asked: AskedReport, key: Key
) -> RecordedFact:
    """Reports the hours of an instrument without an agent over a period that is over."""
    now = given.now()
    try:
        fact = Reported(
            v=1,
            at=round(now.timestamp() * 1000),
            by=caller.person.name,
            unit=asked.unit,
            asset=asked.asset_no,
            first_day=asked.first_day.isoformat(),
            last_day=asked.last_day.isoformat(),
            effective_s=asked.effective_s,
            external_s=asked.external_s,
            document=asked.document,
        )
        asker = Asker(caller.person, caller.access, actor_of(request, caller))
        with connection.transaction():
            recorded = reported.report_hours(connection, asker, fact, key=key, now=now)
    except NotAllowed as error:
        raise Problem("not-allowed", str(error), status=HTTPStatus.FORBIDDEN) from error
    except KeyTaken as error:
        raise Problem("key-taken", str(error), status=HTTPStatus.CONFLICT) from error
    except UnknownName as error:
        raise Problem("not-found", str(error), status=HTTPStatus.NOT_FOUND) from error
    except (RegistryError, ValueError) as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.BAD_REQUEST) from error
    return RecordedFact(fact=recorded.sha256, is_new=recorded.is_new)
