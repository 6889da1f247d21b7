"""`jishi-collector document`: store files that prove something, or check that those that are stored are whole."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.commands import actor
from collector.config import Config
from collector.errors import DocumentError
from collector.facts.documents import DocumentFiles, add_file, list_documents
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `document`."""
    parsers = parser.add_subparsers(required=True, metavar="ACTION")
    add = parsers.add_parser("add", help="store files; prints the SHA-256 by which facts name them")
    add.add_argument("files", type=Path, nargs="+", metavar="FILE")
    actor.declare(add)
    add.set_defaults(action=_add)
    check = parsers.add_parser("check", help="read every stored file again and compare it with its SHA-256")
    check.set_defaults(action=_check)


def run(config: Config, arguments: Namespace) -> None:
    """Do it; DocumentError where a file was refused or is not whole."""
    files = DocumentFiles(config.documents.directory_in(config.data_dir), max_bytes=config.documents.max_bytes)
    with connect(config.dsn, application="document") as connection:
        check_migrated(connection)
        arguments.action(connection, files, arguments)


def _add(connection: Connection, files: DocumentFiles, arguments: Namespace) -> None:
    refused = []
    for path in arguments.files:
        try:
            document, is_new = add_file(connection, files, path, actor=actor.actor(arguments))
        except DocumentError as error:
            refused.append(f"  {path}: {error}")
        else:
            known = "" if is_new else "  (known already)"
            print(f"{document.sha256}  {path}{known}")
    if refused:
        listed = "\n".join(refused)
        raise DocumentError(f"{len(refused)} of {len(arguments.files)} files were not stored:\n{listed}")


def _check(connection: Connection, files: DocumentFiles, _arguments: Namespace) -> None:
    count, faults = 0, []
    for document in list_documents(connection):
        count += 1
        try:
            files.read(document.sha256)
        except DocumentError as error:
            faults.append(f"  {error}")
    print(f"documents={count} whole={count - len(faults)}")
    if faults:
        raise DocumentError("these are not whole:\n" + "\n".join(faults))
