"""A journal to play with, and the collector's pen to receipt it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.clock import Instant
from agent.journal import Journal
from protocol.entry import Storage
from protocol.note import COSIGNATURE, ED25519, Checkpoint, Receipt, SigningKey, cosign, open_receipt, sign_checkpoint

ORIGIN = "jishi.example/a/em-01/1"
BOOT = "5f3a9c01"
AGENT_KEY = SigningKey(ORIGIN, ED25519, bytes(range(32)))
RECEIPT_KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes(range(32, 64)))
RECEIPTED_AT_S = 1_764_554_500


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "1"


@pytest.fixture
def open_journal(directory: Path) -> Iterator[Callable[..., Journal]]:
    """Opens the journal in `directory` (or another), making it where there is none; closes all at the end."""
    opened: list[Journal] = []

    def open_it(where: Path = directory, **settings: object) -> Journal:
        opened.append(Journal.open(where, origin=ORIGIN, **{"create": True, **settings}))  # type: ignore[arg-type]
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()


def add(journal: Journal, count: int = 1, *, text: str = "something") -> None:
    """Append entries that tell themselves apart."""
    for _ in range(count):
        number = journal.size
        journal.append(Storage(f"{text} {number}"), Instant(1_764_554_400_000 + number, 1_000 + number), boot=BOOT)


def receipt_for(journal: Journal, size: int, *, time_s: int = RECEIPTED_AT_S) -> Receipt:
    """What the collector would answer to this journal's first `size` entries."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, journal.root_at(size)), AGENT_KEY)
    return open_receipt(cosign(note, RECEIPT_KEY, time_s=time_s), RECEIPT_KEY.verifier)
