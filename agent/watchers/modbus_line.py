"""Questions and answers with one Modbus meter over an open serial port; in the port's child process only.

A Modbus RTU reply does not say which request it answers, so a late answer would be taken for the next one, and an
energy could become a power. After a time-out the line is therefore *out of step*. To get into step again:

1. say nothing for one time-out and drain what comes;
2. ask for a number of registers that no other request asks for (the *marker*), each time for another one of a few. A
   meter answers in order, so once the marker's own length has come back, no older answer can follow. A refusal does not
   say which marker it refuses: it counts when no earlier marker is still unanswered;
3. after two markers in vain (the meter may not know such requests, or answer later still) a long silence has to do.

Nothing that arrives out of step becomes a value. A freshly opened port is out of step too: a process before this one
may have asked something.
"""

import time
from itertools import cycle

from agent.watchers.modbus_frame import ReadRequest, Refusal, encode, find_reply, scan
from agent.watchers.modbus_maps import Register, RegisterMap
from agent.watchers.serial_port import NoReading, Port

SHORTEST_PAUSE_S = 0.00175
PAUSE_BITS = 38.5
"""Frames are 3.5 characters of 11 bits apart, and 1.75 ms from 19 200 baud on (MODBUS over Serial Line 2.5.1.1)."""

FLOOD_BYTES = 2048
LONG_SILENCE_S = 2.0
MARKERS_MISSED = 2
MARKERS = 8


def longest_poll_s(timeout_s: float) -> float:
    """Return how long a poll may take: a long silence, the marker, serial number, power and energy."""
    return _long_silence_s(timeout_s) + 4 * timeout_s


def _long_silence_s(timeout_s: float) -> float:
    return max(LONG_SILENCE_S, 4 * timeout_s)


