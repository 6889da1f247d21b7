"""`jishi-collector exchange`: service records for other platforms, and what booking systems bring. docs/exchange.md.

jishi-collector exchange check --from 2026-03-01 --to 2026-03-31
jishi-collector exchange send --from 2026-03-01 --to 2026-03-31 --by li.ming
jishi-collector exchange list --state refused
jishi-collector exchange retry 17 --why "corrected at the platform" --by li.ming
jishi-collector exchange work
jishi-collector exchange take bookings bookings.csv --source lims --by li.ming
jishi-collector exchange compare --from 2026-03-01 --to 2026-03-31
"""

import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from collector.clock import system_now_ms, utc
from collector.commands import actor, asker, exchange_intake
from collector.commands.days import parse_day
from collector.commands.exchange_lines import message_line, show_faults, step_lines
from collector.commands.stopping import call_on_signals
from collector.config import Config
from collector.errors import ExchangeError
from collector.exchange.making import Maker, check_records, check_year, make_messages, make_year
from collector.exchange.outbox import count_states, find_message, list_messages, list_steps, retry
from collector.exchange.records import Asked
from collector.exchange.sending import send_due, sender_seat
from collector.exchange.set_up import make_road, read_mapping
from collector.exchange.states import STATES
from collector.exchange.worker import Worker
from collector.registry.access import SCOPES, Right, parse_scope
from collector.registry.audit import MAX_TEXT
from collector.registry.units import check_uscc
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated

_AT_ONCE = 500


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `exchange`."""
    deeds = parser.add_subparsers(required=True, metavar="check|send|list|show|retry|work|take|compare")
    check = deeds.add_parser("check", help="say what is wrong with records that would be sent; nothing is made")
    check.set_defaults(deed=_check)
    send = deeds.add_parser("send", help="make messages of what closed in these days, and send what is due")
    actor.declare(send)
    send.set_defaults(deed=_send)
    for deed in (check, send):
        deed.add_argument("--from", dest="first_day", type=parse_day, metavar="DAY")
        deed.add_argument("--to", dest="last_day", type=parse_day, metavar="DAY")
        deed.add_argument("--year", type=int, metavar="YEAR", help="the annual messages of instruments instead")
        deed.add_argument("--unit", metavar="USCC", help="this unit's only (default: [exchange] unit)")
    told = deeds.add_parser("list", help="messages, and where they stand")
    told.add_argument("--state", choices=STATES)
    told.add_argument("--scope", default="everything", help=f"{SCOPES} (default: everything)")
    told.set_defaults(deed=_list)
    shown = deeds.add_parser("show", help="a message, and everything that was answered")
    shown.set_defaults(deed=_show)
    again = deeds.add_parser("retry", help="send again what was refused or given up")
    again.add_argument("--why", required=True, metavar="TEXT")
    asker.declare(again)
    again.set_defaults(deed=_retry)
    for deed in (shown, again):
        deed.add_argument("message_id", type=_number, metavar="NUMBER")
    work = deeds.add_parser("work", help="make and send messages until SIGTERM")
    work.set_defaults(deed=None)
    exchange_intake.configure(deeds)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. ConfigError, ExchangeError, UnknownName, NotAllowed."""
    if arguments.deed is None:
        _work(config)
        return
    with connect(config.dsn, application="exchange") as connection:
        check_migrated(connection)
        arguments.deed(connection, config, arguments)


def _asked(config: Config, arguments: Namespace) -> Asked:
    first_day, last_day = arguments.first_day, arguments.last_day
    if first_day is None or last_day is None:
        raise ExchangeError("which days are meant is missing: give --from and --to, or --year")
    if last_day < first_day:
        raise ExchangeError(f"{first_day} to {last_day} ends before it begins; give the later day as --to")
    return Asked(first_day, last_day, _unit(config, arguments))


