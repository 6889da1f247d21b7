"""`jishi-collector person`: a person with a password, from a prompt or JISHI_PASSWORD."""

import getpass
import os
from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.registry import people
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `person`."""
    parser.add_argument("name", metavar="NAME")


def run(config: Config, arguments: Namespace) -> None:
    """Register the person."""
    password = os.environ.get("JISHI_PASSWORD") or getpass.getpass(f"password for {arguments.name}: ")
    with connect(config.dsn, application="person") as connection:
        check_migrated(connection)
        people.register_person(connection, arguments.name, password=password)
    print(f"registered {arguments.name}")
