"""Which receipts a bundle can do without: those whose absence changes no grade. Pure.

Without a receipt its entries are bounded by the next one that is kept. That changes nothing of what a block earns
(grades.py, rules 1 to 3) as long as the later time crosses no limit that the true one did not cross. So receipts are
taken in their order, and one is kept only where going on to the next would make some block earn something else. The
last one is always kept. An agent that sends every five minutes keeps about one in four.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from protocol.grades import GradedBlock, earned
from protocol.policy import Grades

R = TypeVar("R")


class Given(NamedTuple, Generic[R]):
    """A receipt, when it was given (UTC ms), and the blocks of whose entries it is the first, each with its limits."""

    receipt: R
    at_ms: int
    blocks: list[tuple[GradedBlock, Grades]]


def thin(given: Iterable[Given[R]]) -> Iterator[R]:
    """The receipts that are kept, in their order."""
    waiting: list[tuple[GradedBlock, Grades]] = []
    held: Given[R] | None = None
    for each in given:
        if held is not None and not all(_is_same(*block, at_ms=each.at_ms) for block in waiting):
            yield held.receipt
            waiting = []
        waiting += each.blocks
        held = each
    if held is not None:
        yield held.receipt


def _is_same(block: GradedBlock, limits: Grades, *, at_ms: int) -> bool:
    """Whether a block earns the same by a receipt of this time."""
    return _merged(block, limits) == _merged(block._replace(received_ms=at_ms), limits)


def _merged(block: GradedBlock, limits: Grades) -> list[tuple[int, int, str, str]]:
    """What it earns, neighbours that say the same as one, whole seconds being all that counts."""
    merged: list[tuple[int, int, str, str]] = []
    for start, end, grade, why in earned(block, limits):
        if merged and merged[-1][2:] == (grade, why):
            merged[-1] = (merged[-1][0], end, grade, why)
        else:
            merged.append((start, end, grade, why))
    return merged
