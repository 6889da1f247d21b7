"""X.509 as jishi needs it: what an authority is, what it issues, and its list of what is revoked. No files, no clock.

    services   signs the certificates of the broker, the API and the ingest workers; agents trust it and nothing else
    agents     signs the certificates of agents, at enrolment; the broker trusts it on the agents' port

Two, because the second must lie where enrolments are answered: who steals it can pretend to be an agent, but neither
to be the broker that agents talk to nor a worker. Each has generations, so that a new one can be trusted before it is
used. What an agent is called in its certificate is its id; a worker's name is none that an agent can have.

Agents never look at dates (their clocks may be dead), the broker always does. A list of what is revoked stays valid
for as long as its authority: an outdated one would lock everybody out, and an old one is known by its age anyway.
Keys are P-256, because browsers take no Ed25519; agents' keys are the Ed25519 that they can make without a library.
Sources: RFC 5280 (profile), RFC 8410 (Ed25519 in X.509).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["agents", "services"]
KINDS: tuple[Kind, ...] = ("services", "agents")

WORKER = "jishi.ingest"
"""The name of ingest workers at the broker; its dot is in no agent's id."""
AUTHORITY_VALID = timedelta(days=30 * 365)
SERVICE_VALID = timedelta(days=5 * 365)
AGENT_VALID = timedelta(days=5 * 365)
CLOCKS_DIFFER = timedelta(hours=1)
"""Certificates begin this much earlier, for a broker whose clock is behind the collector's."""

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Authority:
    """One generation of an authority with its key, which repr() does not show."""

    kind: Kind
    generation: int
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


class Revoked(NamedTuple):
    """A certificate that the broker must refuse: its serial number, and since when."""

    serial: int
    at: datetime


def make_authority(kind: Kind, *, generation: int, domain: str, now: datetime) -> Authority:
    """A new authority, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{kind} {generation} of {domain}")
    certificate = (
        _begin(name, key.public_key(), issuer=name, now=now, valid=AUTHORITY_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(kind, generation, certificate, key)


def issue_to_agent(authority: Authority, agent_id: str, *, tls_public: bytes, now: datetime) -> x509.Certificate:
    """The certificate with which an agent shows the broker who it is; its key is Ed25519, 32 bytes."""
    public = ed25519.Ed25519PublicKey.from_public_bytes(tls_public)
    return _issue(authority, agent_id, public, usage=ExtendedKeyUsageOID.CLIENT_AUTH, now=now, valid=AGENT_VALID)


def issue_to_worker(authority: Authority, *, now: datetime) -> bytes:
    """Key and certificate, one PEM text, with which ingest workers come to the broker; all share it."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = _issue(authority, WORKER, key.public_key(), usage=usage, now=now, valid=SERVICE_VALID)
    return key_to_pem(key) + to_pem(certificate)


def issue_to_server(authority: Authority, hosts: Sequence[str], *, now: datetime) -> tuple[bytes, bytes]:
    """Key and certificate (PEM) of a broker or an API that is reached under these host names or addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _issue(
        authority,
        hosts[0],
        key.public_key(),
        usage=ExtendedKeyUsageOID.SERVER_AUTH,
        hosts=hosts,
        now=now,
        valid=SERVICE_VALID,
    )
    return key_to_pem(key), to_pem(certificate)


def make_revocation_list(authority: Authority, revoked: Iterable[Revoked], *, now: datetime) -> bytes:
    """The authority's list (PEM). OpenSSL takes, of two lists that it holds, the later one, by the second."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(_key_identifier(authority), critical=False)
    )
    for serial, at in sorted(revoked):
        line = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(line)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def to_pem(certificate: x509.Certificate) -> bytes:
    """The certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key as PEM text, not encrypted: the file's permissions protect it."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _issue(
    authority: Authority,
    common_name: str,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    *,
    usage: x509.ObjectIdentifier,
    now: datetime,
    valid: timedelta,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    builder = (
        _begin(_name(common_name), public, issuer=authority.certificate.subject, now=now, valid=valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(_key_identifier(authority), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _begin(
    name: x509.Name,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    *,
    issuer: x509.Name,
    now: datetime,
    valid: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + valid)
    )


def _name(common_name: str) -> x509.Name:
    # RFC 5280 ends a common name at 64 characters; a host's whole name stands in the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
