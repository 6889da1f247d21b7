"""Thresholds and terms of monitoring: what holds on a day, and who decided it."""

from http import HTTPStatus

from fastapi import APIRouter, Request

from collector.api.access import Given, Lent, Monitors, ReadsHours, Services, actor_of
from collector.api.monitoring_models import AskedSetting, DecidedSetting, Settings
from collector.api.paging import AsOf
from collector.api.problem import responses
from collector.api.round_asked import do
from collector.approvals.proposals import Asker
from collector.monitoring import settings
from collector.monitoring.acts import By
from collector.registry.people import Caller
from collector.store.database import Connection

router = APIRouter(prefix="/monitoring", tags=["monitoring"])


def by_of(request: Request, caller: Caller, given: Services, why: str) -> By:
    """Who does something in monitoring, why and when."""
    return By(Asker(caller.person, caller.access, actor_of(request, caller)), why, given.now())


@router.get("/settings", responses=responses(400))
def list_monitoring_settings(
    given: Given, _caller: ReadsHours, connection: Lent, as_of: AsOf | None = None
) -> Settings:
    """What holds on a local day, and all that was ever decided."""
    return _settings(connection, given, as_of)


@router.post("/settings", status_code=HTTPStatus.CREATED, responses=responses(400, 403))
def decide_monitoring_setting(
    request: Request, given: Given, caller: Monitors, connection: Lent, asked: AskedSetting
) -> Settings:
    """Decides a threshold or a term from today or a later day on."""
    by = by_of(request, caller, given, asked.why)
    do(
        connection,
        lambda: settings.decide(connection, asked.name, value=asked.value, from_day=asked.from_day, by=by),
    )
    return _settings(connection, given, asked.from_day)


def _settings(connection: Connection, given: Services, as_of: AsOf | None) -> Settings:
    day = as_of or given.today()
    return Settings(
        day=day,
        held=settings.load_settings(connection, day).named,
        decided=[DecidedSetting(**each._asdict()) for each in settings.list_decided(connection)],
    )
