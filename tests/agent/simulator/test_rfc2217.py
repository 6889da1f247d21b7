"""The server's end of RFC 2217, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.simulator.rfc2217 import CTS, DCD, DSR, RI, Session

WILL_COM_PORT, DO_COM_PORT = bytes.fromhex("FF FB 2C"), bytes.fromhex("FF FD 2C")
RTS_ON, RTS_OFF = bytes.fromhex("FF FA 2C 05 0B FF F0"), bytes.fromhex("FF FA 2C 05 0C FF F0")


def agreed() -> Session:
    session = Session()
    session.receive(WILL_COM_PORT)
    return session


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("FF FB 2C", "FF FD 2C"),  # WILL COM-PORT: DO
        ("FF FD 2C", "FF FB 2C"),
        ("FF FD 03", "FF FB 03"),  # DO SUPPRESS-GO-AHEAD: WILL
        ("FF FB 00", "FF FD 00"),  # WILL BINARY: DO
        ("FF FD 01", "FF FC 01"),  # DO ECHO: WONT
        ("FF FB 18", "FF FE 18"),  # WILL TERMINAL-TYPE: DONT
        ("FF FC 01", ""),  # WONT what never was
        ("FF FA 2C 01 00 00 25 80 FF F0", "FF FA 2C 65 00 00 25 80 FF F0"),
        ("FF FA 2C 03 00 FF F0", "FF FA 2C 67 01 FF F0"),  # asks for the parity: none
        ("FF FA 2C 0C 01 FF F0", "FF FA 2C 70 01 FF F0"),  # purge
        ("FF FA 2C 0B FF FF FF F0", "FF FA 2C 6F FF FF FF F0"),  # mask 255, doubled
        ("FF FA 2C 08 FF F0", ""),  # suspend: no answer
        ("FF FA 18 01 FF F0", ""),  # another option
        ("FF F1 41 42", ""),  # NOP, data
    ],
)
def test_what_is_asked_is_answered(asked: str, answered: str) -> None:
    assert Session().receive(bytes.fromhex(asked)) == bytes.fromhex(answered)


def test_an_agreement_is_answered_once_so_that_it_does_not_go_on_for_ever() -> None:
    session = agreed()
    assert session.receive(WILL_COM_PORT) == b""
    assert session.receive(bytes.fromhex("FF FC 2C")) == bytes.fromhex("FF FE 2C")
    assert not session.notifies


def test_modem_lines_are_told_once_agreed_and_then_when_they_change() -> None:
    assert Session().notify(CTS) == b""
    session = agreed()
    assert session.notify(0) == bytes.fromhex("FF FA 2C 6B 00 FF F0")
    assert session.notify(0) == b""
    assert session.notify(CTS) == bytes.fromhex("FF FA 2C 6B 11 FF F0")
    assert session.notify(CTS | DSR) == bytes.fromhex("FF FA 2C 6B 32 FF F0")
    assert session.receive(bytes.fromhex("FF FA 2C 07 FF F0")) == bytes.fromhex("FF FA 2C 6B 30 FF F0")


def test_a_state_of_all_ones_is_doubled() -> None:
    session = agreed()
    session.notify(0)
    assert session.notify(CTS | DSR | RI | DCD) == bytes.fromhex("FF FA 2C 6B FF FF FF F0")


def test_a_mask_hides_lines() -> None:
    session = agreed()
    session.receive(bytes.fromhex("FF FA 2C 0B 10 FF F0"))
    assert session.notify(CTS | DSR) == bytes.fromhex("FF FA 2C 6B 10 FF F0")


def test_contacts_are_fed_while_rts_or_dtr_is_on() -> None:
    session = Session()
    assert not session.supplied
    session.receive(RTS_ON)
    assert session.supplied
    session.receive(RTS_OFF)
    assert not session.supplied


@given(st.lists(st.integers(1, 20), max_size=6))
def test_it_makes_no_difference_how_bytes_arrive(lengths: list[int]) -> None:
    whole = WILL_COM_PORT + RTS_ON + b"data\xff\xff" + bytes.fromhex("FF FA 2C 0B FF FF FF F0")
    session, answers = Session(), b""
    for length in [*lengths, len(whole)]:
        answers += session.receive(whole[:length])
        whole = whole[length:]
    assert answers == Session().receive(WILL_COM_PORT + RTS_ON + bytes.fromhex("FF FA 2C 0B FF FF FF F0"))


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_no_bytes_raise_and_little_of_them_is_kept(chunks: list[bytes]) -> None:
    session = Session()
    for chunk in chunks:
        session.receive(chunk)
    assert len(session._rest) <= 64
