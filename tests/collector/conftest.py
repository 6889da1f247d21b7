"""Fixtures that the tests of accounts, API and pages share."""

import pytest

from collector.registry import people, policies, units
from collector.store.database import Connection
from tests.collector.province import POLICY, USCC, Province


@pytest.fixture
def province(connection: Connection) -> Province:
    """A unit, a person who approves, and the test policy as the default."""
    units.register_unit(connection, USCC, name_zh="西安测试大学", name_en="Test University of Xi'an")
    people.register_person(connection, "approver")
    made = Province(connection, policies.register_policy(connection, POLICY))
    made.put_policy()
    return made
