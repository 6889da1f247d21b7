"""`exchange take` and `exchange compare`: what booking systems bring, and bookings beside what was measured."""

import time
from argparse import Namespace, _SubParsersAction
from datetime import date
from pathlib import Path
from typing import Any

from collector.clock import LOCAL, system_now_ms, utc
from collector.commands import actor, reports
from collector.commands.days import parse_day
from collector.commands.import_facts import read_rows, source
from collector.config import Config
from collector.errors import ExchangeError, RegistryError, SheetError
from collector.exchange.bookings import MAX_DAYS, compare_bookings
from collector.exchange.compared import KINDS as COMPARED_KINDS
from collector.exchange.compared import Compared
from collector.exchange.intake import KINDS, take
from collector.facts.drafts import Bringer
from collector.facts.importing import Taken, Taking
from collector.facts.mapping import own_mapping, read_mapping
from collector.facts.salt import open_salt
from collector.registry.access import SCOPES, parse_scope
from collector.registry.units import check_uscc
from collector.sheet_report import Report
from collector.store.database import Connection


def configure(deeds: "_SubParsersAction[Any]") -> None:
    """Declare the two deeds."""
    taken = deeds.add_parser("take", help="record bookings, users, charges, order-details or effects from a file")
    taken.add_argument("kind", choices=KINDS)
    taken.add_argument("file", type=Path, metavar="FILE", help="CSV (UTF-8, GB18030), XLSX or JSON lines")
    taken.add_argument("--source", type=source, required=True, metavar="NAME", help="the system that it comes from")
    taken.add_argument("--map", type=Path, metavar="FILE.toml", help="what its columns and words mean")
    taken.add_argument("--unit", metavar="USCC", help="whose rows they are, where no column says it")
    taken.add_argument("--dry-run", action="store_true", help="say what would become of each row, and change nothing")
    taken.add_argument("--all-or-nothing", action="store_true", help="record nothing where a row is refused")
    reports.declare(taken)
    actor.declare(taken)
    taken.set_defaults(deed=_take)
    compared = deeds.add_parser("compare", help="bookings beside what was measured: open, no-show, unbooked …")
    compared.add_argument("--from", dest="first_day", type=parse_day, required=True, metavar="DAY")
    compared.add_argument("--to", dest="last_day", type=parse_day, required=True, metavar="DAY")
    compared.add_argument("--scope", default="everything", help=f"{SCOPES} (default: everything)")
    compared.add_argument("--kind", choices=COMPARED_KINDS, help="only these")
    compared.set_defaults(deed=_compare)


def _take(connection: Connection, config: Config, arguments: Namespace) -> None:
    kind, file = arguments.kind, arguments.file
    mapping = own_mapping(kind) if arguments.map is None else read_mapping(arguments.map)
    if mapping.kind != kind:
        raise RegistryError(f"{arguments.map} maps {mapping.kind}, not {kind}")
    unit = None if arguments.unit is None else check_uscc(arguments.unit)
    by, report = actor.actor(arguments), Report()
    bringer = Bringer(by.name, round(time.time() * 1000), arguments.source, open_salt(config.data_dir), unit)
    taking = Taking(bringer, by, file.name, dry_run=arguments.dry_run, all_or_nothing=arguments.all_or_nothing)
    try:
        taken = take(connection, read_rows(file, mapping, report), mapping, taking=taking, report=report)
    except SheetError as error:
        raise SheetError(f"nothing of {file} was recorded: {error}") from error
    reports.show(report, arguments)
    _conclude(taken, arguments)


def _conclude(taken: Taken, arguments: Namespace) -> None:
    if not taken.is_applied:
        print("nothing was recorded: " + ("this was a dry run" if arguments.dry_run else "a row was refused"))
    if taken.report.refused:
        raise RegistryError(f"{taken.report.refused} of {taken.report.rows} rows of {arguments.file} were refused")


def _compare(connection: Connection, _config: Config, arguments: Namespace) -> None:
    first_day, last_day = arguments.first_day, arguments.last_day
    check_range(first_day, last_day)
    found = compare_bookings(
        connection, parse_scope(arguments.scope), first_day=first_day, last_day=last_day, now=utc(system_now_ms())
    )
    wanted = [each for each in found if arguments.kind in (None, each.kind)]
    for each in wanted:
        print(_line(each))
    counts = {kind: sum(each.kind == kind for each in found) for kind in COMPARED_KINDS}
    print(" ".join(f"{kind}={count}" for kind, count in counts.items()))


def check_range(first_day: date, last_day: date) -> None:
    """Raises ExchangeError unless the days are in order and not too many."""
    if not 0 <= (last_day - first_day).days < MAX_DAYS:
        raise ExchangeError(f"{first_day} to {last_day}: 1 to {MAX_DAYS} days in order are compared at once")


def _line(each: Compared) -> str:
    start, end = (utc(at).astimezone(LOCAL) for at in (each.start_ms, each.end_ms))
    told = (
        f"{each.kind:<10} {each.asset_no:<16} {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}  worked {each.seconds} s"
    )
    return told + (f"  {each.ref}" if each.ref else "") + (f"  order {each.order_no}" if each.order_no else "")
