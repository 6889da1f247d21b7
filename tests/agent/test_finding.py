"""A message is split where what was found ends and the remedy begins."""

import pytest

from agent.finding import split_remedy


@pytest.mark.parametrize(
    ("text", "found", "remedy"),
    [
        ("there is no port x: plug it in", "there is no port x", "plug it in"),
        ("no frame (ab: cd [e: f]): check: all", "no frame (ab: cd [e: f])", "check: all"),
        ("http://a:1 is odd: look", "http://a:1 is odd", "look"),
        ("it broke", "it broke", ""),
        ("it broke (a: b", "it broke (a: b", ""),
        ("", "", ""),
    ],
)
def test_a_remedy_stands_behind_the_first_colon_outside_brackets(text: str, found: str, remedy: str) -> None:
    assert split_remedy(text) == (found, remedy)
