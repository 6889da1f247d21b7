"""`jishi-collector worklist`: what waits for a unit's information officer."""

from argparse import ArgumentParser, Namespace

from collector.clock import system_now_ms
from collector.config import Config
from collector.registry.units import check_unit
from collector.self_evaluation.worklist import Asked, list_waiting, told
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.interval import local_day


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `worklist`."""
    parser.add_argument("unit", metavar="USCC")


def run(config: Config, arguments: Namespace) -> None:
    """Print it, a line a thing. UnknownName."""
    with connect(config.dsn, application="worklist") as connection:
        check_migrated(connection)
        check_unit(connection, arguments.unit)
        with connection.transaction():
            found = list_waiting(connection, Asked(arguments.unit, local_day(system_now_ms())))
    for each in found:
        print(told(each))
    if not found:
        print("nothing waits")
