"""`jishi-collector rebuild-readings`: make the decoded readings of some days again from the stored entries.

For days whose readings retention dropped, and for entries that were stored without their rows. Everything else may
run meanwhile. In the timescale layout nothing is dropped for the 30 days after.
"""

from argparse import ArgumentParser, Namespace

from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import StoreError
from collector.keys import load_receipt_key
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `rebuild-readings`."""
    for name, which in (("--from", "first"), ("--to", "last")):
        parser.add_argument(
            name,
            dest=f"{which}_day",
            type=parse_day,
            required=True,
            metavar="DAY",
            help=f"the {which} local day",
        )


def run(config: Config, arguments: Namespace) -> None:
    """Rebuild, and say for each journal how many rows there were and are."""
    from collector.ingest.rebuild import Period, rebuild

    if arguments.last_day < arguments.first_day:
        raise StoreError(
            f"--to {arguments.last_day} is before --from {arguments.first_day}: give the later day as --to"
        )
    receipt_key = load_receipt_key(config.data_dir, config.domain).verifier
    period = Period.deciding(arguments.first_day, arguments.last_day)
    with connect(config.dsn, application="rebuild") as connection:
        check_migrated(connection)
        total = 0
        for origin, removed, stored in rebuild(connection, period, receipt_key=receipt_key):
            total += stored
            if removed or stored:
                print(f"{origin} before={removed} now={stored}", flush=True)
        print(f"readings={total} from={arguments.first_day} to={arguments.last_day}")
