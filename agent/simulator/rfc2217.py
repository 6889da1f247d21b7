"""The server's end of RFC 2217, without a connection: Telnet bytes in, Telnet bytes out. Pure.

A device server lends a serial port over TCP. The client negotiates the COM-PORT option (44), sets the port up, and the
server notifies it of the modem lines whenever they change:

    IAC WILL 44                     client: I will use it        IAC DO 44
    IAC SB 44 1 00 00 25 80 IAC SE  client: 9600 baud            IAC SB 44 101 00 00 25 80 IAC SE
    IAC SB 44 5 11 IAC SE           client: RTS on               IAC SB 44 105 11 IAC SE
                                    server: CTS is on now        IAC SB 44 107 17 IAC SE

Of the options it takes BINARY, SUPPRESS-GO-AHEAD and COM-PORT; the port's settings it repeats, as a server does that
accepts them. The low bits of a modem state tell which of its lines changed.
"""

import re
import struct
from collections.abc import Callable

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44

SIGNATURE, BAUDRATE, DATASIZE, PARITY, STOPSIZE, CONTROL, NOTIFY_MODEMSTATE = 0, 1, 2, 3, 4, 5, 7
LINESTATE_MASK, MODEMSTATE_MASK, PURGE = 10, 11, 12
ANSWER = 100  # what the server says has the client's number and a hundred

DTR_ON, DTR_OFF, RTS_ON, RTS_OFF = 8, 9, 11, 12

CTS, DSR, RI, DCD = 0x10, 0x20, 0x40, 0x80

_TOKEN = re.compile(
    rb"(?P<serial>[^\xff]+|\xff\xff)"
    rb"|\xff(?P<verb>[\xfb-\xfe])(?P<option>.)"
    rb"|\xff\xfa(?P<suboption>(?:[^\xff]|\xff\xff)*)\xff\xf0"
    rb"|\xff[\xf1-\xf9]",
    re.DOTALL,
)
_LONGEST = 64  # of what is incomplete


class Session:
    """One connection's state. `supplied`: whether the client has RTS or DTR on, which feed the contacts."""

    def __init__(self) -> None:
        self._rest = b""
        self._agreed: set[tuple[int, int]] = set()  # (what we said, option)
        self._settings = {BAUDRATE: struct.pack("!I", 9600), DATASIZE: b"\x08", PARITY: b"\x01", STOPSIZE: b"\x01"}
        self._lines = {"dtr": False, "rts": False}
        self._mask = 0xFF
        self._state: int | None = None

    @property
    def supplied(self) -> bool:
        """Whether a contact wired to RTS and DTR has a voltage."""
        return any(self._lines.values())

    @property
    def notifies(self) -> bool:
        """Whether the client has agreed to be notified."""
        return (DO, COM_PORT) in self._agreed

    def receive(self, raw: bytes) -> bytes:
        """Take what the client sent; return the answers."""
        self._rest += raw
        answers, at = b"", 0
        while token := _TOKEN.match(self._rest, at):
            at = token.end()
            if token["verb"]:
                answers += self._negotiate(token["verb"][0], token["option"][0])
            elif token["suboption"]:
                answers += self._obey(token["suboption"].replace(b"\xff\xff", b"\xff"))
        self._rest = self._rest[at:][:_LONGEST]
        return answers

    def notify(self, state: int) -> bytes:
        """Return what tells the client that the modem lines are `state` now (a sum of CTS, DSR, RI, DCD)."""
        if not self.notifies or state == self._state:
            return b""
        changed = 0 if self._state is None else (state ^ self._state) >> 4
        self._state = state
        return _suboption(ANSWER + NOTIFY_MODEMSTATE, bytes([(state | changed) & self._mask]))

    def _negotiate(self, verb: int, option: int) -> bytes:
        yes, no = {DO: (WILL, WONT), DONT: (WILL, WONT), WILL: (DO, DONT), WONT: (DO, DONT)}[verb]
        wanted = verb in (DO, WILL)
        if wanted and option not in (BINARY, SUPPRESS_GO_AHEAD, COM_PORT):
            return bytes([IAC, no, option])
        if wanted == ((yes, option) in self._agreed):
            return b""  # nothing new: to answer would go on for ever
        self._agreed ^= {(yes, option)}
        return bytes([IAC, yes if wanted else no, option])

    def _obey(self, suboption: bytes) -> bytes:
        if len(suboption) < 2 or suboption[0] != COM_PORT:
            return b""
        command, value = suboption[1], suboption[2:]
        act = self._acts().get(command)
        return b"" if act is None else _suboption(ANSWER + command, act(value))

    def _acts(self) -> dict[int, Callable[[bytes], bytes]]:
        acts: dict[int, Callable[[bytes], bytes]] = {
            SIGNATURE: lambda _: b"jishi simulator",
            CONTROL: self._control,
            NOTIFY_MODEMSTATE: lambda _: bytes([(self._state or 0) & self._mask]),
            LINESTATE_MASK: lambda value: value,
            MODEMSTATE_MASK: self._set_mask,
            PURGE: lambda value: value,
        }
        return acts | {command: lambda value, command=command: self._set(command, value) for command in self._settings}

    def _set(self, command: int, value: bytes) -> bytes:
        if any(value):  # zero asks
            self._settings[command] = value
        return self._settings[command]

    def _control(self, value: bytes) -> bytes:
        for name, on, off in (("dtr", DTR_ON, DTR_OFF), ("rts", RTS_ON, RTS_OFF)):
            if value[:1] in (bytes([on]), bytes([off])):
                self._lines[name] = value[0] == on
        return value

    def _set_mask(self, value: bytes) -> bytes:
        self._mask = value[0] if value else 0xFF
        return bytes([self._mask])


def _suboption(command: int, value: bytes) -> bytes:
    return bytes([IAC, SB, COM_PORT, command]) + value.replace(b"\xff", b"\xff\xff") + bytes([IAC, SE])
