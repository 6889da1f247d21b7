"""Queries are found by name, and each says what it does."""

import pytest

from collector.store import queries


def test_a_query_is_an_attribute_without_its_header() -> None:
    loaded = queries.parse("x", "-- name: load_one\n-- One row.\nSELECT 1;\n\n-- name: load_two\n-- Two.\nSELECT 2\n")
    assert loaded.load_one == b"SELECT 1"
    assert loaded.load_two == b"SELECT 2"
    assert loaded.names() == ["load_one", "load_two"]


def test_an_unknown_name_says_which_file_lacks_it() -> None:
    loaded = queries.parse("x", "-- name: load_one\n-- One row.\nSELECT 1\n")
    with pytest.raises(AttributeError, match=r"queries/x\.sql holds no query named load_three"):
        _ = loaded.load_three


@pytest.mark.parametrize(
    "text",
    [
        "-- name: load_one\nSELECT 1\n",
        "-- name: load_one\n-- One row.\n",
        "-- name: load_one\n-- One.\nSELECT 1\n-- name: load_one\n-- Again.\nSELECT 1\n",
    ],
)
def test_a_query_without_sentence_body_or_own_name_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError):
        queries.parse("x", text)
