"""From when a revoked key counts no more: a time out of the collector's log, which nobody can move afterwards. Pure.

A revocation is a statement of the registry; the log holds it by hash. The time that counts is that of the minute leaf
before it: the collector had signed that minute before it could have known of the revocation's place, and agents hold
it as a beacon. What was received in that minute or later, by its receipt, counts no more (U >= this time); what was
received before stands, because the key was good then. `at` in the statement is what the registrar's clock said, and
decides nothing.
"""

from collections.abc import Iterable

from protocol.log_leaf import Leaf, Minute, Registered


def revoked_from(leaves: Iterable[Leaf], sha256: str) -> int | None:
    """POSIX seconds from which the statement with this hash holds; None where these leaves do not hold it.

    `leaves` in the order of one log, from any minute on that lies before the statement. Where a log begins with the
    statement, the first minute behind it counts: nothing before can be told.
    """
    before: int | None = None
    found = False
    for leaf in leaves:
        if isinstance(leaf, Minute):
            if found:
                return leaf.t
            before = leaf.t
        elif isinstance(leaf, Registered) and leaf.sha256 == sha256 and not found:
            if before is not None:
                return before
            found = True
    return None
