"""Beacons: the collector's own checkpoint with a time, which agents journal. It bounds their entries from below.

What travels is a *beacon note*: the text of the checkpoint of the collector's log, and one 0x04 line of the receipt key
with the time at which it was sent (note.py), about 240 bytes:

    jishi.example/log/2026-1
    88211
    nWvkITwAgEsF7BCS8RCLuqGbtA94s0Yuqfwf4kQ1Ahk=

    — jishi.example/receipt/1 CmThmAAAAABpLP…

What is journalled is an entry of kind `beacon`, which leaves out what is known anyway: the domain, and the key. So
whoever has the receipt keys can verify it, and nobody can make one up: before the collector signed it at `time_s`,
nobody could have written it. That is all it proves of time. Held back on its way it
only names an earlier time than it could, and widens the bracket.
Source: evidence.md sections 3 and 5; C2SP tlog-cosignature.
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocol.entry import Beacon
from protocol.errors import BadSignature, MalformedNote
from protocol.keys import COSIGNATURE, SigningKey, VerifierKey, base64_text, read_base64
from protocol.note import (
    MAX_TIME_S,
    Checkpoint,
    Note,
    Receipt,
    SignatureLine,
    cosigned_message,
    open_receipt,
    parse_note,
)
from protocol.topics import check_domain, check_log_name, parse_log_origin


class Beaconed(NamedTuple):
    """A beacon note that was verified: which log, and the entry's body that says the same."""

    domain: str
    log: str
    receipt: Receipt
    body: Beacon


def beacon_note(checkpoint: Checkpoint, key: SigningKey, *, time_s: int) -> bytes:
    """Return the beacon note of a checkpoint of the collector's log by the receipt key, time in POSIX seconds."""
    parse_log_origin(checkpoint.origin)
    if key.algorithm != COSIGNATURE or not 0 <= time_s <= MAX_TIME_S:
        raise ValueError("a beacon needs a 0x04 key and a time in POSIX seconds below 2^63")
    stamped = time_s.to_bytes(8, "big") + key.sign(cosigned_message(checkpoint.text, time_s))
    return Note(checkpoint.text, (SignatureLine(key.name, key.verifier.key_id, stamped),)).to_bytes()


def open_beacon(raw: bytes, receipt_key: VerifierKey) -> Beaconed:
    """Return what a beacon note says; BadSignature, MalformedNote, MalformedName, TooLarge."""
    receipt = open_receipt(raw, receipt_key)
    domain, log = parse_log_origin(receipt.checkpoint.origin)
    # By name and id, as open_receipt found it: whoever carries the note may add lines that bear the id alone.
    whose = (receipt_key.name, receipt_key.key_id)
    line = next(each for each in parse_note(raw).signatures if (each.name, each.key_id) == whose)
    body = Beacon(
        log=log,
        size=receipt.checkpoint.size,
        root=base64_text(receipt.checkpoint.root),
        time_s=receipt.time_s,
        signature=base64_text(line.signature),
    )
    return Beaconed(domain, log, receipt, body)


def checkpoint_of(body: Beacon, domain: str) -> Checkpoint:
    """Return the checkpoint that a journalled beacon names; MalformedNote where there can be none."""
    try:
        origin = f"{check_domain(domain)}/log/{check_log_name(body.log)}"
        return Checkpoint(origin, body.size, read_base64(body.root))
    except ValueError as error:
        raise MalformedNote(f"not a beacon: {error}") from error


def verify_beacon(body: Beacon, *, domain: str, receipt_keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the checkpoint of a journalled beacon that one of these keys signed; BadSignature, MalformedNote."""
    checkpoint = checkpoint_of(body, domain)
    stamped = read_base64(body.signature)
    if int.from_bytes(stamped[:8], "big") != body.time_s:
        raise BadSignature("the beacon names another time than its signature")
    message = cosigned_message(checkpoint.text, body.time_s)
    for key in receipt_keys:
        if key.algorithm == COSIGNATURE and _is_signed(key, message, stamped[8:]):
            return checkpoint
    raise BadSignature(f"the beacon of {checkpoint.origin} was signed by none of the receipt keys")


def _is_signed(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    try:
        key.check(message, signature)
    except BadSignature:
        return False
    return True
