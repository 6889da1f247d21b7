"""Two histories of one log, and what only looks like that: adjudication between real processes."""

import shutil
import subprocess
import sys
from pathlib import Path

from agent import marks, segment
from agent.disk import Disk
from agent.journal import RECEIPT_SLOT_BYTES
from agent.slots import BLOCK_BYTES, Slots, read_newest
from collector.evidence.forks import Doubt, find_proof, list_doubts
from protocol.batch import parse_batch
from protocol.entry import Storage, decode, encode, make
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from tests.faults.host import Host
from tests.faults.line import Direction
from tests.faults.program import ROOT
from tests.faults.scenario import scenario
from tests.faults.world import World
from tests.foreign import flip_a_bit, pack_plainly


@scenario(short=True)
def broker_flips_single_bits(world: World) -> None:
    """Of batches, sent plain so that nothing but the root sees it, and of answers, many have one bit flipped."""
    host = world.host(backlog=2000, start=False)
    chance, asked = world.random, 0

    def flip(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        nonlocal asked
        if direction == "down":
            asked += payload.startswith(b"jishi-ask/v1\n")
            return [payload]
        if payload.startswith(b"jishi-batch/v1\n"):
            plain = pack_plainly(parse_batch(payload))
            return [flip_a_bit(plain, chance) if chance.random() < 0.3 else plain]
        is_answer = payload.startswith(b"jishi-leaves/v1\n")
        return [flip_a_bit(payload, chance) if is_answer and chance.random() < 0.3 else payload]

    host.line.tamper = flip
    host.start()
    world.until("all delivered", host.is_delivered, times=3)
    world.until("a question", lambda: asked)
    for doubt in list_doubts(world.connection):
        assert doubt.standing in ("ok", "suspect", "gap"), f"a flipped bit became an accusation: {doubt}"
        assert doubt.proved_at is None, f"a flipped bit became a proof: {doubt}"


@scenario(short=True)
def image_is_put_back_and_goes_on_alone(world: World) -> None:
    """A disk image of earlier comes back, and the agent records without a network; both histories are signed."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.stop()
    image = host.directory / "image"
    host.copy_state(image)
    host.start()
    held = host.size() + 15
    world.until("more receipts", lambda: host.receipted() > held)
    host.kill()
    host.remember()
    shutil.rmtree(host.state_dir)
    shutil.move(image, host.state_dir)
    size = host.size()
    host.line.cut()
    host.start()
    world.until("entries that nobody heard of", lambda: host.size() > size + 3)
    host.line.mend()
    world.until("the next epoch", lambda: len(host.issued()) == 2)
    world.until("receipts over it", lambda: host.issued()[-1].receipted > 3)
    _see_proof(world, host, parts_from=size)


@scenario(short=True)
def clone_records_apart(world: World) -> None:
    """A clone records without a network; it comes back when the first PC has gone on, and signs what it has."""
    host = world.host()
    world.until("the first receipts", lambda: host.receipted() > 5)
    host.stop()
    size = host.size()
    clone = host.clone()
    world.exits.callback(clone.kill)
    host.line.cut()
    clone.start()
    world.until("entries of the clone", lambda: _entries_in(host.directory / "clone") > size)
    clone.stop()
    host.line.mend()
    host.start()
    ahead = _entries_in(host.directory / "clone") + 5
    world.until("receipts beyond the clone's entries", lambda: host.receipted() > ahead)
    clone.start()
    world.until("the next epoch", lambda: len(host.issued()) == 2)
    world.until("receipts over it", lambda: host.issued()[-1].receipted > 3)
    _see_proof(world, host, parts_from=size)
    clone.stop()
    assert not clone.falls, clone.falls[0]


@scenario(short=True)
def receipted_history_is_edited(world: World) -> None:
    """Somebody who knows the files well rewrites an entry that was receipted, and every mark that would tell."""
    _see_edit_proved(world, world.host(backlog=700))


@scenario(short=False)
def receipted_history_is_edited_behind_https(world: World) -> None:
    """The same where the agent delivers by HTTPS: the questions come as the answers to what it posts."""
    world.open_web()
    _see_edit_proved(world, world.host(backlog=700, road="https"))


def _see_edit_proved(world: World, host: Host) -> None:
    world.until("all delivered", host.is_delivered)
    host.stop()
    host.remember()
    _rewrite(host.journal_dir, 300)
    host.start()
    world.until("a proof", lambda: any(each.proved_at for each in list_doubts(world.connection)))
    doubt = _doubt_of(world, host)
    assert (doubt.entry_index, doubt.standing) == (300, "fork"), f"entry 300 was edited: {doubt}"
    _see_proof(world, host, parts_from=300)
    world.revoke(host)  # as the operator would: this log's story cannot be mended


def _see_proof(world: World, host: Host, *, parts_from: int) -> None:
    """The first epoch's fork is proved to whoever has its key, and where both histories part."""
    doubt = _doubt_of(world, host)
    proof = find_proof(world.connection, doubt.origin)
    assert proof is not None, f"no proof is kept: {doubt}"
    assert doubt.entry_index is not None, f"the proof shows no entry: {doubt}"
    assert doubt.entry_index >= parts_from, f"entry {doubt.entry_index} is of both: they part from {parts_from} on"
    file = host.directory / "proof"
    file.write_bytes(proof.raw)
    words = ["-c", "import sys; from protocol.audit.cli import main; sys.exit(main())"]
    words += ["fork", str(file), "--key", doubt.vkey]
    told = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, "FORK PROVED" in told.stdout) == (0, True), told.stderr


def _doubt_of(world: World, host: Host) -> Doubt:
    """Of the first epoch."""
    found = list_doubts(world.connection, agent_id=host.agent_id)
    assert found, f"nothing is in doubt of {host.agent_id}"
    return found[0]


def _entries_in(state_dir: Path) -> int:
    """Lines of entries in a state directory's first journal."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in (state_dir / "journal" / "1").glob("*.log"))


def _rewrite(journal: Path, index: int) -> None:
    """Another entry at `index`, and segment, signed mark and receipt mark as if it had always stood there."""
    [path] = sorted(journal.glob("*.log"))
    lines = path.read_bytes().splitlines(keepends=True)
    before = decode(lines[index + 1][segment.PREFIX_BYTES : -1])
    forged = encode(
        make(Storage("nothing ran"), index=index, wall_ms=before.wall_ms, mono_ms=before.mono_ms, boot=before.boot)
    )
    lines[index + 1] = segment.line(forged)
    path.write_bytes(b"".join(lines))
    leaves = [leaf_hash(line[segment.PREFIX_BYTES : -1]) for line in lines[1:]]
    signed, receipt = journal / "signed", journal / "receipt"
    mark = marks.read_signed(read_newest(signed, slot_bytes=BLOCK_BYTES, count=2).value)
    root = EMPTY_FRONTIER.extend(leaves[: mark.size]).root()
    _write(signed, BLOCK_BYTES, marks.write_signed(mark._replace(root=root)))
    receipted = marks.read_receipted(read_newest(receipt, slot_bytes=RECEIPT_SLOT_BYTES, count=2).value)
    frontier = EMPTY_FRONTIER.extend(leaves[: receipted.size])
    _write(receipt, RECEIPT_SLOT_BYTES, marks.write_receipted(receipted._replace(frontier=frontier)))


def _write(path: Path, slot_bytes: int, value: bytes) -> None:
    slots = Slots(path, slot_bytes=slot_bytes, count=2, disk=Disk())
    slots.write(value, sync=True)
    slots.close()
