"""The hatch: what a command asks of the agent that runs, and hands in to it, through files beside the journal.

    <journal>/sign-wanted        cover every entry with the signed mark, so that they can be taken out; then removed
    <journal>/receipt-brought    a receipt that came back on a medium; removed once it was taken in
    <journal>/rotate-wanted      why the key is to be replaced (rotation.py); removed once the next epoch is under way
    <journal>/inspect-wanted     the nonce of an on-site check, to be journalled (nonces.py); removed once it was

The agent looks every few seconds. Whoever asks waits until the file is gone; where it stays, nobody lives here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from agent.errors import AgentError, EntryRefused
from agent.identity import write_private
from agent.journal import Journal
from protocol.errors import ForeignBytesError

SIGN_WANTED = "sign-wanted"
RECEIPT_BROUGHT = "receipt-brought"
INSPECT_WANTED = "inspect-wanted"
ROTATE_WANTED = "rotate-wanted"
MAX_RECEIPT_BYTES = 65_536
MAX_NONCE_BYTES = 1000
MAX_WHY_BYTES = 2000
PATIENCE_S = 20.0
LOOK_S = 0.1

log = logging.getLogger(__name__)


class Hatch:
    """The agent's side. `take_receipt` gets the bytes of one that was brought, `answer` the nonce of a check,
    `rotate` why the key is to be replaced."""

    def __init__(
        self,
        journal: Journal,
        take_receipt: Callable[[bytes], None],
        answer: Callable[[str], object] = lambda _: None,
        rotate: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._journal = journal
        self._take_receipt = take_receipt
        self._answer = answer
        self._rotate = rotate

    def look(self) -> None:
        """Do what was asked since the last time."""
        try:
            self._do(self._journal.directory / SIGN_WANTED, self._sign)
            self._do(self._journal.directory / RECEIPT_BROUGHT, self._take)
            self._do(self._journal.directory / INSPECT_WANTED, self._inspect)
            self._do(self._journal.directory / ROTATE_WANTED, self._replace_key)
        except OSError as problem:
            log.warning("hatch failed", extra={"problem": str(problem)})

    def _do(self, asked: Path, act: Callable[[Path], None]) -> None:
        if asked.exists():
            act(asked)
            asked.unlink()

    def _sign(self, _asked: Path) -> None:
        size = self._journal.size
        try:
            self._journal.mark_signed(size, self._journal.root_at(size))
        except EntryRefused as problem:
            log.warning("nothing can be signed", extra={"problem": str(problem)})

    def _take(self, brought: Path) -> None:
        with brought.open("rb") as file:
            self._take_receipt(file.read(MAX_RECEIPT_BYTES))

    def _inspect(self, wanted: Path) -> None:
        with wanted.open("rb") as file:
            nonce = file.read(MAX_NONCE_BYTES).decode("utf-8", "replace").strip()
        try:
            self._answer(nonce)
        except (AgentError, ForeignBytesError) as problem:
            log.error("nonce was not journalled", extra={"problem": str(problem)})

    def _replace_key(self, wanted: Path) -> None:
        with wanted.open("rb") as file:
            self._rotate(file.read(MAX_WHY_BYTES).decode("utf-8", "replace").strip())


def ask_to_sign(directory: Path, *, patience_s: float = PATIENCE_S) -> None:
    """Have the running agent cover its journal with the signed mark; AgentError where it does not answer."""
    _hand_in(directory / SIGN_WANTED, b"", patience_s=patience_s)


def hand_in_receipt(directory: Path, receipt: bytes, *, patience_s: float = PATIENCE_S) -> None:
    """Give the running agent a receipt; AgentError where it does not take it."""
    _hand_in(directory / RECEIPT_BROUGHT, receipt, patience_s=patience_s)


def hand_in_nonce(directory: Path, nonce: str, *, patience_s: float | None = None) -> None:
    """Have the running agent journal the nonce of a check; AgentError where it does not answer."""
    _hand_in(directory / INSPECT_WANTED, f"{nonce}\n".encode(), patience_s=patience_s or PATIENCE_S)


def ask_to_rotate(directory: Path, why: str, *, patience_s: float | None = None) -> None:
    """Have the running agent begin its next epoch with a new key; AgentError where it does not answer."""
    _hand_in(directory / ROTATE_WANTED, why.encode(), patience_s=patience_s or PATIENCE_S)


def _hand_in(path: Path, octets: bytes, *, patience_s: float) -> None:
    write_private(path, octets, mode=0o644)  # no secret, and the agent may be another user
    end_s = time.monotonic() + patience_s
    while path.exists():
        if time.monotonic() > end_s:
            path.unlink(missing_ok=True)
            raise AgentError(
                f"the agent holds {path.parent} and does not answer: see `jishi-agent status`; one that hangs is to be "
                "ended, then try again"
            )
        time.sleep(LOOK_S)
