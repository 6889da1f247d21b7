"""What became of files between two looks, as a table and as properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.growth import NOTHING, FileState, Follower, Growth, Happening, Listing, name_digest

QUIET_MS = 60_000


def file(size: int, *, touched: int = 1, number: int = 1, stored: int | None = None) -> FileState:
    return FileState(size, size if stored is None else stored, touched, number)


def listing(device: int = 1, unreadable: frozenset[str] = frozenset(), **files: FileState) -> Listing:
    return Listing(device, {name.replace("__", "/"): state for name, state in files.items()}, unreadable)


def look_twice(before: Listing, now: Listing) -> Growth:
    follower = Follower(QUIET_MS)
    assert follower.look(before, 0) == NOTHING
    return follower.look(now, 10_000)


@pytest.mark.parametrize(
    ("before", "now", "grown", "told"),
    [
        ({}, {}, 0, []),
        ({"a": file(10)}, {"a": file(10)}, 0, []),
        ({"a": file(10)}, {"a": file(15, touched=2)}, 5, []),
        ({"a": file(10)}, {"a": file(10, touched=2)}, 0, []),
        ({"a": file(10)}, {"a": file(4, touched=2)}, 0, [("shrunk", "a", 4, "")]),
        ({}, {"a": file(7)}, 7, [("new", "a", 7, "")]),
        ({"a": file(10)}, {"a": file(12, touched=2, number=2)}, 12, [("replaced", "a", 12, "")]),
        ({"a": file(10)}, {"b": file(10)}, 0, [("moved", "b", 10, "a")]),
        ({"a": file(10)}, {"a": file(10), "b": file(10, number=2)}, 10, [("new", "b", 10, "")]),
        ({"a": file(10)}, {}, 0, []),
    ],
    ids=[
        "nothing",
        "as-it-was",
        "grew",
        "touched",
        "shrank",
        "came",
        "saved-anew",
        "renamed",
        "copied",
        "old-one-went",
    ],
)
def test_what_became_of_a_file(before: Any, now: Any, grown: int, told: list[tuple[Any, ...]]) -> None:
    assert look_twice(listing(**before), listing(**now)) == Growth(grown, tuple(Happening(*one) for one in told))


def test_a_rotated_log_counts_once_however_many_are_kept() -> None:
    before = listing(log=file(100, touched=9, number=9), log_1=file(90, touched=5, number=5))
    now = listing(log=file(3, touched=11, number=11), log_1=file(100, touched=9, number=9), log_2=file(90, touched=5))
    growth = look_twice(before, now)
    assert growth.grown == 3
    assert [(one.word, one.name) for one in growth.happenings] == [
        ("replaced", "log"), ("moved", "log_1"), ("moved", "log_2"),
    ]  # fmt: skip


def test_a_share_that_numbers_its_files_anew_each_time_makes_nothing_grow() -> None:
    assert look_twice(listing(a=file(10, number=1)), listing(a=file(10, number=77))) == NOTHING


def test_a_hole_is_not_data() -> None:
    before = listing(a=file(100_000, stored=4096))
    assert look_twice(before, listing(a=file(100_000, stored=12_288, touched=2))).grown == 8192


def test_a_file_system_that_comes_brings_nothing_new() -> None:
    assert look_twice(listing(device=1), listing(device=2, a=file(10))) == NOTHING


def test_files_that_went_with_their_disk_are_no_end_of_them() -> None:
    follower = Follower(QUIET_MS)
    follower.look(listing(a=file(10)), 0)
    assert follower.has_lost_its_disk(listing(device=2))
    assert not follower.has_lost_its_disk(listing(device=1)), "somebody deleted them"
    assert not follower.has_lost_its_disk(listing(device=2, b=file(1))), "another disk, in use"


def test_what_a_folder_held_before_it_could_be_read_is_not_new() -> None:
    before = listing(unreadable=frozenset({"d"}))
    growth = look_twice(before, listing(d__e__old=file(10), dd=file(1, number=2)))
    assert growth == Growth(1, (Happening("new", "dd", 1),))


def test_a_file_is_done_once_when_nobody_has_touched_it_for_a_while() -> None:
    follower = Follower(QUIET_MS)
    follower.look(listing(old=file(1)), 0)
    follower.look(listing(old=file(1), a=file(5, number=2)), 10_000)
    grown = listing(old=file(1), a=file(9, touched=2, number=2))
    assert follower.look(grown, 20_000).grown == 4
    assert follower.active == 1
    assert follower.look(grown, 20_000 + QUIET_MS - 1) == NOTHING
    assert follower.look(grown, 20_000 + QUIET_MS).happenings == (Happening("done", "a", 9),)
    assert follower.look(grown, 20_000 + 2 * QUIET_MS) == NOTHING
    assert follower.active == 0


def test_a_file_that_was_renamed_is_done_under_its_new_name() -> None:
    follower = Follower(QUIET_MS)
    follower.look(listing(), 0)
    follower.look(listing(part=file(5)), 0)
    assert follower.look(listing(final=file(5)), 10_000).happenings == (Happening("moved", "final", 5, other="part"),)
    assert follower.look(listing(final=file(5)), QUIET_MS).happenings == (Happening("done", "final", 5),)


def test_in_a_rotation_each_file_keeps_its_own_time() -> None:
    follower = Follower(QUIET_MS)
    follower.look(listing(), 0)
    follower.look(listing(log=file(5, touched=1)), 0)
    follower.look(listing(log=file(6, touched=2, number=2), log_1=file(5, touched=1)), 30_000)
    rotated = listing(log=file(7, touched=3, number=3), log_1=file(6, touched=2, number=2), log_2=file(5, touched=1))
    assert [one.word for one in follower.look(rotated, 50_000).happenings] == ["replaced", "moved", "moved"]
    assert follower.active == 3
    done = [[one.name for one in follower.look(rotated, at_ms).happenings] for at_ms in (60_000, 90_000, 110_000)]
    assert done == [["log_2"], ["log_1"], ["log"]]


def test_a_file_that_goes_before_it_is_done_is_told_with_its_last_size() -> None:
    follower = Follower(QUIET_MS)
    follower.look(listing(), 0)
    follower.look(listing(a=file(5)), 0)
    assert follower.look(listing(), 10_000) == Growth(0, (Happening("gone", "a", 5),))
    assert follower.active == 0


def test_a_modification_time_in_the_future_or_in_1970_is_only_another_one() -> None:
    for touched in (0, 2**62):
        assert look_twice(listing(a=file(10)), listing(a=file(11, touched=touched))).grown == 1


def test_a_name_is_told_by_the_digest_of_its_path_under_the_directory() -> None:
    assert name_digest("2026/Li Ming.tif") == "c81980a25335d5cf"
    assert name_digest("\udcff.tif") != name_digest("?.tif"), "names that are no text are told apart"


STATES = st.builds(FileState, st.integers(0, 50), st.integers(0, 50), st.integers(0, 3), st.integers(0, 3))
LISTINGS = st.builds(Listing, st.integers(1, 2), st.dictionaries(st.sampled_from("abcd"), STATES))


@given(st.lists(LISTINGS, max_size=8))
def test_no_sequence_of_looks_shrinks_or_counts_more_than_is_there(listings: list[Listing]) -> None:
    follower = Follower(QUIET_MS)
    for number, seen in enumerate(listings):
        growth = follower.look(seen, number * 10_000)
        assert 0 <= growth.grown <= sum(state.stored for state in seen.files.values())
        assert follower.active <= len(seen.files)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_the_growth_of_a_file_that_only_grows_adds_up_to_its_size(steps: list[int]) -> None:
    follower, size, total = Follower(QUIET_MS), 0, 0
    follower.look(listing(), 0)
    for number, step in enumerate(steps, 1):
        size += step
        total += follower.look(listing(a=file(size, touched=number)), number * 10_000).grown
    assert total == size
