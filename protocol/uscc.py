"""The unified social credit code (统一社会信用代码, USCC) that names a legal person.

18 characters (GB 32100-2015): digits and capital letters without I, O, S, V, Z; the last one is a check character
over the 17 before it, weights 3^i mod 31.
"""

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH = 18


def fault(text: str) -> str:
    """What is wrong with a code, in a sentence; empty where nothing is."""
    if len(text) != _LENGTH or any(character not in _ALPHABET for character in text):
        return (
            f"{text[:40]!a} is no unified social credit code: {_LENGTH} digits or capital letters "
            "without I, O, S, V, Z are expected"
        )
    expected = check_character(text[:-1])
    if text[-1] != expected:
        return (
            f"{text} is no unified social credit code: its check character should be {expected}; "
            "compare it with the certificate"
        )
    return ""


def check_character(first_17: str) -> str:
    """The 18th character that belongs to the first 17."""
    total = sum(_ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(first_17))
    return _ALPHABET[-total % 31]
