"""The journal keeps what it promised, whatever fails."""

import contextlib
import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agent import segment
from agent.disk import Disk
from agent.errors import EntryRefused, JournalDamaged, JournalError, JournalFull, JournalLocked
from agent.journal import Journal
from agent.segments import RESERVE, Limits
from protocol.entry import Storage, decode
from protocol.merkle import leaf_hash, root
from tests.agent.conftest import ORIGIN, add, receipt_for
from tests.agent.disks import FaultyDisk, ForgetfulDisk, FullDisk, ShortDisk

Open = Callable[..., Journal]
SMALL = Limits(segment_bytes=600, budget_bytes=100_000, keep_days=400, reserve_bytes=1000)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.log"))


def everything(journal: Journal) -> tuple[bytes, ...]:
    return journal.entries(journal.readable_from, journal.size)


def test_an_entry_gets_the_next_index_and_is_read_back_byte_for_byte(open_journal: Open) -> None:
    journal = open_journal()
    add(journal, 3)
    entries = everything(journal)
    assert [decode(raw).index for raw in entries] == [0, 1, 2]
    assert [decode(raw).body for raw in entries] == [Storage(f"something {n}") for n in range(3)]
    assert journal.root_at(3) == root([leaf_hash(raw) for raw in entries])
    assert journal.root_at(2) == root([leaf_hash(raw) for raw in entries[:2]])


def test_it_goes_on_where_it_was_closed(open_journal: Open) -> None:
    journal = open_journal()
    add(journal, 3)
    before, tree = everything(journal), journal.root_at(3)
    journal.close()
    journal = open_journal()
    assert (journal.size, journal.root_at(3), everything(journal)) == (3, tree, before)
    assert (journal.findings, journal.quarantined_bytes) == ((), 0)
    add(journal)
    assert journal.size == 4


def test_a_segment_rolls_by_size_and_its_header_carries_the_tree(open_journal: Open, directory: Path) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 40)
    names = files(directory)
    assert len(names) > 5
    for name in names:
        first = segment.first_index(name)
        assert first is not None
        header = segment.parse_header((directory / name).read_bytes().splitlines(keepends=True)[0])
        assert header is not None
        assert header.origin == ORIGIN
        assert header.frontier.root() == journal.root_at(first)
        assert (directory / name).stat().st_size <= 700


def test_the_next_segment_is_there_before_an_entry_needs_it(open_journal: Open, directory: Path) -> None:
    disk = FaultyDisk()
    journal = open_journal(limits=SMALL, disk=disk)
    while len(files(directory)) == 1:
        add(journal)
    assert files(directory) == [segment.name(0), segment.name(journal.size)]
    assert len((directory / files(directory)[1]).read_bytes().splitlines()) == 1, "a header and no entry"
    before = len(disk.log)
    add(journal)
    assert disk.log[before:] == ["write", "sync"]


def test_a_segment_that_cannot_be_begun_ahead_is_begun_when_it_is_needed(open_journal: Open, directory: Path) -> None:
    disk = FaultyDisk()
    journal = open_journal(limits=SMALL, disk=disk)
    disk.fail = lambda operation, number: errno.EIO if operation == "sync_directory" else 0
    with pytest.raises(EntryRefused):
        add(journal, 40)
    refused_at = journal.size
    disk.fail = lambda operation, number: 0
    add(journal, 5)
    assert [decode(raw).index for raw in everything(journal)] == list(range(refused_at + 5))


def test_entries_and_roots_are_the_same_across_segments_and_after_opening_again(open_journal: Open) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 40)
    leaves = [leaf_hash(raw) for raw in everything(journal)]
    journal.close()
    journal = open_journal(limits=SMALL)
    assert [leaf_hash(raw) for raw in everything(journal)] == leaves
    assert [journal.root_at(size) for size in range(41)] == [root(leaves[:size]) for size in range(41)]
    assert [journal.root_at(size) for size in reversed(range(41))] == [
        root(leaves[:size]) for size in reversed(range(41))
    ]


