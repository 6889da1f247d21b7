"""With what the agent comes to the collector over TLS, and what it believes there: files in the state directory.

    tls/client.pem    secret: the TLS key (Ed25519, PKCS #8) and its certificate, one file: both change at once
    tls/pending.pem   secret: a key for which a certificate was asked and has not come
    tls/trusted.pem   the collector's authorities; nobody else can pretend to be its broker

The TLS key is another one than the journal's. Host names are checked and dates are not: a dead clock battery must not
keep an agent from delivering, and a broker whose certificate has expired gets nothing that it could not get before.
Without any of these files the collector is reached without TLS, or its pages with the authorities that this machine
trusts. Sources: RFC 8410 section 7 (the key's form), RFC 7468 (PEM).
"""

from __future__ import annotations

import secrets
import ssl
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from pathlib import Path

import msgspec

from agent.errors import NotEnrolledError
from agent.identity import check_private, write_private
from protocol.keys import ED25519, SigningKey

DIRECTORY = "tls"
CLIENT = "client.pem"
PENDING = "pending.pem"
TRUSTED = "trusted.pem"

_PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
"""A PKCS #8 key of algorithm 1.3.101.112, up to the seed of 32 bytes, which ends it."""
_BEGIN, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which Python has no name."""


class Credentials(msgspec.Struct, frozen=True):
    """The collector's answer to a request: certificate and authorities, PEM texts."""

    certificate: str
    trusted: str


def pending_seed(state_dir: Path) -> bytes:
    """The seed of the key to ask a certificate for: the one that was asked for already, else a new one."""
    path = state_dir / DIRECTORY / PENDING
    held = _read_seed(path)
    if held is not None:
        return held
    seed = secrets.token_bytes(32)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(path, key_to_pem(seed).encode())
    return seed


def drop_pending(state_dir: Path) -> None:
    """Forget a key for which no certificate is needed."""
    (state_dir / DIRECTORY / PENDING).unlink(missing_ok=True)


def current_seed(state_dir: Path) -> bytes | None:
    """The seed of the key in force; None where there is none. NotEnrolledError where it cannot be used."""
    return _read_seed(state_dir / DIRECTORY / CLIENT)


def public_of(seed: bytes) -> bytes:
    """The public key of a seed, 32 bytes."""
    return SigningKey("tls", ED25519, seed).verifier.public


def key_to_pem(seed: bytes) -> str:
    """The private key as PEM text."""
    return f"{_BEGIN}\n{b64encode(_PKCS8_ED25519 + seed).decode()}\n{_END}\n"


def keep(state_dir: Path, seed: bytes, credentials: Credentials) -> None:
    """Put key, certificate and authorities in force; ValueError, and nothing changed, where they do not fit."""
    directory = state_dir / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    trial = directory / f"{CLIENT}.trial"
    try:
        write_private(trial, (key_to_pem(seed) + credentials.certificate).encode())
        _context(credentials.trusted).load_cert_chain(trial)
    except (OSError, ValueError) as problem:
        trial.unlink(missing_ok=True)
        raise ValueError(f"the certificate or its authorities cannot be used ({problem})") from problem
    write_private(directory / TRUSTED, credentials.trusted.encode())
    trial.replace(directory / CLIENT)
    drop_pending(state_dir)


def broker_context(state_dir: Path) -> ssl.SSLContext:
    """How to come to the broker. NotEnrolledError where what is needed is not there, or others may read the key."""
    client = state_dir / DIRECTORY / CLIENT
    remedy = "get a certificate with jishi-agent renew"
    try:
        check_private(client)
        context = _context((state_dir / DIRECTORY / TRUSTED).read_text("ascii"))
        context.load_cert_chain(client)
    except (OSError, ValueError) as problem:
        raise NotEnrolledError(f"the certificate in {client.parent} cannot be used ({problem}): {remedy}") from problem
    return context


def api_context(state_dir: Path, authority: Path | None) -> ssl.SSLContext:
    """How to come to the collector's API: by the authority that the configuration names, else by this machine's.

    What the collector has named since is believed as well, so that an authority can be replaced. NotEnrolledError where
    the file cannot be used.
    """
    if authority is None:
        return ssl.create_default_context()
    try:
        context = _context(authority.read_text("ascii"))
        later = state_dir / DIRECTORY / TRUSTED
        if later.exists():
            context.load_verify_locations(later)
    except (OSError, ValueError) as problem:
        raise NotEnrolledError(
            f"[collector] authority: {authority} cannot be used ({problem}); the collector's operator has the file"
        ) from problem
    return context


def _context(trusted: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands a certificate, and that it names the host
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=trusted)
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _read_seed(path: Path) -> bytes | None:
    if not path.exists():
        return None
    check_private(path)
    try:
        body = path.read_text("ascii").partition(_BEGIN)[2].partition(_END)[0]
        octets = a2b_base64(body)
    except (OSError, ValueError, Base64Error) as problem:
        raise NotEnrolledError(f"{path} cannot be read: {problem}") from problem
    if len(octets) != len(_PKCS8_ED25519) + 32 or not octets.startswith(_PKCS8_ED25519):
        raise NotEnrolledError(f"{path} holds no key of this agent: remove it, and run jishi-agent renew")
    return octets[len(_PKCS8_ED25519) :]
