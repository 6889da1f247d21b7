"""`jishi-collector ca …`: the authorities of this collector, and what they issue but for agents' certificates.

    ca init                         make the two authorities, where there are none
    ca server-cert --host H --to D  a certificate for the broker or the API, as D/server.pem and D/server.key
    ca worker-cert                  the certificate with which `ingest` comes to the broker
    ca broker-files --to D          what mosquitto has to trust and to refuse, as of now; touches only what changed
    ca next services|agents         the next generation of an authority

docs/security/tls.md says when each is due. Agents get theirs at their enrolment (collector.registry).

Whoever makes an authority or issues a certificate changes who is trusted, so it leaves a line in the audit trail. It is
done all the same where no database can be reached, because the services' authority may be kept on a machine without
one: then the terminal says that there is no line, and how to have it known.
"""

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import psycopg
from cryptography import x509

from collector.certificates.authority import KINDS, WORKER, Authority, Kind, issue_to_server, issue_to_worker, to_pem
from collector.certificates.broker_files import write_broker_files
from collector.certificates.directory import generations, load_authority, make_next, worker_path
from collector.commands import actor
from collector.config import Config
from collector.errors import CollectorError, ConfigError
from collector.private_file import replace
from collector.registry.agent_certificates import list_revoked
from collector.registry.audit import record_change
from collector.store.database import connect
from collector.store.migrate import check_migrated

SERVER_CERTIFICATE = "server.pem"
SERVER_KEY = "server.key"
GROUP_MAY_READ = 0o640
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def configure(parser: ArgumentParser) -> None:
    """Declare the commands of `ca` and their arguments."""
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    init = commands.add_parser("init", help="make the two authorities, where there are none")
    init.set_defaults(ca=_init)
    server = commands.add_parser("server-cert", help="a certificate for the broker or the API")
    server.add_argument(
        "--host", required=True, action="append", metavar="NAME", help="under which it is reached; may be given often"
    )
    server.add_argument("--to", required=True, type=Path, metavar="DIR", help="its group may read the key")
    server.set_defaults(ca=_server_cert)
    worker = commands.add_parser("worker-cert", help="the certificate with which `ingest` comes to the broker")
    worker.set_defaults(ca=_worker_cert)
    files = commands.add_parser("broker-files", help="what mosquitto has to trust and to refuse, as of now")
    files.add_argument("--to", required=True, type=Path, metavar="DIR", help="which the broker reads")
    files.set_defaults(ca=_broker_files)
    following = commands.add_parser("next", help="the next generation of an authority, which signs from now on")
    following.add_argument("kind", choices=KINDS)
    following.set_defaults(ca=_next)
    for command in (init, server, worker, following):
        actor.declare(command)


def run(config: Config, arguments: Namespace) -> None:
    """Do what was asked, and say what was made."""
    arguments.ca(config, arguments)


def _init(config: Config, arguments: Namespace) -> None:
    for kind in KINDS:
        if generations(config.data_dir, kind):
            print(f"the {kind} authority exists")
        else:
            _make(config, arguments, kind)


def _next(config: Config, arguments: Namespace) -> None:
    if not generations(config.data_dir, arguments.kind):
        raise ConfigError(f"there is no {arguments.kind} authority yet: `jishi-collector ca init` makes the first")
    _make(config, arguments, arguments.kind)


def _make(config: Config, arguments: Namespace, kind: Kind) -> None:
    made = make_next(config.data_dir, kind, domain=config.domain, now=_now())
    end = made.certificate.not_valid_after_utc
    print(f"made the {kind} authority {made.generation}, good until {end:%Y-%m-%d}")
    _record(config, arguments, "authority.make", target=_name(made), certificate=to_pem(made.certificate))


def _server_cert(config: Config, arguments: Namespace) -> None:
    hosts = [_check_host(host) for host in arguments.host]
    authority = load_authority(config.data_dir, "services")
    key, certificate = issue_to_server(authority, hosts, now=_now())
    directory = _existing(arguments.to)
    # Never the new certificate with the old key for longer than it takes: whoever reads them between is told so.
    _replace_for_group(directory / SERVER_KEY, key)
    _replace_for_group(directory / SERVER_CERTIFICATE, certificate)
    names = ", ".join(hosts)
    print(f"made {directory / SERVER_CERTIFICATE} and its key for {names}")
    _record(config, arguments, "certificate.issue", target=f"{names} by {_name(authority)}", certificate=certificate)


def _worker_cert(config: Config, arguments: Namespace) -> None:
    path, authority = worker_path(config.data_dir), load_authority(config.data_dir, "services")
    made = issue_to_worker(authority, now=_now())
    replace(path, made)
    print(f"made {path}")
    _record(config, arguments, "certificate.issue", target=f"{WORKER} by {_name(authority)}", certificate=made)


def _record(config: Config, arguments: Namespace, action: str, *, target: str, certificate: bytes) -> None:
    """Leave the line of what was made (PEM), or say that there is none."""
    made = x509.load_pem_x509_certificate(certificate)
    new = {"serial": f"{made.serial_number:x}", "expires_at": made.not_valid_after_utc.isoformat()}
    try:
        with connect(config.dsn, application="ca") as connection:
            check_migrated(connection)
            with connection.transaction():
                record_change(connection, actor.actor(arguments), action, target=target, new=new)
    except (CollectorError, psycopg.Error) as problem:
        line = f"{action} of {target}, serial number {new['serial']}"
        why = str(problem).strip()
        print(f"jishi-collector: not in the audit trail ({why}); note by hand: {line}", file=sys.stderr)


def _name(authority: Authority) -> str:
    return f"{authority.kind} authority {authority.generation}"


def _broker_files(config: Config, arguments: Namespace) -> None:
    now = _now()
    with connect(config.dsn, application="ca") as connection:
        check_migrated(connection)
        revoked = list_revoked(connection, now=now)
    changed = write_broker_files(config.data_dir, _existing(arguments.to), revoked, now=now)
    print(f"changed {', '.join(changed)}: reload the broker" if changed else "nothing changed")


def _existing(directory: Path) -> Path:
    if not directory.is_dir():
        raise ConfigError(f"there is no directory {directory}: make it, with the group that the broker runs under")
    return directory


def _replace_for_group(path: Path, content: bytes) -> None:
    """The group of the directory may read it: that is how the broker's user comes to its key."""
    replace(path, content, mode=GROUP_MAY_READ)
    os.chown(path, -1, path.parent.stat().st_gid)


def _check_host(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise ConfigError(f"--host {host!a}: a lower-case host name or an IP address is expected")
    return host


def _now() -> datetime:
    return datetime.now(UTC)
