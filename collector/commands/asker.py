"""Who proposes or rules by a command: a registered person, because two people count."""

from argparse import ArgumentParser, Namespace

from collector.approvals.proposals import Asker
from collector.commands import actor
from collector.errors import NotAllowed
from collector.registry import people
from collector.registry.access import Right
from collector.store.database import Connection


def declare(parser: ArgumentParser) -> None:
    """Declare `--by`, which names a registered person here."""
    parser.add_argument("--by", metavar="NAME", required=True, help="the registered person who does it")


def find(connection: Connection, arguments: Namespace) -> Asker:
    """The person with what he may do; raises UnknownName."""
    person = people.find_person(connection, arguments.by)
    return Asker(person, people.find_access(connection, person), actor.actor(arguments))


def find_allowed(connection: Connection, arguments: Namespace, right: Right) -> Asker:
    """The person, who must have this right over everything; UnknownName, NotAllowed."""
    found = find(connection, arguments)
    if not found.access.allows(right):
        raise NotAllowed(f"{found.person.name} is {found.access}, which has no right to {right}")
    return found
