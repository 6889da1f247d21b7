"""External hours without proof: much of what served others has neither a document nor an income. Pure.

The cheapest lie of all: internal hours declared external raise the sharing rate, and no signal is false by it. Honest
service leaves an agreement, an invoice, a fee or a voucher. Invoices come late, so a month is judged two months on.

Threshold: half of the external hours of a month, and ten hours at least. Half, because single services are free of
charge by custom; ten hours, because a month with little service proves nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.flags.flag import Figure, Finding

MIN_S = 10 * 3600
GRACE_MONTHS = 2


class ServedOrder(NamedTuple):
    """External seconds of one order in a month, and what proves them; `paid_fen` is fee and voucher together."""

    order: str
    seconds: int
    documents: int
    paid_fen: int


def find_external_unproved(served: Iterable[ServedOrder]) -> Finding | None:
    """`served`: all external time of the month, by order."""
    orders = list(served)
    bare = sorted((each for each in orders if not each.documents and not each.paid_fen), key=lambda each: -each.seconds)
    unproved, external = sum(each.seconds for each in bare), sum(each.seconds for each in orders)
    if unproved < MIN_S or 2 * unproved < external:
        return None
    figures = (Figure("unproved", unproved, "s"), Figure("external", external, "s"), Figure("orders", len(bare)))
    return Finding("external-unproved", figures, tuple(each.order for each in bare[:10]))
