"""What the deeds of `evaluate` share: how one is declared, who does it and why, and how points are typed."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from collector.approvals.proposals import Asker
from collector.commands import asker
from collector.evaluation.rounds import By
from collector.registry.access import Right
from collector.store.database import Connection

Deed = Callable[[Connection, Namespace], None]
_POINTS = re.compile(r"(?P<whole>[0-9]{1,3})(\.(?P<part>[0-9]{1,2}))?", re.ASCII)


def declare(
    deeds: Any, name: str, deed: Deed, purpose: str, *, right: Right = Right.ROUNDS, of_round: bool = True
) -> ArgumentParser:
    """A deed with its reason and its person, who needs the right over everything."""
    parser = deeds.add_parser(name, help=purpose)
    assert isinstance(parser, ArgumentParser)
    if of_round:
        parser.add_argument("name", metavar="ROUND")
    parser.add_argument("--why", required=True, metavar="TEXT", help="is kept with it")
    asker.declare(parser)
    parser.set_defaults(deed=deed, right=right)
    return parser


def by_of(connection: Connection, arguments: Namespace) -> By:
    """Who does it, why and when; NotAllowed where his right does not reach."""
    found = asker.find_allowed(connection, arguments, arguments.right)
    return By(found.actor, arguments.why, datetime.now(UTC))


def spoken_by(connection: Connection, arguments: Namespace) -> tuple[Asker, By]:
    """Who speaks for a unit, why and when; whether he may is told where the unit is known."""
    found = asker.find(connection, arguments)
    return found, By(found.actor, arguments.why, datetime.now(UTC))


def parse_points(text: str) -> int:
    """Points with at most two decimals, as hundredths."""
    found = _POINTS.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(
            f"{text[:40]!a} is no number of points: write it as 4, 4.5 or 4.50, with at most 2 decimals"
        )
    return int(found["whole"]) * 100 + int((found["part"] or "").ljust(2, "0"))