def _unit(config: Config, arguments: Namespace) -> str | None:
    code = arguments.unit or config.exchange.unit
    return check_uscc(code) if code else None


def _check_year_given(year: int) -> int:
    if not 2000 <= year <= 2199:
        raise ExchangeError(f"--year {year}: 2000 to 2199 is expected")
    return year


def _check(connection: Connection, config: Config, arguments: Namespace) -> None:
    mapping = read_mapping(config)
    if arguments.year is not None:
        year = _check_year_given(arguments.year)
        count, faults = check_year(connection, year, mapping, unit=_unit(config, arguments))
    else:
        count, faults = check_records(connection, _asked(config, arguments), mapping)
    print(f"records={count} invalid={len({fault.record for fault in faults})} mapping={mapping.mapping.name}")
    show_faults(faults, example=mapping.mapping.example)
    if faults:
        raise ExchangeError(f"{len(faults)} faults: what is invalid is not sent")


def _send(connection: Connection, config: Config, arguments: Namespace) -> None:
    mapping, road = read_mapping(config), make_road(config)
    maker, unit = Maker(utc(system_now_ms()), actor.actor(arguments)), _unit(config, arguments)
    with sender_seat(connection):
        if arguments.year is not None:
            made = make_year(connection, _check_year_given(arguments.year), mapping, unit=unit, maker=maker)
        elif arguments.first_day is None and arguments.last_day is None:
            made = None
        else:
            made = make_messages(connection, _asked(config, arguments), mapping, maker=maker)
        if made is not None:
            print(f"made={made.new} unchanged={made.unchanged} invalid={len({f.record for f in made.faults})}")
        found = send_due(connection, road, now=lambda: utc(system_now_ms()))
    print(" ".join(f"{state}={count}" for state, count in sorted(found.counts.items())) or "nothing was due")
    faults = [] if made is None else made.faults
    show_faults(faults, example=mapping.mapping.example)
    if found.is_away:
        raise ExchangeError("the platform gives no answer: what was not sent goes out with the next `exchange send`")
    if faults:
        raise ExchangeError(f"{len(faults)} faults: what is invalid is not sent")


def _list(connection: Connection, _config: Config, arguments: Namespace) -> None:
    counts = count_states(connection)
    print(" ".join(f"{state}={counts[state]}" for state in STATES if state in counts) or "no messages")
    scope, after = parse_scope(arguments.scope), 0
    while rows := list_messages(connection, scope=scope, state=arguments.state, after=after, limit=_AT_ONCE):
        print("\n".join(message_line(each) for each in rows))
        after = rows[-1].message_id


def _show(connection: Connection, _config: Config, arguments: Namespace) -> None:
    held = find_message(connection, arguments.message_id)
    print(message_line(held))
    for line in step_lines(list_steps(connection, held.message_id)):
        print(line)


def _retry(connection: Connection, _config: Config, arguments: Namespace) -> None:
    if not arguments.why.strip() or not arguments.why.isprintable() or len(arguments.why) > MAX_TEXT:
        raise ExchangeError(f"a reason is needed, on one line and at most {MAX_TEXT} characters: say why")
    now = utc(system_now_ms())
    with connection.transaction():
        who = asker.find_allowed(connection, arguments, Right.FACTS)
        scope = who.access.scope
        held = retry(connection, arguments.message_id, scope=scope, actor=who.actor, why=arguments.why, now=now)
    print(message_line(held))


def _work(config: Config) -> None:
    stopping = threading.Event()
    call_on_signals(stopping.set)
    mapping, road = read_mapping(config), make_road(config)
    with connect(config.dsn, application="exchange") as connection:
        check_migrated(connection)
    unit = check_uscc(config.exchange.unit) if config.exchange.unit else None
    Worker(config.dsn, mapping, road, unit=unit, now=lambda: utc(system_now_ms())).run(stopping)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ArgumentTypeError(f"{text[:40]!a} is no number of a message: `exchange list` shows them")
    return int(text)
