"""Connections that requests take come back, however a request ends, and none takes more than one."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI

from collector.api.access import POOL_SIZE, Loan
from collector.registry.access import Access
from tests.collector.conftest import make_key
from tests.collector.province import MovableClock, Province

V1 = "/api/v1"
HOURS = f"{V1}/hours?first_day=2026-11-16&last_day=2026-11-18"


def test_a_request_gives_its_connection_back_however_it_ends(
    client: httpx.Client, app: FastAPI, province: Province, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(province, clock)
    weak = make_key(province, clock, label="weak", access=Access("reader"))
    asked = [
        (HOURS, key, 200),
        (HOURS, "", 401),
        (HOURS, "jk_wrong", 401),
        (f"{V1}/audit", weak, 403),
        (f"{HOURS}&asset_no=ZZZ", key, 404),
        (f"{HOURS}&limit=0", key, 422),
        (f"{HOURS}&limit=1&limit=2", key, 422),
        (f"{V1}/instruments/A%00", key, 400),
        ("/readyz", "", 200),
    ]
    for path, shown, status in asked:
        for _ in range(POOL_SIZE + 1):
            response = client.get(path, headers={"X-API-Key": shown} if shown else {})
            assert response.status_code == status, (path, response.text)
    stats = app.state.services.pool.get_stats()
    assert stats["pool_available"] == stats["pool_size"]


def test_many_at_once_share_the_pool(
    client: httpx.Client, app: FastAPI, province: Province, clock: MovableClock
) -> None:
    key = make_key(province, clock)
    with ThreadPoolExecutor(4 * POOL_SIZE) as threads:
        answers = list(threads.map(lambda _: client.get(HOURS, headers={"X-API-Key": key}).status_code, range(100)))
    assert answers == [200] * 100
    stats = app.state.services.pool.get_stats()
    assert stats["pool_available"] == stats["pool_size"] <= POOL_SIZE
    assert stats.get("requests_errors", 0) == 0


def test_a_loan_takes_one_connection_and_only_when_it_is_needed(app: FastAPI, client: httpx.Client) -> None:
    pool = app.state.services.pool
    before = pool.get_stats().get("requests_num", 0)
    loan = Loan(pool)
    loan.give_back()
    assert pool.get_stats().get("requests_num", 0) == before
    assert loan.take() is loan.take() is loan.taken
    assert pool.get_stats()["requests_num"] == before + 1
    loan.give_back()
    loan.give_back()
    assert loan.taken is None
