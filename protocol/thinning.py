"""Which receipts a bundle can do without: those whose absence changes no grade. Pure.

Without a receipt its entries are bounded by the next one that is kept, which is later. That changes nothing of what a
block earns (grades.py, rules 1 to 3) as long as the later time crosses no limit that the true one did not cross. So
each block has a latest time up to which a receipt is as good as its own, and receipts are taken in their order: one is
kept only where the next would come too late for a block that waits. The last one is always kept. Where times never go
back these are the fewest that can be. An agent that sends every five minutes keeps about one in two.

What else lowers a block's grade (a log in doubt, the reading rule) is passed over: it may be judged otherwise by
whoever comes later, and to keep a receipt too many costs some 340 bytes.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from protocol.grades import GradedBlock
from protocol.policy import Grades

R = TypeVar("R")


class Given(NamedTuple, Generic[R]):
    """A receipt, when it was given (UTC ms), and the latest times for the blocks of whose entries it is the first."""

    receipt: R
    at_ms: int
    latest_ms: list[int]


def thin(given: Iterable[Given[R]]) -> Iterator[R]:
    """The receipts that are kept, in their order."""
    latest: int | None = None
    held: Given[R] | None = None
    for each in given:
        if held is not None and latest is not None and each.at_ms > latest:
            yield held.receipt
            latest = None
        latest = min([*each.latest_ms, *(() if latest is None else (latest,))], default=None)
        held = each
    if held is not None:
        yield held.receipt


def latest_ms(block: GradedBlock, limits: Grades) -> int | None:
    """The latest time (UTC ms) of a receipt with which a block earns what it earns by its own; None: any.

    ValueError for a block that was not received.
    """
    received = block.received_ms
    if received is None:
        raise ValueError("a block without a receipt has no time to compare with")
    found = [
        edge + most
        for most in (limits.late_ms, limits.delay_ms)
        if (edge := block.first_edge(received - most)) is not None
    ]
    if block.end_ms > received + limits.clock_ms:
        found.append(block.end_ms - limits.clock_ms - 1)  # else it would be possible
    if block.beacon_ms is not None and received < block.beacon_ms:
        found.append(block.beacon_ms - 1)
    elif block.beacon_ms is not None and received - block.beacon_ms <= limits.bracket_ms:
        found.append(block.beacon_ms + limits.bracket_ms)
    return min(found, default=None)
