"""`jishi-collector bundle`: the evidence of an instrument and a period, for whoever wants to check it without us."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from collector.clock import system_now_ms
from collector.commands import actor
from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import ConfigError

if TYPE_CHECKING:
    from collector.evidence.bundle import Summary


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `bundle`."""
    parser.add_argument("asset_no", metavar="ASSET")
    parser.add_argument("--from", dest="first_day", type=parse_day, metavar="DAY")
    parser.add_argument("--to", dest="last_day", type=parse_day, metavar="DAY")
    parser.add_argument(
        "--session",
        type=_parse_session,
        metavar="DAY:START",
        help="instead of --from and --to: one session without the rest, by its day and any time in it, as "
        "2026-03-02:10:30",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="a file NAME.zip, or a directory; nothing may be there"
    )
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Write it and say what is in it. BundleError, ReadingsDropped, ConfigError."""
    from collector.evidence.bundle_files import at_place
    from collector.registry.audit import record_change
    from collector.store.database import connect
    from collector.store.migrate import check_migrated

    is_period = arguments.first_day is not None and arguments.last_day is not None
    if is_period == (arguments.session is not None) or (arguments.first_day is None) != (arguments.last_day is None):
        raise ConfigError("bundle ASSET --from DAY --to DAY, or bundle ASSET --session DAY:START: one of both")
    with connect(config.dsn, application="bundle") as connection:
        check_migrated(connection)
        with at_place(arguments.out) as directory:
            summary = _write(config, arguments, directory)
            with connection.transaction():
                period = arguments.session or (arguments.first_day, arguments.last_day)
                target = f"{arguments.asset_no} {period[0]} {period[1]}"
                record_change(connection, actor.actor(arguments), "bundle.write", target=target)
    print(f"{arguments.out}  entries={summary.entries} records={summary.days} unproved={summary.unproved}")
    if summary.unproved:
        print(
            f"{summary.unproved} facts, statements or records are not in the collector's log yet, so a verifier says "
            "INCOMPLETE: `jishi-collector log` brings them in within a minute; a day closes some days after it ended"
        )


def _write(config: Config, arguments: Namespace, directory: Path) -> "Summary":
    from collector.evidence.bundle import Keys, Wanted, write_bundle
    from collector.evidence.bundle_session import WantedSession, write_session
    from collector.keys import ensure_export_key, load_receipt_key

    receipt = load_receipt_key(config.data_dir, config.domain)
    export = ensure_export_key(config.data_dir, config.domain)
    keys = Keys(config.domain, export, str(receipt.verifier), config.log.directory_in(config.data_dir))
    now_ms = system_now_ms()
    if arguments.session is not None:
        session = WantedSession(arguments.asset_no, *arguments.session)
        return write_session(config.dsn, session, keys, directory=directory, now_ms=now_ms)
    wanted = Wanted(arguments.asset_no, arguments.first_day, arguments.last_day)
    return write_bundle(config.dsn, wanted, keys, directory=directory, now_ms=now_ms, tell=_tell)


def _parse_session(text: str) -> tuple[date, int]:
    """A day and a second of it."""
    day, _, at = text.partition(":")
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", at)
    if match is None:
        raise ArgumentTypeError(f"{text!a}: DAY:START as 2026-03-02:10:30 is expected")
    hour, minute, second = (int(part or 0) for part in match.groups())
    return parse_day(day), hour * 3600 + minute * 60 + second


def _tell(what: str) -> None:
    """Progress for whoever watches a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what[:100]:100}", end="\r", file=sys.stderr, flush=True)
