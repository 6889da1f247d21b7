"""Values that have exactly one byte string: decoded, and refused unless encoding gives the same bytes again. Pure.

What a signature or a hash is over must not have two spellings, or two parties could hold different bytes for one value.
The formats (hour records, facts, leaves of the log, …) say what their values are; that each is refused in one way, in
one error family, is decided here. Entries alone do it by themselves (entry.py): there it must be fast.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from protocol.errors import ForeignBytesError, TooLarge, excerpt, one_line

_Value = TypeVar("_Value")


def decode_canonical(
    raw: bytes,
    decode: Callable[[bytes], _Value],
    *,
    encode: Callable[[Any], bytes] = msgspec.json.encode,
    what: str,
    error: type[ForeignBytesError],
    most: int | None = None,
) -> _Value:
    """Return the value of these bytes; TooLarge beyond `most` bytes, `error` where they are no canonical value.

    `what` is the value's word with its article, as in "an hour record": messages begin with it.
    """
    if most is not None and len(raw) > most:
        raise TooLarge(f"{what} has at most {most} bytes, not {len(raw)}")
    try:
        value = decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as cause:
        raise error(f"not {what}: {one_line(cause)}: {excerpt(raw)}") from cause
    if encode(value) != raw:
        raise error(f"{what} that is not in canonical form: {excerpt(raw)}")
    return value
