"""The officer's page and the report to print: whose they are, what they show, and the way from one to the other."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from collector.registry import people
from collector.registry.access import Access, Scope
from collector.web.visitor import SESSION_COOKIE
from tests.collector.province import MovableClock, Province
from tests.collector.self_evaluation.lab import BEIJING, OFFICER, XIAN, Lab, evaluator, make, officer


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 1, 20, 4, tzinfo=UTC))


@pytest.fixture
def year(province: Province) -> Lab:
    return make(province)


def sign_in(client: httpx.Client, year: Lab, clock: MovableClock, access: Access) -> httpx.Client:
    name = str(access)
    year.person(name, access)
    person = people.find_person(year.connection, name)
    token = people.open_web_session(year.connection, person, now=clock.at, lasts=timedelta(hours=1))
    client.cookies.set(SESSION_COOKIE, token)
    return client


def test_an_officer_sees_what_waits_for_his_unit(client: httpx.Client, year: Lab, clock: MovableClock) -> None:
    page = sign_in(client, year, clock, OFFICER).get("/worklist?lang=en").text
    assert "External orders without a document" in page
    assert "SO-2" in page
    assert "Instruments overdue in the network" in page
    assert '<td class="warning">2020-04-14</td>' in page
    assert "not drafted" in page
    assert 'href="/figures/unit/91610131MA6TYUUC74?year=2025"' in page
    assert "逾期未入网的仪器" in client.get("/worklist?lang=zh").text


def test_a_report_leads_to_the_page_that_is_printed(client: httpx.Client, year: Lab, clock: MovableClock) -> None:
    year.draft(staff="<script>12</script>")
    visitor = sign_in(client, year, clock, OFFICER)
    assert f'href="/self-evaluations/{XIAN}/2025"' in visitor.get("/worklist").text
    page = visitor.get(f"/self-evaluations/{XIAN}/2025")
    assert "科研设施与仪器开放共享自评报告" in page.text
    assert "&lt;script&gt;12&lt;/script&gt;" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert page.headers["cache-control"] == "no-store"


def test_nobody_else_sees_a_draft(client: httpx.Client, year: Lab, clock: MovableClock) -> None:
    year.draft()
    visitor = sign_in(client, year, clock, Access("evaluator"))
    assert "西安测试大学" in visitor.get("/worklist").text
    assert visitor.get(f"/self-evaluations/{XIAN}/2025").status_code == 403
    year.confirm()
    year.go_on("submitted", officer())
    assert visitor.get(f"/self-evaluations/{XIAN}/2025").status_code == 200
    year.go_on("returned", evaluator())
    assert visitor.get(f"/worklist?unit={XIAN}&lang=en").text.count("returned") == 2


@pytest.mark.parametrize("access", [
    Access("officer", Scope("unit", BEIJING)), Access("reader", Scope("instrument", "A001")),
])  # fmt: skip
def test_another_unit_sees_nothing_of_it(client: httpx.Client, year: Lab, clock: MovableClock, access: Access) -> None:
    year.draft()
    visitor = sign_in(client, year, clock, access)
    assert visitor.get(f"/worklist?unit={XIAN}").status_code == 404
    assert visitor.get(f"/self-evaluations/{XIAN}/2025").status_code == 404
    assert "西安测试大学" not in visitor.get("/worklist").text


def test_where_nothing_waits_the_page_says_so(client: httpx.Client, year: Lab, clock: MovableClock) -> None:
    visitor = sign_in(client, year, clock, Access("officer", Scope("unit", BEIJING)))
    assert "Nothing waits." in visitor.get("/worklist?lang=en").text
    assert visitor.get("/worklist?unit=%00").status_code in (400, 404)
