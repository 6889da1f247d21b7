"""`jishi-collector role`: what a registered person may do, and over what."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.commands import actor
from collector.config import Config
from collector.registry import people
from collector.registry.access import ROLES, SCOPES, Access, check_role, parse_scope
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated

NO_ROLE = "none"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `role`."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("role", metavar="ROLE", help=f"{', '.join(ROLES)}, or {NO_ROLE}, which ends all access")
    parser.add_argument("--scope", default="everything", help=f"{SCOPES}; default: everything")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the audit trail")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Give the role; the person's keys and sessions of before end."""
    given = (
        Access(None) if arguments.role == NO_ROLE else Access(check_role(arguments.role), parse_scope(arguments.scope))
    )
    with connect(config.dsn, application="role") as connection:
        check_migrated(connection)
        with connection.transaction():
            person = people.find_person(connection, arguments.name)
            before = people.find_access(connection, person)
            if people.appoint(connection, person, given, now=datetime.now(UTC)):
                record_change(
                    connection,
                    actor.actor(arguments),
                    "person.appoint",
                    target=person.name,
                    old={"access": str(before)},
                    new={"access": str(given)},
                    reason=arguments.reason,
                )
    print(f"{arguments.name}: {given}")
