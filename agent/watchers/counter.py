"""Whether an energy counter may be believed. Pure.

A counter only rises, and never faster than the load that the meter can measure. A reading that breaks this is a bit
error, an answer to something else, or the meter was reset or replaced. Only the last is still there at the next poll,
so such a reading is held back until the next one agrees with it. A fall is then noted by whoever records; a leap
upwards would pass for energy, so `leap` names it: nothing may be counted across it.
"""

from typing import NamedTuple

SLACK_MWH = 100_000
"""Meters show steps of up to 0.1 kWh, which come all at once."""

MS_PER_HOUR = 3_600_000


class _Seen(NamedTuple):
    mono_ms: int
    counter_mwh: int


class CounterJudge:
    """Remembers what to believe about one counter.

    `leap`, unless empty, says how the last reading that was believed had leapt upwards from the one before.
    """

    def __init__(self, max_w: float) -> None:
        self._max_mw = int(max_w * 1000)
        self._believed: _Seen | None = None
        self._doubted: _Seen | None = None
        self.leap = ""

    def objection(self, mono_ms: int, counter_mwh: int) -> str | None:
        """Return why this reading is held back, or None when it is believed."""
        now = _Seen(mono_ms, counter_mwh)
        believed, doubted = self._believed, self._doubted
        if believed is None or self._may_follow(believed, now):
            self._believe(now)
            return None
        went = f"the counter went from {believed.counter_mwh / 1e6:.3f} to {counter_mwh / 1e6:.3f} kWh"
        if doubted and self._may_follow(doubted, now):
            stays = f"{went}, and stays there: the meter was replaced or its counter set"
            self._believe(now, leap=stays if counter_mwh > believed.counter_mwh else "")
            return None
        self._doubted = now
        seconds = (mono_ms - believed.mono_ms) / 1000
        return f"{went} within {seconds:.0f} s, which no load does; believed only if the next poll agrees"

    def _believe(self, seen: _Seen, *, leap: str = "") -> None:
        self._believed, self._doubted, self.leap = seen, None, leap

    def _may_follow(self, before: _Seen, after: _Seen) -> bool:
        possible_mwh = self._max_mw * (after.mono_ms - before.mono_ms) // MS_PER_HOUR + SLACK_MWH
        return 0 <= after.counter_mwh - before.counter_mwh <= possible_mwh
