"""Where a message to a platform stands, and what follows. Pure; what the table does not name is refused.

    pending ──▶ sent ──▶ accepted      the platform took it, with its receipt
       ▲ ▲       │ ├───▶ refused       it did not, and said why; a person mends it and sends it again
       │ └───────┘ └───▶ given-up      it never gave an answer, so often that a person has to look
       └── refused, given-up           by a person
    pending, refused, given-up ──▶ replaced     a later revision says more

`sent` is written before the first byte goes out. A message that is found there later is one whose answer was lost, as
is one that got no answer that can be read: the platform is asked what became of it where it can be asked, else it is
sent again under the same key. A later revision waits until an earlier one is on the way no more. The database refuses a
wrong step by itself (migration `exchange`).
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from collector.errors import ExchangeError

State = Literal["pending", "sent", "accepted", "refused", "given-up", "replaced"]
STATES: tuple[State, ...] = get_args(State)
FOLLOWS: dict[State, tuple[str, ...]] = {
    "pending": ("", "sent", "refused", "given-up"),
    "sent": ("pending",),
    "accepted": ("sent",),
    "refused": ("sent",),
    "given-up": ("sent",),
    "replaced": ("pending", "refused", "given-up"),
}
"""By state: which ones it may come after; "" is none."""
BY_PEOPLE: tuple[State, ...] = ("refused", "given-up")
"""From where a person puts a message on the way again."""

MAX_ATTEMPTS = 12
"""After so many without an answer a person has to look: some five days of waiting."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=24)
ANSWER_LEASE = timedelta(minutes=10)
"""How long a message that was sent waits for whoever sent it to write down the answer; longer than any answer takes."""

Heard = Literal["accepted", "refused", "again", "unknown", "nothing"]
"""What came of one attempt: the platform's word, `unknown` where it was asked for what it never had, or nothing."""


class Answer(NamedTuple):
    """One attempt's outcome. `raw` is what came, up to a limit; `told` what is told to people."""

    heard: Heard
    told: str = ""
    receipt: str = ""
    http_status: int | None = None
    raw: bytes | None = None


class Next(NamedTuple):
    """Where a message goes from `sent`, and from when on it is due there."""

    state: State
    due_at: datetime | None


def check_retry(held: State) -> None:
    """Raises ExchangeError unless a person may put a message that stands there on the way again."""
    if held not in BY_PEOPLE:
        why = {"accepted": "the platform has it", "replaced": "a later revision stands in its place"}
        raise ExchangeError(
            f"it is {held}: only what is {' or '.join(BY_PEOPLE)} is sent again by hand; "
            f"{why.get(held, 'it is on its way by itself')}"
        )


def after_attempt(answer: Answer, *, attempts: int, now: datetime, draw: Callable[[], float] = random.random) -> Next:
    """What follows from one attempt, the last of so many. `draw` gives numbers in [0, 1)."""
    if answer.heard == "accepted":
        return Next("accepted", None)
    if answer.heard == "refused":
        return Next("refused", None)
    if attempts >= MAX_ATTEMPTS:
        return Next("given-up", None)
    return Next("pending", now + wait(attempts, draw=draw))


def wait(attempts: int, *, draw: Callable[[], float] = random.random) -> timedelta:
    """How long to wait after so many attempts: half of a time that doubles, and a part of the other half by chance."""
    longest = min(FIRST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)
    return longest / 2 * (1 + draw())