class Line:
    """The master's side of one line with one meter."""

    def __init__(self, port: Port, *, address: int, meter: RegisterMap, timeout_s: float, baudrate: int) -> None:
        self._port = port
        self._pause_s = max(SHORTEST_PAUSE_S, PAUSE_BITS / baudrate)
        self._address = address
        self._meter = meter
        self._timeout_s = timeout_s
        known = [register for register in (meter.power, meter.energy, meter.serial) if register is not None]
        markers = [self._request(meter.power)._replace(length=length) for length in _unused_lengths(known)]
        self._markers, self._marker = cycle(markers), markers[0]
        self._open_markers = 0  # asked, and neither answered nor refused so far
        self._in_step = False
        self._heard_s = time.monotonic()  # when the line was last busy
        self._missed_markers = 0
        self._unanswered_since_s: float | None = None
        self._late_s: float | None = None  # how late the first answer came that was heard while out of step

    @property
    def in_step(self) -> bool:
        """Whether the last exchange went well, so that the meter is the one that it was."""
        return self._in_step

    def hail(self) -> None:
        """Ask for the power once, on a line of which nothing is known; NoReading unless this meter answers.

        Its answer is no reading: the line is out of step as before.
        """
        try:
            self._exchange(self._request(self._meter.power))
        finally:
            self._in_step = False

    def take_turn(self) -> None:
        """Keep the pause before the next question also to what others said on the line just before."""
        self._heard_s = time.monotonic()

    def doubt(self) -> None:
        """Get into step again before the next question: another meter than expected was heard."""
        self._in_step = False

    def ask(self, register: Register) -> bytes:
        """Return the contents of a register, once the line is in step; NoReading."""
        if not self._in_step:
            self._get_into_step()
        return self._exchange(self._request(register))

    def _request(self, register: Register) -> ReadRequest:
        return ReadRequest(self._address, register.function, register.register, register.length)

    def _get_into_step(self) -> None:
        long = self._missed_markers >= MARKERS_MISSED
        silence_s = _long_silence_s(self._timeout_s) if long else self._timeout_s
        heard = self._listen(silence_s, None)
        self._note_late(heard)
        if long:
            self._missed_markers = 0
            self._in_step = not heard  # a meter that was heard is alive, so it will answer a marker
            if self._in_step:
                self._open_markers = 0
                return
        self._ask_marker()
        self._in_step = True
        self._missed_markers = self._open_markers = 0

    def _ask_marker(self) -> None:
        """Return once no older answer can follow; NoReading."""
        self._marker = next(self._markers)
        self._open_markers += 1
        try:
            self._exchange(self._marker)
        except NoReading as unanswered:
            if unanswered.word == "refused" and not self._open_markers:
                return
            self._missed_markers += unanswered.word in ("silent", "refused")
            if self._late_s is not None:
                raise self._came_late(self._late_s) from None
            if unanswered.word == "refused":
                raise NoReading(
                    "late", "an earlier question was refused late; waiting for the line to settle"
                ) from None
            raise

    def _exchange(self, request: ReadRequest) -> bytes:
        time.sleep(max(0.0, self._heard_s + self._pause_s - time.monotonic()))
        self._port.reset_input_buffer()
        if self._unanswered_since_s is None:
            self._unanswered_since_s = time.monotonic()
        self._port.write(encode(request))
        heard = self._listen(self._timeout_s, request)
        reply = find_reply(heard, request)
        if isinstance(reply, Refusal):
            self._open_markers = max(0, self._open_markers - 1)
        if reply is None:
            self._in_step = False
            self._note_late(heard)
            raise self._without_reply(heard, request)
        self._unanswered_since_s = self._late_s = None
        if isinstance(reply, Refusal):
            self._in_step = False  # it may be the late refusal of something else
            raise NoReading("refused", self._why_refused(reply, request))
        return reply.payload

    def _listen(self, seconds: float, request: ReadRequest | None) -> bytes:
        """Return what is heard until the reply to `request` has come, the time is over, or it is too much."""
        end = time.monotonic() + seconds
        heard = b""
        expected = 5 + 2 * request.length if request else 0
        while time.monotonic() < end and len(heard) < FLOOD_BYTES:
            raw = self._port.read(max(expected - len(heard), self._port.in_waiting, 1))
            if not raw:
                continue
            heard += raw
            self._heard_s = time.monotonic()
            if request and find_reply(heard, request):
                break
        return heard

    def _note_late(self, heard: bytes) -> None:
        address, function = self._marker[:2]
        late = [
            frame for frame in scan(heard) if not isinstance(frame, ReadRequest) and frame[:2] == (address, function)
        ]
        refused = sum(isinstance(frame, Refusal) for frame in late)
        self._open_markers = max(0, self._open_markers - refused)
        if late and self._unanswered_since_s is not None and self._late_s is None:
            self._late_s = time.monotonic() - self._unanswered_since_s

    # What went wrong, in words

    def _came_late(self, late_s: float) -> NoReading:
        return NoReading(
            "late",
            f"the meter at address {self._address} answers only after the time-out of {self._timeout_s:g} s "
            f"(within {late_s:.1f} s); such answers are not used: raise timeout_s",
        )

    def _without_reply(self, heard: bytes, request: ReadRequest) -> NoReading:
        frames = scan(heard)
        others = [frame for frame in frames if not isinstance(frame, ReadRequest)]
        if len(heard) >= FLOOD_BYTES:
            return NoReading("garbage", f"a flood of bytes without an answer ({heard[:8].hex(' ')} …): {_LINE_REMEDY}")
        if others and others[0].address != self._address:
            return NoReading(
                "foreign",
                f"address {others[0].address} answered though address {self._address} was asked: "
                "set the address of this meter",
            )
        if others:
            return NoReading(
                "garbage", "the meter answered with another length than asked for: is another master on this line?"
            )
        if len(heard) > len(frames) * len(encode(request)):
            return NoReading("garbage", f"no intact frame in {len(heard)} bytes ({_excerpt(heard)}): {_LINE_REMEDY}")
        echo = ", only the echo of the question came back" if frames else ""
        return NoReading(
            "silent",
            f"no answer from address {self._address} within {self._timeout_s:g} s{echo}: check power, wiring (A/B), "
            "address, baudrate and parity",
        )

    def _why_refused(self, refusal: Refusal, request: ReadRequest) -> str:
        which = "a marker" if request == self._marker else f"map {self._meter.name}"
        match refusal.code:
            case 1:
                return f"the meter does not know function {request.function}; check {which}"
            case 2 | 3:
                return (
                    f"the meter has no register {request.register:#06x} for function {request.function}; check {which}"
                )
            case code:
                return f"the meter answered with exception {code} to register {request.register:#06x}"


_LINE_REMEDY = "check baudrate and parity, wiring, and whether another program or master uses the line"


def _excerpt(heard: bytes) -> str:
    return heard[:16].hex(" ") + (" …" if len(heard) > 16 else "")


def _unused_lengths(registers: list[Register]) -> list[int]:
    """Lengths of markers: so many that none is asked for again while an answer to it could still come."""
    used = {register.length for register in registers}
    return [length for length in range(1, 5 + MARKERS) if length not in used][:MARKERS]
