"""`jishi-agent import-receipts`: the collector's receipt, brought back on the medium that carried the parcel."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `import-receipts`."""
    parser.add_argument("medium", type=Path, metavar="DIR", help="where the medium is mounted")
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Take the receipt in, and print what it covers; the exit code."""
    from agent import config, identity, parcels

    configuration = config.load(arguments.config)
    who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    receipt = parcels.find_receipt(who, arguments.medium)
    parcels.take_in(who, receipt)
    when = datetime.fromtimestamp(receipt.time_s, UTC).isoformat(sep=" ").removesuffix("+00:00")
    print(f"{who.enrolment.origin}: {receipt.checkpoint.size} entries are confirmed, at {when} UTC")
    return usage.OK
