"""One line of a roll-up: sums of whole seconds and fen, counts of instruments, and the quotients of those. Pure.

Everything but `instruments` adds up: the lines of one question sum to the line of `all`, counties to their city, months
to their year. An instrument that moved is one of the `instruments` of both lines, as it is in the figures of a year.
"""

from fractions import Fraction
from math import floor
from typing import NamedTuple

from protocol.interval import in_network_s


class Line(NamedTuple):
    """Of one key of what is asked by; key '': nobody said, or of centres that it is in none.

    `instruments` and `owned_days` are what was owned on days that are over, from `held` on it is what was owned on the
    reference day: held = value_unknown + exempt + below_value + could_share. Seconds are those of the stretches.
    """

    name_zh: str
    name_en: str
    key: str
    instruments: int
    owned_days: int
    held: int
    value_fen: int
    value_unknown: int
    exempt: int
    below_value: int
    could_share: int
    could_share_fen: int
    opened: int
    opened_fen: int
    new_general: int
    new_in_centre: int
    new_opened: int
    days: int
    days_over: int
    until_s: int
    unobserved_s: int
    bridged_s: int
    fault_s: int
    effective_s: int
    internal_s: int
    claimed_s: int
    verified_s: int
    unresolved_s: int
    hand_s: int
    hand_external_s: int
    counted_s: int
    counted_external_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int

    @property
    def external_s(self) -> int:
        return self.claimed_s + self.verified_s

    @property
    def in_network_s(self) -> int:
        """All seconds of the days that are over, with a record or without, and what open records cover."""
        return in_network_s(self.owned_days, days_over=self.days_over, until_s=self.until_s)

    @property
    def observed_s(self) -> int:
        return self.until_s - self.unobserved_s - self.bridged_s

    @property
    def coverage(self) -> Fraction | None:
        """Observed ÷ in-network seconds; None where it was not in the network, as hours that nobody owned are."""
        return quotient(self.observed_s, self.in_network_s)

    @property
    def average_effective_s(self) -> Fraction | None:
        """Effective seconds ÷ instruments, those with none among them."""
        return quotient(self.effective_s, self.instruments)

    @property
    def sharing_rate_hours(self) -> Fraction | None:
        """共享率, 指引五(三)1: external ÷ effective seconds."""
        return quotient(self.external_s, self.effective_s)

    @property
    def sharing_rate_verified(self) -> Fraction | None:
        """The same of what a document proves."""
        return quotient(self.verified_s, self.effective_s)

    @property
    def open_rate_value(self) -> Fraction | None:
        """开放率, 指引五(一)2: original value of what is open ÷ of what could be shared."""
        return quotient(self.opened_fen, self.could_share_fen)

    @property
    def open_rate_count(self) -> Fraction | None:
        """意见一: how many are open ÷ how many could be shared."""
        return quotient(self.opened, self.could_share)

    @property
    def new_centralised_rate(self) -> Fraction | None:
        """意见二(六): how many of the general instruments accepted in the period are in a centre; all should be."""
        return quotient(self.new_in_centre, self.new_general)

    @property
    def opened_rate_count(self) -> Fraction | None:
        """意见二(六): how many of those that are in a centre are open; 90 % should be."""
        return quotient(self.new_opened, self.new_in_centre)


def quotient(part: int, whole: int) -> Fraction | None:
    """Exact; None, for undefined, where the whole is nothing."""
    return Fraction(part, whole) if whole > 0 else None


def rounded(value: Fraction | None, digits: int) -> float | None:
    """Halves up, once, on output; exact until then."""
    return None if value is None else floor(value * 10**digits + Fraction(1, 2)) / 10**digits
