"""`jishi-collector log`: write the collector's own log, show how it stands, or open the next one."""

import threading
from argparse import ArgumentParser, Namespace

from collector.commands import actor
from collector.commands.stopping import call_on_signals
from collector.config import Config
from collector.errors import ConfigError


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `log`."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("run", "status", "restart", "rebuild"),
        default="run",
        help="run: append and sign, a leaf a minute (default); status: each log and whether it grows; "
        "restart: open the next log; rebuild: write the files of every log again",
    )
    parser.add_argument("--why", metavar="TEXT", help="restart: why the log before ends")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Do it. LogStopped, ConfigError."""
    if (arguments.action == "restart") != (arguments.why is not None):
        raise ConfigError("log restart --why TEXT: the reason stands in the first leaf of the next log, and only there")
    {"run": _grow, "status": _status, "restart": _restart, "rebuild": _rebuild}[arguments.action](config, arguments)


def _grow(config: Config, _arguments: Namespace) -> None:
    from collector.evidence.log_worker import LogWorker
    from collector.evidence.sequencer import Keys
    from collector.keys import load_receipt_key

    stopping = threading.Event()
    call_on_signals(stopping.set)
    keys = Keys(config.data_dir, config.domain, load_receipt_key(config.data_dir, config.domain))
    LogWorker(config.dsn, keys, directory=config.log.directory_in(config.data_dir)).run(stopping)


def _status(config: Config, _arguments: Namespace) -> None:
    from datetime import UTC, datetime

    from collector.evidence.sequencer import find_conflict, list_heads
    from collector.store.database import connect

    with connect(config.dsn, application="log-status") as connection:
        heads = list_heads(connection)
        for head in heads:
            at = datetime.fromtimestamp(head.time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
            state = find_conflict(connection, head.log) or ("grows" if head is heads[-1] else "ended")
            print(f"{head.log}  {head.size} leaves  signed {at} UTC  {state}\n  {head.vkey}")
    if not heads:
        print("there is no log yet: `jishi-collector log` (a part of `up`) begins one")


def _restart(config: Config, arguments: Namespace) -> None:
    from collector.clock import system_now_ms
    from collector.evidence.sequencer import Keys, open_next
    from collector.keys import load_receipt_key
    from collector.registry.audit import record_change
    from collector.store.database import connect
    from collector.store.migrate import check_migrated

    keys = Keys(config.data_dir, config.domain, load_receipt_key(config.data_dir, config.domain))
    with connect(config.dsn, application="log-restart") as connection:
        check_migrated(connection)
        with connection.transaction():
            head = open_next(connection, keys, why=arguments.why, now_ms=system_now_ms())
            record_change(connection, actor.actor(arguments), "log.restart", target=head.log, reason=arguments.why)
    print(f"log {head.log} was opened; inspectors need its key:\n{head.vkey}")


def _rebuild(config: Config, _arguments: Namespace) -> None:
    from collector.evidence.log_worker import hold_log, rebuild_files
    from collector.store.database import connect

    with connect(config.dsn, application="log-rebuild") as connection:
        if not hold_log(connection):
            raise ConfigError("another process writes the log: stop `jishi-collector log` (or `up`) first")
        for name, leaves in rebuild_files(connection, config.log.directory_in(config.data_dir)):
            print(f"{name}  {leaves} leaves written")
