"""`jishi-collector import`: what `jishi-agent export` wrote to a medium, through the same rule as everything else.

Prints a line for each parcel, and leaves the receipts on the medium. Exit status 1 where anything was not taken in.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from collector.clock import system_now_ms
from collector.config import Config
from collector.errors import MediumError
from collector.ingest.intake import Intake
from collector.ingest.parcels import Parcel, Taken, find_parcels, leave_receipt, refusals, take
from collector.ingest.writer import DatabaseLost
from collector.keys import load_receipt_key
from collector.store.database import connect
from collector.store.migrate import check_migrated

_ROW = "{:<42} {:>9} {:>9} {:>9}  {}"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `import`."""
    parser.add_argument("medium", type=Path, metavar="DIR", help="where the medium is mounted")


def run(config: Config, arguments: Namespace) -> None:
    """Take every parcel in; MediumError after the table where one was not."""
    directories = find_parcels(arguments.medium)
    key = load_receipt_key(config.data_dir, config.domain)
    failed = 0
    print(_ROW.format("parcel", "accepted", "repeated", "refused", ""))
    with connect(config.dsn, application="import") as connection:
        check_migrated(connection)
        intake = Intake(connection, key, clock_ms=system_now_ms, can_ask=False)
        for directory, found in refusals(directories, domain=config.domain):
            problem = _take(found, intake) if isinstance(found, Parcel) else _tell(directory.name, Taken(), str(found))
            failed += bool(problem)
    if failed:
        raise MediumError(f"{failed} of {len(directories)} parcels were not taken in whole; the table says why")


def _take(parcel: Parcel, intake: Intake) -> str:
    try:
        taken = take(parcel, intake)
    except DatabaseLost as error:
        raise MediumError(
            f"the database went away ({error}): import again, what is held already is passed over"
        ) from error
    problem = taken.refusal
    if taken.receipt:
        try:
            leave_receipt(parcel, taken.receipt)
        except OSError as error:
            problem = f"{problem}; " if problem else ""
            problem += f"the receipt could not be written ({error.strerror}): make the medium writable, import again"
    return _tell(parcel.manifest.origin, taken, problem)


def _tell(name: str, taken: Taken, problem: str) -> str:
    print(_ROW.format(name, taken.accepted, taken.repeated, taken.refused, problem).rstrip())
    return problem
