"""Numbers and times as people read them. Pure; the words come from the catalogue.

Hours are rounded once, to 0.1 h (protocol.hours.in_tenths); everything before is whole seconds.
"""

from datetime import date, datetime
from fractions import Fraction

from collector.clock import LOCAL
from collector.web.words import Words
from protocol.hours import hours_text

hours = hours_text
"""Under the name by which templates ask."""
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parts(seconds: int, words: Words) -> list[tuple[int, str]]:
    """Numbers and their units, two at most: hours and minutes, minutes and seconds, or seconds."""
    in_hours = [(seconds // 3_600, "hours"), (seconds // 60 % 60, "minutes")]
    in_minutes = [(seconds // 60, "minutes"), (seconds % 60, "seconds")]
    chosen = in_hours if seconds >= 3_600 else in_minutes if seconds >= 60 else [(seconds, "seconds")]
    return [(number, words(f"duration.{unit}")) for number, unit in chosen]


def duration(seconds: int, words: Words) -> str:
    """The same as one text."""
    return " ".join(f"{number} {unit}" for number, unit in parts(seconds, words))


def ago(then: datetime | None, now: datetime, *, words: Words) -> str:
    """How long ago, in the one unit that matters; never in the future."""
    if then is None:
        return words("ago.never")
    seconds = max(0, int((now - then).total_seconds()))
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return words(f"ago.{unit}", number=seconds // length)
    return words("ago.now") if seconds < 10 else words("ago.seconds", number=seconds)


def power(power_mw: int) -> str:
    """Three digits or so, in W or kW."""
    if abs(power_mw) >= 2_000_000:
        return f"{power_mw / 1_000_000:.3g} kW".replace("-", "−")
    return f"{power_mw / 1_000:.3g} W".replace("-", "−") if abs(power_mw) < 1_000_000 else f"{power_mw // 1_000} W"


def power_range(low_mw: int, high_mw: int) -> str:
    """Two powers with their unit named once where it is the same."""
    low, high = power(low_mw), power(high_mw)
    number, _, unit = low.partition(" ")
    return f"{number}–{high}" if high.endswith(f" {unit}") else f"{low} – {high}"


def coverage(observed_s: int, until_s: int) -> str:
    """A percentage that says 100 only where nothing is missing."""
    if until_s == 0:
        return "–"
    tenths = observed_s * 1_000 // until_s
    return f"{tenths // 10}.{tenths % 10} %"


def share(of: Fraction | None) -> str:
    """The same of an exact quotient; None where there is nothing to divide by."""
    return "–" if of is None else coverage(of.numerator, of.denominator)


def day(shown: date, words: Words) -> str:
    """A date with its weekday."""
    weekday = words(f"weekday.{_WEEKDAYS[shown.weekday()]}")
    return words("day.long", year=shown.year, month=f"{shown.month:02}", day=f"{shown.day:02}", weekday=weekday)


def local_time(instant: datetime) -> str:
    return instant.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")


def wall_time(at_ms: int) -> str:
    """An instant of UTC milliseconds."""
    return local_time(datetime.fromtimestamp(at_ms / 1000, LOCAL))


def short_hash(sha256: str) -> str:
    """Enough to compare by eye; the whole stands beside it for machines."""
    return f"{sha256[:8]}…{sha256[-8:]}"
