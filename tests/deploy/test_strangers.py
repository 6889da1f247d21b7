"""Nobody else is let in: mosquitto as deploy/ configures it, and everything that a stranger would try.

A stranger may be anybody on the network, and an agent with perfectly good credentials of its own.
"""

import contextlib
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.certificates.authority import issue_to_worker, key_to_pem, make_authority, to_pem
from collector.certificates.directory import make_next, worker_context
from protocol.topics import down_topic, shard_of, up_topic
from tests.deploy.secured_broker import DOMAIN, Guest, SecuredBroker

A, B = "em-01", "em-02"
DENIED = "Not authorized"
TAKEN = "Success"
CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"
CONNACK = b"\x20"


@pytest.fixture(scope="module")
def broker() -> Iterator[SecuredBroker]:
    directory = Path(tempfile.mkdtemp(prefix="jishi-tls-", dir="/tmp"))
    directory.chmod(0o755)
    made = SecuredBroker(directory)
    made.make_authorities()
    for agent_id in (A, B, "em-03"):
        made.certify(agent_id)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(directory)


@pytest.fixture
def enter(broker: SecuredBroker) -> Iterator[Callable[..., Guest]]:
    """Come in as an agent, or as the worker, or with a context of one's own; everybody leaves at the end."""
    guests: list[Guest] = []

    def come(who: str | ssl.SSLContext, **more: Any) -> Guest:
        if isinstance(who, ssl.SSLContext):
            guests.append(Guest(who, **{"client_id": "guest", "port": broker.port, **more}))
        else:
            guests.append(broker.worker() if who == "worker" else broker.agent(who, **more))
        return guests[-1]

    yield come
    for guest in guests:
        guest.close()


def heard_by(guest: Guest, *, until: Callable[[], object]) -> list[tuple[str, bytes]]:
    """What a guest hears until something that was sent last has come: what was sent before would have come first."""
    heard: list[tuple[str, bytes]] = []
    until()
    while not heard or heard[-1][1] != b"the last":
        heard.append(guest.heard.get(timeout=10))
    return heard[:-1]


def test_each_agent_writes_and_reads_its_own(enter: Callable[..., Guest]) -> None:
    worker, a = enter("worker"), enter(A)
    assert worker.subscribe(f"jishi/v1/up/{shard_of(A)}/+") == "Granted QoS 1"
    assert a.subscribe(down_topic(A)) == "Granted QoS 1"
    assert a.publish(up_topic(A), b"a batch") == TAKEN
    assert worker.heard.get(timeout=10) == (up_topic(A), b"a batch")
    assert worker.publish(down_topic(A), b"a receipt") == TAKEN
    assert a.heard.get(timeout=10) == (down_topic(A), b"a receipt")


def test_a_cannot_publish_as_b(enter: Callable[..., Guest]) -> None:
    worker, a, b = enter("worker"), enter(A), enter(B)
    worker.subscribe("jishi/v1/up/#")
    for topic in (up_topic(B), f"jishi/v1/up/{shard_of(B)}/{B}/", f"/{up_topic(B)}", "jishi/v1/up/0/jishi.ingest"):
        assert a.publish(topic, b"forged") == DENIED
    assert heard_by(worker, until=lambda: b.publish(up_topic(B), b"the last")) == []


def test_a_cannot_speak_for_the_collector_to_b_nor_to_itself(enter: Callable[..., Guest]) -> None:
    """A forged receipt or welcome does not even arrive; what would become of it is tests/agent/test_conversation's."""
    worker, a, b = enter("worker"), enter(A), enter(B)
    b.subscribe(down_topic(B))
    for topic in (down_topic(B), down_topic(A)):
        assert a.publish(topic, b"a forged receipt") == DENIED
        assert a.publish(topic, b"a forged welcome", retain=False) == DENIED
    assert heard_by(b, until=lambda: worker.publish(down_topic(B), b"the last")) == []


@pytest.mark.parametrize("topic", [down_topic(B), "#", "+/+/+/+/+", "jishi/v1/down/+/+", "jishi/v1/up/#", "$SYS/#"])
def test_a_hears_nothing_of_others_whatever_it_subscribes_to(enter: Callable[..., Guest], topic: str) -> None:
    worker, a, b = enter("worker"), enter(A), enter(B)
    a.subscribe(topic)
    a.subscribe(down_topic(A))
    worker.publish(down_topic(B), b"for B alone")
    b.publish(up_topic(B), b"from B")
    heard = heard_by(a, until=lambda: worker.publish(down_topic(A), b"the last"))
    assert {name for name, _ in heard} <= {down_topic(A)}
    assert b"for B alone" not in {payload for _, payload in heard}


