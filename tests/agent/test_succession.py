"""From a journal that cannot go on to the next one: nothing lost, nothing touched, at any moment of the change."""

import itertools
import shutil
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from agent import identity, succession
from agent.clock import Instant, SystemClock
from agent.disk import Disk
from agent.errors import JournalBehind, NotEnrolledError
from agent.exchange import EndEpoch
from agent.identity import Identity
from agent.journal import Journal
from agent.scratch import Scratch, read_saved
from protocol.entry import Declaration, Entry, Genesis, Start, Stop, decode
from protocol.epoch import EpochRequest, open_request
from protocol.note import Checkpoint, open_receipt
from tests.agent.conftest import AGENT_KEY, BOOT, ORIGIN, RECEIPT_KEY, receipt_for
from tests.agent.enrolled import answer
from tests.light_agent import BLOCK_MS, START_MS, reading

END = EndEpoch("fork", "another machine uses the same")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """An enrolled agent whose journal holds a genesis, a start, four readings and a stop."""
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    identity.write_identity(state_dir, AGENT_KEY, answer=answer(1883))
    genesis = Genesis(("A001",), str(AGENT_KEY.verifier), "a build")
    succession.make_journal(identity.journal_directory(state_dir, 1), ORIGIN, genesis, clock=SystemClock(), before=None)
    with_journal(state_dir, lambda journal: fill(journal, 4))
    return state_dir


def fill(journal: Journal, readings: int) -> None:
    at = Instant(START_MS, BLOCK_MS)
    journal.append(Start("0.1.0"), at, boot=BOOT)
    for _ in range(readings):
        number = journal.size
        journal.append(reading(number * BLOCK_MS), Instant(START_MS + number, (number + 1) * BLOCK_MS), boot=BOOT)
    journal.append(Stop("a reason"), at, boot=BOOT)


def with_journal(state_dir: Path, do: Callable[[Journal], object]) -> None:
    who = load(state_dir)
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    try:
        do(journal)
    finally:
        journal.close()


def load(state_dir: Path) -> Identity:
    return identity.load(state_dir, agent_id="em-01")


def begin_next(state_dir: Path, end: EndEpoch = END) -> Identity:
    return succession.begin_next(state_dir, load(state_dir), end, clock=SystemClock())


def entries(who: Identity) -> list[Entry]:
    journal = Journal.open(who.journal, origin=who.enrolment.origin)
    found = [decode(raw) for raw in journal.entries(0, journal.size)]
    journal.close()
    return found


def receipt(journal: Journal, size: int) -> None:
    journal.mark_signed(size, journal.root_at(size))
    journal.store_receipt(receipt_for(journal, size))


def files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_what_no_receipt_covers_is_carried_over_as_it_was_between_genesis_and_start(state_dir: Path) -> None:
    with_journal(state_dir, lambda journal: receipt(journal, 3))
    before, untouched = entries(load(state_dir)), files_of(load(state_dir).journal)
    who = begin_next(state_dir)
    assert (who.enrolment.origin, who.enrolment.epoch, who.key.name) == (
        "jishi.example/a/em-01/2",
        2,
        who.enrolment.origin,
    )
    genesis, *carried = entries(who)
    assert isinstance(genesis.body, Genesis)
    assert (genesis.body.key, genesis.body.why) == (str(who.key.verifier), END.why)
    assert open_receipt(b64decode(genesis.body.predecessor or ""), RECEIPT_KEY.verifier).checkpoint.size == 3
    assert [(entry.wall_ms, entry.mono_ms, entry.boot, entry.body) for entry in carried] == [
        (entry.wall_ms, entry.mono_ms, entry.boot, entry.body) for entry in before[3:6]
    ]
    assert files_of(identity.journal_directory(state_dir, 1)) == untouched


def test_the_request_is_over_what_was_signed_last_and_by_both_keys(state_dir: Path) -> None:
    def sign_more(journal: Journal) -> None:
        receipt(journal, 3)
        journal.mark_signed(5, journal.root_at(5))
        roots.append(journal.root_at(5))

    roots: list[bytes] = []
    with_journal(state_dir, sign_more)
    who = begin_next(state_dir)
    request = open_request(succession.pending_request(who.journal) or b"", AGENT_KEY.verifier)
    assert request == EpochRequest(Checkpoint(ORIGIN, 5, roots[0]), "fork", who.key.verifier)
    kept = identity.find_key(state_dir, ORIGIN)
    assert kept is not None
    assert kept.seed == AGENT_KEY.seed


def test_blocks_that_a_crash_left_open_wait_for_the_next_start(state_dir: Path) -> None:
    open_block = Entry(6, START_MS, 7 * BLOCK_MS, BOOT, reading(6 * BLOCK_MS))
    appended = Entry(4, START_MS, 5 * BLOCK_MS, BOOT, reading(4 * BLOCK_MS, watcher="meter2"))
    before = load(state_dir).journal

    def append_one(journal: Journal) -> None:
        journal.append(appended.body, Instant(START_MS, 5 * BLOCK_MS), boot=BOOT)

    with_journal(state_dir, append_one)
    scratch = Scratch(before, disk=Disk())
    scratch.keep((open_block, appended), journal_size=5)
    scratch.close()
    who = begin_next(state_dir)
    saved = read_saved(who.journal)
    assert [(block.boot, block.mono_ms, block.body) for block in saved.blocks] == [
        (BOOT, 7 * BLOCK_MS, open_block.body)
    ]
    assert saved.journal_size == len(entries(who))


