"""Whose signature a note bears, of the keys that are trusted: three answers, not two. Pure.

A signature that does not fit is something false; a note of keys that nobody trusts is something that cannot be shown.
The two must not be one answer: a wrong file of trusted keys is the inspector's own mistake, and accuses nobody.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from protocol.errors import BadSignature
from protocol.keys import VerifierKey
from protocol.note import MAX_NOTE_BYTES, parse_note

_Opened = TypeVar("_Opened")


class UnknownSigner(BadSignature):
    """None of the trusted keys signed it; whoever did is named."""


def open_by(
    raw: bytes,
    keys: Sequence[VerifierKey],
    open_note: Callable[[bytes, VerifierKey], _Opened],
    *,
    limit: int = MAX_NOTE_BYTES,
) -> tuple[_Opened, VerifierKey]:
    """What one of these keys signed, and which.

    UnknownSigner where the note bears none of their lines; BadSignature, MalformedNote or TooLarge where it is false or
    of the wrong form.
    """
    lines = {(line.name, line.key_id) for line in parse_note(raw, limit=limit).signatures}
    for key in keys:
        if (key.name, key.key_id) in lines:
            return open_note(raw, key), key
    names = {key.name for key in keys}
    for name, key_id in sorted(lines):
        if name in names:
            raise BadSignature(f"it bears a line of {name} by another key ({key_id:08x}) than the trusted one")
    told = ", ".join(f"{name}+{key_id:08x}" for name, key_id in sorted(lines)[:4])
    raise UnknownSigner(f"it bears lines of {told}, and none of these keys is trusted")
