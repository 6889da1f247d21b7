"""`jishi-collector person-key`: keys with which people sign findings: ask, add, list, revoke.

jishi-audit key new wang.key --name jishi.example/person/wang      (the inspector, on his laptop)
jishi-collector person-key ask Wang --vkey LINE --by Li > wang.txt
jishi-audit key prove wang.key wang.txt --out wang.proof           (the inspector)
jishi-collector person-key add 7 --proof wang.proof --by Zhao      (another than Li)
"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from collector.commands import asker
from collector.config import Config
from collector.errors import RegistryError
from collector.registry import person_keys
from collector.registry.access import Right
from collector.registry.audit import record_change
from collector.store.database import Connection, connect
from collector.store.migrate import check_migrated

MAX_PROOF_BYTES = 65_536


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `person-key`."""
    deeds = parser.add_subparsers(required=True, metavar="ask|add|list|revoke")
    ask = deeds.add_parser("ask", help="print the text that a key's owner is to sign")
    ask.add_argument("person", metavar="PERSON", help="the registered person whose key it is to be")
    ask.add_argument("--vkey", required=True, metavar="VKEY", help="what `jishi-audit key new` printed")
    asker.declare(ask)
    ask.set_defaults(deed=_ask)
    add = deeds.add_parser("add", help="approve a key whose owner has signed; a second person does it")
    add.add_argument("number", type=int, metavar="NUMBER", help="of the request")
    add.add_argument("--proof", type=Path, required=True, metavar="FILE", help="what `jishi-audit key prove` wrote")
    asker.declare(add)
    add.set_defaults(deed=_add)
    deeds.add_parser("list", help="list keys").set_defaults(deed=_list)
    revoke = deeds.add_parser("revoke", help="believe a key no longer")
    revoke.add_argument("name", metavar="NAME", help="of the key, jishi.example/person/wang")
    revoke.add_argument("--why", required=True, metavar="TEXT")
    asker.declare(revoke)
    revoke.set_defaults(deed=_revoke)


def run(config: Config, arguments: Namespace) -> None:
    """Do it, in one transaction."""
    with connect(config.dsn, application="person-key") as connection:
        check_migrated(connection)
        with connection.transaction():
            arguments.deed(connection, config, arguments)


def _ask(connection: Connection, config: Config, arguments: Namespace) -> None:
    who = asker.find_allowed(connection, arguments, Right.REGISTRY)
    now = datetime.now(UTC)
    request = person_keys.ask(
        connection, arguments.person, vkey=arguments.vkey, domain=config.domain, by=who.person.name, now=now
    )
    new = {"person": request.person, "vkey": request.vkey}
    record_change(connection, who.actor, "person-key.ask", target=str(request.request_id), new=new)
    print(request.text, end="")
    print(
        f"request {request.request_id}: have it signed with `jishi-audit key prove`; then another registrar says "
        f"`jishi-collector person-key add {request.request_id} --proof FILE`",
        file=sys.stderr,
    )


def _add(connection: Connection, _config: Config, arguments: Namespace) -> None:
    who = asker.find_allowed(connection, arguments, Right.REGISTRY)
    try:
        with arguments.proof.open("rb") as file:
            proof = file.read(MAX_PROOF_BYTES)
    except OSError as error:
        raise RegistryError(f"{arguments.proof} cannot be read: {error.strerror}") from error
    key = person_keys.approve(connection, arguments.number, proof=proof, by=who.person.name, now=datetime.now(UTC))
    record_change(connection, who.actor, "person-key.add", target=key.name, new={"vkey": key.vkey})
    print(f"{key.name} is {key.person}'s key now; for trust files:\nperson {key.vkey}")


def _list(connection: Connection, _config: Config, _arguments: Namespace) -> None:
    for key in person_keys.list_keys(connection):
        state = f"revoked {key.revoked_at:%Y-%m-%d} ({key.why})" if key.revoked_at else "counts"
        print(f"{key.person}  {state}  asked {key.asked_by}, approved {key.approved_by} {key.recorded_at:%Y-%m-%d}")
        print(f"  person {key.vkey}")


def _revoke(connection: Connection, _config: Config, arguments: Namespace) -> None:
    who = asker.find_allowed(connection, arguments, Right.REGISTRY)
    key = person_keys.revoke(connection, arguments.name, by=who.person, why=arguments.why, now=datetime.now(UTC))
    record_change(connection, who.actor, "person-key.revoke", target=key.name, reason=arguments.why)
    print(f"{key.name} counts no more; what it signed and was imported before stays, marked")
