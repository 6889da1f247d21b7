"""The network over the API: listed to whom it concerns, entered by the registrar, with reasons for what cannot be."""

from datetime import date

import httpx
import pytest

from collector.registry.access import Access, Scope
from collector.registry.audit import list_changes
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from tests.collector.conftest import make_key
from tests.collector.province import MovableClock, Province

JOIN = {"asset_no": "A001", "step": "joined", "from_day": "2026-11-16", "proof": "陕科平台〔2026〕12"}


@pytest.fixture
def registrar(province: Province, clock: MovableClock) -> dict[str, str]:
    for asset_no in ("A001", "B001"):
        province.add_instrument(asset_no)
    held = Instrument(asset_no="A001", name_zh="电镜", value_fen=90_000_000, accepted_on=date(2026, 3, 2))
    with province.connection.transaction():
        describe(province.connection, [(held, date(2026, 3, 2))], recorded_by="li")
    return {"X-API-Key": make_key(province, clock, access=Access("registrar"))}


def test_a_step_is_entered_and_shown_with_its_proof(
    client: httpx.Client, province: Province, registrar: dict[str, str], clock: MovableClock
) -> None:
    [before, _] = client.get("/api/v1/network", headers=registrar).json()["items"]
    assert (before["state"], before["due_on"]) == ("overdue", "2026-04-14")
    made = client.post("/api/v1/network", json=JOIN, headers=registrar)
    assert made.status_code == 201, made.text
    [after] = client.get("/api/v1/network?state=joined", headers=registrar).json()["items"]
    assert (after["asset_no"], after["since"], after["proof"]) == ("A001", "2026-11-16", JOIN["proof"])
    assert client.get("/api/v1/network?state=joined&as_of=2026-11-15", headers=registrar).json()["items"] == []
    [change] = [each for each in list_changes(province.connection, limit=100) if each.action == "network.joined"]
    assert change.target == "A001"
    reader = {"X-API-Key": make_key(province, clock, access=Access("reader", Scope("instrument", "B001")))}
    assert [each["asset_no"] for each in client.get("/api/v1/network", headers=reader).json()["items"]] == ["B001"]


def test_pages_follow_each_other(client: httpx.Client, registrar: dict[str, str]) -> None:
    first = client.get("/api/v1/network?limit=1", headers=registrar).json()
    second = client.get("/api/v1/network", params={"limit": 1, "cursor": first["next_cursor"]}, headers=registrar)
    assert [page["items"][0]["asset_no"] for page in (first, second.json())] == ["A001", "B001"]


@pytest.mark.parametrize(("change", "status", "says"), [
    ({"proof": ""}, 400, "joins with a proof"),
    ({"asset_no": "ZZZZ"}, 404, "ZZZZ"),
    ({"step": "left", "why": "x"}, 400, "was not in the network"),
    ({"from_day": "2199-01-01"}, 400, "has not come yet"),
    ({"step": "gone"}, 422, "step"),
])  # fmt: skip
def test_what_cannot_be_is_told(
    client: httpx.Client, registrar: dict[str, str], change: dict[str, str], status: int, says: str
) -> None:
    answer = client.post("/api/v1/network", json={**JOIN, **change}, headers=registrar)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


def test_a_year_without_a_calendar_is_a_problem_and_no_guess(client: httpx.Client, registrar: dict[str, str]) -> None:
    answer = client.get("/api/v1/network?as_of=2150-01-04&state=overdue", headers=registrar)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:jishi:problem:calendar-unknown")
    assert "chinesecalendar" in answer.json()["detail"]
