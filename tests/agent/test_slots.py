"""A small value that is never half replaced."""

import errno
import os
from pathlib import Path

import pytest

from agent.disk import Disk
from agent.slots import BLOCK_BYTES, Slots, read_newest
from tests.agent.disks import FaultyDisk


def open_slots(path: Path, *, count: int = 2, disk: Disk | None = None) -> Slots:
    return Slots(path, slot_bytes=BLOCK_BYTES, count=count, disk=disk or Disk())


def value_in(path: Path, *, count: int = 2) -> bytes | None:
    return read_newest(path, slot_bytes=BLOCK_BYTES, count=count).value


def test_the_value_written_last_holds(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    slots = open_slots(path)
    assert slots.value is None
    for number in range(5):
        slots.write(b"value %d" % number, sync=True)
        assert value_in(path) == slots.value == b"value %d" % number
    slots.close()
    again = open_slots(path)
    assert again.value == b"value 4"
    again.write(b"value 5", sync=True)
    assert value_in(path) == b"value 5"
    again.close()


def test_a_torn_write_leaves_the_value_before_it(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    slots = open_slots(path)
    slots.write(b"one", sync=True)
    slots.write(b"two", sync=True)
    before = path.read_bytes()
    slots.write(b"three", sync=True)
    after = path.read_bytes()
    slots.close()
    changed = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    for cut in range(changed[0], changed[-1] + 1):
        path.write_bytes(after[:cut] + before[cut:])
        assert value_in(path) in (b"two", b"three")
    path.write_bytes(after[: changed[-1]] + before[changed[-1] :])
    assert value_in(path) == b"two"


def test_the_synced_value_stays_while_unsynced_ones_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    slots = open_slots(path, count=3)
    slots.write(b"synced", sync=True)
    for number in range(7):
        slots.write(b"unsynced %d" % number, sync=False)
        assert b" 6\nsynced" in path.read_bytes()
        assert path.read_bytes().count(b"\nunsynced") <= 2
    assert value_in(path, count=3) == b"unsynced 6"
    slots.close()


def test_two_slots_take_no_unsynced_write(tmp_path: Path) -> None:
    slots = open_slots(tmp_path / "signed")
    with pytest.raises(ValueError, match="third slot"):
        slots.write(b"x", sync=False)
    slots.close()


def test_after_a_failed_sync_the_next_write_settles_the_value(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    disk = FaultyDisk()
    slots = open_slots(path, disk=disk)
    slots.write(b"one", sync=True)
    disk.fail = lambda operation, number: errno.EIO if operation == "sync" else 0
    for _ in range(3):
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            slots.write(b"two", sync=True)
        assert b"\none" in path.read_bytes()
    disk.fail = lambda operation, number: 0
    slots.write(b"three", sync=True)
    assert value_in(path) == b"three"
    slots.close()


def test_a_value_that_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    slots = open_slots(tmp_path / "signed")
    slots.write(b"one", sync=True)
    assert not slots.fits(bytes(BLOCK_BYTES))
    with pytest.raises(ValueError, match="do not fit"):
        slots.write(bytes(BLOCK_BYTES), sync=True)
    assert value_in(tmp_path / "signed") == b"one"
    slots.close()
