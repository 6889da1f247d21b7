"""What a person wrote into a cell, as a day, an amount, a share or a word. Pure; an empty cell is None or ''.

What could be read in two ways is refused with BadCell: 3/4/2024, or 1,5.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NoReturn

from collector.errors import BadCell

FEN_OF_YUAN, FEN_OF_WAN = 100, 1_000_000
_DAYS = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?: 00:00(?::00)?)?"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?: 0?0:00(?::00)?)?"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日"),
    re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})"),
)
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_MAX_DIGITS = 20
_YES = {"是": True, "否": False, "yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}


def read_day(text: str) -> date | None:
    """A day written as 2024-03-01, 2024/3/1, 2024.3.1, 2024年3月1日 or 20240301, or a spreadsheet's own date."""
    plain = _plain(text)
    if not plain:
        return None
    for form in _DAYS:
        if found := form.fullmatch(plain):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                break
    raise BadCell("it is no day of the calendar, or could be two", "write it as 2024-03-01")


def read_money(text: str, *, fen_of_one: int) -> int | None:
    """An amount in fen; `fen_of_one` is what 1 in this column means."""
    plain = _plain(text)
    if not plain:
        return None
    if not _AMOUNT.fullmatch(plain) or len(plain) > _MAX_DIGITS:
        _no_amount()
    fen = Decimal(plain.replace(",", "")) * fen_of_one
    if fen != int(fen):
        raise BadCell("it is more exact than a fen", "write the amount of the invoice")
    return int(fen)


def _no_amount() -> NoReturn:
    raise BadCell("it is no amount", "write digits only, as 2356000.00; the unit stands in the heading, 元 or 万元")


def read_percent(text: str) -> Decimal | None:
    """A share from 0 to 100, with or without the sign."""
    plain = _plain(text).removesuffix("%")
    if not plain:
        return None
    if not _AMOUNT.fullmatch(plain) or len(plain) > _MAX_DIGITS or Decimal(plain.replace(",", "")) > 100:
        raise BadCell("it is no share in per cent", "write a number from 0 to 100")
    return Decimal(plain)


def share_of(fen: int, percent: Decimal) -> int:
    """That part of an amount, rounded half up to the fen."""
    return int((fen * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))


def read_word(text: str, words: Mapping[str, str]) -> str:
    """The word for what stands there, in either language; `words` gives it for what may be written."""
    plain = _plain(text).casefold()
    if plain and plain not in words:
        raise BadCell("this is none of the words that are known", f"write one of {', '.join(words)}")
    return words[plain] if plain else ""


def read_yes(text: str) -> bool | None:
    """是 or 否, yes or no."""
    plain = _plain(text).casefold()
    if plain and plain not in _YES:
        raise BadCell("it is neither yes nor no", "write 是 or 否")
    return _YES[plain] if plain else None


def _plain(text: str) -> str:
    """Full-width digits and signs as the plain ones."""
    return unicodedata.normalize("NFKC", text).strip()
