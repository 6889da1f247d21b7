"""From when a key's revocation counts: since the collector's log has said so, as far as agents saw it. Pure.

What a clock said when somebody entered it can be dated back, to disown what was received before, or ahead. The log is
signed each minute and agents hold its trees as beacons: the first tree that holds the statement bounds it, and whoever
dates back gains nothing. A receipt that the collector gave after both contradicts its own log.
"""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.clock_bounds import LIMIT_MS


class Revoked(NamedTuple):
    """A key was revoked at `at_ms`, as the registry says, in leaf number `leaf` of a log."""

    at_ms: int
    log: str
    leaf: int


class Tree(NamedTuple):
    """A tree of the collector's log, and when it was signed (UTC ms): out of a beacon."""

    size: int
    time_ms: int


def counts_from(revoked: Revoked, trees: Iterable[Tree]) -> int | None:
    """The instant from which the revocation counts; None where no agent saw a tree with it."""
    seen = [tree.time_ms for tree in trees if tree.size > revoked.leaf]
    return max(revoked.at_ms, min(seen)) if seen else None


def is_dated_ahead(revoked: Revoked, trees: Iterable[Tree]) -> bool:
    """Whether the log held it before the instant that it states."""
    return any(tree.size > revoked.leaf and tree.time_ms + LIMIT_MS < revoked.at_ms for tree in trees)
