"""The scratch file: what a crash leaves of the open blocks, and that no block is appended twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import Instant
from agent.disk import Disk
from agent.reading import Block
from agent.scratch import NOTHING_SAVED, Saved, Scratch, judge, promised_size
from protocol.entry import Body, Entry, Reading, Start, Stop, make
from tests.agent.disks import FaultyDisk

BOOT = "5f3a9c01"
NOW = Instant(1_764_554_400_000, 500_000)


def a_reading(start_ms: int, length_ms: int = 5000, *, watcher: str = "meter1") -> Reading:
    return Reading(watcher, "power", start_ms, (length_ms,), means=(5,), lows=(4,), highs=(6,))


def a_block(start_ms: int, length_ms: int = 5000, *, watcher: str = "meter1") -> Block:
    at = Instant(NOW.wall_ms, start_ms + length_ms)
    return Block(a_reading(start_ms, length_ms, watcher=watcher), at, urgent=False)


def an_entry(index: int, body: Body, *, boot: str = BOOT, mono_ms: int = 500_000) -> Entry:
    return make(body, index=index, wall_ms=NOW.wall_ms, mono_ms=mono_ms, boot=boot)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    opened = Scratch(tmp_path, disk=Disk())
    yield opened
    opened.close()


def saved_in(directory: Path) -> Saved:
    found = Scratch(directory, disk=Disk())
    found.close()
    return found.saved


def test_the_open_blocks_come_back_with_their_boot_and_times(scratch: Scratch, tmp_path: Path) -> None:
    assert scratch.saved == NOTHING_SAVED
    scratch.write([a_block(100_000), a_block(90_000, watcher="host")], boot=BOOT, journal_size=7, now=NOW)
    saved = saved_in(tmp_path)
    assert saved.journal_size == promised_size(tmp_path) == 7
    assert [(entry.index, entry.boot, entry.mono_ms, entry.body) for entry in saved.blocks] == [
        (7, BOOT, 105_000, a_reading(100_000)),
        (8, BOOT, 95_000, a_reading(90_000, watcher="host")),
    ]


def test_it_is_synced_once_a_minute(tmp_path: Path) -> None:
    disk = FaultyDisk()
    scratch = Scratch(tmp_path, disk=disk)
    synced = []
    for second in range(0, 200, 10):
        before = disk.log.count("sync")
        scratch.write([], boot=BOOT, journal_size=1, now=Instant(0, second * 1000))
        synced += [second] * (disk.log.count("sync") - before)
    scratch.close()
    assert synced == [0, 60, 120, 180]


def test_what_does_not_fit_is_left_out_and_the_rest_is_saved(scratch: Scratch, tmp_path: Path) -> None:
    many = [a_block(n, watcher=f"w{n}") for n in range(1000)]
    scratch.write(many, boot=BOOT, journal_size=7, now=NOW)
    saved = saved_in(tmp_path)
    assert 200 < len(saved.blocks) < 1000
    assert saved.blocks[0].body == many[0].reading


def test_where_there_is_no_scratch_file_nothing_was_promised(tmp_path: Path) -> None:
    assert promised_size(tmp_path) == 0


SAVED = Saved(7, (an_entry(7, a_reading(100_000)),))
BLOCK = SAVED.blocks[0]
OTHER_BOOT = "00000001"

JUDGEMENTS: list[tuple[str, list[Entry], bool, bool]] = [
    # what the journal holds since; is the block still to be appended; was it appended by a recovery cut short
    ("nothing", [], True, False),
    ("another watcher's block", [an_entry(7, a_reading(100_000, watcher="host"))], True, False),
    ("the same watcher's block of another boot", [an_entry(7, a_reading(100_000), boot=OTHER_BOOT)], True, False),
    ("the block before it", [an_entry(7, a_reading(95_000))], True, False),
    ("the block, longer by then", [an_entry(7, a_reading(100_000, 9000))], False, False),
    ("a block that overlaps it", [an_entry(7, a_reading(97_000, 3001))], False, False),
    ("a later block", [an_entry(7, a_reading(105_000))], False, False),
    ("itself, by a recovery cut short", [an_entry(7, a_reading(100_000))], False, True),
    ("itself, and the start that names it", [an_entry(7, a_reading(100_000)), an_entry(8, Start("1"))], False, False),
    ("a stop", [an_entry(7, Stop("asked to"))], True, False),
]


@pytest.mark.parametrize(("what", "since", "outstanding", "recovered"), JUDGEMENTS, ids=[row[0] for row in JUDGEMENTS])
def test_a_saved_block_is_appended_once(what: str, since: list[Entry], outstanding: bool, recovered: bool) -> None:
    verdict = judge(SAVED, since)
    assert verdict.outstanding == ((BLOCK,) if outstanding else ())
    assert verdict.recovered == (tuple(since) if recovered else ())
