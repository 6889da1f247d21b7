"""Units: the legal persons that own instruments, keyed by their unified social credit code (USCC).

A USCC has 18 characters (GB 32100-2015): digits and capital letters without I, O, S, V, Z; the last one is a
check character over the 17 before it, weights 3^i mod 31.
"""

from collector.errors import BadUscc, RegistryError, UnknownName
from collector.store.database import Connection
from collector.store.queries import load

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH = 18
_SQL = load("registry")


def check_uscc(text: str) -> str:
    """Returns the code as it is; raises BadUscc, which says what is wrong with it."""
    if len(text) != _LENGTH or any(character not in _ALPHABET for character in text):
        raise BadUscc(
            f"{text[:40]!a} is no unified social credit code: {_LENGTH} digits or capital letters "
            "without I, O, S, V, Z are expected"
        )
    expected = check_character(text[:-1])
    if text[-1] != expected:
        raise BadUscc(
            f"{text} is no unified social credit code: its check character should be {expected}; "
            "compare it with the certificate"
        )
    return text


def check_character(first_17: str) -> str:
    """The 18th character that belongs to the first 17."""
    total = sum(_ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(first_17))
    return _ALPHABET[-total % 31]


def register_unit(connection: Connection, uscc: str, *, name_zh: str, name_en: str = "") -> bool:
    """Registers a unit, and says whether it is new; again with the same names is harmless.

    Raises BadUscc, RegistryError.
    """
    values = {"uscc": check_uscc(uscc), "name_zh": name_zh, "name_en": name_en}
    is_new = connection.execute(_SQL.insert_unit, values).rowcount > 0
    held = connection.execute(_SQL.load_unit, values).fetchone()
    if held != (name_zh, name_en):
        raise RegistryError(f"unit {uscc} is registered already, under other names: {held}")
    return is_new


def check_unit(connection: Connection, uscc: str) -> None:
    """Raises UnknownName unless the unit is registered."""
    if connection.execute(_SQL.load_unit, {"uscc": uscc}).fetchone() is None:
        raise UnknownName(f"no unit {uscc} is registered: register it first")
