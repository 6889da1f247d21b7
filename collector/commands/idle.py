"""`jishi-collector idle`: instruments that are long not powered on, or long not seen, and what became of it.

jishi-collector idle list --state idle
jishi-collector idle remind --why "monthly look" --by wang.fang
jishi-collector idle answer 7 --why "its laser is being repaired" --document SHA256 --by li.ming
jishi-collector idle accept 7 --until 2027-03-01 --why "offer of the maker seen" --by wang.fang
jishi-collector idle refuse|transfer|withdraw 7 --why TEXT --by NAME
jishi-collector idle close 7 --outcome transferred --why TEXT --by NAME
"""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.clock import system_now_ms
from collector.commands import asker
from collector.commands.days import parse_day
from collector.config import Config
from collector.monitoring import cases
from collector.monitoring.acts import By
from collector.monitoring.case_states import OUTCOMES, STATES
from collector.monitoring.cases import Case, Wanted
from collector.monitoring.idle import IDLENESS, Asked, Counter, list_counters
from collector.monitoring.settings import load_settings
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day

_STEPS = {
    "accept": ("accepted", "the reason holds"),
    "refuse": ("refused", "the reason does not hold"),
    "transfer": ("transfer", "open the transfer: the reason was refused, or nobody answered in time"),
    "close": ("closed", "say what came of the transfer"),
    "withdraw": ("withdrawn", "end the case: the reminder was mistaken, or the instrument is in use again"),
}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `idle`."""
    deeds = parser.add_subparsers(required=True, metavar="list|remind|cases|show|answer|accept|…")
    told = deeds.add_parser("list", help="how long ago each instrument was powered on")
    told.add_argument("--state", choices=IDLENESS)
    told.add_argument("--unit", metavar="USCC", help="only what this unit owns")
    told.add_argument(
        "--as-of", type=parse_day, metavar="DAY", help="at the end of this local day (default: yesterday)"
    )
    told.set_defaults(deed=_list)
    kept = deeds.add_parser("cases", help="the cases that there are, the newest first")
    kept.add_argument("--state", choices=STATES)
    kept.add_argument("--asset", metavar="ASSET")
    kept.set_defaults(deed=_cases)
    shown = deeds.add_parser("show", help="one case with its steps")
    shown.add_argument("case", type=int)
    shown.set_defaults(deed=_show)
    remind = _deed(deeds, "remind", "send the reminders that are due")
    remind.add_argument("--asset", action="append", metavar="ASSET", help="only this one; repeatable")
    remind.set_defaults(deed=_remind)
    answer = _deed(deeds, "answer", "say why, as a person of the unit")
    answer.add_argument("case", type=int)
    answer.add_argument("--document", metavar="SHA256", help="a stored file that shows it")
    answer.set_defaults(deed=_answer)
    for name, (state, purpose) in _STEPS.items():
        step = _deed(deeds, name, purpose)
        step.add_argument("case", type=int)
        if state == "accepted":
            step.add_argument(
                "--until", type=parse_day, required=True, metavar="DAY", help="until when the reason holds"
            )
        if state == "closed":
            step.add_argument("--outcome", choices=OUTCOMES, required=True)
        step.set_defaults(deed=_take, state=state, until=None, outcome=None)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. MonitoringError, UnknownName, NotAllowed."""
    with connect(config.dsn, application="idle") as connection:
        check_migrated(connection)
        arguments.deed(connection, arguments)


def _deed(deeds: Any, name: str, purpose: str) -> ArgumentParser:
    parser = deeds.add_parser(name, help=purpose)
    assert isinstance(parser, ArgumentParser)
    parser.add_argument("--why", required=True, metavar="TEXT", help="is kept with it")
    asker.declare(parser)
    return parser


def _by(connection: Connection, arguments: Namespace) -> By:
    return By(asker.find(connection, arguments), arguments.why, datetime.now(UTC))


def _list(connection: Connection, arguments: Namespace) -> None:
    day = arguments.as_of or local_day(system_now_ms()) - timedelta(days=1)
    scope = Scope("unit", arguments.unit) if arguments.unit else EVERYTHING
    settings = load_settings(connection, day)
    print(
        f"at the end of {day}, idle from {settings.idle_days} observed days on, silent from {settings.silent_days} "
        f"unobserved ones; a day is observed from {settings.observed_percent} % on"
    )
    for each in list_counters(connection, Asked(day, scope, arguments.state), settings):
        print(_of_counter(each))


def _of_counter(each: Counter) -> str:
    last = "never powered on" if each.last_on is None else f"last powered on {each.last_on}"
    if each.state == "unmeasured":
        last = "nothing measures it"
    case = "" if each.case_id is None else f"  case {each.case_id}"
    return (
        f"{each.asset_no}  {each.name_zh}  {each.uscc}  {each.state}  {last}  {each.days} days since: "
        f"{each.observed_days} observed, {each.unobserved_days} not{case}"
    )


def _remind(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        made = cases.remind(connection, _by(connection, arguments), assets=arguments.asset)
    for each in made:
        print(_of_case(each))
    print(f"reminded={len(made)}")


def _cases(connection: Connection, arguments: Namespace) -> None:
    today = local_day(system_now_ms())
    for each in cases.list_cases(
        connection, scope=EVERYTHING, today=today, state=arguments.state, asset_no=arguments.asset
    ):
        print(_of_case(each))


def _show(connection: Connection, arguments: Namespace) -> None:
    held = cases.find_case(connection, arguments.case, today=local_day(system_now_ms()))
    print(_of_case(held))
    print(f"  reminded: {held.made_at:%Y-%m-%d %H:%M} UTC by {held.made_by}: {held.why}")
    for step in cases.list_steps(connection, held.case_id):
        more = "".join(f", {each}" for each in (step.document, step.until_day, step.outcome) if each is not None)
        print(f"  {step.state}{more}: {step.made_at:%Y-%m-%d %H:%M} UTC by {step.made_by}: {step.why}")


def _of_case(held: Case) -> str:
    late = ", and nobody answered" if held.is_late else ""
    return (
        f"case {held.case_id}  {held.asset_no}  {held.uscc}  {held.state}  {held.kind} at the end of {held.last_day}: "
        f"{held.observed_days} observed and {held.unobserved_days} unobserved days  answer by {held.answer_by}{late}"
    )


def _answer(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        by = _by(connection, arguments)
        print(_of_case(cases.answer(connection, arguments.case, by, document=arguments.document)))


def _take(connection: Connection, arguments: Namespace) -> None:
    wanted = Wanted(arguments.state, until_day=arguments.until, outcome=arguments.outcome)
    with connection.transaction():
        print(_of_case(cases.take(connection, arguments.case, wanted, _by(connection, arguments))))
