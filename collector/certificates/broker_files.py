"""The files by which mosquitto knows whom to let in, as deploy/mosquitto/mosquitto.conf names them.

    agents.pem     authorities of agents, every generation; trusted on the agents' port
    services.pem   authorities of workers; trusted on the workers' port
    revoked.pem    what each generation of the agents' authority has revoked

They are public. mosquitto reads them again on SIGHUP; whoever is connected stays, and the collector refuses a revoked
agent's batches anyway. A file is touched only where what it says has changed, so that a watch on it can reload.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from collector.certificates.authority import CLOCKS_DIFFER, Revoked, make_revocation_list
from collector.certificates.directory import generations, load_authority, read_bundle
from collector.errors import ConfigError
from collector.private_file import replace

AGENTS = "agents.pem"
SERVICES = "services.pem"
REVOKED = "revoked.pem"
_ALL_MAY_READ = 0o644
_END = b"-----END X509 CRL-----\n"


def write_broker_files(
    data_dir: Path, directory: Path, revoked: Mapping[int, Sequence[Revoked]], *, now: datetime
) -> list[str]:
    """Bring the three files up to date; returns the names of those that changed. ConfigError with the remedy."""
    try:
        return [
            *_bring(directory / AGENTS, read_bundle(data_dir, "agents")),
            *_bring(directory / SERVICES, read_bundle(data_dir, "services")),
            *_revoke(data_dir, directory / REVOKED, revoked, now=now),
        ]
    except OSError as error:
        raise ConfigError(f"cannot write to {directory}: {error.strerror}") from error


def _bring(path: Path, content: bytes) -> list[str]:
    if path.exists() and path.read_bytes() == content:
        return []
    replace(path, content, mode=_ALL_MAY_READ)
    return [path.name]


def _revoke(data_dir: Path, path: Path, revoked: Mapping[int, Sequence[Revoked]], *, now: datetime) -> list[str]:
    """Without a list for each of its generations, the broker would let nobody of that generation in."""
    before = _read_lists(path)
    lists, changed = [], False
    for number in generations(data_dir, "agents"):
        authority = load_authority(data_dir, "agents", number)
        held = before.get(authority.certificate.subject)
        wanted = {each.serial for each in revoked.get(number, ())}
        changed |= held is None or {line.serial_number for line in held} != wanted
        lists.append(make_revocation_list(authority, revoked.get(number, ()), now=_later(now, held)))
    if not changed and len(lists) == len(before):
        return []
    replace(path, b"".join(lists), mode=_ALL_MAY_READ)
    return [path.name]


def _later(now: datetime, held: x509.CertificateRevocationList | None) -> datetime:
    """Of two lists OpenSSL takes the one that is later by a second, and neither where it begins in the future.

    So it begins some time ago: where two are made in one second, there is room for the second.
    """
    begin = now - CLOCKS_DIFFER
    return begin if held is None else max(begin, min(held.last_update_utc + timedelta(seconds=1), now))


def _read_lists(path: Path) -> dict[x509.Name, x509.CertificateRevocationList]:
    """What is there, by issuer; what cannot be read is as good as not there, and is written anew."""
    if not path.exists():
        return {}
    try:
        parts = [part + _END for part in path.read_bytes().split(_END) if part.strip()]
        lists = [x509.load_pem_x509_crl(part) for part in parts]
    except ValueError:
        return {}
    return {held.issuer: held for held in lists}
