"""Who is given a certificate, when it is given anew, and what the broker has to refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from collector.certificates.authority import make_authority
from collector.errors import BadKey, JournalRevoked, KeyReplaced, UnknownJournal
from collector.registry.agent_certificates import RENEW_BEFORE, Issuer, certify, list_revoked
from collector.store.database import Connection
from protocol.certificate_request import make_certificate_request
from protocol.keys import ED25519, SigningKey
from tests.light_agent import LightAgent

NOW = datetime(2025, 12, 1, 3, 0, tzinfo=UTC)
FIRST, SECOND = (make_authority("agents", generation=n, domain="jishi.example", now=NOW) for n in (1, 2))
ISSUER = Issuer(FIRST, "the authorities to trust")
YEARS = timedelta(days=365)


def public(number: int) -> bytes:
    return SigningKey("tls", ED25519, bytes([number]) * 32).verifier.public


@pytest.fixture
def agent(connection: Connection) -> LightAgent:
    return enrolled(connection, "em-01")


def enrolled(connection: Connection, agent_id: str, *, epoch: int = 1) -> LightAgent:
    agent = LightAgent(agent_id, epoch=epoch)
    connection.execute("INSERT INTO agent (agent_id, last_epoch) VALUES (%s, 1) ON CONFLICT DO NOTHING", [agent_id])
    values = [agent.origin, agent_id, epoch, agent.vkey]
    connection.execute("INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%s, %s, %s, %s)", values)
    return agent


def ask(
    connection: Connection, agent: LightAgent, key: int = 1, *, issuer: Issuer = ISSUER, now: datetime = NOW
) -> x509.Certificate:
    request = make_certificate_request(agent.key, public(key)).decode()
    pem = certify(connection, issuer, origin=agent.origin, request=request, now=now)
    return x509.load_pem_x509_certificate(pem.encode())


def revoke(connection: Connection, agent: LightAgent, *, at: datetime = NOW) -> None:
    connection.execute("UPDATE journal SET revoked_at = %s WHERE origin = %s", [at, agent.origin])


def refused(connection: Connection, *, now: datetime = NOW) -> dict[int, set[int]]:
    return {number: {each.serial for each in of} for number, of in list_revoked(connection, now=now).items()}


def test_an_agent_gets_a_certificate_of_its_key_under_its_id(connection: Connection, agent: LightAgent) -> None:
    certificate = ask(connection, agent)
    assert certificate.subject.rfc4514_string() == "CN=em-01"
    assert certificate.public_key().public_bytes_raw() == public(1)  # type: ignore[union-attr]
    certificate.verify_directly_issued_by(FIRST.certificate)
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc - 4 * YEARS


def test_asking_again_gives_the_same_until_little_of_its_time_is_left(
    connection: Connection, agent: LightAgent
) -> None:
    first = ask(connection, agent)
    end = first.not_valid_after_utc
    assert ask(connection, agent, now=end - RENEW_BEFORE - timedelta(days=1)) == first
    later = ask(connection, agent, now=end - RENEW_BEFORE)
    assert later.not_valid_after_utc > end + 3 * YEARS
    assert refused(connection) == {}, "the one before has the same key, and may still be in use"


def test_a_newer_authority_signs_anew(connection: Connection, agent: LightAgent) -> None:
    ask(connection, agent)
    ask(connection, agent, issuer=Issuer(SECOND, "")).verify_directly_issued_by(SECOND.certificate)
    assert refused(connection) == {}


def test_a_new_key_puts_the_certificates_of_the_one_before_out_of_force(
    connection: Connection, agent: LightAgent
) -> None:
    old = ask(connection, agent, 1)
    new = ask(connection, agent, 2, now=NOW + timedelta(days=1))
    assert refused(connection) == {1: {old.serial_number}}
    assert list_revoked(connection, now=NOW)[1][0].at == NOW + timedelta(days=1)
    assert ask(connection, agent, 2, now=NOW + timedelta(days=2)) == new


def test_a_key_that_was_replaced_never_comes_back(connection: Connection, agent: LightAgent) -> None:
    """Whoever stole it has old requests as well."""
    ask(connection, agent, 1)
    ask(connection, agent, 2)
    with pytest.raises(KeyReplaced, match="make a new key"):
        ask(connection, agent, 1)


def test_a_revoked_journal_takes_its_certificates_along_and_gets_none(
    connection: Connection, agent: LightAgent
) -> None:
    certificate = ask(connection, agent)
    revoke(connection, agent)
    assert refused(connection) == {1: {certificate.serial_number}}
    with pytest.raises(JournalRevoked, match="enrol again"):
        ask(connection, agent)
    again = ask(connection, enrolled(connection, "em-01", epoch=2), 2)
    assert refused(connection) == {1: {certificate.serial_number}}
    assert again.serial_number != certificate.serial_number


def test_the_next_epoch_of_an_agent_keeps_its_tls_key_and_gets_a_certificate_of_its_own(
    connection: Connection, agent: LightAgent
) -> None:
    """Also where a machine was cloned and both go on: neither locks the other out."""
    first, following = ask(connection, agent), enrolled(connection, "em-01", epoch=2)
    second = ask(connection, following)
    assert first != second
    assert refused(connection) == {}
    assert ask(connection, agent) == first
    revoke(connection, agent)
    assert refused(connection) == {1: {first.serial_number}}


def test_agents_do_not_touch_each_other(connection: Connection, agent: LightAgent) -> None:
    other = enrolled(connection, "em-02")
    ask(connection, agent, 1)
    ask(connection, other, 2)
    revoke(connection, other)
    assert len(refused(connection)[1]) == 1
    assert ask(connection, agent, 1).subject.rfc4514_string() == "CN=em-01"


def test_what_has_expired_is_no_longer_listed(connection: Connection, agent: LightAgent) -> None:
    certificate = ask(connection, agent)
    revoke(connection, agent)
    assert refused(connection, now=certificate.not_valid_after_utc) == {}


def test_another_agents_signature_gets_nothing(connection: Connection, agent: LightAgent) -> None:
    other = enrolled(connection, "em-02")
    for request in (make_certificate_request(other.key, public(1)).decode(), "nonsense", "\ud800"):
        with pytest.raises(BadKey):
            certify(connection, ISSUER, origin=agent.origin, request=request, now=NOW)
    with pytest.raises(UnknownJournal, match="is enrolled here"):
        certify(connection, ISSUER, origin="jishi.example/a/em-03/1", request="x", now=NOW)
    assert connection.execute("SELECT count(*) FROM certificate").fetchone() == (0,)


def test_what_was_issued_is_a_fact(connection: Connection, agent: LightAgent) -> None:
    ask(connection, agent)
    for change in ("UPDATE certificate SET not_after = now()", "DELETE FROM certificate"):
        with pytest.raises(Exception, match="are inserted, never updated"):
            connection.execute(change.encode())
