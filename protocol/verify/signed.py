"""Whose signature a note bears, of the keys that are trusted: three answers, not two. Pure.

A signature that does not fit is something false; a note of keys that nobody trusts is something that cannot be shown.
The two must not be one answer: a wrong file of trusted keys is the inspector's own mistake, and accuses nobody.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from protocol.errors import BadSignature
from protocol.keys import VerifierKey
from protocol.note import MAX_NOTE_BYTES, Note, cosigned_message, parse_note

_Opened = TypeVar("_Opened")
MAX_RECEIPT_S: Final = 253_402_300_799
"""The end of the year 9999; no calendar holds a later time."""


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


class Line:
    """The line of one key in many notes; the key's id is made once."""

    def __init__(self, key: VerifierKey) -> None:
        self._key, self._id = key, (key.name, key.key_id)

    def is_in(self, note: Note) -> bool:
        """Whether the note bears a line under this key's name and id."""
        return any((line.name, line.key_id) == self._id for line in note.signatures)

    def check(self, note: Note) -> None:
        """Check the line of a 0x01 key; BadSignature."""
        self._key.check(note.text.encode(), self._only(note))

    def check_stamped(self, note: Note) -> int:
        """Check the line of a 0x04 key and return its time in POSIX seconds; BadSignature."""
        stamped = self._only(note)
        time_s = int.from_bytes(stamped[:8], "big")
        if time_s > MAX_RECEIPT_S:
            raise BadSignature(f"the line of {self._key.name} bears a time that cannot be")
        self._key.check(cosigned_message(note.text, time_s), stamped[8:])
        return time_s

    def _only(self, note: Note) -> bytes:
        found = [line.signature for line in note.signatures if (line.name, line.key_id) == self._id]
        if len(found) != 1:
            raise BadSignature(f"it bears {len(found)} lines of the key {self._key.name}, one is expected")
        return found[0]
