"""`jishi-collector proposals`: what people propose, and what became of it."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.approvals.proposals import Proposal, list_proposals
from collector.clock import day_of
from collector.config import Config
from collector.registry.access import Access
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `proposals`."""
    parser.add_argument("--open", action="store_true", help="only those that nobody ruled on")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="the newest N (default: 100)")


def run(config: Config, arguments: Namespace) -> None:
    """Print them, the newest first."""
    today = day_of(datetime.now(UTC))
    with connect(config.dsn, application="proposals") as connection:
        check_migrated(connection)
        found = list_proposals(
            connection, Access("operator"), today=today, is_open=arguments.open, limit=arguments.limit
        )
    for proposal in found:
        state = proposal.state(today)
        print(f"{proposal.proposal_id:>6}  {state:<8}  {proposal.kind:<10}  {proposal.subject}  {_told(proposal)}")
    if not found:
        print("no proposal is open" if arguments.open else "nobody proposed anything")


def _told(proposal: Proposal) -> str:
    told = f"{proposal.proposed_by}: {proposal.reason}"
    if proposal.verdict is not None:
        told += f" | {proposal.ruled_by}" + (f": {proposal.why}" if proposal.why else "")
    return told
