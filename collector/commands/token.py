"""`jishi-collector token`: a one-time token with which an agent enrols."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta

from collector.commands import actor
from collector.config import Config
from collector.errors import ConfigError
from collector.registry.audit import record_change
from collector.registry.enrolment import Watch, make_token
from collector.store.database import connect
from collector.store.migrate import check_migrated
from protocol.policy import POWER

MAX_TOKEN_HOURS = 24 * 90


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `token`."""
    parser.add_argument("--agent", required=True, metavar="ID")
    parser.add_argument(
        "--watch", required=True, action="append", metavar="WATCHER[:CHANNEL]=ASSET", help="may be given often"
    )
    parser.add_argument("--valid-hours", type=float, default=24.0, metavar="N")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Make a token and print it, once; ConfigError for an impossible option."""
    watch = [_parse_watch(text) for text in arguments.watch]
    if not 0 < arguments.valid_hours <= MAX_TOKEN_HOURS:
        raise ConfigError(f"--valid-hours: above 0 and up to {MAX_TOKEN_HOURS} is expected")
    valid_for = timedelta(hours=arguments.valid_hours)
    with connect(config.dsn, application="token") as connection:
        check_migrated(connection)
        now = datetime.now(UTC)
        with connection.transaction():
            token = make_token(connection, arguments.agent, watch=watch, now=now, valid_for=valid_for)
            new = {"watch": arguments.watch, "expires_at": (now + valid_for).isoformat()}
            record_change(connection, actor.actor(arguments), "token.make", target=arguments.agent, new=new)
    print(f"token for {arguments.agent}, good once until {now + valid_for:%Y-%m-%d %H:%M} UTC: {token}")


def _parse_watch(text: str) -> Watch:
    source, equals, asset = text.partition("=")
    watcher, colon, channel = source.partition(":")
    if not (watcher and equals and asset) or (colon and not channel):
        expected = (
            "WATCHER=ASSET for its power or WATCHER:CHANNEL=ASSET is expected, as meter1=A001 or door:contact=A001"
        )
        raise ConfigError(f"--watch {text!a}: {expected}")
    return Watch(watcher, channel or POWER, asset)
