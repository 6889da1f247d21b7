"""One connection to a broker on site, real or only looking like one: it serves, or says why not and what to do."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import MQTTException

from agent.clock import SystemClock
from agent.watchers import mqtt_link
from agent.watchers.mqtt_link import Delivery, SiteLink
from agent.watchers.mqtt_report import MAX_PAYLOAD_BYTES, Message
from agent.watchers.site_broker import LinkLost, SiteBroker
from collector.embedded.broker import EmbeddedBroker, find_mosquitto
from tests.agent.watchers import site
from tests.agent.watchers.site import Hoax, Publisher, write_certificate, write_passwords
from tests.conftest import find_free_port

TOPICS = ("plug/power", "plug/online")

Dial = Callable[..., SiteLink]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Makes a link to a port, which speaks as the brokers of these tests do; settings of the broker may be given."""
    made: list[SiteLink] = []

    def make(port: int, *, modern: bool = find_mosquitto() is not None, **given: Any) -> SiteLink:
        usual = {"host": "127.0.0.1", "user": None, "password_file": None, "tls": False, "ca_file": None}
        broker = SiteBroker(**{**usual, "port": port, "client_id": f"test-{len(made)}", **given})
        made.append(SiteLink(broker, TOPICS, clock=SystemClock(), modern=modern))
        return made[-1]

    yield make
    for link in made:
        link.close()


@pytest.fixture
def hoax() -> Iterator[Callable[[Callable[[socket.socket, bytes], None]], Hoax]]:
    made: list[Hoax] = []

    def make(behave: Callable[[socket.socket, bytes], None]) -> Hoax:
        made.append(Hoax(behave))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[site.SiteBroker]:
    """A broker that knows one user, who may read nothing but his own topics."""
    passwords = write_passwords(tmp_path, agent="right", plug="plug")
    access = tmp_path / "access"
    access.write_text("user agent\ntopic read plug/#\nuser plug\ntopic write #\n", encoding="utf-8")
    access.chmod(0o600)
    settings = ("allow_anonymous false", f"password_file {passwords}", f"acl_file {access}")
    broker = site.SiteBroker(tmp_path, find_free_port(), *settings)
    broker.start()
    yield broker
    broker.stop()


def take_one(link: SiteLink, *, within_s: float = 10) -> Delivery:
    end_s = time.monotonic() + within_s
    while not (taken := link.take()):
        assert time.monotonic() < end_s, "nothing came"
    [delivery] = taken
    return delivery


def opened(link: SiteLink) -> SiteLink:
    link.open(threading.Event())
    return link


def why_not(link: SiteLink, *, take: bool = False) -> str:
    """What is said of a link that does not open, or is lost while something is waited for."""
    try:
        opened(link)
        while take:
            link.take()
    except LinkLost as lost:
        return str(lost)
    pytest.fail("the link opened")


def write_secret(directory: Path, text: str | bytes) -> str:
    path = directory / "secret"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize("modern", [True, False] if find_mosquitto() else [False], ids=str)
def test_what_is_published_comes_with_the_moment_of_its_arrival(
    broker: EmbeddedBroker, dial: Dial, modern: bool
) -> None:
    link, publisher = opened(dial(broker.port, modern=modern)), Publisher(broker.port)
    before = SystemClock().now()
    publisher.publish("plug/power", "905")
    delivery = take_one(link)
    assert delivery.message == Message("plug/power", b"905", False)
    assert before.mono_ms <= delivery.at.mono_ms <= SystemClock().now().mono_ms
    publisher.close()


def test_what_the_broker_kept_says_so(broker: EmbeddedBroker, dial: Dial) -> None:
    publisher = Publisher(broker.port)
    publisher.publish("plug/online", "true", retain=True)
    link = opened(dial(broker.port))
    assert take_one(link).message == Message("plug/online", b"true", True)
    publisher.publish("plug/online", "false", retain=True)
    assert take_one(link).message == Message("plug/online", b"false", False)
    publisher.close()


def test_what_came_while_nobody_listened_is_not_delivered_afterwards(broker: EmbeddedBroker, dial: Dial) -> None:
    opened(dial(broker.port, client_id="the-same")).close()
    publisher = Publisher(broker.port)
    publisher.publish("plug/power", "1")
    link = opened(dial(broker.port, client_id="the-same"))
    publisher.publish("plug/power", "2")
    assert take_one(link).message.payload == b"2"
    publisher.close()


