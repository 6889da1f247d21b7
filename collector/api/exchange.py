"""Messages to other platforms: where they stand, what was answered, and sending again what was refused."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from collector.api.access import Given, Lent, ReadsReadings, RecordsFacts, actor_of
from collector.api.exchange_models import AskedRetry, Message, MessageStep, MessageWithSteps
from collector.api.models import Page
from collector.api.paging import Cursor, Limit, after, page
from collector.api.problem import Problem, not_found, responses
from collector.errors import ExchangeError, UnknownName
from collector.exchange.outbox import Held, find_message, list_messages, list_steps, load_body, retry
from collector.exchange.states import State
from collector.registry.access import Scope
from collector.store.database import Connection

router = APIRouter(prefix="/exchange/messages", tags=["exchange"])
MAX_NUMBER = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="Number of a message")]


@router.get("", responses=responses(400))
def list_exchange_messages(
    request: Request,
    caller: ReadsReadings,
    connection: Lent,
    state: Annotated[State | None, Query(description="Only these")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Message]:
    """Messages of the caller's scope, the oldest first."""
    [number] = after(request, cursor, start=[0])
    scope = caller.access.scope
    rows = list_messages(connection, scope=scope, state=state, after=int(number), limit=limit + 1)
    return page(request, rows, limit=limit, item=_item, key=lambda each: [each.number])


@router.get("/{number}", responses=responses(404))
def show_exchange_message(caller: ReadsReadings, connection: Lent, number: Number) -> MessageWithSteps:
    """A message with its bytes, and every answer that came."""
    held = _find(connection, number, scope=caller.access.scope)
    steps = [
        MessageStep(
            state=step.state, at=step.at, http_status=step.http_status, problem=step.problem, receipt=step.receipt,
            made_by=step.made_by, answer=None if step.answer is None else step.answer.decode("utf-8", "replace"),
        )
        for step in list_steps(connection, number)
    ]  # fmt: skip
    return MessageWithSteps(**_item(held).model_dump(), body=load_body(connection, number).decode(), steps=steps)


@router.post("/{number}/retry", responses=responses(400, 404, 409))
def retry_exchange_message(
    request: Request, given: Given, caller: RecordsFacts, connection: Lent, number: Number, asked: AskedRetry
) -> Message:
    """Sends again what the platform refused, or what was given up. 409 where it stands elsewhere."""
    if not asked.why.isprintable() or not asked.why.strip():
        raise Problem("bad-reason", "why: say it on one line of printable characters", status=HTTPStatus.BAD_REQUEST)
    _find(connection, number, scope=caller.access.scope)
    try:
        with connection.transaction():
            held = retry(
                connection,
                number,
                scope=caller.access.scope,
                actor=actor_of(request, caller),
                why=asked.why,
                now=given.now(),
            )
    except ExchangeError as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.CONFLICT) from error
    return _item(held)


def _find(connection: Connection, number: int, *, scope: Scope) -> Held:
    try:
        return find_message(connection, number, scope=scope)
    except UnknownName as error:
        raise not_found("message", number, remedy="/api/v1/exchange/messages lists those that there are") from error


def _item(held: Held) -> Message:
    return Message(
        number=held.message_id, kind=held.kind, inner_id=held.inner_id, revision=held.revision, cites=held.cites,
        sha256=held.sha256, mapping_sha256=held.mapping, unit=held.unit, asset_no=held.asset_no,
        first_day=held.first_day, last_day=held.last_day, order=held.order_no or None, made_at=held.made_at,
        state=held.state, since=held.since, due_at=held.due_at, attempts=held.attempts, receipt=held.receipt,
        problem=held.problem,
    )  # fmt: skip
