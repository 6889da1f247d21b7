"""The next epoch of an agent that lost the thread of its journal: what it asks for, and who says so.

    up                                            down, where the number is gone
    jishi-epoch/v1                                jishi-taken/v1
    nonce 0f1e2d3c4b5a69788796a5b4c3d2e1f0        log jishi.example/a/em-01/2
    request 505                                   next 3
    note 213

    <505 bytes of request><213 bytes of signed checkpoint of the new log>

The request is a signed note, over the old log's name, the size and root that the agent has of it, why it ends, and
the key of the log that it wants to begin:

    jishi-epoch/v1
    jishi.example/a/em-01/1
    1242
    nWvkITwAgEsF7BCS8RCLuqGbtA94s0Yuqfwf4kQ1Ahk=
    fork
    jishi.example/a/em-01/2+3b2a…+AS1I47hD3twU0unWmw…

    — jishi.example/a/em-01/1 leduGC…             by the old log's key: nobody else may ask
    — jishi.example/a/em-01/2 9vKd3a…             by the new one: proof of possession

A text of six lines cannot be taken for a checkpoint, which has three. The request holds no nonce: whoever sends it
again asks for the same, and gets the same. Where it is granted the answer is a welcome of the new log, as to a hello;
what proves it is the first receipt over that log. Source: evidence.md section 4, decision 0010.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from protocol.errors import ForeignBytesError, MalformedMessage, excerpt
from protocol.header import Header, format_header
from protocol.keys import ED25519, SigningKey, VerifierKey, parse_vkey
from protocol.note import MAX_NOTE_BYTES, Checkpoint, parse_checkpoint, parse_note, sign, verify
from protocol.topics import MAX_EPOCH, parse_origin

EpochReason = Literal["behind", "fork", "damaged", "rotated"]
"""behind: a receipt covers more than the journal holds · fork: it is over another tree · damaged: entries that were
promised and not receipted cannot be read · rotated: nothing is wrong, and the key is replaced by a new one."""
EPOCH_REASONS: tuple[EpochReason, ...] = get_args(EpochReason)
EPOCH_KIND = "jishi-epoch/v1"
TAKEN_KIND = "jishi-taken/v1"

_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class EpochRequest:
    """What an agent has of the log that it leaves, why it leaves it, and the key of the one that it begins.

    ValueError unless both logs are one agent's, and two.
    """

    old: Checkpoint
    reason: EpochReason
    key: VerifierKey

    def __post_init__(self) -> None:
        before, after = parse_origin(self.old.origin), parse_origin(self.key.name)
        if before[:2] != after[:2] or before == after:
            raise ValueError(f"{self.key.name} is no other epoch of {self.old.origin}")
        if self.key.algorithm != ED25519 or self.reason not in EPOCH_REASONS:
            raise ValueError(f"an Ed25519 key (0x01) and one of {', '.join(EPOCH_REASONS)} are expected")

    @property
    def text(self) -> str:
        """What both keys sign: six lines."""
        return f"{EPOCH_KIND}\n{self.old.text}{self.reason}\n{self.key}\n"


@dataclass(frozen=True, slots=True)
class NextEpoch:
    """The request, and with it the hello of the log that it asks for."""

    nonce: str  # 32 lower-case hex digits
    request: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """The number of the log that was asked for is gone; the next one that is free. A hint, like all but receipts."""

    log: str
    next_epoch: int


def sign_request(request: EpochRequest, *, old_key: SigningKey, new_key: SigningKey) -> bytes:
    """Return the signed request; ValueError where the keys are not those of the two logs."""
    if old_key.name != request.old.origin or new_key.verifier != request.key:
        raise ValueError(f"the keys of {request.old.origin} and {request.key.name} sign this, no others")
    return sign(request.text, old_key, new_key)


def read_request(raw: bytes) -> EpochRequest:
    """Read a request without verifying it, to learn whose key to ask; MalformedMessage, MalformedNote, TooLarge."""
    text = parse_note(raw).text
    lines = text.split("\n")
    if len(lines) != 7 or lines[0] != EPOCH_KIND or lines[6]:
        raise MalformedMessage(f"a request for an epoch has six lines, not {excerpt(text)}")
    try:
        old = parse_checkpoint("\n".join([*lines[1:4], ""]))
        reason = next((known for known in EPOCH_REASONS if known == lines[4]), None)
        if reason is None:
            raise MalformedMessage(f"reason {excerpt(lines[4])}: one of {', '.join(EPOCH_REASONS)} is expected")
        return EpochRequest(old, reason, parse_vkey(lines[5]))
    except ForeignBytesError:
        raise
    except ValueError as error:
        raise MalformedMessage(f"not a request for an epoch: {error}") from error


def open_request(raw: bytes, old_key: VerifierKey) -> EpochRequest:
    """Return the request that the old log's key and the new one signed; BadSignature and those of `read_request`."""
    request = read_request(raw)
    for key in (old_key, request.key):
        verify(raw, key)
    if old_key.name != request.old.origin:
        raise MalformedMessage(f"{old_key.name} cannot ask in the name of {request.old.origin}")
    return request


def pack_next_epoch(message: NextEpoch) -> bytes:
    """Return the message as it travels; ValueError when it could not be read."""
    members = [("nonce", message.nonce), ("request", str(len(message.request))), ("note", str(len(message.note)))]
    raw = format_header(EPOCH_KIND, members) + message.request + message.note
    if parse_next_epoch(raw) != message:
        raise ValueError(f"this message would be read as another: {excerpt(raw)}")
    return raw


def parse_next_epoch(raw: bytes) -> NextEpoch:
    """Read the message, neither of its notes verified; MalformedMessage."""
    header = Header(raw)
    nonce = header.take("nonce")
    request_bytes, note_bytes = (header.take_number(name, MAX_NOTE_BYTES) for name in ("request", "note"))
    header.end()
    note_at = header.body_at + request_bytes
    if not _NONCE.fullmatch(nonce) or not request_bytes or not note_bytes or len(raw) != note_at + note_bytes:
        raise MalformedMessage("a nonce of 32 lower-case hex digits, a request and a note of the stated lengths")
    return NextEpoch(nonce, raw[header.body_at : note_at], raw[note_at:])


def pack_taken(message: Taken) -> bytes:
    """Return the message as it travels; ValueError when it could not be read."""
    raw = format_header(TAKEN_KIND, [("log", message.log), ("next", str(message.next_epoch))])
    if parse_taken(raw) != message:
        raise ValueError(f"this message would be read as another: {excerpt(raw)}")
    return raw


def parse_taken(raw: bytes) -> Taken:
    """Read the message; MalformedMessage or MalformedName."""
    header = Header(raw)
    log, number = header.take("log"), header.take_number("next", MAX_EPOCH)
    header.end()
    parse_origin(log)
    if len(raw) != header.body_at or number == 0:
        raise MalformedMessage("a number above 0, and nothing behind it, are expected")
    return Taken(log, number)
