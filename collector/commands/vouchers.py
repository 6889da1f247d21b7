"""`jishi-collector vouchers`: innovation vouchers that orders name, which are used twice, and sums by issuer.

jishi-collector vouchers --year 2026 --issuers
jishi-collector vouchers --repeated --csv repeated.csv
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from collector.commands import tables_out
from collector.commands.days import parse_year
from collector.config import Config
from collector.exports import rollups as sheets
from collector.registry.access import EVERYTHING, Scope
from collector.registry.described import yuan
from collector.rollups.period import Period
from collector.rollups.vouchers import Issuer, Voucher, load_issuers, load_vouchers
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated

_AT_ONCE = 1000


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `vouchers`."""
    parser.add_argument("--year", type=parse_year, help="only of orders of that year")
    parser.add_argument("--issuer", metavar="NAME", help="only of this issuer")
    parser.add_argument("--unit", metavar="USCC", help="only on orders of this unit")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--issuers", action="store_true", help="sums by issuer instead")
    which.add_argument("--repeated", action="store_true", help="only those that two orders or more name")
    tables_out.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Print them, or write them where --csv or --xlsx says. ExportError."""
    with connect(config.dsn, application="vouchers") as connection:
        check_migrated(connection)
        if arguments.issuers:
            issuers = [each for each in _issuers(connection, arguments) if arguments.issuer in (None, each.issuer)]
            tables_out.show(arguments, sheets.issuers(issuers), map(_issuer_text, issuers))
        else:
            held = list(_vouchers(connection, arguments))
            tables_out.show(arguments, sheets.vouchers(held), map(_text, held))


def _vouchers(connection: Connection, arguments: Namespace) -> Iterator[Voucher]:
    after = 0
    while rows := load_vouchers(
        connection,
        period=_period(arguments),
        issuer=arguments.issuer,
        repeated=arguments.repeated,
        scope=_scope(arguments),
        after=after,
        limit=_AT_ONCE,
    ):
        yield from rows
        after = rows[-1].seq


def _issuers(connection: Connection, arguments: Namespace) -> Iterator[Issuer]:
    after, period, scope = 0, _period(arguments), _scope(arguments)
    while rows := load_issuers(connection, period=period, scope=scope, after=after, limit=_AT_ONCE):
        yield from rows
        after = rows[-1].first_seq


def _period(arguments: Namespace) -> Period | None:
    return None if arguments.year is None else Period(arguments.year)


def _scope(arguments: Namespace) -> Scope:
    return Scope("unit", arguments.unit) if arguments.unit else EVERYTHING


def _text(voucher: Voucher) -> str:
    told = f"{voucher.issuer}  {voucher.number}  {yuan(voucher.amount_fen)} CNY  order {voucher.order_no}"
    again = f"  repeated {voucher.repeated}: {voucher.uses} orders" if voucher.repeated else ""
    return f"{told} of {voucher.unit}  for {voucher.beneficiary or '-'}{again}"


def _issuer_text(each: Issuer) -> str:
    told = f"{each.issuer}  {each.vouchers} vouchers on {each.orders} orders of {each.units} units"
    more = f"{yuan(each.amount_fen)} CNY, of it {yuan(each.repeated_fen)} CNY on {each.repeated} orders again"
    return f"{told} for {each.beneficiaries} beneficiaries  {more}"
