"""The nonce of an on-site check: journalled durably, and a signed slip over it for the inspector to take along.

    <journal>/inspect-wanted     a nonce that `jishi-agent inspect` asks the running agent to journal; then removed
    <journal>/inspect-slip       the newest slip (protocol/slip.py), written before the question is removed

Asked again for the same nonce it answers with the same slip: the command may have been cut short, and a nonce that
stands in two entries would look like two checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.clock import Clock
from agent.errors import AgentError, JournalLocked
from agent.hatch import INSPECT_WANTED, hand_in_nonce
from agent.identity import Identity, write_private
from agent.journal import Journal
from protocol import entry
from protocol.entry import Body, Entry, Inspect
from protocol.errors import ForeignBytesError
from protocol.keys import SigningKey
from protocol.note import Checkpoint, sign_checkpoint
from protocol.slip import MAX_BYTES, Slip, check_nonce, open_slip, parse_slip

SLIP = "inspect-slip"

Write = Callable[[Body], Entry | None]


class NonceBook:
    """Answers nonces for one journal. One thread."""

    def __init__(self, journal: Journal, key: SigningKey, write: Write) -> None:
        """`write` journals an entry and returns it once it is durable, None where it was not accepted."""
        self._journal = journal
        self._key = key
        self._write = write

    def answer(self, nonce: str) -> Slip:
        """The slip over this nonce, journalled now unless it was before; MalformedSlip, AgentError."""
        check_nonce(nonce)
        held = read_held(self._journal.directory)
        if held is not None and open_slip(held, self._key.verifier).nonce == nonce:
            return held
        written = self._write(Inspect(nonce))
        if written is None:
            raise AgentError("the journal takes no entry just now (see `jishi-agent status`); try again")
        size = written.index + 1
        root = self._journal.root_at(size)
        self._journal.mark_signed(size, root)
        slip = Slip(entry.encode(written), sign_checkpoint(Checkpoint(self._key.name, size, root), self._key))
        write_private(self._journal.directory / SLIP, slip.to_bytes(), mode=0o644)  # no secret
        return slip


def read_held(directory: Path) -> Slip | None:
    """The slip in a journal's directory; None where there is none that can be read."""
    try:
        with (directory / SLIP).open("rb") as file:
            return parse_slip(file.read(MAX_BYTES + 1))
    except (FileNotFoundError, ForeignBytesError):
        return None


def journal_nonce(who: Identity, nonce: str, *, clock: Clock, patience_s: float | None = None) -> Slip:
    """Have a nonce journalled, by the agent where it runs; AgentError with the remedy, MalformedSlip."""
    check_nonce(nonce)
    try:
        journal = Journal.open(who.journal, origin=who.enrolment.origin)
    except JournalLocked:
        hand_in_nonce(who.journal, nonce, patience_s=patience_s)
        return _held_slip(who, nonce)
    try:
        return NonceBook(journal, who.key, _writer(journal, clock)).answer(nonce)
    finally:
        journal.close()


def _held_slip(who: Identity, nonce: str) -> Slip:
    slip = read_held(who.journal)
    if slip is None or open_slip(slip, who.key.verifier).nonce != nonce:
        raise AgentError(f"the agent did not journal the nonce: its log says why ({INSPECT_WANTED})")
    return slip


def _writer(journal: Journal, clock: Clock) -> Write:
    def write(body: Body) -> Entry:
        at = clock.now()
        index = journal.append(body, at, boot=clock.boot_id)
        return entry.make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=clock.boot_id)

    return write
