"""Explanations and revisions by the API."""

import hashlib
from datetime import date, timedelta

import httpx
import pytest

from tests.collector.province import OFF, RUN, Piece, Province

V1 = "/api/v1/hours/A001/2026-11-16"
MONDAY = date(2026, 11, 16)
HOUR = 3600


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    province.derive(MONDAY + timedelta(days=3))
    return origin


def test_a_second_is_explained(api: httpx.Client, sem: str) -> None:
    answer = api.get(f"{V1}/explain", params={"at": "10:15:30"})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["state"], found["operating_state"], found["is_effective"]) == ("run", "run", True)
    assert found["at"] == "2026-11-16 10:15:30"
    assert found["steps"][0]["refs"] == [f"entry:{sem}#10"]
    assert api.get(f"{V1}/explain", params={"at": "18:00:00"}).json()["state"] == "unobserved"


@pytest.mark.parametrize(
    ("path", "status", "what"),
    [
        (f"{V1}/explain", 422, "query.at"),
        (f"{V1}/explain?at=25:00:00", 422, "query.at"),
        ("/api/v1/hours/A001/2026-11-17/explain?at=10:00:00", 404, "nothing was observed on that day"),
        ("/api/v1/hours/Z999/2026-11-16/explain?at=10:00:00", 404, "instrument"),
        (f"{V1}/revisions/9", 404, "revisions lists those that there are"),
        (f"{V1}/revisions/0", 404, "revision"),
        (f"{V1}/revisions/99999999999999999999", 404, "revision"),
    ],
)
def test_what_cannot_be_answered_is_said(api: httpx.Client, sem: str, path: str, status: int, what: str) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    assert what in answer.text


def test_the_revisions_of_a_day_can_be_walked_back_byte_for_byte(
    api: httpx.Client, province: Province, sem: str
) -> None:
    province.observe(sem, Piece(MONDAY, 12 * HOUR, 13 * HOUR, RUN))
    province.derive(MONDAY + timedelta(days=3))
    first, second = api.get(f"{V1}/revisions").json()["items"]
    assert (second["revision"], second["cites"], second["why"]) == (2, first["sha256"], "readings")
    for each in (first, second):
        body = api.get(f"{V1}/revisions/{each['revision']}").content
        assert hashlib.sha256(body).hexdigest() == each["sha256"]
    assert api.get(f"{V1}/record").content == body
