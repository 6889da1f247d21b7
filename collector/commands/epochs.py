"""`jishi-collector epochs`: journals that a person ought to look at, or all of one agent."""

from argparse import ArgumentParser, Namespace

from collector.config import Config
from collector.registry.epochs import Epoch, list_epochs
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `epochs`."""
    parser.add_argument("--agent", metavar="ID", help="all epochs of this agent (default: what nobody has looked at)")


def run(config: Config, arguments: Namespace) -> None:
    """Print a few lines an epoch."""
    with connect(config.dsn, application="epochs") as connection:
        check_migrated(connection)
        found = list_epochs(connection, agent_id=arguments.agent, unreviewed=arguments.agent is None)
    for epoch in found:
        print("\n    ".join(_lines(epoch)))
    if not found:
        print(f"agent {arguments.agent} has no journal" if arguments.agent else "nothing to look at")


def _lines(epoch: Epoch) -> list[str]:
    lines = [f"{epoch.origin}  {epoch.size} entries, {epoch.standing}, since {epoch.registered_at:%Y-%m-%d %H:%M} UTC"]
    if epoch.reason is not None:
        lines.append(f"began by itself ({_WHY[epoch.reason]}) after {epoch.predecessor}")
        lines.append(f"of that the agent had {epoch.had} entries and the collector {epoch.held}: {_compared(epoch)}")
    if epoch.genesis_fits is False:
        lines.append("its first entry does not name the key that was enrolled for it")
    if epoch.reviewed_at is not None:
        lines.append(f"reviewed by {epoch.reviewed_by} on {epoch.reviewed_at:%Y-%m-%d}: {epoch.review}")
    elif epoch.unreviewed:
        lines.append(f"nobody has looked: jishi-collector review --agent {epoch.agent_id} --epoch {epoch.epoch} …")
    if epoch.revoked_at is not None:
        who = f" by {epoch.revoked_by}: {epoch.revoked_why}" if epoch.revoked_by else ""
        lines.append(f"REVOKED on {epoch.revoked_at:%Y-%m-%d}{who}")
    return lines


def _compared(epoch: Epoch) -> str:
    if epoch.fits is None:
        return "what was not held the agent carried over"
    missing = f"{epoch.missing} are missing at the agent" if epoch.missing else "none is missing at the agent"
    return missing if epoch.fits else "another history, signed by the same key (a fork)"


_WHY = {
    "behind": "its journal was put back to an older copy",
    "fork": "another history of its journal was receipted",
    "damaged": "entries that were not receipted could not be read",
    "rotated": "its key was replaced",
}
