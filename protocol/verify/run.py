"""What the checks of one verification share: where findings go, and what one check leaves to those behind it. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from protocol.keys import VerifierKey
from protocol.registered import Statement
from protocol.verify import words
from protocol.verify.container import Held
from protocol.verify.journal import Journal
from protocol.verify.layout import Manifest
from protocol.verify.line_files import read_lines
from protocol.verify.log_proofs import Head
from protocol.verify.revoked import Revoked
from protocol.verify.said_book import SaidBook
from protocol.verify.trust import Trust
from protocol.verify.verdicts import Finding, Ledger

Tell = Callable[[int], None]
"""Is told the number of the check that begins."""


@dataclass
class State:
    """What one check leaves to those behind it."""

    held: Held
    manifest: Manifest
    trust: Trust
    manifest_sha256: str = ""
    signers: list[str] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    proved: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """Log and index of the leaf that names a fact or a statement, by kind and SHA-256."""
    statements: list[Statement] = field(default_factory=list)
    revoked: dict[str, Revoked] = field(default_factory=dict)
    """By the origin of the log whose key it was."""
    policies: dict[str, bytes] = field(default_factory=dict)
    book: SaidBook | None = None
    signed_by: dict[str, VerifierKey] = field(default_factory=dict)
    """Who signed a decision, by its ref: a key that is trusted."""
    agent_keys: dict[str, VerifierKey] = field(default_factory=dict)
    journals: list[Journal] = field(default_factory=list)


class Run:
    """One verification: its findings by check."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.ledger = Ledger(words.CHECKS)

    def begin(self, number: int) -> None:
        """The check of this number begins."""
        self.ledger.begin(number)
        self._tell(number)

    def note(self, check: int, word: str, where: str, *, day: str = "", origin: str = "", **values: str) -> None:
        """What a check found; its verdict is that of the word (words.py)."""
        verdict = words.verdict_of(word)
        self.ledger.note(Finding(check, verdict, word, where, {"day": day, **values}, day, origin))

    def count(self, check: int, what: str, many: int = 1) -> None:
        """What a check looked at."""
        self.ledger.count(check, what, many)

    def lines(self, held: Held, path: str, number: int = words.FACTS) -> Iterator[tuple[str, bytes]]:
        """The lines of a file with their places; what is wrong with it is noted."""
        return read_lines(held, path, self.note, number)
