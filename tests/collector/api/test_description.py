"""The API keeps to its own description, whatever is asked: Schemathesis against the real application.

Requests that the description allows and requests that it forbids are made up and sent to every operation, and each
answer is held against the description: no 500, no undescribed status, media type or member, nothing malformed
taken. `make fuzz` asks longer (JISHI_FUZZ_EXAMPLES a time, per operation).
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http import HTTPStatus

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from collector.config import Api, Config
from collector.evaluation.rounds import By, create_round
from collector.registry.access import Access, Scope
from collector.registry.audit import Actor
from collector.self_evaluation import reports
from collector.self_evaluation.reports import Doer
from tests.collector.conftest import make_key
from tests.collector.province import RUN, USCC, MovableClock, Piece, Province

EXAMPLES = int(os.environ.get("JISHI_FUZZ_EXAMPLES", "8"))
PATIENCE_S = 120 + 60 * EXAMPLES  # all operations take 45 s for eight examples, and 200 s on a machine that others use
TAKE_NOTHING = {"GET /healthz", "GET /readyz", "GET /metrics", "GET /log"}
"""Nothing that is sent to them could be wrong."""
NOT_OURS = [
    ignored_auth,  # takes two ways to show one key for two keys; test_access.py asks with every role and without
    positive_data_acceptance,  # cursors, tokens and ranges of days that fit a pattern may still be wrong
]
MONDAY = date(2026, 11, 16)


@pytest.fixture
def config(config: Config) -> Config:
    """A collector that nobody asks too often: what is tested here is what it answers."""
    return replace(config, api=Api(requests_per_minute_per_address=10**6, requests_per_minute_per_key=10**6))


@pytest.fixture
def description(app: FastAPI, province: Province) -> Iterator[schemathesis.BaseSchema]:
    """What the application says of itself, with something to be found behind it."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 3600, RUN))
    province.derive(MONDAY)
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    shutdown_lifespans()


@pytest.mark.timeout(PATIENCE_S)
def test_every_operation_answers_as_the_description_says(
    description: schemathesis.BaseSchema, province: Province, clock: MovableClock
) -> None:
    headers = {"X-API-Key": make_key(province, clock)}
    asked = set()
    for result in description.get_all_operations():
        operation = result.ok()
        _ask(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), headers)
        if operation.label not in TAKE_NOTHING:
            _ask(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), headers)
        asked.add(operation.label)
    assert len(asked) > 15
    assert asked >= TAKE_NOTHING


@pytest.mark.parametrize("role", ["evaluator", "expert", "officer"])
@pytest.mark.timeout(PATIENCE_S)
def test_operations_of_rounds_do_for_those_who_may_change_them(
    description: schemathesis.BaseSchema, province: Province, clock: MovableClock, role: str
) -> None:
    headers = {"X-API-Key": make_key(province, clock, access=Access(role))}
    by = By(Actor("li", "command", "li@host"), "test", clock.at)
    with province.connection.transaction():
        create_round(province.connection, "2025", year=2025, by=by)
    operations = [result.ok() for result in description.get_all_operations()]
    of_rounds = [each for each in operations if each.path.startswith(("/api/v1/rounds", "/api/v1/cases"))]
    assert len(of_rounds) > 15
    for operation in of_rounds:
        _ask(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), headers)
        _ask(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), headers)


@pytest.mark.timeout(PATIENCE_S)
def test_operations_of_monitoring_do_for_those_who_may_change_them(
    description: schemathesis.BaseSchema, province: Province, clock: MovableClock
) -> None:
    headers = {"X-API-Key": make_key(province, clock, access=Access("supervisor"))}
    operations = [result.ok() for result in description.get_all_operations()]
    parts = (
        "/api/v1/monitoring",
        "/api/v1/idle",
        "/api/v1/alarms",
        "/api/v1/notices",
        "/api/v1/changes",
        "/api/v1/fleet",
    )
    monitoring = [each for each in operations if each.path.startswith(parts)]
    assert len(monitoring) > 15
    for operation in monitoring:
        _ask(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), headers)
        _ask(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), headers)


@pytest.mark.parametrize("access", [Access("evaluator"), Access("approver", Scope("unit", USCC))], ids=str)
@pytest.mark.timeout(PATIENCE_S)
def test_operations_of_reports_do_for_those_who_may_change_them(
    description: schemathesis.BaseSchema, province: Province, clock: MovableClock, access: Access
) -> None:
    headers = {"X-API-Key": make_key(province, clock, access=access)}
    doer = Doer(By(Actor("li", "command", "li@host"), "test", clock.at), Access("officer", Scope("unit", USCC)))
    with province.connection.transaction():
        reports.draft(province.connection, USCC, 2025, given={}, doer=doer)
    operations = [result.ok() for result in description.get_all_operations()]
    of_reports = [each for each in operations if each.path.startswith(("/api/v1/self-", "/api/v1/worklist"))]
    assert len(of_reports) > 10
    for operation in of_reports:
        _ask(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), headers)
        _ask(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), headers)


OF_EXCHANGE = ("/bookings", "/users", "/charges", "/order-details", "/effects", "/exchange")


@pytest.mark.timeout(PATIENCE_S)
def test_operations_of_the_exchange_do_for_those_who_may_hand_in(
    description: schemathesis.BaseSchema, province: Province, clock: MovableClock
) -> None:
    headers = {"X-API-Key": make_key(province, clock, access=Access("officer"))}
    operations = [result.ok() for result in description.get_all_operations()]
    ours = [each for each in operations if each.path.removeprefix("/api/v1").startswith(OF_EXCHANGE)]
    assert len(ours) == 10
    for operation in ours:
        _ask(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), headers)
        _ask(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), headers)


def _ask(cases: SearchStrategy[schemathesis.Case], headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        response = case.call(headers=headers)
        # Too long is a reason to refuse, but none of those that Schemathesis knows.
        sizes = (HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        too_long = [negative_data_rejection] if response.status_code in sizes else []
        case.validate_response(response, excluded_checks=[*NOT_OURS, *too_long])

    ask()
