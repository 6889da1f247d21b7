"""What people and booking systems write into the cells of a use: instants, stretches of time, counts. Pure.

Times without an offset are local (UTC+8). What could be read in two ways is refused with BadCell.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from collector.clock import LOCAL
from collector.errors import BadCell

FIRST_YEAR = 2000
"""No instrument was measured before; an earlier year is a slip of the keyboard."""
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)(?:\s+|\s*T)"
    r"(?P<hour>\d{1,2})[:时](?P<minute>\d{2})(?:分?|:(?P<second>\d{2})(?:\.\d{1,6})?)\s*(?P<offset>Z|[+-]\d\d:?\d\d)?"
)
_TIME = re.compile(r"\d{1,2}[:时]\d{2}(?:分|:\d{2})?")
_DASH = re.compile(r"\s*(?:至|到|~|—|–|－|\s-\s|(?<=[:\d]{5})-(?=\d{1,2}:|\d{4}[-/.年]))\s*")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_COUNT = re.compile(r"\d{1,9}(?:\.0+)?")
_HOW = "write it as 2026-11-16 09:00"


def read_instant(text: str, *, formats: Sequence[str] = ()) -> int:
    """UTC milliseconds of a time with its day: 2026-11-16 09:00, 2026/11/16 9:00:00, 2026年11月16日 9:00, with an
    offset or without; or in one of the formats of strptime."""
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _INSTANT.fullmatch(plain)
    at = _of_match(found) if found else _of_formats(plain, formats)
    if at is None:
        raise BadCell("it is no time with its day", _HOW)
    try:
        year = at.astimezone(LOCAL).year
    except OverflowError as error:  # the first or last hours of the calendar, in another offset
        raise BadCell("it lies outside of the calendar", "correct the year") from error
    if year < FIRST_YEAR:
        raise BadCell(f"it is before the year {FIRST_YEAR}", "correct the year")
    return round(at.timestamp() * 1000)


def _of_match(found: re.Match[str]) -> datetime | None:
    year, month, day = map(int, re.split(r"[-/.年月]", found["day"].rstrip("日")))
    offset = found["offset"]
    zone = LOCAL if offset is None else datetime.strptime(offset, "%z").tzinfo
    try:
        midnight = datetime(year, month, day, tzinfo=zone)
        hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
        if (hour, minute, second) != (24, 0, 0) and not (hour < 24 and minute < 60 and second < 60):
            return None
        return midnight + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None


def _of_formats(text: str, formats: Sequence[str]) -> datetime | None:
    for form in formats:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - the format of another system may have no offset
        except ValueError:
            continue
        return at if at.tzinfo is not None else at.replace(tzinfo=LOCAL)
    return None


def read_period(text: str, *, formats: Sequence[str] = ()) -> tuple[int, int]:
    """Beginning and end, in UTC milliseconds, of `2026-11-16 09:00 - 11:00`, or with both days."""
    plain = unicodedata.normalize("NFKC", text).strip()
    parts = _DASH.split(plain)
    if len(parts) != 2:
        raise BadCell("it is no beginning and end", f"{_HOW} - 11:00")
    first, last = parts
    if _TIME.fullmatch(last):
        last = f"{first.rpartition(' ')[0]} {last}"
    return read_instant(first, formats=formats), read_instant(last, formats=formats)


def read_hours(text: str) -> int:
    """Milliseconds of a number of hours."""
    return _milliseconds(text, 3_600_000, "write hours as a number, as 1.5")


def read_minutes(text: str) -> int:
    """Milliseconds of a number of minutes."""
    return _milliseconds(text, 60_000, "write minutes as a number, as 90")


def _milliseconds(text: str, unit_ms: int, remedy: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not _NUMBER.fullmatch(plain):
        raise BadCell("it is no length of time", remedy)
    length_ms = round(Decimal(plain) * unit_ms)
    if length_ms <= 0:
        raise BadCell("it is no time at all", remedy)
    return length_ms


def read_count(text: str) -> int:
    """A whole number from 1 to a million."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not _COUNT.fullmatch(plain) or not 1 <= int(plain.partition(".")[0]) <= 1_000_000:
        raise BadCell("it is no whole number from 1 to 1000000", "write the number, or leave the cell empty")
    return int(plain.partition(".")[0])


def read_samples(text: str) -> int | None:
    """A number of samples; 0 is what many systems write where nobody counted, and says nothing."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return None if plain.strip("0") in ("", ".") and plain.startswith("0") else read_count(plain)
