"""One look at a real directory, and every way in which it cannot be seen."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from agent.watchers import data_listing
from agent.watchers.data_listing import HEAD_BYTES, ScanSettings, Unseen, head_digest, list_files
from agent.watchers.growth import Listing


def settings_for(directory: Path, **settings: Any) -> ScanSettings:
    usual: dict[str, Any] = {
        "names": ["*"], "depth": 8, "max_entries": 1000, "mount": None, "poll_s": 10.0, "quiet_s": 60.0
    }  # fmt: skip
    return ScanSettings(directory=str(directory), **(usual | settings))


def look(directory: Path, **settings: Any) -> Listing:
    return list_files(settings_for(directory, **settings))


def why_unseen(directory: Path, **settings: Any) -> tuple[str, str]:
    with pytest.raises(Unseen) as caught:
        look(directory, **settings)
    return caught.value.word, str(caught.value)


def write(directory: Path, *names: str, text: str = "data") -> None:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def test_files_are_found_in_all_folders_with_their_size(tmp_path: Path) -> None:
    write(tmp_path, "a.tif", "2026/11/b.tif")
    listing = look(tmp_path)
    assert {name: state.size for name, state in listing.files.items()} == {"a.tif": 4, "2026/11/b.tif": 4}
    assert listing.device == tmp_path.stat().st_dev


def test_only_names_that_match_are_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "a.tif", "a.log", "d/b.raw", "d/c.tiff")
    assert look(tmp_path, names=["*.tif", "*.raw"]).files.keys() == {"a.tif", "d/b.raw"}


def test_folders_below_the_depth_are_counted_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a", "d/b", "d/e/c")
    listing = look(tmp_path, depth=1)
    assert listing.files.keys() == {"a", "d/b"}
    assert listing.too_deep == 1


def test_links_and_what_is_no_file_are_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    write(outside, "a")
    inside.mkdir()
    (inside / "file").symlink_to(outside / "a")
    (inside / "folder").symlink_to(outside)
    (inside / "round").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    assert look(inside).files == {}


def test_a_hole_takes_no_room(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.write(bytes(4096))
        file.truncate(1_000_000)
        os.fsync(file.fileno())
    state = look(tmp_path).files["sparse"]
    assert (state.size, state.stored) == (1_000_000, 4096)


def test_a_directory_that_is_not_there_is_missing_and_not_named(tmp_path: Path) -> None:
    word, reason = why_unseen(tmp_path / "li-ming")
    assert word == "missing"
    assert "li-ming" not in reason
    write(tmp_path, "file")
    assert why_unseen(tmp_path / "file")[0] == "missing", "a file is no directory"


def test_a_mount_point_where_nothing_is_mounted_is_told_though_the_directory_is_there(tmp_path: Path) -> None:
    word, reason = why_unseen(tmp_path, mount=str(tmp_path))
    assert (word, "nothing is mounted" in reason) == ("unmounted", True)
    assert look(Path("/proc/sys/kernel/random"), mount="/proc").files, "where something is, it is looked at"


def test_more_entries_than_allowed_are_too_many(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.tif" for number in range(11)))
    assert len(look(tmp_path, max_entries=11).files) == 11
    word, reason = why_unseen(tmp_path, max_entries=10, names=["*.none"])
    assert word == "too-many"
    assert "more than 10 files and folders" in reason


def test_a_look_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    write(tmp_path, "a")
    assert why_unseen(tmp_path, poll_s=0.0)[0] == "slow"


def refuse(error: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to list one folder (as root nothing else refuses)."""
    scandir = os.scandir

    def scan(path: Path) -> Any:
        if path == folder:
            raise OSError(error, os.strerror(error), str(path))
        return scandir(path)

    monkeypatch.setattr(data_listing.os, "scandir", scan)


def test_a_directory_that_may_not_be_read_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(13, tmp_path, monkeypatch)
    word, reason = why_unseen(tmp_path)
    assert word == "forbidden"
    assert str(tmp_path) not in reason


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a", "System Volume Information/b")
    refuse(13, tmp_path / "System Volume Information", monkeypatch)
    listing = look(tmp_path)
    assert listing.files.keys() == {"a"}
    assert listing.unreadable == {"System Volume Information"}


def test_a_folder_whose_files_may_not_be_looked_at_is_as_one_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a", "d/b")
    lstat = os.lstat

    def refuse_b(path: str) -> os.stat_result:
        if path.endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return lstat(path)

    monkeypatch.setattr(data_listing.os, "lstat", refuse_b)
    assert look(tmp_path).unreadable == {"d"}
    write(tmp_path, "b")
    assert why_unseen(tmp_path)[0] == "forbidden", "in the directory itself nothing is seen then"


def test_another_disk_below_the_directory_is_counted_and_left_out() -> None:
    mark = Path("/dev/shm", f"jishi-test-{os.getpid()}")  # a disk of its own, mounted below /dev
    mark.touch()
    try:
        listing = look(Path("/dev"), names=["*-test-*"], depth=1)
    finally:
        mark.unlink()
    assert f"shm/{mark.name}" not in listing.files
    assert listing.other_disks >= 1


def test_a_disk_that_comes_while_it_is_looked_at_hides_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "data"
    link.symlink_to("/proc")
    scandir = os.scandir

    def mount_meanwhile(path: Path) -> Any:
        link.unlink()
        link.symlink_to(tmp_path)
        return scandir(tmp_path)

    monkeypatch.setattr(data_listing.os, "scandir", mount_meanwhile)
    assert why_unseen(link, depth=0)[0] == "unmounted"


def test_a_folder_that_went_meanwhile_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a", "d/b")
    refuse(2, tmp_path / "d", monkeypatch)
    listing = look(tmp_path)
    assert (listing.files.keys(), listing.unreadable) == ({"a"}, frozenset())


def test_a_disk_that_fails_hides_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a", "d/b")
    refuse(5, tmp_path / "d", monkeypatch)
    word, reason = why_unseen(tmp_path)
    assert word == "failed"
    assert "Input/output error" in reason
    assert str(tmp_path) not in reason


def test_a_head_is_the_digest_of_its_first_4_kib(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5000)
    (tmp_path / "b").write_bytes(b"short")
    assert head_digest(tmp_path / "a") == hashlib.sha256(b"x" * HEAD_BYTES).hexdigest()[:16]
    assert head_digest(tmp_path / "b") == hashlib.sha256(b"short").hexdigest()[:16]
    assert head_digest(tmp_path / "gone") == "-"
