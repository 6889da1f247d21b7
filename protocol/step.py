"""One step of an explanation, and how instants, powers and spans of time are written in one. Pure."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from protocol.interval import UTC_OFFSET_MS


class Step(NamedTuple):
    """One sentence of why; `rule` as the file that holds it numbers it, `refs` the entries and facts behind it."""

    rule: str
    text: str
    refs: tuple[str, ...] = ()


def clock(instant_ms: int) -> str:
    """An instant as the local clock shows it, with its day: 2026-03-02 10:15:30, thousandths where there are any."""
    local = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=instant_ms + UTC_OFFSET_MS)
    return local.strftime("%Y-%m-%d %H:%M:%S") + (f".{instant_ms % 1000:03}" if instant_ms % 1000 else "")


def watts(power_mw: int) -> str:
    """A power in W, exactly: 904.9 W."""
    return f"{power_mw // 1000 if power_mw % 1000 == 0 else power_mw / 1000} W"


def span(length_ms: int) -> str:
    """A length of time in s, exactly: 20 s, 0.5 s."""
    return f"{length_ms // 1000 if length_ms % 1000 == 0 else length_ms / 1000} s"
