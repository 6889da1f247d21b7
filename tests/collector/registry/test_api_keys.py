"""API keys: they end, are revoked, reach no further than their person, and end with his role."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from collector.errors import RegistryError, UnknownName
from collector.registry import api_keys, people, units
from collector.registry.access import Access, Scope
from collector.registry.api_keys import NewKey
from collector.registry.people import Person
from collector.store.database import Connection
from tests.collector.province import USCC

NOW = datetime(2025, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNIT = Scope("unit", USCC)


@pytest.fixture
def li_ming(connection: Connection) -> Person:
    """An operator over everything."""
    person = people.register_person(connection, "li.ming")
    appoint(connection, person, Access("operator"))
    return person


def appoint(connection: Connection, person: Person, access: Access) -> bool:
    with connection.transaction():
        return people.appoint(connection, person, access, now=NOW)


def make(connection: Connection, access: Access | None = None) -> NewKey:
    return api_keys.make_api_key(connection, "li.ming", label="a", expires_at=NOW + HOUR, access=access)


def test_a_key_opens_until_it_expires_or_is_revoked(connection: Connection, li_ming: Person) -> None:
    made = make(connection)
    caller = api_keys.find_caller_of_key(connection, made.key, now=NOW)
    assert caller is not None
    assert (caller.person, caller.access, caller.key_id) == (li_ming, Access("operator"), made.key_id)
    assert api_keys.find_caller_of_key(connection, made.key, now=NOW + HOUR) is None
    assert api_keys.find_caller_of_key(connection, made.key + "x", now=NOW) is None
    assert api_keys.revoke_api_key(connection, made.key_id, now=NOW) == "li.ming"
    assert api_keys.find_caller_of_key(connection, made.key, now=NOW) is None
    with pytest.raises(UnknownName, match="no key 1 is in use"):
        api_keys.revoke_api_key(connection, made.key_id, now=NOW)


def test_a_key_without_an_end_cannot_be_kept(connection: Connection, li_ming: Person) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        api_keys.make_api_key(connection, "li.ming", label="a", expires_at=None)  # type: ignore[arg-type]


def test_a_key_reaches_no_further_than_its_person(connection: Connection, li_ming: Person) -> None:
    units.register_unit(connection, USCC, name_zh="西安测试大学")
    narrow = make(connection, Access("reader", UNIT))
    caller = api_keys.find_caller_of_key(connection, narrow.key, now=NOW)
    assert caller is not None
    assert caller.access == Access("reader", UNIT)
    with pytest.raises(
        RegistryError, match=r"li\.ming is operator over everything: a key of theirs cannot be inspector"
    ):
        make(connection, Access("inspector"))
    appoint(connection, li_ming, Access("reader", UNIT))
    with pytest.raises(RegistryError, match="cannot be reader over everything"):
        make(connection, Access("reader"))


def test_nobody_without_a_role_has_a_key(connection: Connection) -> None:
    people.register_person(connection, "li.ming")
    with pytest.raises(RegistryError, match=r"li\.ming has no role: `jishi-collector role li.ming ROLE` gives one"):
        make(connection)
    with pytest.raises(UnknownName):
        api_keys.make_api_key(connection, "nobody", label="a", expires_at=NOW + HOUR)


@pytest.mark.parametrize("after", [Access(None), Access("reader"), Access("inspector")])
def test_a_change_of_role_ends_all_that_was_opened_under_the_old_one(
    connection: Connection, li_ming: Person, after: Access
) -> None:
    key, session = make(connection).key, people.open_web_session(connection, li_ming, now=NOW, lasts=HOUR)
    link = people.make_entry_token(connection, "li.ming", now=NOW, lasts=HOUR)
    assert not appoint(connection, li_ming, Access("operator")), "the same again changes nothing"
    assert people.find_caller_of_session(connection, session, now=NOW) is not None
    assert appoint(connection, li_ming, after)
    assert api_keys.find_caller_of_key(connection, key, now=NOW) is None
    assert people.find_caller_of_session(connection, session, now=NOW) is None
    assert people.use_entry_token(connection, link, now=NOW) is None


def test_a_new_password_ends_the_sessions_of_the_old_one(connection: Connection, li_ming: Person) -> None:
    session = people.open_web_session(connection, li_ming, now=NOW, lasts=HOUR)
    people.register_person(connection, "li.ming", password="correct horse battery")
    assert people.find_caller_of_session(connection, session, now=NOW) is None


def test_the_list_shows_all_of_a_key_but_the_key(connection: Connection, li_ming: Person) -> None:
    made = make(connection)
    [listed] = api_keys.list_api_keys(connection)
    assert (listed.person, listed.label, str(listed.access)) == ("li.ming", "a", "operator over everything")
    assert listed.last_used_at is None
    api_keys.find_caller_of_key(connection, made.key, now=NOW)
    api_keys.find_caller_of_key(connection, made.key, now=NOW + timedelta(seconds=59))
    [listed] = api_keys.list_api_keys(connection)
    assert listed.last_used_at == NOW, "written once a minute at most"
    assert made.key not in repr(listed) + repr(made)


def test_a_scope_names_what_is_registered(connection: Connection, li_ming: Person) -> None:
    for scope in (UNIT, Scope("instrument", "A009")):
        with pytest.raises(UnknownName, match="is registered: register it first"):
            appoint(connection, li_ming, Access("reader", scope))
