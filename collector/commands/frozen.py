"""`jishi-collector frozen`: list what was frozen, and what became different since."""

import json
from argparse import ArgumentParser, Namespace

from collector.accounts.amendments import Amendment, Since, list_amendments, list_facts_since
from collector.accounts.freezing import Frozen, find_frozen, list_frozen
from collector.clock import utc
from collector.config import Config
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `frozen`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of them, with its manifest")
    parser.add_argument("--differences", action="store_true", help="what became different since NAME was frozen")


def run(config: Config, arguments: Namespace) -> None:
    """Print the frozen periods, one a line; or one of them; or its amendments."""
    with connect(config.dsn, application="frozen") as connection:
        check_migrated(connection)
        if arguments.name is None:
            for each in list_frozen(connection):
                print(_line(each))
            return
        held = find_frozen(connection, arguments.name)
        print(_line(held))
        if not arguments.differences:
            print(json.dumps({"root": held.manifest.root, "leaves": held.manifest.leaves}, indent=2))
            return
        with connection.transaction():
            for since in list_facts_since(connection, held):
                print(_since(since))
            count = 0
            for amendment in list_amendments(connection, held):
                print(_amended(amendment))
                count += 1
        print(f"amended={count}")


def _line(held: Frozen) -> str:
    manifest = held.manifest
    at = utc(manifest.at).strftime("%Y-%m-%dT%H:%M:%SZ")
    of = manifest.unit or "every unit"
    return f"{manifest.name} {manifest.first_day} {manifest.last_day} {of} {at} by {manifest.by} {held.sha256}"


def _since(since: Since) -> str:
    what = f"{since.kind} {since.value or 'nobody'}"
    return f"since {since.subject}: {what} from {since.from_day}, recorded {since.recorded_at:%F %TZ}"


def _amended(amendment: Amendment) -> str:
    changed = ", ".join(f"{name} {then} -> {now}" for name, (then, now) in amendment.seconds.items())
    head = f"amended {amendment.asset_no} {amendment.day} revision {amendment.revision} ({amendment.why})"
    return f"{head}: {changed or 'same seconds, other bytes'}"
