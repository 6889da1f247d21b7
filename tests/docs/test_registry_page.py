"""docs/registry.md names every column that a file may have, in both languages."""

from pathlib import Path

import pytest

from collector.registry.sheet_columns import SHEETS

PAGE = (Path(__file__).parents[2] / "docs" / "registry.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "heading"),
    sorted({(field, headings[0]) for kind in SHEETS.values() for field, headings in kind.columns.items()}),
)
def test_each_column_is_described_under_both_headings(field: str, heading: str) -> None:
    assert not field or f"`{field}`" in PAGE
    assert heading in PAGE


@pytest.mark.parametrize("word", sorted({word for kind in SHEETS.values() for word in kind.words.values()}))
def test_each_word_that_a_cell_may_hold_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE
