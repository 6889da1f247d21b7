"""The fleet's page: for those who may see agents, in every order, with the alarms that are open."""

from datetime import timedelta

import httpx
import pytest

from collector.registry import people
from collector.registry.access import Access
from collector.web import fleet_pages
from collector.web.visitor import SESSION_COOKIE
from tests.collector.province import MovableClock, Province


@pytest.fixture
def agents(province: Province, clock: MovableClock) -> Province:
    """em-01 heard just now, em-02 an hour ago with 70 entries waiting, em-03 never."""
    for number in (1, 2, 3):
        province.add_instrument(f"A00{number}")
        province.add_agent(f"em-0{number}", f"A00{number}")
    for agent_id, ago, size in (("em-01", 0, 0), ("em-02", 1, 70)):
        province.connection.execute(
            "UPDATE agent SET last_seen_at = %s, reported_size = %s WHERE agent_id = %s",
            [clock.at - timedelta(hours=ago), size, agent_id],
        )
    return province


def order(page: str) -> list[str]:
    """In which order agents stand in the table."""
    agents = ("em-01", "em-02", "em-03")
    places = {page.index(f"<td>{agent}</td>"): agent for agent in agents if f"<td>{agent}</td>" in page}
    return [places[place] for place in sorted(places)]


def test_agents_stand_in_the_order_that_is_asked_for(visitor: httpx.Client, agents: Province) -> None:
    page = visitor.get("/fleet?lang=en").text
    assert order(page) == ["em-03", "em-02", "em-01"]
    assert "No alarm is open." in page
    assert order(visitor.get("/fleet?sort=waiting").text) == ["em-02", "em-01", "em-03"]
    assert order(visitor.get("/fleet?liveness=silent").text) == ["em-02"]
    assert order(visitor.get("/fleet?waiting=true").text) == ["em-02"]
    assert "积压最多" in visitor.get("/fleet?lang=zh").text
    assert 'href="/fleet"' in visitor.get("/").text


def test_pages_follow_each_other(visitor: httpx.Client, agents: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_pages, "PAGE_SIZE", 2)
    first = visitor.get("/fleet?sort=waiting").text
    assert order(first) == ["em-02", "em-01"]
    following = first.partition('<nav class="pages"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    second = visitor.get(following).text
    assert order(second) == ["em-03"]
    assert '<nav class="pages">' not in second


def test_alarms_that_are_open_are_shown_as_text(visitor: httpx.Client, agents: Province) -> None:
    agents.connection.execute(
        "INSERT INTO alarm (kind, agent_id, since, detail, opened_at) VALUES ('storage', 'em-02', now(), '<b>', now())"
    )
    page = visitor.get("/fleet?lang=en").text
    assert "Disk trouble" in page
    assert "&lt;b&gt;" in page


def test_who_may_not_see_agents_is_told_so(client: httpx.Client, agents: Province, clock: MovableClock) -> None:
    person = people.register_person(agents.connection, "reader")
    with agents.connection.transaction():
        people.appoint(agents.connection, person, Access("reader"), now=clock.at)
    token = people.open_web_session(agents.connection, person, now=clock.at, lasts=timedelta(hours=1))
    client.cookies.set(SESSION_COOKIE, token)
    assert client.get("/fleet").status_code == 403
    assert 'href="/fleet"' not in client.get("/").text
