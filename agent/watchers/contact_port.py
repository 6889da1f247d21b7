"""The child process of one port's dry contacts: `python -m agent.watchers.contact_port ARGUMENT` (see `serial_port`).

{"wall_ms": 1764554716036, "mono_ms": 72893813, "channel": "beam", "word": "closed"}

It looks at the modem lines every `look_ms`, and throws away what comes as data, which means nothing here.
"""

import errno
from typing import TYPE_CHECKING, Literal, NoReturn

from agent.watchers.contact_line import CHATTER_WINDOW_MS, ContactLine, Told
from agent.watchers.serial_port import LineSettings, NoReading, now, prove_alive, say, serve

if TYPE_CHECKING:
    import serial

FIRST_STATE_MS = 1000
"""A device server is to tell its modem lines within this time of being asked for the port."""

PAUSE_S = 1.0
MOST_BYTES = 4096

_ATTRIBUTES = {"cts": "cts", "dsr": "dsr", "dcd": "cd", "ri": "ri"}


class ContactObserver:
    """Looks at contacts. `contacts` are triples of line, channel, and whether the line's sense is inverted."""

    def __init__(
        self,
        port: "serial.Serial",
        _line: LineSettings,
        *,
        contacts: list[tuple[str, str, bool]],
        supply: Literal["rts", "dtr", "both", "none"],
        look_ms: int,
        poll_s: float,
        debounce_ms: int,
        most_changes: int,
    ) -> None:
        self._port = port
        self._supply = supply
        self._look_s = look_ms / 1000
        self._poll_ms = round(poll_s * 1000)
        self._most_changes = most_changes
        self._contacts = [
            (line, channel, invert, self._contact_line(debounce_ms)) for line, channel, invert in contacts
        ]
        self._opened_ms = now()[1]
        self._proved_ms: int | None = None
        self._chatter_told_ms = 0
        self.poll_s = self._look_s

    def recognise(self) -> None:
        """Return when the port has modem lines; NoReading."""
        self._feed()
        self._levels()

    def poll(self) -> None:
        """Look once, and say what is to be told; NoReading where there are no lines to look at."""
        self.poll_s = PAUSE_S  # unless the look succeeds
        if self._proved_ms is None:
            self._feed()
        self._prove_alive()
        levels = self._levels()
        self.poll_s = self._look_s
        if levels is not None:
            self._tell(levels)

    def _contact_line(self, debounce_ms: int) -> ContactLine:
        return ContactLine(debounce_ms=debounce_ms, every_ms=self._poll_ms, most_changes=self._most_changes)

    def _feed(self) -> None:
        """Put a voltage on the lines that feed the contacts."""
        self._port.timeout = 0
        try:
            self._port.rts = self._supply in ("rts", "both")
            self._port.dtr = self._supply in ("dtr", "both")
        except OSError as error:
            raise self._without_lines(error) from error

    def _prove_alive(self) -> None:
        """Once a poll: a device server that is gone, or hangs, must not be believed to have steady contacts."""
        self._port.read(MOST_BYTES)
        mono_ms = now()[1]
        if self._proved_ms is None or mono_ms - self._proved_ms >= self._poll_ms:
            prove_alive(self._port)
            self._proved_ms = mono_ms

    def _levels(self) -> list[bool] | None:
        """Return which lines are on; None while a device server has yet to tell it."""
        try:
            return [bool(getattr(self._port, _ATTRIBUTES[line])) for line, *_ in self._contacts]
        except OSError as error:
            if "NOTIFY_MODEMSTATE" in str(error) and now()[1] - self._opened_ms < FIRST_STATE_MS:
                return None
            raise self._without_lines(error) from error

    def _without_lines(self, error: OSError) -> OSError | NoReading:
        """Return what to raise for an error at the lines: what is missing, or the error itself."""
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            return NoReading(
                "no-lines",
                f"{self._port.port} has no modem lines, as a pseudo-terminal has none: "
                "use a serial port that has them, or a device server by rfc2217://",
            )
        if "NOTIFY_MODEMSTATE" in str(error):
            return NoReading(
                "mute",
                f"the device server at {self._port.port} does not tell its modem lines: switch modem state "
                "notification on there, or append ?poll_modem to the port",
            )
        return error

    def _tell(self, levels: list[bool]) -> None:
        at = now()
        told = [
            (channel, one)
            for level, (_, channel, invert, line) in zip(levels, self._contacts, strict=True)
            for one in line.look(at[1], level != invert)
        ]
        chattering = [channel for _, channel, _, line in self._contacts if line.chatters]
        if chattering:
            self._tell_chatter(at, ", ".join(chattering))
            return
        for channel, one in told:
            say(_back_to(at, one), channel=channel, word=one.word)

    def _tell_chatter(self, at: tuple[int, int], channels: str) -> None:
        if at[1] - self._chatter_told_ms < self._poll_ms:
            return
        self._chatter_told_ms = at[1]
        say(
            at,
            error="chatter",
            reason=f"contact {channels} changed more than {self._most_changes} times in {CHATTER_WINDOW_MS // 1000} s: "
            "a loose wire, or alternating voltage on the line; mend it, or raise debounce_ms or most_changes",
        )


def _back_to(at: tuple[int, int], told: Told) -> tuple[int, int]:
    wall_ms, mono_ms = at
    return wall_ms - (mono_ms - told.mono_ms), told.mono_ms


def main() -> NoReturn:
    """Look until standard input closes."""
    serve(lambda port, line, task: ContactObserver(port, line, **task))


if __name__ == "__main__":
    main()
