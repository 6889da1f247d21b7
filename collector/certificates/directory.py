"""Where authorities and the workers' certificate lie, and how they get there.

    <data_dir>/tls/services-1.pem    the authority's certificate          agents and workers trust these
    <data_dir>/tls/services-1.key    its key: may be kept elsewhere between two `ca server-cert`
    <data_dir>/tls/agents-1.pem      likewise; the broker trusts these
    <data_dir>/tls/agents-1.key      `serve` signs with it
    <data_dir>/tls/ingest.pem        the workers' key and certificate

The highest number is the one that signs; all that are there are trusted. So a rotation is: make the next, let
everybody learn it, issue anew, and remove the old files (docs/security/tls.md).
"""

import re
import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collector.certificates.authority import Authority, Kind, key_to_pem, make_authority, to_pem
from collector.errors import ConfigError
from collector.private_file import make_private_directory, read_private, replace, write_once

_CERTIFICATE = re.compile(r"(?P<kind>services|agents)-(?P<generation>[1-9][0-9]{0,5})\.pem")
_MAKE_THEM = "`jishi-collector ca init` makes it"


def tls_directory(data_dir: Path) -> Path:
    """Where everything of this file lies."""
    return data_dir / "tls"


def worker_path(data_dir: Path) -> Path:
    """The workers' key and certificate, one PEM file."""
    return tls_directory(data_dir) / "ingest.pem"


def generations(data_dir: Path, kind: Kind) -> list[int]:
    """The generations of an authority that are there, the oldest first; none before `ca init`."""
    directory = tls_directory(data_dir)
    found = [_CERTIFICATE.fullmatch(path.name) for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(int(match["generation"]) for match in found if match and match["kind"] == kind)


def make_next(data_dir: Path, kind: Kind, *, domain: str, now: datetime) -> Authority:
    """The next generation of an authority, which signs from now on. ConfigError where another makes it too."""
    generation = max(generations(data_dir, kind), default=0) + 1
    made = make_authority(kind, generation=generation, domain=domain, now=now)
    make_private_directory(tls_directory(data_dir))
    # The key first: a certificate without its key would be the newest, and sign nothing.
    if not write_once(_key_path(data_dir, kind, generation), key_to_pem(made.key)):
        raise ConfigError(
            f"{_key_path(data_dir, kind, generation)} exists and has no certificate beside it: another process is "
            "making this authority, or one was interrupted; remove the file if nothing runs, and try again"
        )
    replace(_certificate_path(data_dir, kind, generation), to_pem(made.certificate), mode=0o644)
    return made


def load_authority(data_dir: Path, kind: Kind, generation: int | None = None) -> Authority:
    """An authority with its key, the newest unless one is named. ConfigError with the remedy."""
    known = generations(data_dir, kind)
    if not known or (generation is not None and generation not in known):
        raise ConfigError(f"no {kind} authority in {tls_directory(data_dir)}: {_MAKE_THEM}")
    number = known[-1] if generation is None else generation
    path = _key_path(data_dir, kind, number)
    away = "bring it back from where it is kept, for as long as it takes to sign"
    try:
        raw = read_private(path, what=f"key of the {kind} authority", remedy=away)
        key = serialization.load_pem_private_key(raw, password=None)
        certificate = _read_certificate(_certificate_path(data_dir, kind, number))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{path} or its certificate is damaged: restore both from a backup") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise ConfigError(f"{path} is not the key of the certificate beside it: put back the right one")
    return Authority(kind, number, certificate, key)


def read_bundle(data_dir: Path, kind: Kind) -> bytes:
    """The certificates (PEM) of all generations of an authority, the newest first: what is to be trusted."""
    known = generations(data_dir, kind)
    if not known:
        raise ConfigError(f"no {kind} authority in {tls_directory(data_dir)}: {_MAKE_THEM}")
    try:
        certificates = [_read_certificate(_certificate_path(data_dir, kind, number)) for number in reversed(known)]
    except (OSError, ValueError) as error:
        raise ConfigError(f"a certificate in {tls_directory(data_dir)} cannot be read: {error}") from error
    return b"".join(map(to_pem, certificates))


def worker_context(data_dir: Path) -> ssl.SSLContext:
    """How a worker comes to the broker: with its certificate, trusting the services authority alone.

    ConfigError where the certificate is missing, or others may read its key.
    """
    path = worker_path(data_dir)
    read_private(path, what="workers' certificate", remedy="`jishi-collector ca worker-cert` makes it")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=read_bundle(data_dir, "services").decode("ascii"))
    try:
        context.load_cert_chain(path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used ({error}): make it anew with `jishi-collector ca worker-cert`"
        ) from error
    return context


def _read_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _certificate_path(data_dir: Path, kind: Kind, generation: int) -> Path:
    return tls_directory(data_dir) / f"{kind}-{generation}.pem"


def _key_path(data_dir: Path, kind: Kind, generation: int) -> Path:
    return tls_directory(data_dir) / f"{kind}-{generation}.key"
