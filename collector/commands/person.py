"""`jishi-collector person`: a person with a password, from a prompt or JISHI_PASSWORD."""

import getpass
import os
from argparse import ArgumentParser, Namespace

from collector.commands import actor
from collector.config import Config
from collector.registry import people
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `person`."""
    parser.add_argument("name", metavar="NAME")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Register the person."""
    password = os.environ.get("JISHI_PASSWORD") or getpass.getpass(f"password for {arguments.name}: ")
    with connect(config.dsn, application="person") as connection:
        check_migrated(connection)
        with connection.transaction():
            action = "person.set-password" if people.is_registered(connection, arguments.name) else "person.register"
            person = people.register_person(connection, arguments.name, password=password)
            record_change(connection, actor.actor(arguments), action, target=person.name)
            access = people.find_access(connection, person)
    hint = "" if access.role else f"; `jishi-collector role {arguments.name} ROLE` says what they may do"
    print(f"registered {arguments.name}, {access}{hint}")
