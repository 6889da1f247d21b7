"""Unified social credit codes (GB 32100-2015)."""

import pytest

from collector.errors import BadUscc, RegistryError
from collector.registry import units
from collector.store.database import Connection


@pytest.mark.parametrize("code", ["12100000400000624D", "91110000802100433B"])
def test_real_codes_pass(code: str) -> None:
    assert units.check_uscc(code) == code


@pytest.mark.parametrize("place", range(18))
def test_any_single_wrong_character_is_noticed(place: int) -> None:
    code = "12100000400000624D"
    for character in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        if character != code[place]:
            with pytest.raises(BadUscc):
                units.check_uscc(code[:place] + character + code[place + 1 :])


@pytest.mark.parametrize("code", ["", "1210000040000062", "12100000400000624d", "I2100000400000624D", "机" * 18])
def test_what_is_no_code_at_all_says_what_is_expected(code: str) -> None:
    with pytest.raises(BadUscc, match="18 digits or capital letters"):
        units.check_uscc(code)


def test_the_right_check_character_is_named() -> None:
    with pytest.raises(BadUscc, match="its check character should be D"):
        units.check_uscc("12100000400000624E")


def test_a_unit_is_registered_once_and_under_one_name(connection: Connection) -> None:
    for _ in range(2):
        units.register_unit(connection, "12100000400000624D", name_zh="清华大学")
    with pytest.raises(RegistryError, match="under other names"):
        units.register_unit(connection, "12100000400000624D", name_zh="清华")
