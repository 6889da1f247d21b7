"""What the child says of a directory that lives."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from agent.watchers.data_listing import Unseen
from agent.watchers.data_scan import EVENT_EVERY_MS, EVENTS_KEPT, Telling, look
from agent.watchers.growth import Follower, Happening, name_digest
from protocol.entry import MAX_INT
from tests.agent.watchers.test_data_listing import settings_for


class Look:
    """Looks when told to; a quiet time of 0 makes a file done at the look after the one that saw it."""

    def __init__(self, directory: Path, *, quiet_ms: int = 60_000) -> None:
        self._settings = settings_for(directory)
        self._follower = Follower(quiet_ms)
        self._telling = Telling()

    def __call__(self) -> dict[str, Any]:
        return look(self._settings, self._follower, self._telling)


def test_new_data_are_counted_and_told_without_their_name(tmp_path: Path) -> None:
    (tmp_path / "old.tif").write_bytes(b"x" * 100)
    see = Look(tmp_path)
    first = see()
    assert (first["grown"], first["events"], first["files"]) == (0, [], 1)
    (tmp_path / "li-ming.tif").write_bytes(b"x" * 5000)
    second = see()
    assert (second["grown"], second["files"], second["active"]) == (5000, 2, 1)
    assert second["events"] == [f"new {name_digest('li-ming.tif')} 5000"]
    with (tmp_path / "li-ming.tif").open("ab") as file:
        file.write(b"x" * 50)
    assert see()["grown"] == 50
    assert see()["grown"] == 0


def test_a_file_that_is_done_is_told_with_its_head(tmp_path: Path) -> None:
    see = Look(tmp_path, quiet_ms=0)
    see()
    (tmp_path / "a").write_bytes(b"short")
    head = hashlib.sha256(b"short").hexdigest()[:16]
    assert see()["events"] == [f"new {name_digest('a')} 5", f"done {name_digest('a')} 5 {head}"]


def test_a_file_saved_by_writing_anew_and_renaming_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first")
    see = Look(tmp_path)
    see()
    (tmp_path / "a.new").write_bytes(b"second one")
    (tmp_path / "a.new").replace(tmp_path / "a")
    said = see()
    assert (said["grown"], said["events"]) == (10, [f"replaced {name_digest('a')} 10"])


def test_a_renamed_folder_does_not_grow(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"data")
    see = Look(tmp_path)
    see()
    (tmp_path / "d").rename(tmp_path / "e")
    said = see()
    assert (said["grown"], said["events"]) == (0, [f"moved {name_digest('d/a')} {name_digest('e/a')}"])


def test_a_name_that_is_no_text_is_told_by_its_bytes(tmp_path: Path) -> None:
    see = Look(tmp_path)
    see()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.tif")).write_bytes(b"data")
    assert see()["events"] == [f"new {hashlib.sha256(bytes([0xFF, 0xFE]) + b'.tif').hexdigest()[:16]} 4"]


def test_a_clock_that_stands_wrong_changes_nothing(tmp_path: Path) -> None:
    see = Look(tmp_path)
    see()
    for size, year_s in ((5, 0), (10, 4_000_000_000), (15, 0)):
        (tmp_path / "a").write_bytes(b"x" * size)
        os.utime(tmp_path / "a", (year_s, year_s))
        assert see()["grown"] == 5


def test_a_directory_whose_disk_was_unmounted_is_told_and_comes_back_as_it_was(tmp_path: Path) -> None:
    share, bare = tmp_path / "share", Path("/dev/shm", f"jishi-test-{os.getpid()}")  # another disk than tmp_path's
    share.mkdir()
    bare.mkdir()
    try:
        (share / "a").write_bytes(b"data")
        link = tmp_path / "data"
        link.symlink_to(share)
        see = Look(link)
        see()
        link.unlink()
        link.symlink_to(bare)
        with pytest.raises(Unseen, match="is its share mounted"):
            see()
        link.unlink()
        link.symlink_to(share)
        (share / "b").write_bytes(b"more")
        assert see()["grown"] == 4
    finally:
        bare.rmdir()


def happenings(number: int, word: Any = "new") -> tuple[Happening, ...]:
    return tuple(Happening(word, f"{index}", 1) for index in range(number))


def told(telling: Telling, number: int, at_ms: int) -> list[str]:
    return telling.tell(happenings(number), at_ms, event=lambda happening: happening.name)


def test_a_burst_is_told_file_by_file_and_a_flood_by_its_number() -> None:
    telling = Telling()
    assert told(telling, 2, 0) == ["0", "1"]
    assert told(telling, 5000, 0) == [*(f"{index}" for index in range(EVENTS_KEPT - 3)), "more 4963 new=4963 done=0"]
    assert told(telling, 1, 1000) == [], "kept for later"
    assert told(telling, 0, EVENT_EVERY_MS) == ["more 1 new=1 done=0"]
    assert told(telling, 1, 2 * EVENT_EVERY_MS) == ["0"]


def test_a_flood_that_goes_on_is_never_told_faster_than_the_builder_takes_it() -> None:
    telling = Telling()
    number = sum(len(told(telling, 100, at_ms)) for at_ms in range(0, 600_000, 1000))
    assert number == EVENTS_KEPT + 600_000 // EVENT_EVERY_MS - 1


def test_heads_are_read_only_of_what_is_told() -> None:
    asked: list[Happening] = []

    def event(happening: Happening) -> str:
        asked.append(happening)
        return happening.name

    Telling().tell(happenings(5000, "done"), 0, event=event)
    assert len(asked) == EVENTS_KEPT - 1


def test_no_event_outgrows_a_word_of_the_journal(tmp_path: Path) -> None:
    from agent.watchers.data_scan import _event

    for word in ("new", "replaced", "shrunk", "moved", "done", "gone"):
        assert len(_event(str(tmp_path), Happening(word, "a", MAX_INT, other="b"))) <= 64
    assert len(told(Telling(), 100_000, 0)[-1]) < 64 - 3 * 2  # a million is two digits more
