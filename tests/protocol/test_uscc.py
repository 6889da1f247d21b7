"""The unified social credit code's check character, against codes that their owners publish."""

import pytest

from protocol.uscc import check_character, fault

PUBLISHED = ["12100000400000624D", "91440300708461136T"]


@pytest.mark.parametrize("code", PUBLISHED)
def test_a_published_code_is_right_and_any_other_character_is_told(code: str) -> None:
    assert fault(code) == ""
    assert check_character(code[:-1]) == code[-1]
    for place, character in enumerate(code):
        other = "2" if character == "1" else "1"
        assert "check character" in fault(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize("text", ["", "1" * 17, "1" * 19, "12100000400000624I", "1210000040000062\n4D", "１２" * 9])
def test_what_has_not_the_form_is_told(text: str) -> None:
    assert "no unified social credit code" in fault(text)
