"""The state directory is not what it was: put back to an older copy, cloned to a second PC, cut short, or damaged."""

import shutil
from pathlib import Path

from tests.faults.host import Host
from tests.faults.line import Direction
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=False)
def directory_is_put_back_to_an_older_copy(world: World) -> None:
    """A disk image brings back the state directory of earlier, as some PCs do each morning; the next epoch begins."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    image = host.directory / "image"
    host.copy_state(image)
    size = host.size()
    world.until("more receipts", lambda: host.receipted() > size + 3)
    host.kill()
    host.remember()
    shutil.rmtree(host.state_dir)
    shutil.move(image, host.state_dir)
    host.start()
    _see_next_epoch(world, host)


@scenario(short=True)
def directory_is_cloned_and_both_live(world: World) -> None:
    """A second PC is set up from a copy of the disk, and both agents go on; one of them begins the next epoch."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.stop()
    clone = host.clone()
    world.exits.callback(clone.kill)
    host.start()
    clone.start()
    world.until("the next epoch", lambda: len(host.issued()) == 2)
    world.until("receipts over it", lambda: host.issued()[-1].receipted > 3)
    clone.stop()
    assert not clone.falls, clone.falls[0]


@scenario(short=False)
def tail_is_cut_off(world: World) -> None:
    """The last entries vanish from the journal, whole lines, receipted and not; the next epoch begins."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.kill()
    host.remember()
    _cut_off(host.journal_dir, lines=world.random.randrange(1, 4))
    host.start()
    _see_next_epoch(world, host)


@scenario(short=False, guards=("recovery checks what was promised",))
def tail_is_cut_off_behind_what_was_signed(world: World) -> None:
    """Entries that were signed and sent vanish before any receipt came; no second tree of that size may be signed."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.line.tamper = _without_receipts
    size = host.receipted()
    world.until("entries without receipts", lambda: host.size() > size + 5)
    world.until("their batches", lambda: _stored_size(world) > size + 4)
    host.kill()
    host.remember()
    _cut_off(host.journal_dir, lines=3)
    host.line.mend()
    host.start()
    _see_next_epoch(world, host)


@scenario(short=False)
def entry_is_damaged_in_the_middle(world: World) -> None:
    """A byte flips in an entry that is not receipted; the next epoch begins and carries over what can be read."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.line.cut()
    size = host.size()
    world.until("entries without receipts", lambda: host.size() > size + 5)
    host.kill()
    host.remember()
    _flip(host.journal_dir, world.random.randrange(2, 4))
    host.line.mend()
    host.start()
    _see_next_epoch(world, host)


@scenario(short=False)
def receipted_entry_is_damaged(world: World) -> None:
    """A byte flips in an entry that the collector has; the journal goes on, and says so."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 8)
    host.stop()
    host.remember()
    _flip(host.journal_dir, host.size() - 3)
    host.start()
    world.until("an entry that says so", lambda: host.has_said(b"receipted entries cannot be read"))
    assert len(host.issued()) == 1, "damage to what the collector has ended the epoch"


def _see_next_epoch(world: World, host: Host) -> None:
    world.until("the next epoch", lambda: len(host.issued()) == 2)
    world.until("receipts over it", lambda: host.issued()[-1].receipted > 3)


def _without_receipts(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
    return [payload] if direction == "up" or payload.startswith(b"jishi-") else []


def _stored_size(world: World) -> int:
    return max(each.size for each in world.stored())


def _cut_off(journal: Path, *, lines: int) -> None:
    """Take the last lines of entries away."""
    for path in sorted(journal.glob("*.log"), reverse=True):
        header, *entries = path.read_bytes().splitlines(keepends=True)
        kept = entries[: max(0, len(entries) - lines)]
        lines -= len(entries) - len(kept)
        path.write_bytes(header + b"".join(kept))


def _flip(journal: Path, behind: int) -> None:
    """Flip a byte in the entry that has so many behind it, all in the newest segment that has as many."""
    path = next(
        path for path in sorted(journal.glob("*.log"), reverse=True) if path.read_bytes().count(b"\n") > behind + 2
    )
    lines = path.read_bytes().splitlines(keepends=True)
    line = bytearray(lines[-1 - behind])
    line[len(line) // 2] ^= 1
    lines[-1 - behind] = bytes(line)
    path.write_bytes(b"".join(lines))
