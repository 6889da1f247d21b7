"""Questions and answers with one DL/T 645-2007 meter over an open serial port; in the port's child process only.

An answer carries the meter's address and the identifier that was asked for, so an energy never becomes a power, nor
another meter's reading this one's. But a late answer looks like the answer to the *same* question asked again. So each
identifier is *open* from its question until it is certain that no answer to it can come any more:

1. the answer to a question settles it, where nothing else was open;
2. after a time-out, say nothing for one more and drain what comes, then ask for an identifier that is not open (the
   *marker*). A meter answers in order, so once the marker's answer has come, nothing older can follow: all is settled;
3. where no identifier is left to ask for, because the meter is away or refuses them (a refusal names no identifier, and
   may itself be a late one), a long time without a frame settles all.

Only while nothing is open does an answer become a value. On a freshly opened port the identifiers of power and energy
are open: a process before this one may have asked for them.
"""

import time

from agent.watchers.dlt645_frame import (
    SMALLEST_FRAME_BYTES,
    WAKE,
    Address,
    Data,
    NotDecimal,
    ReadAddress,
    ReadData,
    Refusal,
    decimal,
    encode,
    error_words,
    find_answer,
    scan,
    signed_decimal,
)
from agent.watchers.dlt645_timing import Timing
from agent.watchers.dlt645_trouble import FLOOD_BYTES, Asked, why_none, why_several
from agent.watchers.serial_port import NoReading, Port

POWER, ENERGY = 0x02030000, 0x00010000
MARKERS = (ENERGY, POWER, 0x02010100, 0x02020100, 0x02060000)
"""What may be asked to see an answer: energy and power, then voltage and current of phase A, and the power factor."""

POWER_BYTES, MW_PER_DIGIT = 3, 100  # XX.XXXX kW (table A.3)
ENERGY_BYTES, MWH_PER_DIGIT = 4, 10_000  # XXXXXX.XX kWh (table A.1)
MOST_W = 80_000
"""Three bytes and a sign hold 79.9999 kW."""


class Line:
    """The master's side of one line. `address` is the meter's, or empty: then whoever answers alone is the meter."""

    def __init__(self, port: Port, *, address: str, timing: Timing) -> None:
        self.address = address
        self._port = port
        self._any = not address
        self._timing = timing
        self._open = {POWER, ENERGY}
        self._asked_s: float | None = None  # since when no answer has come in time
        self._late_s: float | None = None  # how late the first answer came that was heard meanwhile
        self._late_again = False  # whether one was heard since the last long silence

    def recognise(self) -> None:
        """Return when the meter answers, be it by a refusal; NoReading."""
        self._find_meter()
        try:
            self._settle()
        except NoReading as none:
            if none.word != "refused":
                raise

    def ask_power_mw(self) -> int:
        """Return the power that the meter shows; NoReading. Negative: it flows out of the load, or the wires do."""
        try:
            self._find_meter()
            self._settle()
            return signed_decimal(self._value(POWER, POWER_BYTES)) * MW_PER_DIGIT
        except NotDecimal as none:
            raise _absurd(none) from none

    def ask_energy_mwh(self) -> int:
        """Return the counter of forward active energy, right after the power; NoReading."""
        try:
            return decimal(self._value(ENERGY, ENERGY_BYTES)) * MWH_PER_DIGIT
        except NotDecimal as none:
            raise _absurd(none) from none

    def read_addresses(self) -> list[str]:
        """Return the addresses of all meters that name theirs; NoReading where none does, or the answers collide."""
        heard = self._ask(ReadAddress(), until_answered=False)
        found = sorted({frame.address for frame in scan(heard) if isinstance(frame, Address)})
        if not found:
            raise self._none(heard, ReadAddress())
        return found

    def _find_meter(self) -> None:
        if self.address:
            return
        found = self.read_addresses()
        if len(found) > 1:
            raise why_several(found)
        [self.address] = found
        self._asked_s = None

    def _settle(self) -> None:
        """Make sure that nothing is open."""
        if not self._open:
            return
        self._note_late(self._listen(self._timing.wait_s))
        marker = next((identifier for identifier in MARKERS if identifier not in self._open), None)
        if marker is None:
            self._wait_for_silence()
        else:
            self._exchange(marker)

    def _wait_for_silence(self) -> None:
        """Settle all without an answer. A meter that was looked for is looked for again: it may be another by now."""
        heard = self._listen(self._timing.silence_s)
        if scan(heard) or len(heard) >= FLOOD_BYTES:
            raise self._none(heard, None)
        self._open.clear()
        self._asked_s = None
        self._late_s, self._late_again = (self._late_s if self._late_again else None), False
        if self._any:
            self.address = ""
            self._find_meter()

    def _value(self, identifier: int, length: int) -> bytes:
        answer = self._exchange(identifier)
        if answer.followed or len(answer.payload) != length:
            parts = " of several parts" if answer.followed else ""
            raise NoReading(
                "garbage",
                f"the meter answered {identifier:08X} with {len(answer.payload)} bytes{parts} instead of {length}: "
                "is it of DL/T 645-2007?",
            )
        return answer.payload

    def _exchange(self, identifier: int) -> Data:
        """Return the answer, which settles all; NoReading, after which the identifier is open."""
        request = ReadData(self.address, identifier)
        alone = not self._open
        self._open.add(identifier)
        heard = self._ask(request, until_answered=True)
        answer = find_answer(heard, request)
        if answer is None:
            raise self._none(heard, request)
        if isinstance(answer, Refusal):
            if alone:
                self._open.clear()
            raise NoReading("refused", f"the meter refused {identifier:08X}: {error_words(answer.error)}")
        self._open.clear()
        self._asked_s = self._late_s = None
        return answer

    def _ask(self, request: ReadData | ReadAddress, *, until_answered: bool) -> bytes:
        """Return what is heard after a question; the whole time long, where several may answer."""
        self._port.reset_input_buffer()
        if self._asked_s is None:
            self._asked_s = time.monotonic()
        self._port.write(bytes((WAKE,)) * self._timing.wakes + encode(request))
        awaited = request if until_answered and isinstance(request, ReadData) else None
        return self._listen(self._timing.wait_s, awaited)

    def _listen(self, seconds: float, request: ReadData | None = None) -> bytes:
        """Return what is heard until the answer to `request` has come, the time is over, or it is too much."""
        end_s = time.monotonic() + seconds
        heard = b""
        expected = SMALLEST_FRAME_BYTES + 4 + POWER_BYTES if request else 0
        while time.monotonic() < end_s and len(heard) < FLOOD_BYTES:
            heard += self._port.read(max(expected - len(heard), self._port.in_waiting, 1))
            if request and find_answer(heard, request):
                break
        return heard

    def _note_late(self, heard: bytes) -> None:
        answered = any(isinstance(frame, Data | Refusal) and frame.address == self.address for frame in scan(heard))
        self._late_again |= answered
        if answered and self._asked_s is not None and self._late_s is None:
            self._late_s = time.monotonic() - self._asked_s

    def _none(self, heard: bytes, request: ReadData | ReadAddress | None) -> NoReading:
        self._note_late(heard)
        return why_none(heard, Asked(request, self.address, self._timing.timeout_s, self._late_s))


def _absurd(none: NotDecimal) -> NoReading:
    return NoReading("absurd", f"{none}: the meter has no value, or is not of DL/T 645-2007")
