"""Salted hashes: the same for the same person, useless without the salt, and gone with it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.desk.salt import SALT_BYTES, Salt, open_salt, tidy
from agent.errors import DeskError

SALT = Salt(bytes(range(32)))


def test_the_hash_is_the_one_that_another_program_would_make() -> None:
    # printf 'person\0anna' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    assert SALT.of_person("Anna") == "c25564052ab4c1dbb95b9a5b1e26cd51a7b20de76c29e5d5ef4422d52bbf80c0"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Anna", "anna"), ("张三", "张三"), ("Ａｎｎａ", "Anna"), ("Ana\u0301", "An\u00e1")],
)
def test_the_same_person_has_the_same_hash_however_it_was_typed(one: str, other: str) -> None:
    assert SALT.of_person(tidy(one)) == SALT.of_person(tidy(other))


def test_a_person_and_a_card_of_the_same_text_are_different_things() -> None:
    assert SALT.of_person("0A001B2C3D") != SALT.of_card("0A001B2C3D")


def test_another_salt_makes_other_hashes() -> None:
    assert SALT.of_person("Anna") != Salt(bytes(32)).of_person("Anna")


def test_a_salt_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = open_salt(tmp_path).of_person("Anna")
    assert open_salt(tmp_path).of_person("Anna") == first
    assert len((tmp_path / "salt").read_bytes()) == SALT_BYTES
    assert (tmp_path / "salt").stat().st_mode & 0o077 == 0
    (tmp_path / "salt").unlink()
    assert open_salt(tmp_path).of_person("Anna") != first


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_salt_that_is_none_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "salt").write_bytes(content)
    with pytest.raises(DeskError, match="put the right file back"):
        open_salt(tmp_path)


def test_a_state_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="cannot be used"):
        open_salt(tmp_path / "none")


@given(st.text(max_size=100))
def test_any_text_is_tidied_or_refused(text: str) -> None:
    try:
        name = tidy(text)
    except DeskError:
        return  # nothing was left of it, or too much
    assert 1 <= len(name) <= 64
    assert name.isprintable()
    assert tidy(name) == name
    assert len(SALT.of_person(name)) == 64
