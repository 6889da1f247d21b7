"""The simulated device server, met by pyserial's own RFC 2217 client."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
import serial
from serial import rfc2217

from agent.simulator.contacts import ContactServer
from tests.agent.simulator.served import serving

# pyserial 3.5 names its thread the old way.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name).* is deprecated:DeprecationWarning")


WILL_COM_PORT, DO_COM_PORT = bytes.fromhex("FF FB 2C"), bytes.fromhex("FF FD 2C")


@pytest.fixture
def server() -> Iterator[ContactServer]:
    with serving(ContactServer()) as server:
        yield server


@pytest.fixture
def client(server: ContactServer) -> Iterator[rfc2217.Serial]:
    with serial.serial_for_url(server.url + "?timeout=0.5", timeout=0.05) as client:
        yield client


def until(meant: Callable[[], bool], within_s: float = 5) -> bool:
    end_s = time.monotonic() + within_s
    while not meant() and time.monotonic() < end_s:
        time.sleep(0.01)
    return meant()


def lines_of(client: rfc2217.Serial) -> set[str]:
    return {name for name in ("cts", "dsr", "ri", "cd") if getattr(client, name)}


def test_the_client_sees_each_contact_close_and_open(server: ContactServer, client: rfc2217.Serial) -> None:
    assert until(lambda: client._modemstate is not None)
    assert lines_of(client) == set()
    server.closed = frozenset({"cts", "dcd"})
    assert until(lambda: lines_of(client) == {"cts", "cd"})
    server.closed = frozenset({"dsr", "ri"})
    assert until(lambda: lines_of(client) == {"dsr", "ri"})


def test_a_closed_contact_is_seen_only_while_it_is_fed(server: ContactServer, client: rfc2217.Serial) -> None:
    server.closed = frozenset({"cts"})
    assert until(lambda: lines_of(client) == {"cts"})
    client.rts = client.dtr = False
    assert until(lambda: lines_of(client) == set())


def test_a_client_that_asks_for_the_lines_gets_them(server: ContactServer) -> None:
    server.closed = frozenset({"ri"})
    with serial.serial_for_url(server.url + "?poll_modem&timeout=0.5", timeout=0.05) as client:
        assert client.ri is True


def test_a_second_client_is_turned_away_and_the_next_one_served(server: ContactServer) -> None:
    def connect() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        connection.sendall(WILL_COM_PORT)
        return connection

    with connect() as first:
        assert first.recv(3) == DO_COM_PORT
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as second:
            assert second.recv(1) == b""
    with connect() as third:
        assert third.recv(3) == DO_COM_PORT


def test_one_that_hangs_answers_no_more(server: ContactServer, client: rfc2217.Serial) -> None:
    server.fault = "hang"
    with pytest.raises(serial.SerialException, match="timeout while waiting for option 'purge'"):
        client.reset_input_buffer()


def test_one_that_is_mute_never_tells_its_lines(server: ContactServer) -> None:
    server.fault = "mute"
    with (
        serial.serial_for_url(server.url + "?timeout=0.5") as client,
        pytest.raises(serial.SerialException, match="remote sends no NOTIFY_MODEMSTATE"),
    ):
        client.cts  # noqa: B018


def test_one_that_ends_connections_is_noticed_by_reading(server: ContactServer, client: rfc2217.Serial) -> None:
    server.fault = "drop"
    assert until(lambda: not client._thread.is_alive())
    with pytest.raises(serial.SerialException, match="reader thread died"):
        client.read(1)


def test_noise_reaches_the_client_as_data(server: ContactServer, client: rfc2217.Serial) -> None:
    server.fault = "garbage"
    assert until(lambda: client.in_waiting > 400)
    assert lines_of(client) == set()
