"""The child process of one status poll: `python -m agent.watchers.status_port ARGUMENT` (see `serial_port`).

{"wall_ms": 1764554716036, "mono_ms": 72893813, "state": "run"}

It sends the profile's question and nothing else. After a question that was not answered as it should be it keeps quiet
until nothing has come for a while, and only then asks again: answers bear no number, so a late one must be gone.
Patterns are tried here and not in the agent: what takes too long is ended with this process.
"""

import time
from typing import TYPE_CHECKING, Any, NoReturn

from agent.watchers.serial_port import LineSettings, NoReading, say, serve
from agent.watchers.status_profile import LONGEST_ANSWER, Unintelligible, excerpt, profile_from, read_answer

if TYPE_CHECKING:
    import serial


class StatusObserver:
    """Asks one instrument. `quiet_after_s`: how long nothing is asked after a question that had no answer."""

    def __init__(
        self,
        port: "serial.Serial",
        _line: LineSettings,
        *,
        profile: list[Any],
        poll_s: float,
        timeout_s: float,
        quiet_after_s: float,
    ) -> None:
        self.poll_s = poll_s
        self._port = port
        self._profile = profile_from(profile)
        self._timeout_s = timeout_s
        self._quiet_after_s = quiet_after_s
        self._quiet_until_s = 0.0

    def recognise(self) -> None:
        """Return when the instrument answers as the profile says; NoReading."""
        self._ask()

    def poll(self) -> None:
        """Ask once, and say the state; NoReading."""
        self._keep_quiet()
        say(state=self._ask())

    def _keep_quiet(self) -> None:
        """Wait for as long as an answer that is late may take; NoReading when one came, for there may be another."""
        if not self._quiet_until_s:
            return
        time.sleep(max(0.0, self._quiet_until_s - time.monotonic()))
        if self._port.in_waiting:
            self._port.reset_input_buffer()
            self._quiet_until_s = time.monotonic() + self._quiet_after_s
            raise NoReading(
                "late", f"the instrument answers only after the time-out of {self._timeout_s:g} s: raise timeout_s"
            )

    def _ask(self) -> str:
        self._quiet_until_s = time.monotonic() + self._timeout_s + self._quiet_after_s  # unless it answers
        self._port.reset_input_buffer()
        self._port.write(self._profile.ask + self._profile.ends_with)
        answer = self._answer()
        try:
            state = read_answer(self._profile, answer)
        except Unintelligible as problem:
            raise NoReading("unknown", str(problem)) from problem
        self._quiet_until_s = 0.0
        return state

    def _answer(self) -> bytes:
        """Return one line that is not the echo of the question, without its end; NoReading."""
        received, end_s = b"", time.monotonic() + self._timeout_s
        while time.monotonic() < end_s:
            received += self._port.read(1) + self._port.read(min(self._port.in_waiting, LONGEST_ANSWER))
            first, ended, rest = received.partition(self._profile.ends_with)
            if ended and first == self._profile.ask:
                received = rest  # the echo
            elif ended:
                return first
            elif len(received) > LONGEST_ANSWER:
                raise NoReading(
                    "flood",
                    f"more than {LONGEST_ANSWER} bytes came without an end of line: check ends_with, baudrate, parity",
                )
        raise self._unanswered(received)

    def _unanswered(self, received: bytes) -> NoReading:
        asked = f"{excerpt(self._profile.ask)} within {self._timeout_s:g} s"
        if received:
            reason = f"no whole answer to {asked}, only {excerpt(received)}: check ends_with, baudrate and parity"
            return NoReading("half", reason)
        return NoReading("silent", f"no answer to {asked}: is the instrument on, and its remote control enabled?")


def main() -> NoReturn:
    """Ask until standard input closes."""
    serve(lambda port, line, task: StatusObserver(port, line, **task))


if __name__ == "__main__":
    main()
