"""From when a revoked key counts no more: the minute before the statement in the log."""

import pytest

from protocol.log_leaf import Leaf, Minute, Registered
from protocol.revocation import revoked_from

REVOKED, OTHER = "ab" * 32, "cd" * 32


def leaves(text: str) -> list[Leaf]:
    """`3`: the minute of 3 s; `r`: the statement; `o`: another one."""
    return [
        Registered(sha256=REVOKED if each == "r" else OTHER)
        if each in "ro"
        else Minute(t=int(each), random="00" * 32, receipts=0, root="00" * 32)
        for each in text
    ]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("1o2or3", 2),
        ("12r3r", 2),
        ("r1", 1),
        ("or34", 3),
        ("123", None),
        ("1o2", None),
        ("", None),
        ("r", None),
    ],
)
def test_the_minute_before_the_statement_counts(log: str, expected: int | None) -> None:
    assert revoked_from(leaves(log), REVOKED) == expected
