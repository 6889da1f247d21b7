"""Who is at the desk, from one epoch's journal to the next."""

from pathlib import Path
from typing import Literal

from agent.desk.book import open_book
from protocol.entry import Declaration, Entry, encode, make

HASHES = {"zhang": "a" * 64, "li": "b" * 64}


class Log:
    """A journal in memory, of nothing but declarations."""

    readable_from = 0

    def __init__(self, epoch: int) -> None:
        self.origin = f"jishi.example/a/em-01/{epoch}"
        self._raws: list[bytes] = []

    @property
    def size(self) -> int:
        return len(self._raws)

    def entries(self, first: int, last: int) -> tuple[bytes, ...]:
        return tuple(self._raws[first:last])

    def declare(self, who: str, action: Literal["in", "out"]) -> Entry:
        said = Declaration(
            asset="A001",
            operator=HASHES[who],
            action=action,
            how="command",
            purpose="teaching" if action == "in" else None,
        )
        entry = make(said, index=self.size, wall_ms=1_764_554_400_000, mono_ms=1, boot="5f3a9c01")
        self._raws.append(encode(entry))
        return entry


def test_whoever_was_signed_in_when_an_epoch_ended_still_is_and_leaves_in_the_next(tmp_path: Path) -> None:
    first, second = Log(1), Log(2)
    book = open_book(tmp_path, first)
    for who in HASHES:
        book.enter(first.declare(who, "in"), name=who)
    book.save()
    book = open_book(tmp_path, second)
    assert {book.name_of(operator) for _, operator in book.present} == {"zhang", "li"}
    book.enter(second.declare("zhang", "out"))
    book.save()
    assert [operator for _, operator in open_book(tmp_path, second).present] == [HASHES["li"]]


def test_what_was_carried_over_is_followed_once_more_and_ends_where_it_ended(tmp_path: Path) -> None:
    first, second = Log(1), Log(2)
    book = open_book(tmp_path, first)
    for action in ("in", "out", "in"):
        book.enter(first.declare("zhang", action))  # type: ignore[arg-type]
        second.declare("zhang", action)  # type: ignore[arg-type]
    book.save()
    assert [operator for _, operator in open_book(tmp_path, second).present] == [HASHES["zhang"]]
