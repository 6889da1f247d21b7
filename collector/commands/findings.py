"""`jishi-collector findings`: take in what inspectors signed on site, or list it beside what agents sent."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from collector.clock import utc
from collector.commands import asker
from collector.config import Config
from collector.errors import FindingRefused
from collector.evidence.confirming import compare_live_test, confirm
from collector.evidence.findings import MAX_FINDING_BYTES, StoredFinding, import_findings, list_findings
from collector.registry.access import Right
from collector.registry.audit import record_change
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `findings`."""
    deeds = parser.add_subparsers(required=True, metavar="import|list")
    take = deeds.add_parser("import", help="take in signed notes")
    take.add_argument("files", type=Path, nargs="+", metavar="FILE")
    asker.declare(take)
    take.set_defaults(deed=_import)
    listed = deeds.add_parser("list", help="list findings, and what became of their nonces")
    listed.add_argument("--asset", metavar="ASSET", help="of one instrument (default: of all)")
    listed.set_defaults(deed=_list)


def run(config: Config, arguments: Namespace) -> None:
    """Do it."""
    with connect(config.dsn, application="findings") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _import(connection: Connection, arguments: Namespace) -> None:
    for path in arguments.files:
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_FINDING_BYTES + 1)
        except OSError as error:
            raise FindingRefused(f"{path} cannot be read: {error.strerror}") from error
        with connection.transaction():
            who = asker.find_allowed(connection, arguments, Right.FINDINGS)
            sha256, is_new = import_findings(connection, raw, imported_by=who.person.name, now=datetime.now(UTC))
            if is_new:
                record_change(connection, who.actor, "finding.import", target=sha256)
        for stored in list_findings(connection, sha256=sha256):
            _show(connection, stored, "" if is_new else "  (known already)")


def _list(connection: Connection, arguments: Namespace) -> None:
    for stored in list_findings(connection, asset_no=arguments.asset):
        _show(connection, stored, "")


def _show(connection: Connection, stored: StoredFinding, mark: str) -> None:
    found = stored.findings
    said = confirm(connection, found)
    begun = utc(found.begun)
    print(f"{stored.sha256}  {found.asset}  {begun:%Y-%m-%d %H:%M} UTC  {stored.signer}  {found.verdict}{mark}")
    print(f"  nonce {said.verdict}: {said.sentence}")
    for each in compare_live_test(connection, found):
        print(
            f"  {each.do}: {each.agreed_ms // 1000} s agree, {each.differed_ms // 1000} s differ, "
            f"{each.unseen_ms // 1000} s unseen of {each.judged_ms // 1000} s"
        )
