"""`jishi-collector`: the centre's commands.

Exit status 0: done. 1: it failed, and stderr says what and what to do. 2: wrong usage or configuration.
Secrets never stand in argv: passwords come from a prompt or from JISHI_PASSWORD, the data source from the
configuration or the environment; tokens and keys are printed once, on stdout, as the last word.
"""

import argparse
import getpass
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from collector import up
from collector.config import Config, load_config
from collector.errors import CollectorError, ConfigError, DerivationError
from collector.keys import ensure_receipt_key, load_receipt_key
from collector.registry import enrolment, people
from collector.registry.enrolment import Watch
from collector.registry.province_file import register_file
from collector.store.database import connect
from collector.store.migrate import check_migrated, migrate
from protocol.policy import POWER

MAX_TOKEN_HOURS = 24 * 90
ENTRY_LINK_LASTS = timedelta(minutes=10)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    command: Callable[[Config, argparse.Namespace], None] = arguments.command
    try:
        command(load_config(arguments.config, overrides=_overrides(arguments)), arguments)
    except ConfigError as error:
        print(f"jishi-collector: {error}", file=sys.stderr)
        return 2
    except CollectorError as error:
        print(f"jishi-collector: {error}", file=sys.stderr)
        return 1
    except psycopg.Error as error:
        print(f"jishi-collector: the database refused: {str(error).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _up(config: Config, _arguments: argparse.Namespace) -> None:
    up.run(config, report=lambda line: print(line, flush=True))


def _migrate(config: Config, _arguments: argparse.Namespace) -> None:
    ensure_receipt_key(config.data_dir, config.domain)
    with connect(config.dsn, application="migrate") as connection:
        for migration in migrate(connection):
            print(f"applied {migration.version:04} {migration.name}")
        check_migrated(connection)


def _serve(config: Config, _arguments: argparse.Namespace) -> None:
    # Imported here, so that a worker carries no web framework.
    import uvicorn

    from collector.app import create_app

    uvicorn.run(
        create_app(config),
        host=config.api.host,
        port=config.api.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _ingest(config: Config, _arguments: argparse.Namespace) -> None:
    from collector.ingest.worker import Worker

    worker = Worker(
        config.dsn,
        broker_host=config.broker.host,
        broker_port=config.broker.port,
        receipt_key=load_receipt_key(config.data_dir, config.domain),
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()


def _account(config: Config, arguments: argparse.Namespace) -> None:
    if arguments.verify:
        _verify(config, arguments)
        return
    from collector.accounts.worker import Worker

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    Worker(config.dsn).run(stopping)


def _verify(config: Config, arguments: argparse.Namespace) -> None:
    from collector.accounts.recompute import verify

    found = verify(config.dsn, first_day=arguments.first_day, last_day=arguments.last_day)
    for asset_no, day, what in found.pending:
        print(f"pending {asset_no} {day}: {what}")
    for asset_no, day, what in found.differences:
        print(f"differs {asset_no} {day}: {what}")
    print(f"verified={found.equal} pending={len(found.pending)} differences={len(found.differences)}")
    if found.differences:
        raise DerivationError(f"{len(found.differences)} hour records are not what the stored bytes give")


def _register(config: Config, arguments: argparse.Namespace) -> None:
    with connect(config.dsn, application="register") as connection:
        check_migrated(connection)
        print(f"registered {register_file(connection, arguments.file)} items of {arguments.file}")


def _token(config: Config, arguments: argparse.Namespace) -> None:
    watch = [_parse_watch(text) for text in arguments.watch]
    if not 0 < arguments.valid_hours <= MAX_TOKEN_HOURS:
        raise ConfigError(f"--valid-hours: above 0 and up to {MAX_TOKEN_HOURS} is expected")
    valid_for = timedelta(hours=arguments.valid_hours)
    with connect(config.dsn, application="token") as connection:
        check_migrated(connection)
        now = datetime.now(UTC)
        token = enrolment.make_token(connection, arguments.agent, watch=watch, now=now, valid_for=valid_for)
    print(f"token for {arguments.agent}, good once until {now + valid_for:%Y-%m-%d %H:%M} UTC: {token}")


def _key(config: Config, arguments: argparse.Namespace) -> None:
    with connect(config.dsn, application="key") as connection:
        check_migrated(connection)
        key = people.make_api_key(connection, arguments.person, label=arguments.label)
    print(f"API key of {arguments.person}, shown once: {key}")


def _person(config: Config, arguments: argparse.Namespace) -> None:
    password = os.environ.get("JISHI_PASSWORD") or getpass.getpass(f"password for {arguments.name}: ")
    with connect(config.dsn, application="person") as connection:
        check_migrated(connection)
        people.register_person(connection, arguments.name, password=password)
    print(f"registered {arguments.name}")


def _entry_link(config: Config, arguments: argparse.Namespace) -> None:
    with connect(config.dsn, application="entry-link") as connection:
        check_migrated(connection)
        now = datetime.now(UTC)
        token = people.make_entry_token(connection, arguments.person, now=now, lasts=ENTRY_LINK_LASTS)
    print(f"signs {arguments.person} in once: http://{config.api.host}:{config.api.port}/enter?token={token}")


def _parse_watch(text: str) -> Watch:
    source, equals, asset = text.partition("=")
    watcher, colon, channel = source.partition(":")
    if not (watcher and equals and asset) or (colon and not channel):
        expected = (
            "WATCHER=ASSET for its power or WATCHER:CHANNEL=ASSET is expected, as meter1=A001 or door:contact=A001"
        )
        raise ConfigError(f"--watch {text!a}: {expected}")
    return Watch(watcher, channel or POWER, asset)


def _overrides(arguments: argparse.Namespace) -> dict[tuple[str, str], str | int]:
    """The options of `up`, which win over file and environment."""
    options = {
        ("collector", "data_dir"): getattr(arguments, "directory", None),
        ("collector", "domain"): getattr(arguments, "domain", None),
        ("api", "port"): getattr(arguments, "api_port", None),
        ("broker", "port"): getattr(arguments, "broker_port", None),
    }
    return {key: value for key, value in options.items() if value is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jishi-collector", description="The centre of jishi: evidence in, hours out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[Config, argparse.Namespace], None], does: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=does, description=does)
        added.add_argument("-c", "--config", type=Path, metavar="FILE", help="collector.toml (default: none needed)")
        added.set_defaults(command=command)
        return added

    everything = add("up", _up, "run everything on this machine, with an embedded database and broker")
    everything.add_argument("--directory", metavar="DIR", help="where keys and data are kept")
    everything.add_argument("--domain", help="names this collector's logs and keys")
    everything.add_argument("--api-port", type=int, metavar="PORT")
    everything.add_argument("--broker-port", type=int, metavar="PORT")
    add("migrate", _migrate, "bring the database to this program's schema; make the receipt key if there is none")
    add("serve", _serve, "serve the API and the pages")
    add("ingest", _ingest, "take in what agents send, until SIGTERM")
    account = add("account", _account, "derive hour records, until SIGTERM")
    account.add_argument("--verify", action="store_true", help="recompute records from the stored bytes, and end")
    account.add_argument("--from", dest="first_day", type=date.fromisoformat, default=date.min, metavar="DAY")
    account.add_argument("--to", dest="last_day", type=date.fromisoformat, default=date.max, metavar="DAY")
    register = add("register", _register, "register units, people, instruments and policies from a TOML file")
    register.add_argument("file", type=Path, metavar="FILE.toml")
    token = add("token", _token, "make a one-time token with which an agent enrols")
    token.add_argument("--agent", required=True, metavar="ID")
    token.add_argument(
        "--watch", required=True, action="append", metavar="WATCHER[:CHANNEL]=ASSET", help="may be given often"
    )
    token.add_argument("--valid-hours", type=float, default=24.0, metavar="N")
    key = add("key", _key, "make an API key for a registered person")
    key.add_argument("--person", required=True, metavar="NAME")
    key.add_argument("--label", required=True, metavar="L", help="what the key is for")
    person = add("person", _person, "register a person with a password (prompt, or JISHI_PASSWORD)")
    person.add_argument("name", metavar="NAME")
    link = add("entry-link", _entry_link, "print a link that signs a registered person in once")
    link.add_argument("--person", required=True, metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
