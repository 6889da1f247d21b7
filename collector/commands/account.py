"""`jishi-collector account`: derive hour records as evidence comes in, or recompute them and compare."""

import sys
import threading
from argparse import ArgumentParser, Namespace
from datetime import date

from collector.commands.days import parse_day
from collector.commands.stopping import call_on_signals
from collector.config import Config
from collector.errors import DerivationError
from collector.store.database import Connection


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `account`."""
    parser.add_argument("--verify", action="store_true", help="recompute records from the stored bytes, and end")
    parser.add_argument("--from", dest="first_day", type=parse_day, default=date.min, metavar="DAY")
    parser.add_argument("--until", "--to", dest="last_day", type=parse_day, default=date.max, metavar="DAY")
    parser.add_argument("--asset", dest="asset_no", metavar="ASSET", help="with --verify: this instrument only")
    parser.add_argument("--frozen", metavar="NAME", help="with --verify: what was frozen, by what was known then")


def run(config: Config, arguments: Namespace) -> None:
    """Derive until SIGTERM or SIGINT; with --verify, DerivationError where a record differs."""
    if arguments.verify:
        _verify(config, arguments)
        return
    from collector.accounts.worker import Worker
    from collector.flags.job import DailyLook
    from collector.monitoring.job import MinuteLook

    stopping = threading.Event()
    call_on_signals(stopping.set)
    after_days = config.accounts.close_after_days
    looks = DailyLook(after_days=after_days), MinuteLook(after_days=after_days)

    def look(connection: Connection, today: date) -> None:
        for each in looks:
            each(connection, today)

    Worker(config.dsn, close_after_days=after_days, when_idle=look).run(stopping)


def _verify(config: Config, arguments: Namespace) -> None:
    from collector.accounts.frozen_verification import verify_frozen
    from collector.accounts.verification import Wanted, verify

    if arguments.frozen is not None:
        found = verify_frozen(config.dsn, arguments.frozen, tell=_tell)
    else:
        wanted = Wanted(arguments.first_day, arguments.last_day, arguments.asset_no)
        found = verify(config.dsn, wanted, tell=_tell)
    for asset_no, day, what in found.pending:
        print(f"pending {asset_no} {day}: {what}")
    for asset_no, day, what in found.differences:
        print(f"differs {asset_no} {day}: {what}")
    print(f"verified={found.equal} pending={len(found.pending)} differences={len(found.differences)}")
    if found.differences:
        raise DerivationError(f"{len(found.differences)} hour records are not what the stored bytes give")


def _tell(done: int, of: int) -> None:
    """Progress for whoever watches a terminal, one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of} instruments", end="\r", file=sys.stderr, flush=True)
