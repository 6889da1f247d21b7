"""`jishi-collector dry-run`: what a proposed policy would change, told before anybody rules on it."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, timedelta

from collector.accounts.dry_run import Difference
from collector.approvals.dry_runs import DryRun, run_dry
from collector.approvals.proposals import find_proposal
from collector.approvals.proposed import ProposedPolicy
from collector.clock import day_of
from collector.commands.days import parse_day
from collector.config import Config
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated

DAYS = 30


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `dry-run`."""
    parser.add_argument("number", type=int, metavar="NUMBER", help="of the proposal")
    parser.add_argument(
        "--from",
        dest="first_day",
        type=parse_day,
        metavar="DAY",
        help=f"default: the policy's, at most {DAYS} days ago",
    )
    parser.add_argument("--to", dest="last_day", type=parse_day, metavar="DAY", help="default: today")


def run(config: Config, arguments: Namespace) -> None:
    """Derive the days under the proposed policy, keep the difference beside the proposal, and print it."""
    now = datetime.now(UTC)
    last_day = arguments.last_day or day_of(now)
    with connect(config.dsn, application="dry-run") as connection:
        check_migrated(connection)
        with connection.transaction():
            first_day = arguments.first_day or _first_day(connection, arguments.number, last_day)
            made = run_dry(connection, arguments.number, first_day=first_day, last_day=last_day, now=now, tell=_tell)
    print("\n".join(_lines(made)))


def _first_day(connection: Connection, number: int, last_day: date) -> date:
    proposed = find_proposal(connection, number).proposed
    earliest = last_day - timedelta(days=DAYS - 1)
    return min(last_day, max(proposed.from_day, earliest)) if isinstance(proposed, ProposedPolicy) else earliest


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} instruments", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _lines(made: DryRun) -> list[str]:
    changed = made.changed
    lines = [f"{made.first_day} to {made.last_day}: {len(changed)} of {len(made.lines)} instruments would change"]
    for line in changed:
        figures = (
            f"{line.days_changed} of {line.days} days  run {_change(line, 'run_s')}  effective "
            f"{_change(line, 'effective_s')}  external {_change(line, 'external_s')}"
        )
        lines.append(f"{line.asset_no}  {figures}" + (f"  not derived: {line.problem}" if line.problem else ""))
    return lines


def _change(line: Difference, name: str) -> str:
    before, after = getattr(line.before, name), getattr(line.after, name)
    return f"{before / 3600:.1f} h -> {after / 3600:.1f} h"
