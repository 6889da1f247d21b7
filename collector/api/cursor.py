"""Cursors: where the next page of a list begins, opaque to the caller.

A cursor is base64url of `[checksum, value, …]` as JSON; the values are the sort key of the last item given. The
checksum covers the values and the scope (path and filters), so that a cursor that was altered, cut, or taken to
another question is refused with a clear answer. It is no secret: a forged cursor could only name another place in
a list that its bearer may read anyway.
"""

import base64
import binascii
import hashlib
import json
from typing import NoReturn

from collector.api.problem import Fault, bad_request

MAX_CURSOR_CHARS = 2_048
"""A key of 200 characters, each of them six in JSON, fits in."""
_CHECKSUM_CHARS = 16


def encode(values: list[str | int], *, scope: str) -> str:
    """The cursor after an item whose sort key is `values`."""
    raw = json.dumps([_checksum(values, scope), *values], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str, *, scope: str, types: tuple[type, ...]) -> list[str | int]:
    """The sort key inside; Problem 400 for anything that `encode` did not make for this scope."""
    if len(text) > MAX_CURSOR_CHARS or not text.isascii():
        _refuse("it is not a cursor of this interface")
    try:
        # json.loads takes a bounded number of characters here, so depth and size are bounded.
        parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        _refuse("it is not a cursor of this interface")
    if not isinstance(parts, list) or [type(part) for part in parts] != [str, *types]:
        _refuse("it is not a cursor of this list")
    if parts[0] != _checksum(parts[1:], scope):
        _refuse("it was made for another question, or altered")
    return parts[1:]


def _checksum(values: list[str | int], scope: str) -> str:
    text = json.dumps(["jishi-cursor/v1", scope, values])
    return hashlib.sha256(text.encode()).hexdigest()[:_CHECKSUM_CHARS]


def _refuse(why: str) -> NoReturn:
    raise bad_request(
        "bad-cursor",
        Fault("query.cursor", why),
        remedy="repeat the question without a cursor and follow next_cursor from there, with the same filters",
    )
