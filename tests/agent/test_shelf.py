"""Reading a journal back."""

from agent.shelf import AT_ONCE, decodable, find_since, read
from protocol.entry import Storage, encode, make

FIRST_MS = 1_764_554_400_000


class Kept:
    """A journal of `size` entries, 1 ms apart, whose first ones are gone."""

    origin = "jishi.example/a/em-01/1"

    def __init__(self, size: int, *, readable_from: int = 0) -> None:
        self.size = size
        self.readable_from = readable_from

    def entries(self, first: int, last: int) -> tuple[bytes, ...]:
        assert self.readable_from <= first <= last <= self.size
        return tuple(entry(index) for index in range(first, last))


def entry(index: int) -> bytes:
    return encode(make(Storage(f"number {index}."), index=index, wall_ms=FIRST_MS + index, mono_ms=index, boot="0" * 8))


def test_entries_are_read_from_where_one_asks_and_only_those_that_hold_something() -> None:
    kept = Kept(3 * AT_ONCE + 5)
    assert [entry.index for entry in read(kept, 10)] == list(range(10, 3 * AT_ONCE + 5))
    assert [entry.index for entry in read(kept, 0, only=b"number 700.")] == [700]
    assert list(read(kept, kept.size)) == []


def test_what_a_later_version_wrote_is_passed_over() -> None:
    assert [entry.index for entry in decodable([b'{"v":9}', entry(7), b""])] == [7]


def test_the_entries_since_an_instant_are_found_from_the_end_or_from_before() -> None:
    kept = Kept(10 * AT_ONCE)
    for wanted in (0, 1, AT_ONCE, 5 * AT_ONCE + 7, 10 * AT_ONCE - 1):
        for known in (None, 0, min(wanted, 3 * AT_ONCE)):
            first = find_since(kept, FIRST_MS + wanted, known=known)
            assert first <= wanted
            assert wanted - first <= 2 * AT_ONCE


def test_an_empty_journal_and_one_that_is_all_older_have_nothing_to_find() -> None:
    assert find_since(Kept(0), 0, known=None) == 0
    kept = Kept(5)
    assert list(read(kept, find_since(kept, FIRST_MS + 10**9, known=99)))[-1].index == 4


def test_a_journal_whose_beginning_was_deleted_is_read_from_where_it_is_kept() -> None:
    kept = Kept(5, readable_from=3)
    assert [entry.index for entry in read(kept, 0)] == [3, 4]
    assert find_since(kept, 0, known=None) == 3
    assert find_since(kept, 0, known=1) == 3
