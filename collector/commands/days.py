"""Days, instants and numbers of days as an operator types them, for the commands that take such."""

from argparse import ArgumentTypeError
from datetime import date, datetime

from collector.clock import LOCAL

LEAST_KEPT, MOST_KEPT = 400, 36_500
"""Of days for which readings are kept; agents keep their entries for 400."""


def parse_day(text: str) -> date:
    """A local day; the message says how one is written."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day of the calendar: write it as 2026-11-26") from error


def parse_instant(text: str) -> int:
    """A local time (UTC+8, unless it names its offset) to the second, as UTC ms."""
    try:
        given = datetime.fromisoformat(text)
        aware = given if given.tzinfo is not None else given.replace(tzinfo=LOCAL)
        return int(aware.timestamp()) * 1000
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no local time: write it as 2026-11-26T09:30") from error


def parse_kept_days(text: str) -> int:
    """A number of days between LEAST_KEPT and MOST_KEPT."""
    if not text.isdecimal() or len(text) > 9 or not LEAST_KEPT <= int(text) <= MOST_KEPT:
        raise ArgumentTypeError(f"{text!r} is no number of days from {LEAST_KEPT} (agents keep as long) to {MOST_KEPT}")
    return int(text)


def parse_year(text: str) -> int:
    """A calendar year that anything can have been measured in."""
    if not (text.isascii() and text.isdecimal() and len(text) == 4 and 2000 <= int(text) <= 2199):
        raise ArgumentTypeError(f"{text[:40]!a} is no year from 2000 to 2199")
    return int(text)
