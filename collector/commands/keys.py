"""`jishi-collector keys`: the collector's own keys: list them, put them on an offline medium, take them back.

The passphrase comes from a prompt or from JISHI_PASSPHRASE, never from an argument.
"""

import getpass
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector import key_custody
from collector.commands import actor
from collector.config import Config
from collector.errors import ConfigError
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.sealed import check_passphrase

PASSPHRASE_VARIABLE = "JISHI_PASSPHRASE"  # noqa: S105 (a name, no passphrase)


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `keys`."""
    deeds = parser.add_subparsers(required=True, metavar="list|export|import")
    deeds.add_parser("list", help="show the public half of each").set_defaults(deed=_list)
    export = deeds.add_parser("export", help="write all, under a passphrase, to a file that must not exist")
    export.add_argument("file", type=Path, metavar="FILE")
    actor.declare(export)
    export.set_defaults(deed=_export)
    take = deeds.add_parser("import", help="put those that are missing here in their places")
    take.add_argument("file", type=Path, metavar="FILE")
    take.set_defaults(deed=_import)


def run(config: Config, arguments: Namespace) -> None:
    """Do it."""
    arguments.deed(config, arguments)


def _list(config: Config, _arguments: Namespace) -> None:
    for held in key_custody.list_keys(config.data_dir):
        print(f"{held.file}  {held.vkey}")


def _export(config: Config, arguments: Namespace) -> None:
    passphrase = _passphrase(is_new=True)
    with connect(config.dsn, application="keys") as connection:  # whoever takes keys out stands in the trail
        check_migrated(connection)
        with connection.transaction():
            record_change(connection, actor.actor(arguments), "keys.export", target=str(arguments.file))
            held = key_custody.export_keys(
                config.data_dir, domain=config.domain, to=arguments.file, passphrase=passphrase
            )
    print(f"{len(held)} keys are in {arguments.file}; keep it and its passphrase in two places, neither of them here")


def _import(config: Config, arguments: Namespace) -> None:
    """Without a database: it is what comes first when a collector is restored."""
    put = key_custody.import_keys(
        config.data_dir, domain=config.domain, file=arguments.file, passphrase=_passphrase(is_new=False)
    )
    for held in put:
        print(f"{held.file}  {held.vkey}")
    print(f"{len(put)} keys were put in their places" if put else "all of them were here already")


def _passphrase(*, is_new: bool) -> bytes:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    text = given or getpass.getpass("passphrase (not shown): ")
    if is_new and not given and getpass.getpass("once more: ") != text:
        raise ConfigError("the two passphrases differ: nothing was written")
    try:
        return check_passphrase(text)
    except ValueError as error:
        raise ConfigError(f"{error}; four words drawn at random do well") from error
