"""`jishi-collector bundle`: the evidence of an instrument and a period, for whoever wants to check it without us."""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.commands import actor
from collector.commands.days import parse_day
from collector.config import Config


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `bundle`."""
    parser.add_argument("asset_no", metavar="ASSET")
    parser.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument("--to", dest="last_day", type=parse_day, required=True, metavar="DAY")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="a file NAME.zip, or a directory; nothing may be there"
    )
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Write it and say what is in it. BundleError, ConfigError."""
    from collector.evidence.bundle import Keys, Wanted, write_bundle
    from collector.evidence.bundle_files import at_place
    from collector.keys import ensure_export_key, load_receipt_key
    from collector.registry.audit import record_change
    from collector.store.database import connect
    from collector.store.migrate import check_migrated

    with connect(config.dsn, application="bundle") as connection:
        check_migrated(connection)
    receipt = load_receipt_key(config.data_dir, config.domain)
    export = ensure_export_key(config.data_dir, config.domain)
    keys = Keys(config.domain, export, str(receipt.verifier), config.log.directory_in(config.data_dir))
    wanted = Wanted(arguments.asset_no, arguments.first_day, arguments.last_day)
    with at_place(arguments.out) as directory:
        summary = write_bundle(
            config.dsn, wanted, keys, directory=directory, now_ms=time.time_ns() // 1_000_000, tell=_tell
        )
    with connect(config.dsn, application="bundle") as connection, connection.transaction():
        target = f"{wanted.asset_no} {wanted.first_day} {wanted.last_day}"
        record_change(connection, actor.actor(arguments), "bundle.write", target=target)
    print(f"{arguments.out}  entries={summary.entries} records={summary.days} unproved={summary.unproved}")
    if summary.unproved:
        print(
            f"{summary.unproved} facts, statements or records are not in the collector's log yet, so a verifier says "
            "INCOMPLETE: `jishi-collector log` brings them in within a minute; a day closes some days after it ended"
        )


def _tell(what: str) -> None:
    """Progress for whoever watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what[:100]:100}", end="\r", file=sys.stderr, flush=True)
