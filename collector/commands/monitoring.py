"""`jishi-collector monitoring`: the thresholds and terms of monitoring, from which day on each holds, and who decided.

jishi-collector monitoring settings
jishi-collector monitoring set idle-days 45 --from-day 2026-12-01 --why "meeting of 20 November" --by wang.fang
"""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from collector.clock import system_now_ms
from collector.commands import asker
from collector.commands.days import parse_day
from collector.config import Config
from collector.monitoring.acts import By
from collector.monitoring.settings import SETTINGS, decide, list_decided, load_settings
from collector.registry.access import Right
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `monitoring`."""
    deeds = parser.add_subparsers(required=True, metavar="settings|set")
    told = deeds.add_parser("settings", help="what holds, and what was ever decided")
    told.add_argument("--as-of", type=parse_day, metavar="DAY", help="on this local day (default: today)")
    told.set_defaults(deed=_list)
    deed = deeds.add_parser("set", help="decide a threshold or a term")
    deed.add_argument("name", choices=SETTINGS, metavar="NAME")
    deed.add_argument("value", type=int)
    deed.add_argument("--from-day", type=parse_day, required=True, metavar="DAY", help="today or later")
    deed.add_argument("--why", required=True, metavar="TEXT", help="is kept with it")
    asker.declare(deed)
    deed.set_defaults(deed=_set)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. MonitoringError, UnknownName, NotAllowed."""
    with connect(config.dsn, application="monitoring") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _list(connection: Connection, arguments: Namespace) -> None:
    day = arguments.as_of or local_day(system_now_ms())
    for name, value in load_settings(connection, day).named.items():
        setting = SETTINGS[name]
        held = "nobody decided it" if value is None else f"{value} {setting.unit}"
        print(f"{name:<22} {held:<18} {setting.says}")
    for each in list_decided(connection):
        print(
            f"{each.name} is {each.value} from {each.from_day} on: {each.why} ({each.set_by}, {each.set_at:%Y-%m-%d})"
        )


def _set(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        by = By(asker.find_allowed(connection, arguments, Right.MONITORING), arguments.why, datetime.now(UTC))
        decide(connection, arguments.name, value=arguments.value, from_day=arguments.from_day, by=by)
    print(f"{arguments.name} is {arguments.value} {SETTINGS[arguments.name].unit} from {arguments.from_day} on")
