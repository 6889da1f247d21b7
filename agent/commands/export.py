"""`jishi-agent export`: what no receipt covers, as a parcel on a medium that a person carries to the collector."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    parser.add_argument("medium", type=Path, metavar="DIR", help="where the medium is mounted, or any directory")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--since-receipt", action="store_true", help="what no receipt covers (as without an option)")
    which.add_argument("--all", action="store_true", help="all that is kept here, receipted or not")
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Export, and print what lies where; the exit code."""
    from agent import config, identity, parcels
    from agent.clock import SystemClock

    configuration = config.load(arguments.config)
    who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    done = parcels.export(who, arguments.medium, everything=arguments.all, clock=SystemClock())
    if not done.pieces:
        print(f"{who.enrolment.origin}: the collector has confirmed all {done.size} entries; nothing was written")
        return usage.OK
    size_mb = sum(piece.length for piece in done.pieces) / 1e6
    what = f"entries {done.first} to {done.size - 1} in {len(done.pieces)} batches, {size_mb:.1f} MB"
    print(f"{who.enrolment.origin}: {what}, in {done.directory}")
    print("  carry it to the collector, have `jishi-collector import` run on it, and bring it back for")
    print("  `jishi-agent import-receipts`; until then the entries stay here, and may also arrive by themselves")
    return usage.OK
