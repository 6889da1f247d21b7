"""`jishi-collector network`: which instruments are in the provincial network, which are late, and who enters it.

jishi-collector network list --state overdue
jishi-collector network list --state due-soon
jishi-collector network join A001 --from-day 2026-03-02 --proof 陕科平台〔2026〕12 --by li
jishi-collector network leave A001 --from-day 2026-11-01 --why "scrapped" --by li
"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import date
from functools import partial

from collector.clock import system_now_ms
from collector.commands import asker
from collector.commands.days import parse_day
from collector.config import Config
from collector.errors import CalendarUnknown
from collector.monitoring.settings import load_settings
from collector.network.states import STATES, WARNED, Standing, Step, Warnings, count_states, enter, list_standings
from collector.registry.access import EVERYTHING, Right, Scope
from collector.registry.audit import record_change
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day

_AT_ONCE = 1000


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `network`."""
    deeds = parser.add_subparsers(required=True, metavar="list|join|leave")
    told = deeds.add_parser("list", help="how instruments stand")
    told.add_argument("--state", choices=(*STATES, *WARNED))
    told.add_argument("--unit", metavar="USCC", help="only what this unit owns")
    told.add_argument("--as-of", type=parse_day, metavar="DAY", help="at the end of this local day (default: today)")
    told.set_defaults(deed=_list)
    join = deeds.add_parser("join", help="an instrument is in the network")
    join.add_argument("--proof", required=True, metavar="TEXT", help="number of the notice, or the page that shows it")
    leave = deeds.add_parser("leave", help="an instrument is not in the network any more")
    leave.add_argument("--why", required=True, metavar="TEXT")
    for deed, step in ((join, "joined"), (leave, "left")):
        deed.add_argument("asset_no", metavar="ASSET")
        deed.add_argument("--from-day", type=parse_day, required=True, metavar="DAY", help="from which local day on")
        asker.declare(deed)
        deed.set_defaults(deed=_enter, step=step, proof="", why="")


def run(config: Config, arguments: Namespace) -> None:
    """Do it. NetworkError, CalendarUnknown, UnknownName, NotAllowed."""
    with connect(config.dsn, application="network") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _list(connection: Connection, arguments: Namespace) -> None:
    day = arguments.as_of or _today()
    scope = Scope("unit", arguments.unit) if arguments.unit else EVERYTHING
    try:
        counts = count_states(connection, day=day, scope=scope)
        print(f"at the end of {day}: " + ", ".join(f"{state} {count}" for state, count in counts.items()))
    except CalendarUnknown as error:  # in January, before the package was renewed: the rest is as true as ever
        print(f"those in time and those overdue cannot be told apart: {error}", file=sys.stderr)
    settings = load_settings(connection, day)
    warnings = Warnings(settings.due_soon_days, settings.due_last_days)
    ask = partial(
        list_standings, connection, day=day, scope=scope, state=arguments.state, warnings=warnings, limit=_AT_ONCE
    )
    after = ""
    while rows := ask(after=after):
        print("\n".join(_line(each) for each in rows))
        after = rows[-1].asset_no


def _line(standing: Standing) -> str:
    told = [f"{standing.asset_no}  {standing.name_zh}  {standing.owner or '-'}  {standing.state}"]
    if standing.since:
        told.append(f"since {standing.since} ({standing.proof or standing.why}; {standing.recorded_by})")
    if standing.due_on:
        left = "" if standing.days_left is None else f", {standing.days_left} working days left"
        told.append(f"accepted {standing.accepted_on}, due {standing.due_on}{left}")
    if standing.warned:
        told.append(standing.warned)
    if standing.problem:
        told.append(standing.problem)
    return "  ".join(told)


def _enter(connection: Connection, arguments: Namespace) -> None:
    step: Step = arguments.step
    with connection.transaction():
        who = asker.find_allowed(connection, arguments, Right.REGISTRY)
        enter(
            connection,
            arguments.asset_no,
            step,
            from_day=arguments.from_day,
            proof=arguments.proof,
            why=arguments.why,
            by=who.person.name,
            today=_today(),
        )
        new: dict[str, object] = {"from_day": str(arguments.from_day), "proof": arguments.proof}
        record_change(
            connection, who.actor, f"network.{step}", target=arguments.asset_no, new=new, reason=arguments.why
        )
    print(f"{arguments.asset_no} {step} on {arguments.from_day}")


def _today() -> date:
    return local_day(system_now_ms())
