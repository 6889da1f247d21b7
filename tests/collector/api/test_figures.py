"""Figures of a year, and the walk from there to the bytes of a reading."""

from datetime import date, timedelta

import httpx
import pytest

from protocol import hours
from tests.collector.province import IDLE, OFF, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
HOUR = 3600
V1 = "/api/v1"


@pytest.fixture
def two_days(province: Province) -> str:
    """Three hours of run on each of two days at one of two instruments, and today; returns the origin."""
    province.add_instrument("A001", name_en="Electron microscope")
    province.add_instrument("A002")
    origin = province.add_agent("em-01", "A001")
    for day in (MONDAY, TUESDAY):
        province.observe(
            origin,
            Piece(day, 0, 9 * HOUR, OFF),
            Piece(day, 9 * HOUR, 12 * HOUR, RUN),
            Piece(day, 12 * HOUR, 24 * HOUR, IDLE),
        )
    province.observe(origin, Piece(WEDNESDAY, 0, 6 * HOUR, OFF))
    province.derive(WEDNESDAY)
    return origin


def test_a_unit_has_its_sums_averages_and_rates(api: httpx.Client, two_days: str) -> None:
    [unit] = api.get(f"{V1}/figures?year=2026").json()["items"]
    owned_days = 2 * (WEDNESDAY - date(2026, 1, 1)).days
    assert (unit["uscc"], unit["asset_no"], unit["instruments"]) == (USCC, None, 2)
    assert (unit["owned_days"], unit["days"], unit["days_over"]) == (owned_days, 3, 2)
    assert (unit["effective_s"], unit["unresolved_s"], unit["external_s"]) == (6 * HOUR, 6 * HOUR, 0)
    assert unit["average_effective_h"] == 3.0
    assert unit["in_network_s"] == owned_days * 86400 + 6 * HOUR
    assert unit["coverage"] == round((2 * 24 + 6) * HOUR / unit["in_network_s"], 4)
    assert (unit["sharing_rate_hours"], unit["flags"]) == (0.0, [])


def test_an_undefined_rate_is_null_and_flagged(api: httpx.Client, two_days: str) -> None:
    idle = api.get(f"{V1}/figures?year=2026&by=instrument").json()["items"][1]
    assert (idle["asset_no"], idle["effective_s"], idle["days"], idle["coverage"]) == ("A002", 0, 0, 0.0)
    assert (idle["sharing_rate_hours"], idle["sharing_rate_verified"]) == (None, None)
    assert idle["flags"] == ["sharing-rate-undefined"]


def test_a_year_that_has_not_begun_has_no_figures(api: httpx.Client, two_days: str) -> None:
    assert api.get(f"{V1}/figures?year=2027").json()["items"] == []
    assert api.get(f"{V1}/figures/ranking?year=2027").json()["items"] == []


def test_the_way_from_the_year_to_the_entries_takes_five_requests(api: httpx.Client, two_days: str) -> None:
    unit = api.get(f"{V1}/figures?year=2026").json()["items"][0]
    instrument = api.get(unit["details"]).json()["items"][0]
    days = api.get(instrument["details"]).json()["items"]
    assert sum(day["effective_s"] for day in days) == instrument["effective_s"] == unit["effective_s"]
    body = api.get(f"{V1}/hours/{days[0]['asset_no']}/{days[0]['day']}/record").content
    assert hours.decode(body).effective_s == days[0]["effective_s"]
    asked = {"asset_no": "A001", "start": "2026-11-16T01:00:00Z", "end": "2026-11-16T02:00:00Z"}
    block = api.get(f"{V1}/readings", params=asked).json()["blocks"][0]
    assert block["origin"] == two_days == days[0]["journals"][0]["origin"]


def test_a_list_of_instruments_comes_in_pages(api: httpx.Client, two_days: str) -> None:
    first = api.get(f"{V1}/figures?year=2026&by=instrument&limit=1").json()
    cursor = first["next_cursor"]
    rest = api.get(f"{V1}/figures?year=2026&by=instrument&limit=1&cursor={cursor}").json()
    assert [item["asset_no"] for item in (*first["items"], *rest["items"])] == ["A001", "A002"]
    assert rest["next_cursor"] is None


def test_a_ranking_says_by_what_each_unit_has_its_place(api: httpx.Client, two_days: str) -> None:
    for by in ("effective", "external", "sharing-rate"):
        [unit] = api.get(f"{V1}/figures/ranking?year=2026&by={by}").json()["items"]
        assert (unit["rank"], unit["uscc"], unit["effective_s"]) == (1, USCC, 6 * HOUR)
