"""People: passwords, API keys, sessions and links, none of them kept as they are."""

from datetime import UTC, datetime, timedelta

import pytest

from collector.errors import RegistryError
from collector.registry import api_keys, people
from collector.registry.access import Access
from collector.registry.people import Caller, Person
from collector.store.database import Connection

NOW = datetime(2025, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def appoint(connection: Connection, person: Person, access: Access) -> bool:
    with connection.transaction():
        return people.appoint(connection, person, access, now=NOW)


def test_a_person_is_who_knows_the_password(connection: Connection) -> None:
    person = people.register_person(connection, "li.ming", password="correct horse battery")
    assert people.check_password(connection, "li.ming", password="correct horse battery") == person
    assert people.check_password(connection, "li.ming", password="wrong horse battery") is None
    assert people.check_password(connection, "nobody", password="correct horse battery") is None


def test_a_person_without_a_password_cannot_sign_in_with_any(connection: Connection) -> None:
    people.register_person(connection, "li.ming")
    assert people.check_password(connection, "li.ming", password="") is None


def test_a_new_password_replaces_the_old_one(connection: Connection) -> None:
    people.register_person(connection, "li.ming", password="correct horse battery")
    people.register_person(connection, "li.ming", password="another long one")
    people.register_person(connection, "li.ming")
    assert people.check_password(connection, "li.ming", password="correct horse battery") is None
    assert people.check_password(connection, "li.ming", password="another long one") is not None


@pytest.mark.parametrize("name", ["", " x", "a\nb"])
def test_an_impossible_name_is_refused(connection: Connection, name: str) -> None:
    with pytest.raises(RegistryError, match="is no name"):
        people.register_person(connection, name)


def test_a_session_ends_by_time_or_by_signing_out(connection: Connection) -> None:
    person = people.register_person(connection, "li.ming")
    token = people.open_web_session(connection, person, now=NOW, lasts=HOUR)
    assert people.find_caller_of_session(connection, token, now=NOW) == Caller(person, Access(None))
    assert people.find_caller_of_session(connection, token, now=NOW + HOUR) is None
    people.close_web_session(connection, token, now=NOW)
    assert people.find_caller_of_session(connection, token, now=NOW) is None


def test_an_entry_link_lets_in_once(connection: Connection) -> None:
    person = people.register_person(connection, "li.ming")
    token = people.make_entry_token(connection, "li.ming", now=NOW, lasts=HOUR)
    late = people.make_entry_token(connection, "li.ming", now=NOW, lasts=HOUR)
    assert people.use_entry_token(connection, token, now=NOW) == person
    assert people.use_entry_token(connection, token, now=NOW) is None
    assert people.use_entry_token(connection, late, now=NOW + HOUR) is None


def test_no_secret_is_kept_as_it_is(connection: Connection) -> None:
    person = people.register_person(connection, "li.ming", password="correct horse battery")
    appoint(connection, person, Access("reader"))
    secrets = [
        api_keys.make_api_key(connection, "li.ming", label="a", expires_at=NOW + HOUR).key,
        people.open_web_session(connection, person, now=NOW, lasts=HOUR),
        people.make_entry_token(connection, "li.ming", now=NOW, lasts=HOUR),
        "correct horse battery",
    ]
    for table in ("person", "api_key", "web_session", "entry_token"):
        kept = str(connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall())
        assert not any(secret in kept or secret.encode().hex() in kept for secret in secrets)


@pytest.mark.parametrize("foreign", ["", "\ud800", "x" * 10_000, "' OR 1=1"])
def test_any_text_at_all_may_be_offered_as_a_secret(connection: Connection, foreign: str) -> None:
    assert api_keys.find_caller_of_key(connection, foreign, now=NOW) is None
    assert people.find_caller_of_session(connection, foreign, now=NOW) is None
    assert people.use_entry_token(connection, foreign, now=NOW) is None
