"""What an examination found: one finding for each thing looked at, for `jishi-agent doctor`.

Finding("port of meter1", "fail", "/dev/ttyUSB0 is held by process 4711 (minicom)", remedy="end that program")
"""

from typing import Literal, NamedTuple

Verdict = Literal["ok", "warn", "fail", "unknown"]
"""As it should be; works, but will cost evidence; does not work; could not be told."""


class Finding(NamedTuple):
    """One thing that was looked at. Each text is one line for people.

    `expected` and `remedy` are empty where nothing is wrong. No secret and no personal data may stand in a finding:
    it is printed, and sent to whoever helps.
    """

    what: str
    verdict: Verdict
    found: str
    expected: str = ""
    remedy: str = ""


def split_remedy(text: str) -> tuple[str, str]:
    """Split a message into what was found and the remedy, which our messages write behind a colon; empty for none.

    A colon in brackets belongs to what the system said.
    """
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0 and text.startswith(": ", position):
            return text[:position], text[position + 2 :]
    return text, ""
