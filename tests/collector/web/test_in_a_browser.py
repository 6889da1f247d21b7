"""The pages in a real browser: signing in works, the content policy lets them work, nothing is asked of outside."""

from datetime import timedelta

import httpx
import pytest

from collector.registry import people
from collector.store.database import Connection
from tests import browser
from tests.collector.province import IDLE, RUN, MovableClock, Piece, Province

pytestmark = pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is missing: apt-get install chromium")


@pytest.fixture
def entry_link(province: Province, clock: MovableClock, client: httpx.Client, connection: Connection) -> str:
    """A one-time link into a province whose microscope ran this morning."""
    province.add_instrument("A001", name_zh="透射电子显微镜", name_en="Electron microscope")
    origin = province.add_agent("em-01", "A001")
    day = clock.at.date()
    province.observe(
        origin, Piece(day, 0, 30_000, IDLE), Piece(day, 30_000, 36_000, RUN), Piece(day, 36_000, 43_000, IDLE)
    )
    province.derive(day)
    token = people.make_entry_token(connection, "approver", now=clock.at, lasts=timedelta(minutes=10))
    return f"{client.base_url}/enter?token={token}"


def test_a_one_time_link_leads_to_the_instruments_and_their_days(entry_link: str) -> None:
    with browser.browsing() as page:
        page.open(entry_link).click("main form button")
        page.await_true("location.pathname == '/' && document.readyState == 'complete'")
        assert "A001" in page.text()
        page.click("a[href*='/instruments/A001']")
        page.await_true("location.pathname.startsWith('/instruments/A001') && document.readyState == 'complete'")
        page.await_true("document.querySelectorAll('svg').length > 1")
        assert page.complaints == []
        assert page.hosts() == {"127.0.0.1"}


def test_a_link_that_was_used_lets_nobody_in(entry_link: str) -> None:
    with browser.browsing() as page:
        page.open(entry_link).click("main form button")
        page.await_true("location.pathname == '/' && document.readyState == 'complete'")
    with browser.browsing() as page:
        page.open(entry_link).click("main form button")
        page.await_true("document.readyState == 'complete' && !document.querySelector('input[name=token]')")
        assert "A001" not in page.text()


def test_signing_out_ends_the_visit(entry_link: str, client: httpx.Client) -> None:
    with browser.browsing() as page:
        page.open(entry_link).click("main form button")
        page.await_true("location.pathname == '/' && document.readyState == 'complete'")
        page.click("form[action='/sign-out'] button")
        page.await_true("location.pathname == '/sign-in'")
        page.open(f"{client.base_url}/")
        assert page.evaluate("location.pathname") == "/sign-in"


def test_the_interface_describes_itself_without_internet(client: httpx.Client) -> None:
    with browser.browsing() as page:
        page.open(f"{client.base_url}/docs")
        page.await_true("document.querySelectorAll('.opblock-tag').length > 20")
        page.click("#operations-tag-rounds button")
        page.await_true("document.querySelectorAll('.opblock').length > 10")
        assert page.hosts() == {"127.0.0.1"}
        assert page.complaints == []
