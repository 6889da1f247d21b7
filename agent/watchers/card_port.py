"""The child process of one card reader: `python -m agent.watchers.card_port ARGUMENT` (see `serial_port`).

    {"wall_ms": 1764554716036, "mono_ms": 72893813, "since_ms": 1764554710021}     listening, and since when
    {"wall_ms": 1764554717041, "mono_ms": 72894818, "card": "100086F444"}          a card was presented

It only listens. A reader that says nothing and one that is not there look the same to a serial port.
"""

import time
from typing import TYPE_CHECKING, NoReturn

from agent.watchers.card_frame import FormatName, Reader
from agent.watchers.serial_port import LineSettings, now, prove_alive, say, serve

if TYPE_CHECKING:
    import serial

CHUNK_BYTES = 256
UNDER_WAY_S = 0.5
"""For so long at most, what was under way when the port was opened is thrown away, up to the first pause."""


LISTEN_S = 0.25
"""How long a read may wait for a card: the slices of a port that is asked questions would cost ten times as much."""


class CardObserver:
    """Listens to one reader; `every_s` is how often it says that it does."""

    poll_s = 0.0  # a poll waits for bytes by itself

    def __init__(self, port: "serial.Serial", _line: LineSettings, *, form: FormatName, every_s: float) -> None:
        self._port = port
        self._reader = Reader(form)
        self._every_ms = round(every_s * 1000)
        self._since_ms = 0
        self._said_ms: int | None = None

    def recognise(self) -> None:
        """Nothing tells a reader before a card is presented: the adapter that is named will do."""

    def poll(self) -> None:
        """Listen for a moment, and say who was presented, or now and then that it listens."""
        if not self._since_ms:
            self._let_pass()
            self._port.timeout = LISTEN_S
            self._since_ms = now()[0]
        received = self._port.read(1)
        if received:
            received += self._port.read(min(self._port.in_waiting, CHUNK_BYTES))
        at = now()
        for number in self._reader.hear(at[1], received):
            say(at, card=number)
        if self._said_ms is None or at[1] - self._said_ms >= self._every_ms:
            self._say_how_it_is(at)

    def _let_pass(self) -> None:
        end_s = time.monotonic() + UNDER_WAY_S
        while self._port.read(CHUNK_BYTES) and time.monotonic() < end_s:
            pass

    def _say_how_it_is(self, at: tuple[int, int]) -> None:
        prove_alive(self._port)
        self._said_ms = at[1]
        if self._reader.trouble:
            say(at, error="noise", reason=self._reader.trouble)
        else:
            say(at, since_ms=self._since_ms)


def main() -> NoReturn:
    """Listen until standard input closes."""
    serve(lambda port, line, task: CardObserver(port, line, **task))


if __name__ == "__main__":
    main()
