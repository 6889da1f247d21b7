"""What a journal directory still holds after whatever happened to it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from agent import segment
from agent.clock import Instant
from agent.disk import Disk
from agent.errors import JournalBehind, JournalDamaged
from agent.journal import Journal
from agent.scratch import Scratch
from agent.segments import Limits
from tests.agent.conftest import BOOT, ORIGIN, add, receipt_for

Open = Callable[..., Journal]
FIRST = segment.name(0)
SMALL = Limits(segment_bytes=600, reserve_bytes=1000)


def starts_of(path: Path) -> list[int]:
    """Where each line of a segment starts, the header first, and the file's length."""
    starts = [0]
    for line in path.read_bytes().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def flip(path: Path, at: int, mask: int = 1) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= mask
    path.write_bytes(raw)


def quarantined(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.glob("quarantine/*.log.*")))


def test_at_every_truncation_point_the_whole_lines_are_kept_and_the_rest_is_quarantined(
    open_journal: Open, directory: Path, tmp_path: Path
) -> None:
    journal = open_journal()
    add(journal, 3)
    entries = journal.entries(0, 3)
    journal.close()
    raw, starts = (directory / FIRST).read_bytes(), starts_of(directory / FIRST)
    for cut in range(starts[1], len(raw)):
        copy = tmp_path / f"cut{cut}"
        copy.mkdir()
        (copy / FIRST).write_bytes(raw[:cut])
        whole = sum(start <= cut for start in starts) - 2
        found = open_journal(copy)
        assert found.entries(0, found.size) == entries[:whole]
        assert found.quarantined_bytes == cut - starts[whole + 1]
        assert quarantined(copy) == raw[starts[whole + 1] : cut]
        assert (copy / FIRST).read_bytes() == raw[: starts[whole + 1]]
        add(found)
        found.close()
        again = open_journal(copy)
        assert (again.size, again.quarantined_bytes) == (whole + 1, 0)
        again.close()


def test_a_recovery_that_was_cut_short_is_done_again(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 2)
    journal.close()
    with (directory / FIRST).open("ab") as file:
        file.write(b"0badf00d {torn")
    damaged = (directory / FIRST).read_bytes()
    open_journal().close()
    (directory / FIRST).write_bytes(damaged)  # as if the power had gone before the cut reached the medium
    (directory / f"{FIRST}.new").write_bytes(b"half a file")
    found = open_journal()
    assert (found.size, found.quarantined_bytes, quarantined(directory)) == (2, 14, b"0badf00d {torn")
    assert not list(directory.glob("*.new"))


def test_any_flipped_byte_is_found_and_never_read_as_an_entry(open_journal: Open, tmp_path: Path) -> None:
    whole = open_journal(tmp_path / "whole", limits=SMALL)
    add(whole, 3)
    entries = whole.entries(0, 3)
    whole.close()
    starts = starts_of(tmp_path / "whole" / FIRST)
    chance = Random(4)
    for at in range(starts[-1]):
        place = tmp_path / str(at)
        place.mkdir()
        shutil.copy(tmp_path / "whole" / FIRST, place)
        flip(place / FIRST, at, 1 << chance.randrange(8))
        line = max(n for n, start in enumerate(starts) if start <= at)
        if line in (1, 2):  # an entry with a readable one behind it
            with pytest.raises(JournalDamaged, match=f"entry {line - 1} was promised"):
                open_journal(place, limits=SMALL)
            continue
        # The header, whose place a new segment takes; or the last line, of which nothing tells that it was promised.
        found = open_journal(place, limits=SMALL)
        assert found.entries(0, found.size) == entries[: 3 if line == 0 else 2]
        add(found)
        assert found.root_at(2)
        found.close()
        again = open_journal(place, limits=SMALL)
        assert again.size == (4 if line == 0 else 3)
        again.close()


def test_a_damaged_last_entry_of_a_full_segment_is_known_to_have_been_promised(
    open_journal: Open, directory: Path
) -> None:
    journal = open_journal(limits=SMALL)
    while len(segments := sorted(directory.glob("*.log"))) < 2:
        add(journal)
    journal.close()
    flip(segments[0], starts_of(segments[0])[-2] + 20)
    with pytest.raises(JournalDamaged, match=f"entry {journal.size - 1} was promised"):
        open_journal(limits=SMALL)


