"""The year's figures by pages: each total leads down to what it is the sum of, and that to an entry's bytes."""

import re
from datetime import date, timedelta

import httpx
import pytest

from tests.collector.province import OFF, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600


@pytest.fixture
def origin(province: Province) -> str:
    """An instrument whose number holds a slash, with a run of two hours on Monday and one on Tuesday."""
    province.add_instrument("A/001")
    made = province.add_agent("em-01", "A/001")
    for day, until in ((MONDAY, 11), (MONDAY + timedelta(days=1), 10)):
        province.observe(made, Piece(day, 0, 9 * HOUR, OFF), Piece(day, 9 * HOUR, until * HOUR, RUN))
    province.derive(MONDAY + timedelta(days=2))
    return made


def links(html: str, start: str) -> list[str]:
    return [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]+)"', html) if each.startswith(start)]


def test_five_pages_lead_from_the_years_total_to_an_entry_and_its_receipt(
    visitor: httpx.Client, province: Province, origin: str
) -> None:
    year = visitor.get("/figures?year=2026").text
    assert ">3.0</td>" in year
    [unit] = links(year, "/figures/unit/")
    assert USCC in unit
    instruments = visitor.get(unit).text
    [instrument] = links(instruments, "/figures/instrument/")
    days = visitor.get(instrument).text
    assert (">2.0</td>" in days, ">1.0</td>" in days, ">3.0</td>" in days) == (True, True, True)
    monday, _ = links(days, "/instruments/")
    first, *_ = links(visitor.get(monday).text, f"/entries/{origin}/")
    entry = visitor.get(first).text
    assert "&#34;k&#34;:&#34;reading&#34;" in entry
    assert origin in entry
    assert "— " in entry


def test_a_year_without_hours_and_what_is_not_there_say_so(visitor: httpx.Client, origin: str) -> None:
    before = visitor.get("/figures?year=2019&lang=en").text
    assert "There are no hours of that year." in before
    for path in ("/figures/unit/91440300708461136T", "/figures/instrument/ZZZZ", f"/entries/{origin}/99"):
        assert visitor.get(path).status_code == 404
    assert visitor.get("/figures?year=3000").status_code == 422


def test_a_day_says_whom_it_served(visitor: httpx.Client, origin: str) -> None:
    page = visitor.get("/instruments/A%2F001/2026-11-16?lang=en").text
    assert "Whom it served" in page
    assert "unresolved 2 h 0 min" in page
