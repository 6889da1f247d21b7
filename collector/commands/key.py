"""`jishi-collector key`: API keys: make one for a registered person, list them, revoke one."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta

from collector.commands import actor
from collector.config import Config
from collector.errors import ConfigError
from collector.registry import api_keys
from collector.registry.access import SCOPES, Access, check_role, parse_scope
from collector.registry.api_keys import DEFAULT_VALID_DAYS, MAX_VALID_DAYS, ApiKey
from collector.registry.audit import record_change
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `key`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--person", metavar="NAME", help="make a key for this person")
    what.add_argument("--list", action="store_true", help="list all keys, without themselves")
    what.add_argument("--revoke", type=int, metavar="NUMBER", help="end a key at once, by its number in the list")
    parser.add_argument("--label", default="", metavar="L", help="what the key is for")
    parser.add_argument("--role", metavar="ROLE", help="what the key may do (default: all that the person may)")
    parser.add_argument("--scope", metavar="SCOPE", help=f"{SCOPES} (default: as above)")
    parser.add_argument("--valid-days", type=int, default=DEFAULT_VALID_DAYS, metavar="N")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the audit trail")
    actor.declare(parser)


def run(config: Config, arguments: Namespace) -> None:
    """Make a key and print it, once; or list; or revoke."""
    with connect(config.dsn, application="key") as connection:
        check_migrated(connection)
        if arguments.list:
            for key in api_keys.list_api_keys(connection):
                print(_line(key, datetime.now(UTC)))
        elif arguments.revoke is not None:
            _revoke(connection, arguments)
        else:
            _make(connection, arguments)


def _make(connection: Connection, arguments: Namespace) -> None:
    if not arguments.label:
        raise ConfigError("--label: say what the key is for, as --label 'provincial platform'")
    if not 1 <= arguments.valid_days <= MAX_VALID_DAYS:
        raise ConfigError(f"--valid-days: 1 to {MAX_VALID_DAYS} is expected")
    expires_at = datetime.now(UTC) + timedelta(days=arguments.valid_days)
    with connection.transaction():
        made = api_keys.make_api_key(
            connection, arguments.person, label=arguments.label, expires_at=expires_at, access=_access(arguments)
        )
        new = {"person": arguments.person, "label": arguments.label, "access": str(made.access),
               "expires_at": expires_at.isoformat()}  # fmt: skip
        record_change(
            connection, actor.actor(arguments), "key.make", target=str(made.key_id), new=new, reason=arguments.reason
        )
    until = f"{expires_at:%Y-%m-%d}"
    print(f"API key {made.key_id} of {arguments.person}, good until {until}, shown once: {made.key}")


def _access(arguments: Namespace) -> Access | None:
    """What the key is to carry; None: what its person may do."""
    if arguments.role is None and arguments.scope is None:
        return None
    if arguments.role is None:
        raise ConfigError("--role: a key with a scope of its own needs its role as well")
    return Access(check_role(arguments.role), parse_scope(arguments.scope or "everything"))


def _revoke(connection: Connection, arguments: Namespace) -> None:
    with connection.transaction():
        person = api_keys.revoke_api_key(connection, arguments.revoke, now=datetime.now(UTC))
        record_change(
            connection,
            actor.actor(arguments),
            "key.revoke",
            target=str(arguments.revoke),
            old={"person": person},
            reason=arguments.reason,
        )
    print(f"revoked key {arguments.revoke} of {person}")


def _line(key: ApiKey, now: datetime) -> str:
    state = "revoked" if key.revoked_at else "expired" if key.expires_at <= now else "good"
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    return (
        f"{key.key_id}  {state}  {key.person}  {key.access}  made {key.created_at:%Y-%m-%d}"
        f"  until {key.expires_at:%Y-%m-%d}  used {used}  {key.label}"
    )