def test_a_last_will_in_bs_name_is_not_published(broker: SecuredBroker, enter: Callable[..., Guest]) -> None:
    worker, b = enter("worker"), enter(B)
    worker.subscribe("jishi/v1/up/#")
    a = enter(A, will=up_topic(B))
    if a.admitted:  # mosquitto may refuse the connection for such a will, or keep the will to itself
        a.vanish()
        assert enter(A).admitted, "the session before has ended, and its will with it"
    assert heard_by(worker, until=lambda: b.publish(up_topic(B), b"the last")) == []


def test_calling_itself_b_does_not_end_bs_session_nor_open_its_topics(
    broker: SecuredBroker, enter: Callable[..., Guest]
) -> None:
    worker, b = enter("worker"), enter(B)
    b.subscribe(down_topic(B))
    a = enter(broker.credentials_of(A), client_id=B, user=B)
    assert a.publish(up_topic(B), b"forged") == DENIED
    assert a.publish(up_topic(A), b"its own") != DENIED
    assert heard_by(b, until=lambda: worker.publish(down_topic(B), b"the last")) == []
    assert not b.ended.is_set()


def test_nor_does_calling_itself_like_a_worker(broker: SecuredBroker, enter: Callable[..., Guest]) -> None:
    worker, b = enter("worker"), enter(B)
    b.subscribe(down_topic(B))
    assert enter(broker.credentials_of(A), client_id="jishi-ingest/9").admitted
    assert worker.publish(down_topic(B), b"still here") == TAKEN
    assert not worker.ended.is_set()


def test_who_shows_nothing_is_not_let_in(broker: SecuredBroker, enter: Callable[..., Guest]) -> None:
    assert not enter(broker.nobody()).admitted
    assert not enter(broker.nobody(), port=broker.worker_port).admitted


def test_who_speaks_no_tls_is_not_let_in(broker: SecuredBroker) -> None:
    for port in (broker.port, broker.worker_port):
        answer = b""
        with socket.create_connection(("localhost", port), timeout=10) as plain:
            plain.sendall(CONNECT)
            with contextlib.suppress(ConnectionResetError):
                answer = plain.recv(100)
        assert answer[:1] != CONNACK, answer


def test_what_another_authority_signed_is_not_let_in(broker: SecuredBroker, enter: Callable[..., Guest]) -> None:
    """Another collector's agent of the same name, and a certificate that somebody made for himself."""
    stranger = make_authority("agents", generation=1, domain=DOMAIN, now=datetime.now(UTC))
    made_himself = key_to_pem(stranger.key) + to_pem(stranger.certificate)
    for pem in (issue_to_worker(stranger, now=datetime.now(UTC)), made_himself):
        assert not enter(showing(broker, pem)).admitted


def test_an_agents_certificate_opens_nothing_at_the_workers_port_nor_a_workers_at_the_agents(
    broker: SecuredBroker, enter: Callable[..., Guest]
) -> None:
    assert not enter(broker.credentials_of(A), port=broker.worker_port).admitted
    assert not enter(worker_context(broker.data_dir)).admitted


def test_an_expired_certificate_is_not_let_in(broker: SecuredBroker, enter: Callable[..., Guest]) -> None:
    broker.certify("em-04", now=datetime.now(UTC) - timedelta(days=6 * 365))
    assert not enter("em-04").admitted


def test_a_revoked_certificate_is_not_let_in_once_the_broker_has_read_its_list_again(
    broker: SecuredBroker, enter: Callable[..., Guest]
) -> None:
    serial = broker.certify("em-05")
    assert enter("em-05").admitted
    broker.revoke([serial])
    assert not enter("em-05").admitted
    assert enter(A).admitted
    broker.certify("em-05", seed=bytes(32))
    assert enter("em-05").admitted, "a new certificate after a new enrolment"


def test_a_new_generation_of_the_agents_authority_is_let_in_beside_the_old(
    broker: SecuredBroker, enter: Callable[..., Guest]
) -> None:
    make_next(broker.data_dir, "agents", domain=DOMAIN, now=datetime.now(UTC))
    broker.revoke([])
    broker.certify("em-06")
    assert enter("em-06").admitted
    assert enter(B).admitted


def test_an_oversized_packet_ends_the_connection_and_nobody_elses(enter: Callable[..., Guest]) -> None:
    worker, a, b = enter("worker"), enter(A), enter(B)
    worker.subscribe("jishi/v1/up/#")
    assert a.admitted
    a._client.publish(up_topic(A), bytes(1_300_000), qos=1)
    assert a.ended.wait(10)
    assert heard_by(worker, until=lambda: b.publish(up_topic(B), b"the last")) == []


def showing(broker: SecuredBroker, pem: bytes) -> ssl.SSLContext:
    """Whoever believes the broker and comes with this key and certificate."""
    context = broker.nobody()
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
