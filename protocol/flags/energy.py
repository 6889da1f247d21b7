"""Low energy: an effective hour of this instrument takes far less energy than one of others of its model. Pure.

Hours that a low threshold, a small load or a wrong ratio makes are cheap ones. Only too little is flagged: too much
energy for its hours means that hours are missing, which is nobody's advantage.

Threshold: half of the median of at least five others, and three standard deviations (by MAD) below it. Half, because
options and accessories of one model make a third; three, because a model whose instruments differ that much among each
other has no usual energy.
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocol.flags.flag import Figure, Finding
from protocol.flags.robust import median, spread

MIN_EFFECTIVE_S = 20 * 3600
MIN_PEERS = 5
DEVIATIONS = 3


class Spent(NamedTuple):
    """Energy and run seconds of one instrument over a period."""

    energy_mwh: int
    run_s: int

    @property
    def an_hour_mwh(self) -> int:
        return self.energy_mwh * 3600 // self.run_s


def find_low_energy(own: Spent, peers: Sequence[Spent]) -> Finding | None:
    """`peers`: other instruments of the same model over the same period; those that hardly ran are left out."""
    others = [each.an_hour_mwh for each in peers if each.run_s >= MIN_EFFECTIVE_S]
    if own.run_s < MIN_EFFECTIVE_S or len(others) < MIN_PEERS:
        return None
    middle = median(others)
    if own.an_hour_mwh * 2 >= middle or middle - own.an_hour_mwh <= DEVIATIONS * spread(others):
        return None
    figures = (
        Figure("an_hour", own.an_hour_mwh, "mWh"),
        Figure("usual", middle, "mWh"),
        Figure("compared", len(others)),
        Figure("run", own.run_s, "s"),
    )
    return Finding("low-energy", figures)
