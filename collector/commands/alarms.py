"""`jishi-collector alarms`: what is wrong with agents and coverage, since when, and who knows of it.

The exit status is 1 where something is open that nobody has acknowledged, so that cron can tell somebody.

jishi-collector alarms
jishi-collector alarms --acknowledge 12 --why "the PC is being replaced" --by wang.fang
"""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.clock import day_of
from collector.commands import asker
from collector.config import Config
from collector.errors import AlarmsOpen, MonitoringError
from collector.monitoring.acts import By
from collector.monitoring.alarms import KINDS, Alarm, Asked, acknowledge, list_alarms, look
from collector.registry.access import SCOPES, parse_scope
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `alarms`."""
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--scope", default="everything", help=f"{SCOPES} (default: everything)")
    parser.add_argument("--all", action="store_true", help="those that are over, too")
    parser.add_argument(
        "--acknowledge", type=int, metavar="NUMBER", help="say that somebody knows; with --why and --by"
    )
    parser.add_argument("--why", metavar="TEXT", help="what is done about it")
    parser.add_argument("--by", metavar="NAME", help="the registered person who acknowledges")


def run(config: Config, arguments: Namespace) -> None:
    """Look, and list; AlarmsOpen where something is open that nobody has acknowledged."""
    with connect(config.dsn, application="alarms") as connection:
        check_migrated(connection)
        now = datetime.now(UTC)
        if arguments.acknowledge is not None:
            _acknowledge(connection, arguments, now)
            return
        looked = look(connection, now=now, after_days=config.accounts.close_after_days)
        scope = parse_scope(arguments.scope)
        asked = Asked(scope, arguments.all, arguments.kind)
        found = list_alarms(connection, asked, today=day_of(now))
    for each in found:
        print(_line(each))
    still = [each for each in found if each.closed_at is None]
    unknown = sum(each.acknowledged_at is None for each in still)
    print(f"opened={looked.opened} closed={looked.closed} open={len(still)} unacknowledged={unknown}")
    if unknown:
        raise AlarmsOpen(f"{unknown} alarms are open that nobody has acknowledged")


def _acknowledge(connection: Connection, arguments: Namespace, now: datetime) -> None:
    if not arguments.why or not arguments.by:
        raise MonitoringError("an alarm is acknowledged by a registered person with a reason: give --why and --by")
    with connection.transaction():
        by = By(asker.find(connection, arguments), arguments.why, now)
        print(_line(acknowledge(connection, arguments.acknowledge, by)))


def _line(alarm: Alarm) -> str:
    told = [f"{alarm.alarm_id}  {alarm.kind}  {alarm.subject}  since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.detail}"]
    if alarm.acknowledged_at is not None:
        told.append(f"acknowledged by {alarm.acknowledged_by}: {alarm.acknowledged_why}")
    if alarm.closed_at is not None:
        told.append(f"over since {alarm.closed_at:%Y-%m-%d %H:%M} UTC")
    return "  ".join(told)
