"""Frozen periods: which there are, the manifest of each, and freezing one."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from collector.accounts import freezing
from collector.accounts.freezing import Frozen, one_snapshot
from collector.api.access import Freezes, Given, Lent, ReadsHours, actor_of
from collector.api.day_models import AskedPeriod, FrozenPeriod, FrozenPeriods
from collector.api.problem import Problem, not_found, responses
from collector.errors import FreezingError, RegistryError
from collector.registry.access import EVERYTHING, Scope
from protocol import frozen

router = APIRouter(prefix="/frozen", tags=["frozen periods"])


@router.get("")
def list_frozen_periods(caller: ReadsHours, connection: Lent) -> FrozenPeriods:
    """What was frozen, the latest first: of every unit, and of the caller's own."""
    found = freezing.list_frozen(connection)
    return FrozenPeriods(items=[_item(each) for each in found if _is_in_scope(each, caller.access.scope)])


@router.get(
    "/{name}/manifest",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The bytes"}, **responses(404)},
)
def show_frozen_manifest(caller: ReadsHours, connection: Lent, name: str) -> Response:
    """The exact bytes of a manifest; their SHA-256 is what the period is known by."""
    found = [each for each in freezing.list_frozen(connection, name) if _is_in_scope(each, caller.access.scope)]
    if not found:
        raise not_found("frozen period", name, remedy="/api/v1/frozen lists those that there are")
    return Response(frozen.encode(found[0].manifest), media_type="application/json")


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(400, 403))
def freeze_period(
    request: Request, given: Given, caller: Freezes, connection: Lent, asked: AskedPeriod
) -> FrozenPeriod:
    """Fixes the records and figures of closed days for good; nobody can undo it."""
    period = freezing.Period(asked.name, asked.first_day, asked.last_day, asked.unit)
    try:
        with one_snapshot(connection):
            made = freezing.freeze_and_record(connection, period, actor=actor_of(request, caller), now=given.now())
    except (FreezingError, RegistryError) as error:
        raise Problem("cannot-be-frozen", str(error), status=HTTPStatus.BAD_REQUEST) from error
    return _item(made)


def _is_in_scope(held: Frozen, scope: Scope) -> bool:
    """A manifest holds counts and hashes; that one unit was frozen is that unit's business."""
    return scope == EVERYTHING or held.manifest.unit in ("", scope.name)


def _item(held: Frozen) -> FrozenPeriod:
    manifest = held.manifest
    return FrozenPeriod(
        name=manifest.name,
        first_day=held.period.first_day,
        last_day=held.period.last_day,
        unit=held.period.unit,
        by=manifest.by,
        sha256=held.sha256,
        root=manifest.root,
        leaves=manifest.leaves,
    )