def test_a_batch_ends_at_its_limits_and_at_the_end_of_a_file(open_journal: Open) -> None:
    journal = open_journal()
    add(journal, 20)
    lengths = [len(segment.line(raw)) for raw in everything(journal)]
    assert journal.batch_end(0, most_entries=256, most_bytes=1 << 18) == 20
    assert journal.batch_end(3, most_entries=5, most_bytes=1 << 18) == 8
    assert journal.batch_end(0, most_entries=256, most_bytes=sum(lengths[:4])) == 4
    assert journal.batch_end(0, most_entries=256, most_bytes=sum(lengths[:4]) - 1) == 3
    assert journal.batch_end(0, most_entries=256, most_bytes=sum(lengths)) == 20
    assert journal.batch_end(0, most_entries=256, most_bytes=sum(lengths) - 1) == 19
    assert journal.batch_end(7, most_entries=256, most_bytes=1) == 8
    journal.close()
    journal = open_journal(limits=SMALL)
    add(journal, 20)
    ends, at = [], 0
    while at < journal.size:
        at = journal.batch_end(at, most_entries=256, most_bytes=1 << 18)
        ends.append(at)
    assert ends == [segment.first_index(name) for name in files(journal.directory)[1:]] + [40]


# Only one writer


def test_two_agents_cannot_write_one_directory(open_journal: Open, directory: Path) -> None:
    open_journal()
    with pytest.raises(JournalLocked, match=rf"process {os.getpid()}.*stop that one first"):
        open_journal()
    script = (
        "from pathlib import Path; from agent.journal import Journal; "
        f"Journal.open(Path({str(directory)!r}), origin={ORIGIN!r})"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "JournalLocked" in other.stderr


def test_a_child_process_does_not_keep_the_lock(open_journal: Open) -> None:
    journal = open_journal()
    command = [sys.executable, "-c", "print(flush=True); input()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
    try:
        assert child.stdout is not None
        child.stdout.readline()  # it runs: what is closed on exec is closed now
        journal.close()
        open_journal()
    finally:
        child.communicate(b"\n")


def test_the_directory_of_another_log_is_refused(open_journal: Open, directory: Path) -> None:
    open_journal().close()
    with pytest.raises(JournalError, match=r"holds the journal of jishi\.example/a/em-01/1"):
        Journal.open(directory, origin="jishi.example/a/em-02/1")


def test_a_directory_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="enrol the agent first"):
        Journal.open(tmp_path / "none", origin=ORIGIN)


# Durable before promised


def test_each_append_is_synced_before_it_is_shown(open_journal: Open) -> None:
    disk = FaultyDisk()
    journal = open_journal(disk=disk)
    seen: list[list[str]] = []
    journal.on_append(lambda: seen.append(disk.log[-2:]))
    add(journal, 3)
    assert seen == [["write", "sync"]] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files through /proc")
def test_a_power_cut_after_any_step_loses_nothing_that_was_promised(
    open_journal: Open, directory: Path, tmp_path: Path
) -> None:
    disk = ForgetfulDisk(directory)
    journal = open_journal(disk=disk, limits=SMALL)
    for step in range(30):
        add(journal)
        if step % 4 == 1:
            journal.mark_signed(journal.size, journal.root_at(journal.size))
        if step % 8 == 3:
            journal.store_receipt(receipt_for(journal, journal.size - 1))
        found = open_journal(disk.after_power_cut(tmp_path / f"cut{step}"), limits=SMALL, create=False)
        assert found.size == journal.size
        assert everything(found) == everything(journal)
        assert found.receipted == journal.receipted


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files through /proc")
def test_a_power_cut_before_any_write_finds_no_half_made_file(
    open_journal: Open, directory: Path, tmp_path: Path
) -> None:
    disk = ForgetfulDisk(directory)
    journal = open_journal(disk=disk, limits=SMALL)
    add(journal)
    cuts: list[tuple[Path, int]] = []
    disk.before_write = lambda: cuts.append((disk.after_power_cut(tmp_path / f"cut{len(cuts)}"), journal.size))
    for _ in range(15):
        add(journal)
    assert len(cuts) > 15, "segments were begun, too"
    for place, promised in cuts:
        found = open_journal(place, limits=SMALL, create=False)
        assert (found.size, found.findings, found.quarantined_bytes) == (promised, (), 0)
        found.close()


def test_what_is_signed_is_on_the_medium_before_it_can_be_published(open_journal: Open, directory: Path) -> None:
    disk = FaultyDisk()
    journal = open_journal(disk=disk)
    add(journal, 3)
    before = len(disk.log)
    journal.mark_signed(3, journal.root_at(3))
    assert disk.log[before:] == ["write", "sync"]
    assert b"jishi-signed/v1 3 " in (directory / "signed").read_bytes()
    journal.mark_signed(2, journal.root_at(2))
    assert len(disk.log) == before + 2, "a smaller size of the same log needs no new mark"
    with pytest.raises(ValueError, match="not the root"):
        journal.mark_signed(3, bytes(32))


def test_a_short_write_is_continued(open_journal: Open) -> None:
    journal = open_journal(disk=ShortDisk())
    add(journal, 3)
    journal.close()
    assert open_journal().size == 3


# Failing disks


def test_a_failed_sync_is_never_tried_again_on_the_same_file(open_journal: Open, directory: Path) -> None:
    disk = FaultyDisk()
    journal = open_journal(disk=disk)
    add(journal, 2)
    last = disk.log.count("sync")
    disk.fail = lambda operation, number: errno.EIO if (operation, number) == ("sync", last + 1) else 0
    add(journal)
    assert files(directory) == [segment.name(0), segment.name(2)]
    assert [decode(raw).index for raw in everything(journal)] == [0, 1, 2]
    assert journal.take_problems() == ["writing failed (Input/output error); the journal goes on in a new segment"]
    assert journal.take_problems() == []
    add(journal)
    before = everything(journal)
    journal.close()
    found = open_journal()
    assert everything(found) == before, "the line that the failed sync left behind counts once"
    assert (found.size, found.findings, found.quarantined_bytes) == (4, (), 0)


def test_a_disk_that_fails_again_refuses_the_entry_and_keeps_the_rest(open_journal: Open) -> None:
    disk = FaultyDisk()
    journal = open_journal(disk=disk)
    add(journal, 2)
    tree = journal.root_at(2)
    disk.fail = lambda operation, number: errno.EIO if operation == "sync" else 0
    for _ in range(2):
        with pytest.raises(EntryRefused, match="cannot be written"):
            add(journal)
    assert (journal.size, journal.root_at(2)) == (2, tree)
    disk.fail = lambda operation, number: 0
    add(journal, 2, text="later")
    entries = everything(journal)
    assert [decode(raw).body for raw in entries[2:]] == [Storage("later 2"), Storage("later 3")]
    journal.close()
    assert everything(open_journal()) == entries


@pytest.mark.parametrize("operation", ["write", "sync", "sync_directory"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_whichever_step_fails_once_what_was_promised_is_kept_and_the_journal_goes_on(
    open_journal: Open, tmp_path: Path, operation: str, code: int
) -> None:
    for failing in itertools.count(1):
        disk, place = FaultyDisk(), tmp_path / str(failing)
        journal = open_journal(place, limits=SMALL, disk=disk)
        begun = disk.log.count(operation)
        disk.fail = lambda what, number, failing=failing + begun: code if (what, number) == (operation, failing) else 0  # type: ignore[misc]
        for _ in range(12):
            with contextlib.suppress(EntryRefused):
                add(journal)
                journal.mark_signed(journal.size, journal.root_at(journal.size))
                journal.store_receipt(receipt_for(journal, journal.size - 1))
        assert journal.size >= 11, "one failure costs no more than one entry"
        kept, receipted = everything(journal), journal.receipted_size
        journal.close()
        found = open_journal(place, limits=SMALL)
        assert (everything(found), found.findings) == (kept, ())
        assert found.receipted_size >= receipted
        found.close()
        if disk.log.count(operation) < failing + begun:
            break


def test_a_mark_that_cannot_be_written_forbids_publishing(open_journal: Open) -> None:
    disk = FaultyDisk()
    journal = open_journal(disk=disk)
    add(journal, 2)
    disk.fail = lambda operation, number: errno.EIO if operation == "sync" else 0
    with pytest.raises(EntryRefused, match="signed cannot be written"):
        journal.mark_signed(2, journal.root_at(2))
    with pytest.raises(EntryRefused, match="receipt cannot be written"):
        journal.store_receipt(receipt_for(journal, 2))
    assert journal.receipted_size == 0
    disk.fail = lambda operation, number: 0
    journal.mark_signed(2, journal.root_at(2))
    journal.store_receipt(receipt_for(journal, 2))
    assert journal.receipted_size == 2


def test_a_full_disk_takes_receipted_segments_first_then_the_reserve_then_nothing(
    open_journal: Open, directory: Path
) -> None:
    disk = FullDisk(room=120_000)
    journal = open_journal(disk=disk, limits=SMALL)
    add(journal, 40)
    receipted = segment.first_index(files(directory)[3])
    assert receipted is not None
    journal.store_receipt(receipt_for(journal, receipted))
    oldest = files(directory)
    disk.room = 100
    add(journal, 1)
    add(journal, 1)
    assert files(directory)[0] == oldest[1], "the oldest receipted segment made room"
    assert (directory / RESERVE).exists()
    assert journal.readable_from == segment.first_index(oldest[1])
    with pytest.raises(JournalFull, match="the disk is full"):
        add(journal, 200)
    assert not (directory / RESERVE).exists()
    assert files(directory)[0] == oldest[3], "nothing unreceipted was deleted"
    size, kept = journal.size, everything(journal)
    with pytest.raises(JournalFull):
        add(journal)
    assert journal.size == size
    assert "the disk is full; the room kept in reserve was given up" in journal.take_problems()
    journal.mark_signed(size, journal.root_at(size))  # in place: needs no room
    disk.room = 5_000
    add(journal, 2)
    assert everything(journal)[:-2] == kept
    journal.restore_reserve()
    assert (directory / RESERVE).exists()
    journal.close()
    found = open_journal(limits=SMALL)
    assert everything(found)[:-2] == kept
    assert found.size == size + 2


def test_the_budget_is_kept_by_deleting_what_is_receipted_and_nothing_else(open_journal: Open, directory: Path) -> None:
    journal = open_journal(limits=SMALL._replace(budget_bytes=3000))
    with pytest.raises(JournalFull, match="not confirmed yet; bring the connection"):
        add(journal, 100)
    assert journal.bytes_on_disk <= 3000
    assert journal.readable_from == 0
    journal.store_receipt(receipt_for(journal, journal.size))
    add(journal, 10)
    assert journal.bytes_on_disk <= 3000
    assert journal.readable_from > 0
    assert len(everything(journal)) == journal.size - journal.readable_from


def test_receipted_segments_are_kept_for_as_many_days_as_is_said_by_the_collectors_time(
    open_journal: Open, directory: Path
) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 40)
    day_s = 86_400
    journal.store_receipt(receipt_for(journal, 30, time_s=1_764_554_400 + 399 * day_s))
    assert journal.readable_from == 0
    journal.store_receipt(receipt_for(journal, 31, time_s=1_764_554_400 + 401 * day_s))
    assert 0 < journal.readable_from <= 31
    assert everything(journal)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_really_full_disk_is_survived(open_journal: Open, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mount.stderr.decode().strip()}")
    try:
        journal = open_journal(small / "1", limits=Limits(segment_bytes=50_000, reserve_bytes=100_000))
        with pytest.raises(JournalFull):
            add(journal, 10_000, text="x" * 300)
        kept = everything(journal)
        journal.close()
        journal = open_journal(small / "1", limits=Limits(segment_bytes=50_000, reserve_bytes=100_000))
        assert everything(journal)[: len(kept)] == kept
        journal.mark_signed(journal.size, journal.root_at(journal.size))
        journal.store_receipt(receipt_for(journal, journal.size))
        add(journal, 200, text="x" * 300)
        assert journal.readable_from > 0
        journal.close()
        assert open_journal(small / "1").size >= len(kept) + 200
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


# Behind its own word


def test_a_journal_behind_what_it_signed_is_refused_with_the_remedy(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 3)
    older = (directory / segment.name(0)).read_bytes()
    add(journal)
    journal.mark_signed(4, journal.root_at(4))
    journal.close()
    (directory / segment.name(0)).write_bytes(older)
    with pytest.raises(JournalDamaged, match=r"holds entries up to 3, but it had 4.*begins the next epoch"):
        open_journal()
    assert (directory / segment.name(0)).read_bytes() == older, "its bytes are kept"


def test_a_journal_behind_its_receipt_is_refused(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 3)
    older = (directory / segment.name(0)).read_bytes()
    add(journal)
    journal.store_receipt(receipt_for(journal, 4))
    journal.close()
    (directory / segment.name(0)).write_bytes(older)
    with pytest.raises(JournalDamaged, match="it had 4"):
        open_journal()


def test_other_entries_than_those_that_were_signed_are_refused(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 4)
    journal.mark_signed(4, journal.root_at(4))
    journal.close()
    path = directory / segment.name(0)
    lines = path.read_bytes().splitlines()
    forged = segment.parse_line(lines[2] + b"\n")
    assert forged is not None
    path.write_bytes(
        b"\n".join([*lines[:2], segment.line(forged.replace(b"something", b"anything!"))[:-1], *lines[3:], b""])
    )
    with pytest.raises(JournalDamaged, match="not those that were signed"):
        open_journal()


class UnsyncedDisk(Disk):
    """The disk refuses the sync of an open file."""

    def sync(self, fd: int) -> None:
        raise OSError(errno.EIO, "the medium does not answer")


def test_a_journal_that_cannot_be_opened_leaves_no_file_open(open_journal: Open, directory: Path) -> None:
    """Whoever goes on in the next epoch moves these files aside, which no Windows lets him do to open ones."""
    journal = open_journal()
    add(journal, 3)
    journal.mark_signed(3, journal.root_at(3))
    journal.close()
    (directory / segment.name(0)).write_bytes(b"")
    me = psutil.Process()
    before = me.num_fds()
    with pytest.raises(JournalDamaged):
        open_journal()
    with pytest.raises(JournalError, match="does not answer"):
        open_journal(disk=UnsyncedDisk())
    assert me.num_fds() == before


def test_a_receipt_over_another_tree_is_not_stored(open_journal: Open, tmp_path: Path) -> None:
    journal, other = open_journal(), open_journal(tmp_path / "other")
    add(journal, 3)
    add(other, 3, text="other")
    with pytest.raises(ValueError, match="another tree"):
        journal.store_receipt(receipt_for(other, 3))
    assert journal.receipted_size == 0


def test_an_older_receipt_after_a_newer_one_changes_nothing(open_journal: Open) -> None:
    journal = open_journal()
    add(journal, 3)
    older = receipt_for(journal, 2)
    journal.store_receipt(receipt_for(journal, 3))
    journal.store_receipt(older)
    assert journal.receipted_size == 3