def test_a_question_arrives(broker: EmbeddedBroker, dial: Dial) -> None:
    asked = opened(dial(broker.port))
    asking = opened(dial(broker.port))
    asking.ask(Message("plug/power", b"10"))
    assert take_one(asked).message.payload == b"10"


def test_nobody_there(dial: Dial) -> None:
    port = find_free_port()
    reason = why_not(dial(port))
    assert reason.startswith(f"the broker at 127.0.0.1:{port} cannot be reached (")
    assert reason.endswith("check host, port and network")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "two words", "."])
def test_a_host_that_is_none(dial: Dial, host: str) -> None:
    assert "check host, port and network" in why_not(dial(1883, host=host))


def test_a_broker_that_dies_is_missed_at_once(broker: EmbeddedBroker, dial: Dial) -> None:
    link = opened(dial(broker.port))
    broker.process.kill()
    with pytest.raises(LinkLost, match=f"the broker at 127.0.0.1:{broker.port} ended the connection.* does it run"):
        take_one(link)


def test_the_right_password_opens(guarded: site.SiteBroker, dial: Dial, tmp_path: Path) -> None:
    link = opened(dial(guarded.port, user="agent", password_file=write_secret(tmp_path, "right\n")))
    publisher = Publisher(guarded.port, user="plug", password="plug")
    publisher.publish("plug/power", "905")
    assert take_one(link).message.payload == b"905"
    publisher.close()


