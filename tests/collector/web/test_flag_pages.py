"""Flags for people: the order of the visits, each finding with its figures and its days, and the day's own."""

from datetime import date

import httpx
import pytest

from protocol.flags import flag as flags
from protocol.flags.flag import Figure, Flag
from tests.collector.province import OFF, RUN, Piece, Province

MONDAY = date(2026, 11, 16)


@pytest.fixture
def flagged(province: Province) -> None:
    """An instrument whose number holds a slash, with a flag of Monday."""
    province.add_instrument("A/001")
    origin = province.add_agent("em-01", "A/001")
    province.observe(origin, Piece(MONDAY, 0, 32_400, OFF), Piece(MONDAY, 32_400, 39_600, RUN))
    province.derive(date(2026, 11, 18))
    for rule in ("feeder-idle", "gone-<b>"):
        figures = (Figure("idle", 1800, "s"), Figure("compared", 3600, "s"))
        body = flags.encode(Flag(1, "A/001", rule, 1, "2026-11-16", "2026-11-16", figures))
        province.connection.execute(
            "INSERT INTO flag (sha256, body, asset_no, rule, version, first_day, last_day, weight)"
            " VALUES (%s, %s, 'A/001', %s, 1, %s, %s, 90)",
            [flags.identity(body), body, rule, MONDAY, MONDAY],
        )


def test_the_page_orders_the_visits_and_leads_to_the_days(visitor: httpx.Client, flagged: None) -> None:
    page = visitor.get("/flags?from=2026-11-01&to=2026-11-30&lang=en").text
    assert "To be visited first" in page
    assert "Feeder idle" in page
    assert "its feeder shows no such load for 0 h 30 min" in page
    assert 'href="/instruments/A%2F001/2026-11-16"' in page
    assert "gone-&lt;b&gt;" in page
    assert "It is no verdict" in page
    assert "馈线无负荷" in visitor.get("/flags?lang=zh").text


def test_a_day_shows_its_own_flags_and_a_day_without_any_shows_none(visitor: httpx.Client, flagged: None) -> None:
    assert "Flags (they change no hour)" in visitor.get("/instruments/A%2F001/2026-11-16?lang=en").text
    assert "Flags (they change no hour)" not in visitor.get("/instruments/A%2F001/2026-11-17?lang=en").text


def test_a_time_without_flags_says_so(visitor: httpx.Client, flagged: None) -> None:
    assert "Nothing is flagged in this time." in visitor.get("/flags?from=2025-01-01&to=2025-02-01&lang=en").text
