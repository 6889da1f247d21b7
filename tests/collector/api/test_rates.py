"""How often who may ask: by address, by key, by agent; in bounded memory; and which address is believed."""

import tracemalloc
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Scope

from collector.api.problem import Problem
from collector.api.rates import BUCKETS, FIXED, Kind, Rates, network, read_address
from collector.config import Api, Config
from tests.collector.conftest import MovableWindow, make_key
from tests.collector.province import MovableClock, Province

V1 = "/api/v1"


@pytest.fixture
def config(config: Config) -> Config:
    """A collector that is asked by few: 30 requests a minute from an address, 20 with a key."""
    limits = Api("127.0.0.1", 8321, requests_per_minute_per_address=30, requests_per_minute_per_key=20)
    return Config(config.domain, config.data_dir, config.broker, limits, given_dsn=config.given_dsn)


def test_a_limit_lets_through_what_it_allows_and_tells_the_rest_when_to_come_back(window: MovableWindow) -> None:
    rates = Rates(Api())
    allowed = FIXED[Kind.UPLINK]
    assert [rates.wait_s(Kind.UPLINK, "a") for _ in range(allowed.amount)] == [0] * allowed.amount
    assert 0 < rates.wait_s(Kind.UPLINK, "a") <= allowed.minutes * 60
    assert rates.wait_s(Kind.UPLINK, "b") == 0, "another is not touched"
    window.move(timedelta(minutes=2 * allowed.minutes))
    assert rates.wait_s(Kind.UPLINK, "a") == 0


def test_asking_whether_one_must_wait_counts_nothing() -> None:
    rates = Rates(Api(requests_per_minute_per_key=1))
    assert [rates.is_exhausted(Kind.KEY, "1") for _ in range(3)] == [0, 0, 0]
    rates.take(Kind.KEY, "1")
    assert rates.is_exhausted(Kind.KEY, "1") > 0
    with pytest.raises(Problem, match="at most 1 in 1 min"):
        rates.take(Kind.KEY, "1")


def test_memory_is_bounded_whoever_asks() -> None:
    rates = Rates(Api())
    tracemalloc.start()
    try:
        used = []
        for _ in range(2):
            for number in range(4 * BUCKETS):
                rates.wait_s(Kind.ADDRESS, f"2001:db8:{len(used)}:{number:x}::/64")
            used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert used[0] < 1000 * BUCKETS
    assert used[1] < 1.2 * used[0], "as many strangers again find their buckets made"


def test_a_key_that_asks_too_often_is_told_to_wait(
    client: httpx.Client, province: Province, clock: MovableClock
) -> None:
    busy, other = make_key(province, clock), make_key(province, clock, label="other")
    answers = [client.get(f"{V1}/instruments", headers={"X-API-Key": busy}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:jishi:problem:too-many-requests"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert client.get(f"{V1}/instruments", headers={"X-API-Key": other}).status_code == 200


def test_an_address_that_asks_too_often_is_told_to_wait_whatever_it_asks_for(
    client: httpx.Client, app: FastAPI
) -> None:
    paths = ("/healthz", "/sign-in", f"{V1}/agents", "/nothing", "/static/style.css")
    statuses = [client.get(paths[number % len(paths)]).status_code for number in range(31)]
    assert 429 not in statuses[:30]
    assert statuses[30] == 429
    page = client.get("/sign-in?lang=en")
    assert "Too many requests" in page.text
    assert page.headers["x-content-type-options"] == "nosniff"


def test_uplinks_are_not_counted_by_address(client: httpx.Client, app: FastAPI) -> None:
    assert {client.post(f"{V1}/up/em-{n:02}").status_code for n in range(40)} == {400}


def test_an_agent_that_delivers_too_often_waits_and_those_beside_it_do_not(client: httpx.Client, app: FastAPI) -> None:
    for _ in range(FIXED[Kind.UPLINK].amount):
        app.state.rates.wait_s(Kind.UPLINK, "127.0.0.1 em-01")
    assert client.post(f"{V1}/up/em-01").status_code == 429
    assert client.post(f"{V1}/up/em-02").status_code == 400
    for _ in range(FIXED[Kind.UPLINKS].amount):
        app.state.rates.wait_s(Kind.UPLINKS, "127.0.0.1")
    assert client.post(f"{V1}/up/em-02").status_code == 429


def test_many_agents_behind_one_address_enrol_and_a_guesser_among_them_waits(
    client: httpx.Client, app: FastAPI, province: Province
) -> None:
    asked = {"token": "jt_wrong", "agent_id": "em-01"}
    app.state.rates = Rates(Api())
    for _ in range(FIXED[Kind.WRONG_TOKEN].amount):
        app.state.rates.wait_s(Kind.WRONG_TOKEN, "127.0.0.1 em-01")
    slowed = client.post(f"{V1}/enrolments/challenge", json=asked)
    assert slowed.status_code == 429
    assert "retry-after" in slowed.headers
    other = client.post(f"{V1}/enrolments/challenge", json={**asked, "agent_id": "em-02"})
    assert other.status_code == 404, "agents beside it are still heard"


def scope(*headers: tuple[str, str]) -> Scope:
    return {
        "type": "http",
        "client": ("192.0.2.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("setting", "headers", "address"),
    [
        ("", [], "192.0.2.1"),
        ("", [("X-Forwarded-For", "203.0.113.7")], "192.0.2.1"),
        ("X-Forwarded-For", [("X-Forwarded-For", "203.0.113.7")], "203.0.113.7"),
        ("X-Forwarded-For", [("X-Forwarded-For", "10.0.0.1, 203.0.113.7")], "203.0.113.7"),
        ("X-Forwarded-For", [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "203.0.113.7")], "203.0.113.7"),
        ("X-Forwarded-For", [("X-Real-IP", "203.0.113.7")], "192.0.2.1"),
        ("X-Real-IP", [("X-Real-IP", "2001:db8::7")], "2001:db8::7"),
        ("X-Real-IP", [("X-Real-IP", "nonsense\x00")], "192.0.2.1"),
        ("X-Real-IP", [("X-Real-IP", "")], "192.0.2.1"),
    ],
)
def test_only_the_header_that_is_named_is_believed_and_of_a_list_only_its_end(
    setting: str, headers: list[tuple[str, str]], address: str
) -> None:
    assert read_address(scope(*headers), Api(address_header=setting)) == address


def test_a_subscribers_whole_network_is_one_address() -> None:
    rates = Rates(Api(requests_per_minute_per_address=1))
    assert network("2001:db8:0:1::5") == network("2001:db8:0:1:ffff::6") != network("2001:db8:0:2::5")
    assert network("::ffff:192.0.2.1") == "192.0.2.1"
    assert rates.wait_s(Kind.ADDRESS, network("2001:db8::1")) == 0
    assert rates.wait_s(Kind.ADDRESS, network("2001:db8::2")) > 0
