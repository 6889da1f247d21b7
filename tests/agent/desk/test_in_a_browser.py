"""The desk in a real browser: two clicks sign in, other sites cannot, and nothing is asked of outside."""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import browser
from tests.agent.desk.conftest import Room
from tests.agent.desk.test_service import Start, is_up, start
from tests.agent.test_uplink_broker import eventually
from tests.browser import Page

pytestmark = pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is missing: apt-get install chromium")

__all__ = ["start"]  # a fixture


@pytest.fixture
def address(room: Room, start: Start) -> str:
    """Where the desk of a room is open, with an instrument that ran."""
    room.give_policy()
    room.measure(50, for_ms=1_800_000)
    room.measure(950, for_ms=3_600_000)
    service = start()
    eventually(is_up(service))
    return str(service.status()["page"])


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def is_there(room: Room, *names: str) -> Callable[[], bool]:
    """By a desk that reads the journal afresh: what the running one shows is not asked."""
    return lambda: sum(1 if said.action == "in" else -1 for said in room.said()) == len(names)


def test_two_clicks_sign_in_one_signs_out_and_the_name_is_remembered(page: Page, address: str, room: Room) -> None:
    page.open(f"{address}?lang=zh")
    page.await_true("document.querySelectorAll('svg.strip').length > 0")
    page.click("nav.choices a[href*='purpose=teaching']")
    page.await_true("location.pathname == '/sign-in'")
    page.evaluate("document.querySelector('input[name=operator]').value = '张三'")
    page.evaluate("document.querySelector('input[name=remember]').checked = true")
    page.click("form button.primary")
    page.await_true("location.pathname == '/' && document.body.innerText.includes('张三')")
    assert is_there(room, "张三")()
    page.click("ul.people form button")
    page.await_true("!document.body.innerText.includes('张三')")
    assert is_there(room)()
    page.click("nav.choices a[href*='purpose=own-research']")
    page.await_true("location.pathname == '/sign-in'")
    assert page.evaluate("document.querySelector('input[name=operator]').value") == "张三"
    assert page.evaluate("document.querySelector('input[name=purpose]:checked').value") == "own-research"
    page.click("form button.primary")
    page.await_true("location.pathname == '/' && document.body.innerText.includes('张三')")
    assert page.complaints == []
    assert page.hosts() == {"127.0.0.1"}


def test_the_language_can_be_switched_and_stays(page: Page, address: str) -> None:
    page.open(f"{address}?lang=zh")
    page.click("header nav a")
    page.await_true("document.documentElement.lang == 'en'")
    page.click("nav.choices a[href*='purpose=teaching']")
    page.await_true("location.pathname == '/sign-in'")
    assert "Sign in at A001" in page.text()


def test_a_narrow_screen_needs_no_scrolling_sideways(page: Page, address: str) -> None:
    page._call("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)
    for where in ("?lang=zh", "?lang=en", "sign-in?asset=A001&lang=zh", "sign-in?asset=A001&lang=en"):
        page.open(f"{address}{where}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, where


class OtherSite(http.server.BaseHTTPRequestHandler):
    """A web site that tries to sign somebody in at the instrument of whoever opens it."""

    target = ""

    def do_GET(self) -> None:
        body = f"""<form method=post action="{self.target}sign-in"><input name=asset value=A001>
            <input name=operator value=Mallory><input name=purpose value=teaching><input name=form value=1.2></form>
            <iframe src="{self.target}"></iframe>
            <script>
              const say = title => () => document.title = title;
              fetch("{self.target}").then(answer => answer.text()).then(say("read"), say("no"));
            </script>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def other_site(address: str) -> Iterator[str]:
    OtherSite.target = address
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


def test_another_site_can_neither_read_nor_frame_nor_change_anything(page: Page, other_site: str, room: Room) -> None:
    page.open(other_site)
    page.await_true("document.title == 'no'")
    eventually(lambda: any("frame-ancestors" in one or "Framing" in one for one in (page.text(), *page.complaints)))
    page.evaluate("document.forms[0].submit()")
    page.await_true("location.pathname == '/sign-in' && document.readyState == 'complete'")
    assert "Mallory" not in page.text()
    assert room.said() == []
