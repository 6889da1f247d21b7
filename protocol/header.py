"""The ASCII header that every jishi message begins with: one word a line, then what it is, then a blank line.

    jishi-hello/v1
    nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0
    note 213

    <213 bytes of note>

Decides only where the header ends and what its lines are called; the names, their order and the meaning of the
values belong to `batch` and `message`. A header has exactly the names its message asks for, in their order, so that
each message has one header.
"""

import re
from collections.abc import Iterator, Sequence

from protocol.errors import MalformedMessage, excerpt

MAX_HEADER_BYTES = 64 * 1024

_HEADER = re.compile(rb"[\x20-\x7e\n]*")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


def first_line(raw: bytes) -> bytes:
    """Return the first line of a message, which names its kind (at most 40 bytes of it)."""
    return raw[:40].partition(b"\n")[0]


def format_header(kind: str, members: Sequence[tuple[str, str]]) -> bytes:
    """Return the header with its blank line; ValueError for a value that is not ASCII. Callers read it back."""
    return "".join([f"{kind}\n", *(f"{name} {value}\n" for name, value in members), "\n"]).encode("ascii")


class Header:
    """The members of a header, taken in order; MalformedMessage when the next one is not the one asked for."""

    def __init__(self, raw: bytes) -> None:
        head, blank, _ = raw[:MAX_HEADER_BYTES].partition(b"\n\n")
        if not blank or not _HEADER.fullmatch(head):
            raise MalformedMessage(f"no header of printable ASCII that ends in a blank line: {excerpt(raw)}")
        self.body_at = len(head) + 2
        self._lines = head.decode("ascii").split("\n")
        self._next = 1

    def take(self, name: str) -> str:
        """Return the value of the next member, which must have this name."""
        line = self._lines[self._next] if self._next < len(self._lines) else ""
        found, space, value = line.partition(" ")
        if found != name or not space:
            raise MalformedMessage(f"header line {excerpt(line)}: {name!r} and a value are expected")
        self._next += 1
        return value

    def take_number(self, name: str, limit: int) -> int:
        """Return the next member as a number from 0 to `limit`, without leading zeros."""
        value = self.take(name)
        if not _DECIMAL.fullmatch(value) or int(value) > limit:
            raise MalformedMessage(f"header member {name} {excerpt(value)}: a number from 0 to {limit} is expected")
        return int(value)

    def take_all(self, name: str) -> Iterator[str]:
        """Return the values of the next members as long as they have this name."""
        while self._next < len(self._lines) and self._lines[self._next].startswith(f"{name} "):
            yield self.take(name)

    def end(self) -> None:
        """Check that every member was taken."""
        if self._next != len(self._lines):
            raise MalformedMessage(f"header line {excerpt(self._lines[self._next])} is not expected here")
