"""`jishi-audit note`: whether a key signed a note, a checkpoint or a receipt, and what it says."""

from typing import NamedTuple

from protocol.audit.verify import local_time, plain
from protocol.errors import BadSignature, ForeignBytesError, MalformedNote
from protocol.keys import COSIGNATURE, VerifierKey
from protocol.note import MAX_NOTE_BYTES, open_receipt, parse_note, verify
from protocol.verify.signed import UnknownSigner, open_by
from protocol.verify.verdicts import Verdict

MAX_BYTES = 8 << 20


class Noted(NamedTuple):
    """What became of a note: the lines to show, and the verdict."""

    lines: list[str]
    verdict: Verdict


def check_note(raw: bytes, key: VerifierKey) -> Noted:
    """Verify by the key; never raises for foreign bytes."""
    try:
        note = parse_note(raw, limit=MAX_BYTES)
        lines = [*(f"  {plain(line)}" for line in note.text.splitlines()[:40])]
        signers = [f"line 签名行  {plain(line.name)}+{line.key_id:08x}" for line in note.signatures]
    except ForeignBytesError as error:
        return Noted([f"not a signed note 不是签名文本: {plain(str(error))}"], Verdict.CONTRADICTED)
    try:
        told = _open(raw, key)
    except UnknownSigner as error:
        return Noted(
            [*lines, *signers, f"not signed by this key 没有此密钥的签名: {plain(str(error))}"], Verdict.INCOMPLETE
        )
    except (BadSignature, MalformedNote, ForeignBytesError) as error:
        return Noted([*lines, *signers, f"false 签名不符: {plain(str(error))}"], Verdict.CONTRADICTED)
    return Noted([*lines, *signers, told], Verdict.VALID)


def _open(raw: bytes, key: VerifierKey) -> str:
    if key.algorithm == COSIGNATURE:
        receipt, _ = open_by(raw, (key,), open_receipt, limit=MAX_NOTE_BYTES)
        when = local_time(receipt.time_s * 1000)
        return f"signed by {plain(str(key))} at {when} 已由此密钥在该时刻签名"
    open_by(raw, (key,), lambda held, by: verify(held, by, limit=MAX_BYTES), limit=MAX_BYTES)
    return f"signed by {plain(str(key))} 已由此密钥签名"
