"""The servers of the tests are in memory where there is room, and what a killed run left there goes."""

import os
from collections import namedtuple
from pathlib import Path

import pytest

from tests import server_place

LONG_AGO_S = 1_000_000_000
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.mark.parametrize("free_bytes, chosen", [(64_000_000, "disk"), (8_000_000_000, "memory")])
def test_memory_is_taken_where_there_is_room(
    memory: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, *, free_bytes: int, chosen: str
) -> None:
    monkeypatch.setattr(server_place.shutil, "disk_usage", lambda path: Usage(0, 0, free_bytes))
    with server_place.server_place(memory, disk) as place:
        assert place.parent.name == chosen
        assert place.stat().st_mode & 0o777 == 0o755
    assert not place.exists()


def test_no_memory_at_all_is_the_disk(tmp_path: Path, disk: Path) -> None:
    with server_place.server_place(tmp_path / "absent", disk) as place:
        assert place.parent == disk


def test_what_nobody_holds_any_more_is_removed_and_what_somebody_holds_is_not(memory: Path, disk: Path) -> None:
    left = memory / "jishi-pg-left"
    (left / "data").mkdir(parents=True)
    (memory / "of-somebody-else").mkdir()
    with server_place.server_place(memory, disk) as held:
        for path in (left, held, memory / "of-somebody-else"):
            os.utime(path, (LONG_AGO_S, LONG_AGO_S))
        server_place.remove_forgotten(memory)
        assert sorted(path.name for path in memory.iterdir()) == sorted([held.name, "of-somebody-else"])


def test_a_place_that_was_only_just_made_is_not_taken_for_forgotten(memory: Path) -> None:
    (memory / "jishi-pg-young").mkdir()
    server_place.remove_forgotten(memory)
    assert (memory / "jishi-pg-young").is_dir()