def test_a_journal_with_a_hole_gives_what_lies_on_both_sides_of_it(state_dir: Path) -> None:
    log = next(load(state_dir).journal.glob("*.log"))
    lines = log.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"w":', b'"W":')  # the header, entries 0 to 2, and this is entry 3
    log.write_bytes(b"".join(lines))
    carried = [entry.body.start_mono_ms // BLOCK_MS for entry in entries(begin_next(state_dir))[1:]]  # type: ignore[union-attr]
    assert carried == [2, 4, 5]


@pytest.mark.parametrize(
    ("place", "name"), [(succession, "_carry_over"), (succession, "_put_aside"), (identity, "write_successor")]
)
def test_cut_short_anywhere_the_old_epoch_is_in_force_and_all_is_done_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, place: ModuleType, name: str
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, name, cut)
        with pytest.raises(KeyboardInterrupt):
            begin_next(state_dir)
    assert load(state_dir).enrolment.epoch == 1
    assert len(entries(load(state_dir))) == 7
    with_journal(state_dir, lambda journal: fill(journal, 1))
    assert len(entries(begin_next(state_dir))) == 6, "with what was recorded meanwhile"
    left = {path.name for path in (state_dir / "journal").iterdir()}
    assert left == ({"1", "2", "2.aside.1"} if name == "write_successor" else {"1", "2"})


@pytest.mark.parametrize(
    ("name", "call", "in_force"),
    [("write_private", 1, 1), ("write_private", 2, 1), ("_put_aside", 1, 2)],
)
def test_a_crash_between_the_files_of_an_identity_leaves_one_epoch_or_the_other(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int, in_force: int
) -> None:
    calls, original = itertools.count(1), getattr(identity, name)

    def dying(*arguments: object) -> object:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(identity, name, dying)
        with pytest.raises(KeyboardInterrupt):
            begin_next(state_dir)
    who = load(state_dir)
    assert (who.enrolment.epoch, who.key.name) == (in_force, f"jishi.example/a/em-01/{in_force}")
    assert len(entries(who)) == {1: 7, 2: 5}[in_force]
    assert begin_next(state_dir).enrolment.epoch == in_force + 1


def test_a_crash_before_the_new_key_has_its_last_name_changes_nothing(state_dir: Path) -> None:
    begin_next(state_dir)
    (state_dir / "agent.key").replace(state_dir / "agent-2.key")
    assert load(state_dir).key.name == "jishi.example/a/em-01/2"
    assert begin_next(state_dir).enrolment.epoch == 3


def test_a_number_that_was_gone_moves_what_was_recorded_under_it_and_asks_in_the_name_of_the_epoch_before(
    state_dir: Path,
) -> None:
    with_journal(state_dir, lambda journal: receipt(journal, 3))
    begin_next(state_dir)
    with_journal(state_dir, lambda journal: fill(journal, 2))
    who = begin_next(state_dir, EndEpoch("fork", "the number is gone", 7))
    assert who.enrolment.epoch == 7
    genesis, *carried = entries(who)
    assert len(carried) == 5
    assert isinstance(genesis.body, Genesis)
    assert open_receipt(b64decode(genesis.body.predecessor or ""), RECEIPT_KEY.verifier).checkpoint.origin == ORIGIN
    request = open_request(succession.pending_request(who.journal) or b"", AGENT_KEY.verifier)
    assert (request.old.origin, request.key.name) == (ORIGIN, "jishi.example/a/em-01/7")


@pytest.mark.parametrize("number", [1, 2])
def test_a_number_of_the_past_is_never_taken_on_anybodys_word(state_dir: Path, number: int) -> None:
    begin_next(state_dir)
    with_journal(state_dir, lambda journal: None)
    who = begin_next(state_dir, EndEpoch("fork", "forged", number))
    assert who.enrolment.epoch == (3 if number == 1 else 2)
    assert identity.find_key(state_dir, ORIGIN) is not None
    assert (state_dir / "journal" / "1").is_dir()


def test_without_the_key_that_must_ask_a_person_is_needed(state_dir: Path) -> None:
    begin_next(state_dir)
    (state_dir / "agent-1.key").unlink()
    with pytest.raises(NotEnrolledError, match=r"enroll --again"):
        begin_next(state_dir)
    assert load(state_dir).enrolment.epoch == 2


def test_a_declaration_that_no_receipt_covers_is_carried_too(state_dir: Path) -> None:
    said = Declaration(asset="A001", operator="0" * 64, action="in", how="command", purpose="teaching")
    with_journal(state_dir, lambda journal: journal.append(said, Instant(START_MS, BLOCK_MS), boot=BOOT))
    assert said in [entry.body for entry in entries(begin_next(state_dir))]


def test_a_directory_that_was_put_back_is_told_from_a_damaged_one(state_dir: Path) -> None:
    directory = load(state_dir).journal
    older = {path.name: path.read_bytes() for path in directory.glob("*.log")}
    with_journal(state_dir, lambda journal: fill(journal, 1))
    with_journal(state_dir, lambda journal: journal.mark_signed(journal.size, journal.root_at(journal.size)))
    for name, octets in older.items():
        (directory / name).write_bytes(octets)
    with pytest.raises(JournalBehind):
        with_journal(state_dir, lambda journal: None)
    shutil.rmtree(directory)
