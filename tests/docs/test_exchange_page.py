"""docs/exchange.md names every column, word, state and kind, and each command that it shows is one."""

import re
from pathlib import Path

import pytest

from collector import cli
from collector.exchange.compared import KINDS
from collector.exchange.states import MAX_ATTEMPTS, STATES
from collector.facts.brought_headings import BROUGHT, BROUGHT_WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*STATES, *KINDS, "booker"])
def test_each_word_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_states_and_kinds_stand_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == [*STATES, *KINDS]


@pytest.mark.parametrize(
    ("field", "heading"),
    sorted({(field, headings[0]) for columns in BROUGHT.values() for field, headings in columns.items()}),
)
def test_each_column_is_described_under_both_headings(field: str, heading: str) -> None:
    assert f"`{field}`" in PAGE
    assert heading in PAGE


@pytest.mark.parametrize("word", sorted({word for words in BROUGHT_WORDS.values() for word in words.values()}))
def test_each_word_that_a_cell_may_hold_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE or word.isdecimal()


def test_it_says_after_how_many_silences_a_message_is_given_up() -> None:
    assert f"{MAX_ATTEMPTS} attempts without an answer" in PAGE


@pytest.mark.parametrize("command", sorted(set(re.findall(r"jishi-collector (exchange [a-z]+)", PAGE))))
def test_each_command_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    assert caught.value.code == 0
