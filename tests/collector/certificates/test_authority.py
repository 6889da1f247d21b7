"""What OpenSSL makes of the certificates that we issue: who gets in where, and who does not."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.credentials import Credentials, broker_context, keep, public_of
from collector.certificates.authority import (
    WORKER,
    Authority,
    Revoked,
    issue_to_agent,
    issue_to_server,
    issue_to_worker,
    make_authority,
    make_revocation_list,
    to_pem,
)
from protocol.errors import MalformedName
from protocol.topics import check_agent_id
from tests.collector.certificates.handshake import server_context, shake_hands

NOW = datetime.now(UTC)
DOMAIN = "jishi.example"
AGENTS = make_authority("agents", generation=1, domain=DOMAIN, now=NOW)
SERVICES = make_authority("services", generation=1, domain=DOMAIN, now=NOW)


@pytest.fixture
def broker_certificate(tmp_path: Path) -> Path:
    path = tmp_path / "broker.pem"
    path.write_bytes(b"".join(issue_to_server(SERVICES, ["localhost", "127.0.0.1"], now=NOW)))
    return path


def as_agent(
    directory: Path, agent_id: str = "em-01", *, by: Authority = AGENTS, now: datetime = NOW
) -> ssl.SSLContext:
    """An agent with a certificate, by its own code."""
    directory.mkdir(exist_ok=True)
    seed = agent_id.encode().ljust(32, b".")
    certificate = issue_to_agent(by, agent_id, tls_public=public_of(seed), now=now)
    keep(directory, seed, Credentials(to_pem(certificate).decode(), to_pem(SERVICES.certificate).decode()))
    return broker_context(directory)


def as_client(path: Path, pem: bytes) -> ssl.SSLContext:
    """Whoever has key and certificate in one PEM text."""
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=to_pem(SERVICES.certificate).decode())
    context.load_cert_chain(path)
    return context


def test_an_agent_is_let_in_under_its_id(tmp_path: Path, broker_certificate: Path) -> None:
    broker = server_context(broker_certificate, trusted=to_pem(AGENTS.certificate))
    assert shake_hands(broker, as_agent(tmp_path, "em-01")) == "em-01"


def test_a_worker_is_let_in_under_a_name_that_no_agent_can_have(tmp_path: Path, broker_certificate: Path) -> None:
    broker = server_context(broker_certificate, trusted=to_pem(SERVICES.certificate))
    assert shake_hands(broker, as_client(tmp_path / "w.pem", issue_to_worker(SERVICES, now=NOW))) == WORKER
    with pytest.raises(MalformedName):
        check_agent_id(WORKER)


def test_neither_comes_in_at_the_others_port(tmp_path: Path, broker_certificate: Path) -> None:
    for_agents = server_context(broker_certificate, trusted=to_pem(AGENTS.certificate))
    for_workers = server_context(broker_certificate, trusted=to_pem(SERVICES.certificate))
    with pytest.raises(ssl.SSLError):
        shake_hands(for_workers, as_agent(tmp_path))
    with pytest.raises(ssl.SSLError):
        shake_hands(for_agents, as_client(tmp_path / "w.pem", issue_to_worker(SERVICES, now=NOW)))


def test_a_servers_certificate_makes_no_worker(tmp_path: Path, broker_certificate: Path) -> None:
    """Whoever steals the broker's or the API's key does not thereby receive what agents send."""
    broker = server_context(broker_certificate, trusted=to_pem(SERVICES.certificate))
    with pytest.raises(ssl.SSLError, match=r"purpose|certificate verify failed"):
        shake_hands(broker, as_client(tmp_path / "x.pem", broker_certificate.read_bytes()))


def test_who_steals_the_agents_authority_cannot_pretend_to_be_the_broker(tmp_path: Path) -> None:
    forged = tmp_path / "forged.pem"
    forged.write_bytes(b"".join(issue_to_server(AGENTS, ["localhost"], now=NOW)))
    broker = server_context(forged, trusted=to_pem(AGENTS.certificate))
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(broker, as_agent(tmp_path))


def test_a_certificate_of_another_collector_is_worth_nothing(tmp_path: Path, broker_certificate: Path) -> None:
    stranger = make_authority("agents", generation=1, domain=DOMAIN, now=NOW)
    broker = server_context(broker_certificate, trusted=to_pem(AGENTS.certificate))
    with pytest.raises(ssl.SSLError):
        shake_hands(broker, as_agent(tmp_path, by=stranger))


def test_an_expired_certificate_is_worth_nothing(tmp_path: Path, broker_certificate: Path) -> None:
    broker = server_context(broker_certificate, trusted=to_pem(AGENTS.certificate))
    with pytest.raises(ssl.SSLError):
        shake_hands(broker, as_agent(tmp_path, now=NOW - timedelta(days=6 * 365)))


def test_what_is_revoked_stays_out_and_others_come_in_whichever_generation_signed(
    tmp_path: Path, broker_certificate: Path
) -> None:
    following = make_authority("agents", generation=2, domain=DOMAIN, now=NOW)
    trusted = to_pem(following.certificate) + to_pem(AGENTS.certificate)
    lost = issue_to_agent(AGENTS, "em-09", tls_public=public_of(b"em-09".ljust(32, b".")), now=NOW)
    lists = tmp_path / "revoked.pem"
    lists.write_bytes(
        make_revocation_list(following, [], now=NOW)
        + make_revocation_list(AGENTS, [Revoked(lost.serial_number, NOW)], now=NOW)
    )
    broker = server_context(broker_certificate, trusted=trusted, revoked=lists)
    assert shake_hands(broker, as_agent(tmp_path / "a", "em-01")) == "em-01"
    assert shake_hands(broker, as_agent(tmp_path / "b", "em-02", by=following)) == "em-02"
    (tmp_path / "c").mkdir()
    keep(
        tmp_path / "c",
        b"em-09".ljust(32, b"."),
        Credentials(to_pem(lost).decode(), to_pem(SERVICES.certificate).decode()),
    )
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(broker, broker_context(tmp_path / "c"))


def test_the_secret_of_an_authority_is_not_shown_by_accident() -> None:
    assert "PrivateKey" not in repr(AGENTS)
