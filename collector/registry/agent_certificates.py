"""TLS certificates of agents: who is given one, when it is given anew, and which ones the broker must refuse.

An agent asks with a note that the key of its log signed (protocol.certificate_request): at its enrolment, then about
once a day. It gets the same certificate again until little of its time is left, or until a newer authority signs.
Asking for a certificate of another key puts those of the key before out of force, and that key never comes back: who
stole it could ask with an old request. So does revoking the journal whose key signed the request.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from collector.certificates.authority import Authority, Revoked, issue_to_agent, to_pem
from collector.certificates.directory import load_authority, read_bundle
from collector.errors import BadKey, JournalRevoked, KeyReplaced, UnknownJournal
from collector.store.database import Connection
from collector.store.queries import load
from protocol.certificate_request import open_certificate_request
from protocol.errors import ForeignBytesError
from protocol.note import parse_vkey

RENEW_BEFORE = timedelta(days=365)
"""A certificate with less time than this is given anew; an agent that is silent for so long has to enrol again."""
_SQL = load("certificates")


@dataclass(frozen=True)
class Issuer:
    """What signs agents' certificates, and what agents shall trust from now on (PEM)."""

    authority: Authority
    trusted: str


def load_issuer(data_dir: Path) -> Issuer:
    """The issuer of a collector whose authorities exist; ConfigError with the remedy."""
    return Issuer(load_authority(data_dir, "agents"), read_bundle(data_dir, "services").decode("ascii"))


def certify(connection: Connection, issuer: Issuer, *, origin: str, request: str, now: datetime) -> str:
    """The certificate (PEM) that the request of a journal's key asks for.

    Raises UnknownJournal, JournalRevoked, KeyReplaced, BadKey.
    """
    with connection.transaction():
        agent_id, public = _open_request(connection, origin=origin, request=request)
        about = {"agent_id": agent_id, "origin": origin, "public_key": public}
        connection.execute(_SQL.lock_agent_certificates, about)
        held = connection.execute(_SQL.find_newest_certificate, about).fetchone()
        is_replaced = connection.execute(_SQL.is_replaced_key, about).fetchone()
        if is_replaced == (True,):
            raise KeyReplaced(f"agent {agent_id} has asked for a certificate of another key since: make a new key")
        if held is not None and held[1] == issuer.authority.generation and held[2] - now > RENEW_BEFORE:
            return str(held[0])
        certificate = issue_to_agent(issuer.authority, agent_id, tls_public=public, now=now)
        pem = to_pem(certificate).decode("ascii")
        issued = {
            "serial": f"{certificate.serial_number:x}",
            "authority": issuer.authority.generation,
            "issued_at": now,
            "not_after": certificate.not_valid_after_utc,
            "pem": pem,
        }
        connection.execute(_SQL.insert_certificate, {**about, **issued})
        return pem


def list_revoked(connection: Connection, *, now: datetime) -> Mapping[int, Sequence[Revoked]]:
    """What the broker must refuse, by the generation of the authority that signed it."""
    revoked: dict[int, list[Revoked]] = defaultdict(list)
    for serial, generation, since in connection.execute(_SQL.list_revoked_certificates, {"now": now}):
        revoked[generation].append(Revoked(int(serial, 16), since))
    return revoked


def _open_request(connection: Connection, *, origin: str, request: str) -> tuple[str, bytes]:
    row = connection.execute(_SQL.find_journal_key, {"origin": origin}).fetchone()
    if row is None:
        raise UnknownJournal(f"no journal {origin!a} is enrolled here: check the collector's address, or enrol again")
    agent_id, vkey, revoked_at = row
    if revoked_at is not None:
        raise JournalRevoked(f"the journal {origin} was revoked at {revoked_at:%Y-%m-%d %H:%M} UTC: enrol again")
    try:
        return agent_id, open_certificate_request(request.encode("utf-8", "surrogatepass"), parse_vkey(vkey))
    except ForeignBytesError as error:
        raise BadKey(f"the certificate request is not acceptable: {error}") from error