def test_a_damaged_last_entry_that_the_scratch_file_knows_of_ends_the_epoch(
    open_journal: Open, directory: Path
) -> None:
    journal = open_journal()
    add(journal, 3)
    scratch = Scratch(directory, disk=Disk())
    scratch.write([], boot=BOOT, journal_size=3, now=Instant(0, 0))
    scratch.close()
    journal.close()
    flip(directory / FIRST, starts_of(directory / FIRST)[-1] - 5)
    before = (directory / FIRST).read_bytes()
    with pytest.raises(JournalBehind, match=r"up to 2, but it had 3.*begins the next epoch"):
        open_journal()
    assert (directory / FIRST).read_bytes() == before
    assert not (directory / "quarantine").exists()


@pytest.mark.parametrize("index", range(4))
def test_damage_to_a_receipted_entry_is_kept_noted_once_and_survived(
    open_journal: Open, directory: Path, index: int
) -> None:
    journal = open_journal()
    add(journal, 4)
    tree = journal.root_at(4)
    journal.mark_signed(4, tree)
    journal.store_receipt(receipt_for(journal, 4))
    entries = journal.entries(0, 4)
    journal.close()
    flip(directory / FIRST, starts_of(directory / FIRST)[index + 1] + 30)
    damaged = (directory / FIRST).read_bytes()
    found = open_journal()
    assert (found.size, found.root_at(4), found.readable_from) == (4, tree, index + 1)
    assert [finding.text for finding in found.findings] == [
        f"{FIRST}: 1 receipted entries cannot be read, the first is {index}; the collector holds them"
    ]
    assert found.entries(index + 1, 4) == entries[index + 1 :]
    with pytest.raises(JournalDamaged):
        found.entries(0, 4)
    assert (directory / FIRST).read_bytes() == damaged
    found.settle_findings()
    add(found, 2)
    found.store_receipt(receipt_for(found, 6))
    found.close()
    again = open_journal()
    assert (again.size, again.findings, again.readable_from) == (6, (), index + 1)


def test_a_receipted_segment_that_vanished_is_noted_and_survived(open_journal: Open, directory: Path) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 40)
    journal.store_receipt(receipt_for(journal, 38))
    tree = journal.root_at(40)
    journal.close()
    firsts = sorted(directory.glob("*.log"))
    firsts[1].unlink()
    found = open_journal(limits=SMALL)
    assert (found.size, found.root_at(40)) == (40, tree)
    assert "receipted entries cannot be read" in found.findings[0].text


def test_an_unreceipted_segment_that_vanished_ends_the_epoch(open_journal: Open, directory: Path) -> None:
    for victim in (0, 1):
        place = directory / str(victim)
        journal = open_journal(place, limits=SMALL)
        add(journal, 40)
        journal.close()
        sorted(place.glob("*.log"))[victim].unlink()
        with pytest.raises(JournalDamaged):
            open_journal(place, limits=SMALL)


def test_damage_in_a_backlog_of_several_segments_is_found(open_journal: Open, directory: Path) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 40)
    journal.store_receipt(receipt_for(journal, 10))
    journal.close()
    path = sorted(directory.glob("*.log"))[5]
    flip(path, starts_of(path)[2] + 30)
    with pytest.raises(JournalDamaged, match=r"was promised and not yet receipted"):
        open_journal(limits=SMALL)


def test_a_directory_without_any_segment_is_no_journal(directory: Path, open_journal: Open) -> None:
    directory.mkdir(parents=True)
    with pytest.raises(JournalDamaged, match="holds no segment"):
        Journal.open(directory, origin=ORIGIN)


def test_a_file_of_strange_name_or_noise_beside_the_segments_is_left_alone(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 2)
    journal.close()
    (directory / "notes.txt").write_text("ours")
    (directory / "1.log").write_text("not a segment")
    assert open_journal().size == 2


def test_a_tail_that_cannot_be_quarantined_stays_where_it_is(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    add(journal, 2)
    journal.close()
    with (directory / FIRST).open("ab") as file:
        file.write(b"torn")
    (directory / "quarantine").write_text("a file where the folder should be")
    found = open_journal()
    assert (directory / FIRST).read_bytes().endswith(b"torn")
    add(found)
    assert found.size == 3
    found.close()
    assert open_journal().size == 3