@pytest.mark.parametrize("modern", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
def test_a_wrong_password_is_refused_with_the_remedy(
    guarded: site.SiteBroker, dial: Dial, tmp_path: Path, modern: bool
) -> None:
    link = dial(guarded.port, modern=modern, user="agent", password_file=write_secret(tmp_path, "wrong"))
    reason = why_not(link)
    assert "refused the connection (" in reason
    assert "check user, password_file and client_id" in reason
    assert "wrong" not in reason
    assert not link.was_misunderstood


def test_a_broker_that_speaks_tls_is_believed_by_its_own_ca_whatever_the_date(tmp_path: Path, dial: Dial) -> None:
    key, certificate = write_certificate(tmp_path, "site", expired=True)
    files = (f"certfile {certificate}", f"keyfile {key}")
    broker = site.SiteBroker(tmp_path, find_free_port(), *files, "allow_anonymous true")
    broker.start()
    try:
        link = opened(dial(broker.port, tls=True, ca_file=str(certificate)))
        for number in range(20):  # TLS reads several at once, which the socket does not show
            link.ask(Message("plug/power", b"%d" % number))
        assert [take_one(link).message.payload for _ in range(20)] == [b"%d" % number for number in range(20)]
        _, other = write_certificate(tmp_path, "other")
        for untrusted in (str(other), None):
            reason = why_not(dial(broker.port, tls=True, ca_file=untrusted))
            assert "is not trusted (" in reason
            assert "check ca_file, host and the clock" in reason
        by_name = why_not(dial(broker.port, tls=True, ca_file=str(certificate), host="localhost"))
        assert "is not trusted (Hostname mismatch" in by_name
        assert "ended the connection" in why_not(dial(broker.port))
    finally:
        broker.stop()


def test_a_broker_without_tls_is_named(broker: EmbeddedBroker, dial: Dial) -> None:
    reason = why_not(dial(broker.port, tls=True))
    assert reason.startswith(f"the broker at 127.0.0.1:{broker.port} ")
    assert reason.endswith(("check port and tls", "check host, port and network"))


# What only looks like a broker

CONNACK_3 = b"\x20\x02\x00\x00"
CONNACK_5 = b"\x20\x03\x00\x00\x00"
REFUSED_VERSION = b"\x20\x02\x00\x01"


def test_a_subscription_that_is_refused_is_named(hoax: Callable[..., Hoax], dial: Dial) -> None:
    def behave(link: socket.socket, _heard: bytes) -> None:
        link.sendall(CONNACK_3)
        message_id = link.recv(4096)[2:4]
        link.sendall(b"\x90\x04" + message_id + b"\x00\x80")

    reason = why_not(dial(hoax(behave).port, modern=False))
    assert "does not let this user read plug/online: grant it in its access list" in reason


def test_a_listener_that_never_answers_is_given_up(
    hoax: Callable[..., Hoax], dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "ANSWER_S", 0.4)
    link = dial(hoax(lambda link, heard: None).port)
    assert "accepts connections and does not answer: is that an MQTT broker?" in why_not(link)
    assert link.was_misunderstood


def test_a_listener_that_never_answers_tls_is_given_up(
    hoax: Callable[..., Hoax], dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "ANSWER_S", 0.4)
    assert "cannot be reached (" in why_not(dial(hoax(lambda link, heard: None).port, tls=True))


def test_a_stop_does_not_wait_for_a_listener_that_never_answers(hoax: Callable[..., Hoax], dial: Dial) -> None:
    stop = threading.Event()
    silent = hoax(lambda link, heard: stop.set())
    link = dial(silent.port, tls=True)
    before_s = time.monotonic()
    link.open(stop)
    assert time.monotonic() - before_s < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x00" * 64,
        b"\xff" * 64,
        CONNACK_3 + b"\x30\x01\x00",
        CONNACK_3 + b"\x30\x04\x00\xff\x00\x00",
        CONNACK_3 + b"\x90\x01\x00",
        CONNACK_3 + b"\xf0\x00",
        CONNACK_3 + b"\x30\xff\xff\xff\xff\xff",
        b"\x20\x7f" + b"\xff" * 127,
    ],
    ids=["http", "ssh", "zeros", "ones", "short", "topic", "suback", "auth", "length", "connack"],
)
@pytest.mark.parametrize("modern", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
def test_bytes_that_are_no_mqtt_end_the_link_and_nothing_else(
    hoax: Callable[..., Hoax], dial: Dial, monkeypatch: pytest.MonkeyPatch, answer: bytes, modern: bool
) -> None:
    monkeypatch.setattr(mqtt_link, "ANSWER_S", 0.4)
    nonsense = hoax(lambda link, heard: link.sendall(answer))
    reason = why_not(dial(nonsense.port, modern=modern))
    assert reason.startswith(f"the broker at 127.0.0.1:{nonsense.port} ") or "the connection to the broker" in reason


@pytest.mark.parametrize("raised", [struct.error("short"), KeyError(37), MQTTException("no")])
def test_what_an_older_paho_raises_for_such_bytes_ends_the_link_too(
    broker: EmbeddedBroker, dial: Dial, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def read(client: Client) -> MQTTErrorCode:
        raise raised

    link = opened(dial(broker.port))
    monkeypatch.setattr(Client, "loop_read", read)
    link.ask(Message("plug/power", b"905"))
    with pytest.raises(LinkLost, match="sent bytes that are no MQTT"):
        take_one(link)


@pytest.mark.parametrize(
    "behave", [lambda link, heard: link.sendall(REFUSED_VERSION), lambda link, heard: link.close()]
)
def test_a_broker_that_may_not_know_mqtt_5_is_told_apart(
    hoax: Callable[..., Hoax], dial: Dial, behave: Callable[[socket.socket, bytes], None]
) -> None:
    link = dial(hoax(behave).port)
    why_not(link)
    assert link.was_misunderstood


def test_a_half_open_link_is_given_up(hoax: Callable[..., Hoax], dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "KEEPALIVE_S", 1)

    def fall_silent(link: socket.socket, _heard: bytes) -> None:
        link.sendall(CONNACK_3)
        message_id = link.recv(4096)[2:4]
        link.sendall(b"\x90\x04" + message_id + b"\x00\x00")

    assert "ended the connection (Keep alive timeout)" in why_not(dial(hoax(fall_silent).port, modern=False), take=True)


def test_a_half_open_link_is_given_up_even_where_the_broker_has_switched_the_pings_off(
    hoax: Callable[..., Hoax], dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "KEEPALIVE_S", 1)
    monkeypatch.setattr(mqtt_link, "STILL_KEEPALIVES", 1)

    def fall_silent(link: socket.socket, _heard: bytes) -> None:
        link.sendall(b"\x20\x06\x00\x00\x03\x13\x00\x00")  # Server Keep Alive 0
        message_id = link.recv(4096)[2:4]
        link.sendall(b"\x90\x05" + message_id + b"\x00\x00\x00")

    assert "nothing moved on the connection to the broker" in why_not(
        dial(hoax(fall_silent).port, modern=True), take=True
    )


def test_a_broker_that_speaks_mqtt_5_keeps_what_is_too_large_from_us(broker: EmbeddedBroker, dial: Dial) -> None:
    if broker.program == "amqtt":
        pytest.skip("mosquitto is not installed, and amqtt speaks MQTT 3.1.1 only")
    link = opened(dial(broker.port, modern=True))
    publisher = Publisher(broker.port)
    publisher.publish("plug/power", b"x" * (MAX_PAYLOAD_BYTES * 3))
    publisher.publish("plug/power", "905")
    assert take_one(link).message.payload == b"905"
    publisher.close()
