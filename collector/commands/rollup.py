"""`jishi-collector rollup`: hours and values of a year or a month by unit, centre, division, class, origin or kind.

jishi-collector rollup --year 2026 --by city
jishi-collector rollup --year 2026 --by class --months --csv classes.csv
jishi-collector rollup --year 2026 --served place --unit 12610000435230096C
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import floor

from collector.clock import system_now_ms
from collector.commands import tables_out
from collector.commands.days import parse_year
from collector.config import Config
from collector.exports import rollups as sheets
from collector.registry.access import EVERYTHING, Scope
from collector.rollups.beneficiaries import SERVED_BYS, Served, load_served
from collector.rollups.line import Line
from collector.rollups.period import Period
from collector.rollups.rollup import BYS, Question, all_lines
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated
from protocol.hours import hours_text
from protocol.interval import local_day


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `rollup`."""
    parser.add_argument("--year", type=parse_year, required=True)
    parser.add_argument("--month", type=int, choices=range(1, 13), metavar="1-12", help="this month of it alone")
    parser.add_argument("--months", action="store_true", help="each month of it, in order")
    about = parser.add_mutually_exclusive_group()
    about.add_argument("--by", choices=BYS, default="unit", help="what each line is about (default: unit)")
    about.add_argument("--served", choices=SERVED_BYS, help="external hours by their beneficiaries instead")
    parser.add_argument("--unit", metavar="USCC", help="only what this unit owned")
    tables_out.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Print it, or write it where --csv or --xlsx says. ExportError."""
    period = Period(arguments.year, arguments.month)
    periods = period.months if arguments.months else [period]
    with connect(config.dsn, application="rollup") as connection:
        check_migrated(connection)
        if arguments.served:
            served = list(_served(connection, arguments, periods))
            tables_out.show(arguments, sheets.served(arguments.served, served), map(_served_text, served))
        else:
            lines = list(_lines(connection, config, arguments, periods=periods))
            tables_out.show(arguments, sheets.rollup(arguments.by, lines), map(_text, lines))


def _lines(
    connection: Connection, config: Config, arguments: Namespace, *, periods: list[Period]
) -> Iterator[tuple[Period, Line]]:
    today, special = _today(), config.rollups.special
    for period in periods:
        asked = Question(arguments.by, period, today, _scope(arguments), special=special)
        yield from ((period, line) for line in all_lines(connection, asked))


def _served(connection: Connection, arguments: Namespace, periods: list[Period]) -> Iterator[tuple[Period, Served]]:
    for period in periods:
        for line in load_served(connection, arguments.served, period, scope=_scope(arguments), limit=10_000):
            yield period, line


def _scope(arguments: Namespace) -> Scope:
    return Scope("unit", arguments.unit) if arguments.unit else EVERYTHING


def _text(told: tuple[Period, Line]) -> str:
    period, line = told
    counted = f"{line.instruments} instruments, {line.opened} of {line.could_share} open"
    hours = f"effective {hours_text(line.effective_s)} h, external {hours_text(line.verified_s)} h verified"
    more = f"{hours_text(line.claimed_s)} h claimed, coverage {_percent(line.coverage)}"
    return f"{period}  {line.key or '-'}  {line.name_zh or '-'}  {counted}  {hours}, {more}"


def _served_text(told: tuple[Period, Served]) -> str:
    period, line = told
    hours = f"{hours_text(line.verified_s)} h verified, {hours_text(line.claimed_s)} h claimed"
    return f"{period}  {line.key or '-'}  {line.beneficiaries} beneficiaries of {line.units} units  {hours}"


def _percent(share: Fraction | None) -> str:
    """Rounded down, so that 100 says that nothing is missing."""
    return "-" if share is None else f"{floor(share * 1000) / 10} %"


def _today() -> date:
    return local_day(system_now_ms())
