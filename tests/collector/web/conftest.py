"""A browser in which somebody is signed in, for the tests of the pages."""

from datetime import timedelta

import httpx
import pytest

from collector.registry import people
from collector.web.visitor import SESSION_COOKIE
from tests.collector.province import MovableClock, Province


@pytest.fixture
def visitor(client: httpx.Client, province: Province, clock: MovableClock) -> httpx.Client:
    """The person `approver`, an inspector over everything."""
    person = people.find_person(province.connection, "approver")
    token = people.open_web_session(province.connection, person, now=clock.at, lasts=timedelta(hours=12))
    client.cookies.set(SESSION_COOKIE, token)
    return client
