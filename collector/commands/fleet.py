"""`jishi-collector fleet`: the agents, those first that are silent for longest, or wait for most.

jishi-collector fleet --liveness silent
jishi-collector fleet --sort waiting --waiting --limit 20
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from datetime import UTC, datetime
from typing import get_args

from collector.accounts.liveness import Liveness
from collector.clock import day_of
from collector.config import Config
from collector.errors import RegistryError
from collector.monitoring.fleet import ORDERS, STANDINGS, Agent, Asked, Counted, count_fleet, list_fleet
from collector.registry.access import SCOPES, parse_scope
from collector.store.database import connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `fleet`."""
    parser.add_argument(
        "--sort", choices=ORDERS, default="silence", help="what comes first (default: the longest silent)"
    )
    parser.add_argument("--liveness", choices=get_args(Liveness))
    parser.add_argument("--standing", choices=STANDINGS, help="of the newest journal")
    parser.add_argument("--agent-version", metavar="VERSION", help="only agents that run it")
    parser.add_argument("--waiting", action="store_true", help="only those that have entries that are not here")
    parser.add_argument("--scope", default="everything", help=f"{SCOPES} (default: everything)")
    parser.add_argument("--limit", type=int, default=50, help="default: 50; 0: all")


def run(config: Config, arguments: Namespace) -> None:
    """Print how many there are of each, then one line an agent."""
    if arguments.limit < 0:
        raise RegistryError(f"limit is {arguments.limit}: give how many agents are wanted, or 0 for all")
    now = datetime.now(UTC)
    asked = Asked(
        now,
        day_of(now),
        parse_scope(arguments.scope),
        arguments.sort,
        arguments.liveness,
        arguments.standing,
        arguments.agent_version,
        only_waiting=arguments.waiting,
        limit=arguments.limit or None,
    )
    with connect(config.dsn, application="fleet") as connection:
        check_migrated(connection)
        counted, found = count_fleet(connection, asked), list_fleet(connection, asked)
    print(_summary(counted))
    for each in found:
        print(_line(each, now))


def _summary(counted: list[Counted]) -> str:
    by_liveness: Counter[str] = Counter()
    by_version: Counter[str] = Counter()
    for each in counted:
        by_liveness[each.liveness] += each.agents
        by_version[each.version or "unknown"] += each.agents
    heard = " ".join(f"{liveness}={by_liveness[liveness]}" for liveness in get_args(Liveness))
    versions = ", ".join(f"{version} {count}" for version, count in sorted(by_version.items()))
    return f"agents={by_liveness.total()} {heard} waiting={sum(each.waiting for each in counted)} versions: {versions}"


def _line(agent: Agent, now: datetime) -> str:
    seen = "never" if agent.last_seen_at is None else f"{(now - agent.last_seen_at).total_seconds() // 60:.0f} min ago"
    told = [
        f"{agent.agent_id}  {agent.liveness}  heard {seen}  waiting {agent.waiting}  {agent.standing or 'no journal'}",
        f"version {agent.version or 'unknown'}  grade {agent.grade or '-'}",
        ", ".join(agent.assets) or "measures nothing",
    ]
    if agent.alarms:
        told.append(f"{agent.alarms} alarms")
    return "  ".join(told)
