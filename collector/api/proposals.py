"""Proposals and rulings: corrections, hours by hand, policies and decisions, two people for each of them."""

import json
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query, Request

from collector.api.access import Given, Lent, ReadsHours, RecordsFacts, Rules, Services, actor_of
from collector.api.models import Page
from collector.api.paging import Cursor, FirstDay, LastDay, Limit, after, check_days, page
from collector.api.problem import Problem, not_found, responses
from collector.api.proposal_models import (
    AskedProposal,
    AskedRuling,
    DryRun,
    DryRunLine,
    MadeProposal,
    MadeRuling,
    Proposal,
    TextToSign,
)
from collector.approvals import dry_runs, proposals, rulings
from collector.approvals.proposals import Asker
from collector.approvals.proposed import decode
from collector.errors import DerivationError, NotAllowed, RegistryError, UnknownName
from collector.registry.people import Caller
from collector.store.database import Connection

router = APIRouter(prefix="/proposals", tags=["proposals"])

Number = Annotated[int, Path(ge=1, lt=2**63, description="The proposal's number")]
OnlyOpen = Annotated[bool, Query(alias="open", description="Only those that nobody ruled on")]
Made = TypeVar("Made")


@router.get("", responses=responses(400))
def list_proposals(
    request: Request,
    given: Given,
    caller: ReadsHours,
    connection: Lent,
    only_open: OnlyOpen = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Proposal]:
    """What people propose and what became of it, the newest first. Refusals are kept."""
    [before] = after(request, cursor, start=[2**62])
    today = given.today()
    found = proposals.list_proposals(
        connection, caller.access, today=today, is_open=only_open, before=int(before), limit=limit + 1
    )
    return page(request, found, limit=limit, item=lambda each: _item(each, today), key=lambda each: [each.number])


@router.get("/{number}", responses=responses(404))
def show_proposal(given: Given, caller: ReadsHours, connection: Lent, number: Number) -> Proposal:
    """One proposal."""
    return _item(_find(connection, caller, number, given=given), given.today())


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403, 404))
def make_proposal(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, asked: AskedProposal
) -> MadeProposal:
    """Proposes a correction, hours by hand, a policy or a decision; docs/approvals.md shows the members of each."""

    def make() -> int:
        return proposals.propose(
            connection,
            _asker(request, caller),
            decode(json.dumps(asked.proposal).encode("utf-8", "surrogatepass")),
            reason=asked.reason,
            now=given.now(),
            deadline_days=given.config.corrections.within_days,
        )

    return MadeProposal(number=_do(connection, make))


@router.post("/{number}/ruling", responses=responses(400, 403, 404))
def rule_on_proposal(
    request: Request, given: Given, caller: Rules, connection: Lent, number: Number, asked: AskedRuling
) -> MadeRuling:
    """Approves or refuses what somebody else proposed. An approval makes the fact, or puts the policy in force."""

    def make() -> rulings.Ruling:
        asker = _asker(request, caller)
        note = None if asked.note is None else asked.note.encode("utf-8", "surrogatepass")
        return rulings.rule(connection, number, asker, verdict=asked.verdict, why=asked.why, now=given.now(), note=note)

    ruling = _do(connection, make)
    return MadeRuling(number=number, verdict=ruling.verdict, made=ruling.made)


@router.get("/{number}/text", responses=responses(400, 403, 404))
def show_text_to_sign(request: Request, given: Given, caller: Rules, connection: Lent, number: Number) -> TextToSign:
    """The text by whose signature the caller approves a decision; the signed note goes into the ruling."""
    asker = _asker(request, caller)
    return TextToSign(text=_do(connection, lambda: rulings.text_to_sign(connection, number, asker, now=given.now())))


@router.post("/{number}/dry-run", responses=responses(400, 403, 404))
def run_proposal_dry(
    given: Given, caller: RecordsFacts, connection: Lent, number: Number, first_day: FirstDay, last_day: LastDay
) -> DryRun:
    """Derives a range of days under a proposed policy and tells the difference, which is kept beside the proposal.

    Of a decision it tells what it would change at most, on the days that it is about.
    """
    check_days(first_day, last_day)
    _find(connection, caller, number, given=given)
    return _dry_run(
        _do(
            connection,
            lambda: dry_runs.run_dry(connection, number, first_day=first_day, last_day=last_day, now=given.now()),
        )
    )


@router.get("/{number}/dry-run", responses=responses(404))
def show_dry_run(given: Given, caller: ReadsHours, connection: Lent, number: Number) -> DryRun:
    """The newest dry run of a proposed policy or decision."""
    _find(connection, caller, number, given=given)
    found = dry_runs.find_dry_run(connection, number)
    if found is None:
        raise not_found("dry run", str(number), remedy="ask for one with POST on the same path")
    return _dry_run(found)


def _asker(request: Request, caller: Caller) -> Asker:
    return Asker(caller.person, caller.access, actor_of(request, caller))


def _find(connection: Connection, caller: Caller, number: int, *, given: Services) -> proposals.Proposal:
    """The proposal, if it is in the caller's scope; what lies outside looks like what is not there."""
    try:
        found = proposals.find_proposal(connection, number)
    except UnknownName as error:
        raise _no_proposal(number) from error
    if not proposals.is_in_scope(connection, caller.access, found.subject, today=given.today()):
        raise _no_proposal(number)
    return found


def _no_proposal(number: int) -> Problem:
    return not_found("proposal", str(number), remedy="GET /api/v1/proposals lists those that there are")


def _do(connection: Connection, make: Callable[[], Made]) -> Made:
    """Does it in one transaction; what the record refuses becomes a problem document."""
    try:
        with connection.transaction():
            return make()
    except NotAllowed as error:
        raise Problem("not-allowed", str(error), status=HTTPStatus.FORBIDDEN) from error
    except UnknownName as error:
        raise Problem("not-found", str(error), status=HTTPStatus.NOT_FOUND) from error
    except (RegistryError, DerivationError) as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.BAD_REQUEST) from error


def _item(found: proposals.Proposal, today: date) -> Proposal:
    return Proposal(
        number=found.proposal_id,
        kind=found.kind,
        subject=found.subject,
        state=found.state(today),
        proposal=json.loads(found.body),
        reason=found.reason,
        proposed_by=found.proposed_by,
        proposed_at=found.proposed_at,
        due_on=found.due_on,
        ruled_by=found.ruled_by,
        ruled_at=found.ruled_at,
        why=found.why,
        fact=found.fact,
    )


def _dry_run(made: dry_runs.DryRun) -> DryRun:
    return DryRun(
        first_day=made.first_day,
        last_day=made.last_day,
        run_at=made.run_at,
        instruments=len(made.lines),
        lines=[
            DryRunLine(
                asset_no=line.asset_no,
                days=line.days,
                days_changed=line.days_changed,
                problem=line.problem,
                **{f"{name}_before": getattr(line.before, name) for name in line.before._fields},
                **{f"{name}_after": getattr(line.after, name) for name in line.after._fields},
            )
            for line in made.changed
        ],
    )
