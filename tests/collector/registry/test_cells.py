"""What people write into cells: days, amounts, shares, words."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from collector.errors import BadCell
from collector.registry.cells import (
    FEN_OF_WAN,
    FEN_OF_YUAN,
    read_day,
    read_money,
    read_percent,
    read_word,
    read_yes,
    share_of,
)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01",
        "2024-3-1",
        "2024/3/1",
        "2024.3.1",
        "2024年3月1日",
        "20240301",
        "２０２４－０３－０１",
        "2024-03-01 00:00:00",
    ],
)
def test_a_day_is_read_in_each_form_that_can_mean_one_day_only(text: str) -> None:
    assert read_day(text) == date(2024, 3, 1)


@pytest.mark.parametrize(
    "text",
    ["3/1/2024", "2024-03", "2024-02-30", "45352", "2024-3/1", "24-03-01", "2024-03-01 08:00:00", "明天", "0000-01-01"],
)
def test_what_could_be_two_days_or_none_is_refused(text: str) -> None:
    with pytest.raises(BadCell, match="write it as 2024-03-01"):
        read_day(text)


@pytest.mark.parametrize(
    ("text", "fen_of_one", "fen"),
    [
        ("2356000", FEN_OF_YUAN, 235_600_000),
        ("2,356,000.00", FEN_OF_YUAN, 235_600_000),
        ("２３５６０００．５", FEN_OF_YUAN, 235_600_050),
        ("235.6", FEN_OF_WAN, 235_600_000),
        ("235.600001", FEN_OF_WAN, 235_600_001),
        ("0", FEN_OF_WAN, 0),
        ("", FEN_OF_YUAN, None),
    ],
)
def test_an_amount_is_exact_to_the_fen(text: str, fen_of_one: int, fen: int | None) -> None:
    assert read_money(text, fen_of_one=fen_of_one) == fen


@pytest.mark.parametrize(
    "text", ["235.6万", "¥2356000", "1,5", "23,56,000", "-5", "1e6", "2.356E+6", "NaN", "9" * 21, "1.001"]
)
def test_an_amount_that_says_its_own_unit_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        read_money(text, fen_of_one=FEN_OF_YUAN)


@pytest.mark.parametrize(("text", "percent"), [("62.5", "62.5"), ("62.5%", "62.5"), ("100％", "100"), ("0", "0")])
def test_a_share_is_per_cent(text: str, percent: str) -> None:
    assert read_percent(text) == Decimal(percent)


@pytest.mark.parametrize("text", ["100.1", "-1", "1,000", "half", "%%"])
def test_a_share_beyond_the_whole_is_refused(text: str) -> None:
    with pytest.raises(BadCell, match="from 0 to 100"):
        read_percent(text)


def test_a_share_of_an_amount_is_rounded_half_up() -> None:
    assert share_of(235_600_001, Decimal(50)) == 117_800_001
    assert share_of(235_600_000, Decimal("33.333333")) == 78_533_333


def test_words_are_read_in_either_language_and_empty_ones_say_nothing() -> None:
    words = {"国产": "domestic", "domestic": "domestic"}
    assert [read_word(text, words) for text in ("国产", "Domestic", "")] == ["domestic", "domestic", ""]
    assert [read_yes(text) for text in ("是", "NO", "TRUE", "0", "")] == [True, False, True, False, None]


@pytest.mark.parametrize("read", [lambda text: read_word(text, {"国产": "domestic"}), read_yes])
def test_a_word_that_nobody_knows_is_refused_with_those_that_are(read: Callable[[str], object]) -> None:
    with pytest.raises(BadCell, match="write"):
        read("大概")
