"""How long questions and answers of DL/T 645-2007 take, and how long to wait for them. Pure, and small to import.

At 2400 baud, which most meters leave the factory with, a question and its answer travel for 0.2 s: a time-out that took
no account of it would be one for the wire and not for the meter.
"""

from typing import NamedTuple

from agent.watchers.dlt645_frame import SMALLEST_FRAME_BYTES

BITS_PER_BYTE = 11  # start, eight, parity, stop (5.1)
QUESTION_BYTES = SMALLEST_FRAME_BYTES + 4
ANSWER_BYTES = 4 + SMALLEST_FRAME_BYTES + 4 + 4  # four FE, and an identifier with four bytes of energy

SHORTEST_DELAY_S, LONGEST_DELAY_S = 0.02, 0.5
"""How long a meter may take before it answers (5.3.3)."""

LONG_SILENCE_S = 2.0


class Timing(NamedTuple):
    """`timeout_s`: how long the meter may think; `wakes`: how many FE go before a question (most meters need none)."""

    timeout_s: float = LONGEST_DELAY_S + 0.1
    wakes: int = 4
    baudrate: int = 2400

    @property
    def wire_s(self) -> float:
        """How long one question and its answer travel."""
        return (self.wakes + QUESTION_BYTES + ANSWER_BYTES) * BITS_PER_BYTE / self.baudrate

    @property
    def wait_s(self) -> float:
        """From the question's first bit to the answer's last."""
        return self.timeout_s + self.wire_s

    @property
    def silence_s(self) -> float:
        """How long without a frame means that no answer is on its way any more."""
        return max(LONG_SILENCE_S, 2 * self.wait_s)

    @property
    def longest_poll_s(self) -> float:
        """How long a poll may take: it drains, is silent, looks for the meter, asks for power and energy."""
        return self.silence_s + 4 * self.wait_s

    @property
    def shortest_poll_s(self) -> float:
        """How long a poll takes at least: power and energy, of a meter that answers at once."""
        return 2 * (self.wire_s + SHORTEST_DELAY_S)
