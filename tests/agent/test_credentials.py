"""Key, certificate and authorities of the agent: what is written, who may read it, and whom the agent believes."""

import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent import credentials
from agent.credentials import Credentials, api_context, broker_context
from agent.errors import NotEnrolledError
from collector.certificates.authority import issue_to_agent, issue_to_server, make_authority, to_pem
from tests.collector.certificates.handshake import server_context, shake_hands

NOW = datetime.now(UTC)
AGENTS = make_authority("agents", generation=1, domain="jishi.example", now=NOW)
SERVICES = make_authority("services", generation=1, domain="jishi.example", now=NOW)
SEED = bytes(range(32))
YEARS = timedelta(days=365)


def brought(seed: bytes = SEED) -> Credentials:
    certificate = issue_to_agent(AGENTS, "em-01", tls_public=credentials.public_of(seed), now=NOW)
    return Credentials(to_pem(certificate).decode(), to_pem(SERVICES.certificate).decode())


def broker_with(tmp_path: Path, *, made: datetime = NOW, host: str = "localhost") -> ssl.SSLContext:
    path = tmp_path / "broker.pem"
    path.write_bytes(b"".join(issue_to_server(SERVICES, [host], now=made)))
    return server_context(path, trusted=to_pem(AGENTS.certificate))


def test_the_key_is_written_as_others_read_it() -> None:
    key = load_pem_private_key(credentials.key_to_pem(SEED).encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == SEED
    assert key.public_key().public_bytes_raw() == credentials.public_of(SEED)


def test_a_pending_key_stays_the_same_until_its_certificate_comes(tmp_path: Path) -> None:
    seed = credentials.pending_seed(tmp_path)
    assert credentials.pending_seed(tmp_path) == seed
    assert credentials.current_seed(tmp_path) is None
    credentials.keep(tmp_path, seed, brought(seed))
    assert credentials.current_seed(tmp_path) == seed
    assert credentials.pending_seed(tmp_path) != seed


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_the_owner_can_read_the_keys_and_one_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    credentials.keep(tmp_path, SEED, brought())
    credentials.pending_seed(tmp_path)
    directory = tmp_path / credentials.DIRECTORY
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name, read in (
        (credentials.CLIENT, credentials.current_seed),
        (credentials.CLIENT, broker_context),
        (credentials.PENDING, credentials.pending_seed),
    ):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
        (directory / name).chmod(0o640)
        with pytest.raises(NotEnrolledError, match=rf"others may read .*{name}: chmod 600"):
            read(tmp_path)
        (directory / name).chmod(0o600)


def test_a_certificate_of_another_key_changes_nothing(tmp_path: Path) -> None:
    credentials.keep(tmp_path, SEED, brought())
    before = {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}
    for wrong in (brought(bytes(32)), Credentials(brought().certificate, "nobody"), Credentials("", "")):
        with pytest.raises(ValueError, match="cannot be used"):
            credentials.keep(tmp_path, SEED, wrong)
    assert {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()} == before


@pytest.mark.parametrize("made", [NOW - 20 * YEARS, NOW + 20 * YEARS], ids=["expired", "seen by a clock of long ago"])
def test_the_dates_of_the_brokers_certificate_keep_no_agent_out(tmp_path: Path, made: datetime) -> None:
    """An agent in 1970 sees every certificate as one of the future."""
    credentials.keep(tmp_path, SEED, brought())
    assert shake_hands(broker_with(tmp_path, made=made), broker_context(tmp_path)) == "em-01"


def test_a_broker_of_another_name_is_not_believed(tmp_path: Path) -> None:
    credentials.keep(tmp_path, SEED, brought())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(broker_with(tmp_path, host="other.example"), broker_context(tmp_path))


def test_a_broker_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    credentials.keep(tmp_path, SEED, brought())
    rogue = make_authority("services", generation=1, domain="jishi.example", now=NOW)
    path = tmp_path / "rogue.pem"
    path.write_bytes(b"".join(issue_to_server(rogue, ["localhost"], now=NOW)))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(path, trusted=to_pem(AGENTS.certificate)), broker_context(tmp_path))


def test_nothing_less_than_tls_1_3_is_spoken(tmp_path: Path) -> None:
    credentials.keep(tmp_path, SEED, brought())
    old = broker_with(tmp_path)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        shake_hands(old, broker_context(tmp_path))


def test_what_is_missing_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolledError, match="get a certificate with jishi-agent renew"):
        broker_context(tmp_path)


def test_the_api_is_believed_by_the_authority_that_is_named_and_by_its_successor(tmp_path: Path) -> None:
    named = tmp_path / "authority.pem"
    named.write_bytes(to_pem(SERVICES.certificate))
    following = make_authority("services", generation=2, domain="jishi.example", now=NOW)
    path = tmp_path / "api.pem"
    path.write_bytes(b"".join(issue_to_server(following, ["localhost"], now=NOW)))
    api = server_context(path, trusted=to_pem(AGENTS.certificate))
    api.verify_mode = ssl.CERT_NONE
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(api, api_context(tmp_path, named))
    both = to_pem(following.certificate) + to_pem(SERVICES.certificate)
    credentials.keep(tmp_path, SEED, Credentials(brought().certificate, both.decode()))
    assert shake_hands(api, api_context(tmp_path, named)) == ""


def test_without_a_named_authority_the_machines_own_are_believed(tmp_path: Path) -> None:
    context = api_context(tmp_path, None)
    assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()
    assert context.check_hostname


def test_an_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolledError, match=r"\[collector\] authority: .*none\.pem cannot be used"):
        api_context(tmp_path, tmp_path / "none.pem")
