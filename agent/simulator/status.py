"""A simulated instrument that answers for its state on a pseudo-terminal, as SCPI or with plain words.

    STAT:OPER:COND?<LF>   16<LF>           STATUS?<CR><LF>   RUN<CR><LF>

It answers what the built-in profiles of the status poll ask, and to anything else with an error of its own, as many
instruments do. Faults can be switched on while it runs.
"""

import time
from random import Random
from typing import Literal

from agent.simulator.models import State
from agent.simulator.pty_port import PtyPort

LOOK_S = 0.05
LATE_S = 0.6
LONGEST_QUESTION = 200

Fault = Literal["silent", "garbage", "half", "late", "unknown", "flood", "echo"]

_ANSWERS: dict[bytes, dict[State, bytes]] = {
    b"STAT:OPER:COND?": {"standby": b"0\n", "run": b"16\n"},
    b"*STB?": {"standby": b"0\n", "run": b"128\n"},
    b"STATUS?": {"standby": b"IDLE\r\n", "run": b"RUN\r\n"},
}


def answer(question: bytes, state: State) -> bytes:
    """Return what the instrument says; nothing while it is off."""
    if state == "off":
        return b""
    return _ANSWERS.get(question.strip(), {}).get(state, b"-113,UNDEFINED HEADER\r\n")


class PtyInstrument:
    """The instrument's end. `state` and `fault` may be set by any thread while another is in `serve`."""

    def __init__(self, state: State = "standby", *, seed: int = 0) -> None:
        self.state: State = state
        self.fault: Fault | None = None
        self.stopping = False
        self.asked: list[bytes] = []  # the last questions
        self._chance = Random(seed)  # noqa: S311 - noise, not a secret
        self._port = PtyPort()
        self._heard = b""
        self.path = self._port.path

    def serve(self) -> None:
        """Answer until `stopping`."""
        while not self.stopping:
            self._heard += self._port.hear(LOOK_S)
            *questions, self._heard = self._heard.split(b"\n")
            self._heard = self._heard[-LONGEST_QUESTION:]
            for question in questions:
                self.asked = [*self.asked, question][-100:]
                self._port.say(self._reply(question))

    def close(self) -> None:
        """Unplug the instrument."""
        self._port.close()

    def _reply(self, question: bytes) -> bytes:
        said = answer(question, self.state)
        match self.fault:
            case "silent":
                return b""
            case "garbage":
                return self._chance.randbytes(6).replace(b"\n", b"") + b"\r\n"
            case "half":
                return said[: len(said) // 2]
            case "late":
                time.sleep(LATE_S)
            case "unknown":
                return b"WARMING UP 37 %\r\n"
            case "flood":
                return self._chance.randbytes(3000).replace(b"\n", b"")
            case "echo":
                return question + b"\n" + said
        return said
