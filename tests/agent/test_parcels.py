"""Taking a journal out onto a medium, and receipts back, with and without an agent that runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import beside, hatch, marks, parcels
from agent.errors import AgentError, JournalDamaged
from agent.hatch import Hatch
from agent.identity import Identity, parse_enrolment
from agent.journal import Journal
from agent.segments import Limits
from agent.slots import BLOCK_BYTES, read_newest
from protocol.batch import Batch, parse_batch
from protocol.merkle import EMPTY_FRONTIER, leaf_hash
from protocol.note import open_checkpoint
from protocol.parcel import MANIFEST, parse_manifest
from tests.agent.conftest import AGENT_KEY, ORIGIN, RECEIPT_KEY, add, receipt_for
from tests.agent.enrolled import answer
from tests.agent.manual_clock import ManualClock
from tests.agent.tending import tending

Open = Callable[..., Journal]
SMALL = Limits(segment_bytes=20_000)
PARCEL = "jishi.example_a_em-01_1"


@pytest.fixture
def who(directory: Path) -> Identity:
    return Identity(parse_enrolment(answer(9), agent_id="em-01"), AGENT_KEY, RECEIPT_KEY.verifier, directory)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    path = tmp_path / "stick"
    path.mkdir()
    return path


def export(who: Identity, medium: Path, *, everything: bool = False) -> parcels.Exported:
    return parcels.export(who, medium, everything=everything, clock=ManualClock())


def batches(medium: Path) -> list[Batch]:
    manifest = parse_manifest((medium / PARCEL / MANIFEST).read_bytes())
    assert manifest.origin == ORIGIN
    raws = [(medium / PARCEL / piece.name).read_bytes() for piece in manifest.pieces]
    assert all(piece.is_of(raw) for piece, raw in zip(manifest.pieces, raws, strict=True))
    return [parse_batch(raw) for raw in raws]


def check(found: list[Batch], entries: tuple[bytes, ...]) -> None:
    """They hold these entries, the last ones of the journal, each under a checkpoint over what comes before it."""
    assert tuple(entry for batch in found for entry in batch.entries) == entries[found[0].old :]
    for batch in found:
        signed = open_checkpoint(batch.note, AGENT_KEY.verifier)
        frontier = EMPTY_FRONTIER.extend(map(leaf_hash, entries[: signed.size]))
        assert (signed.size, signed.root) == (batch.old + len(batch.entries), frontier.root())
        assert len(batch.entries) <= 256


def signed_size(directory: Path) -> int:
    return marks.read_signed(read_newest(directory / "signed", slot_bytes=BLOCK_BYTES, count=2).value).size


def test_what_no_receipt_covers_lies_on_the_medium_as_it_would_travel(
    open_journal: Open, who: Identity, medium: Path
) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 700)
    journal.store_receipt(receipt_for(journal, 100))
    entries = journal.entries(0, 700)
    journal.close()
    done = export(who, medium)
    assert (done.first, done.size, len(done.pieces)) == (100, 700, 3)
    check(batches(medium), entries)
    assert signed_size(who.journal) == 700


def test_all_that_is_kept_lies_there_when_it_is_asked_for(open_journal: Open, who: Identity, medium: Path) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 700)
    journal.store_receipt(receipt_for(journal, 690))
    entries = journal.entries(0, 700)
    journal.close()
    assert export(who, medium, everything=True).first == 0
    check(batches(medium), entries)


def test_a_running_agent_is_asked_to_sign_and_keeps_its_lock(open_journal: Open, who: Identity, medium: Path) -> None:
    journal = open_journal()
    add(journal, 300)
    assert signed_size(who.journal) == 0
    with tending(Hatch(journal, lambda _: None)):
        assert export(who, medium).size == 300
    add(journal)
    check(batches(medium), journal.entries(0, 300))


def test_an_agent_that_does_not_answer_is_named(
    open_journal: Open, who: Identity, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(open_journal())
    monkeypatch.setattr(hatch.ask_to_sign, "__kwdefaults__", {"patience_s": 0.05})
    with pytest.raises(AgentError, match="does not answer"):
        export(who, medium)
    assert not list(who.journal.glob("sign-wanted*"))
    assert not list(medium.iterdir())


def test_a_line_that_was_never_promised_is_not_signed(open_journal: Open, who: Identity, medium: Path) -> None:
    """A refused append may leave its line in a file; the entry that later gets that index is another."""
    journal = open_journal()
    add(journal, 3)
    journal.mark_signed(3, journal.root_at(3))
    segment = who.journal / "00000000000000000000.log"
    whole = segment.read_bytes()
    add(journal, text="never promised")
    with pytest.MonkeyPatch.context() as patch, tending(Hatch(journal, lambda _: None)):
        patch.setattr(journal, "mark_signed", lambda *_: None)
        export(who, medium)
    check(batches(medium), journal.entries(0, 3))
    assert segment.read_bytes() != whole


def test_a_journal_that_is_not_what_was_signed_is_not_exported(
    open_journal: Open, who: Identity, medium: Path, tmp_path: Path
) -> None:
    journal = open_journal()
    add(journal, 5)
    journal.mark_signed(5, journal.root_at(5))
    other = open_journal(tmp_path / "other" / "1")
    add(other, 5, text="another history")
    shutil.copy(other.directory / "00000000000000000000.log", who.journal)
    with pytest.raises(JournalDamaged, match="not those that were signed"), tending(Hatch(journal, lambda _: None)):
        export(who, medium)
    assert not list(medium.iterdir())


def test_entries_that_are_gone_are_named(open_journal: Open, who: Identity) -> None:
    journal = open_journal(limits=SMALL)
    add(journal, 400)
    journal.mark_signed(400, journal.root_at(400))
    sorted(who.journal.glob("*.log"))[1].unlink()
    with pytest.raises(JournalDamaged, match="was signed and cannot be read"):
        beside.unreceipted(who.journal)


def test_again_gives_the_same_files_and_what_is_left_over_goes(open_journal: Open, who: Identity, medium: Path) -> None:
    journal = open_journal()
    add(journal, 300)
    journal.close()
    export(who, medium)
    first = {path.name: path.read_bytes() for path in (medium / PARCEL).iterdir()}
    assert export(who, medium).size == 300
    assert {path.name: path.read_bytes() for path in (medium / PARCEL).iterdir()} == first
    journal = open_journal()
    journal.store_receipt(receipt_for(journal, 290))
    journal.close()
    export(who, medium)
    assert sorted(path.name for path in (medium / PARCEL).iterdir()) == ["000000000290-000000000300.batch", MANIFEST]


def test_nothing_is_written_where_everything_is_receipted(open_journal: Open, who: Identity, medium: Path) -> None:
    journal = open_journal()
    add(journal, 3)
    journal.store_receipt(receipt_for(journal, 3))
    journal.close()
    assert export(who, medium).pieces == ()
    assert not list(medium.iterdir())


def test_a_medium_that_is_not_there_is_named(open_journal: Open, who: Identity, medium: Path) -> None:
    open_journal().close()
    with pytest.raises(AgentError, match="is no directory: name where the medium is mounted"):
        export(who, medium / "nowhere")


def test_a_receipt_comes_home_without_an_agent(open_journal: Open, who: Identity, medium: Path) -> None:
    journal = open_journal()
    add(journal, 9)
    receipt = receipt_for(journal, 9)
    journal.close()
    (medium / PARCEL).mkdir()
    (medium / PARCEL / "receipt").write_bytes(receipt.raw)
    for _ in range(2):
        parcels.take_in(who, parcels.find_receipt(who, medium))
    assert open_journal().receipted_size == 9


def test_a_receipt_comes_home_to_a_running_agent(open_journal: Open, who: Identity) -> None:
    journal, taken = open_journal(), []
    add(journal, 9)
    receipt = receipt_for(journal, 9)
    with tending(Hatch(journal, taken.append)):
        parcels.take_in(who, receipt)
    assert taken == [receipt.raw]


def test_a_receipt_over_more_than_there_is_names_the_older_copy(open_journal: Open, who: Identity) -> None:
    journal = open_journal()
    add(journal, 9)
    receipt = receipt_for(journal, 9)
    journal.close()
    shutil.rmtree(who.journal)
    add(journal := open_journal(), 2)
    journal.close()
    with pytest.raises(AgentError, match="put back to an older copy"):
        parcels.take_in(who, receipt)


def test_a_receipt_over_another_history_is_not_kept(open_journal: Open, who: Identity, tmp_path: Path) -> None:
    other = open_journal(tmp_path / "other" / "1")
    add(other, 9, text="another history")
    add(journal := open_journal(), 9)
    journal.close()
    with pytest.raises(AgentError, match="another machine uses a copy"):
        parcels.take_in(who, receipt_for(other, 9))
    assert open_journal().receipted_size == 0


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [(None, "holds no receipt for jishi.example/a/em-01/1; it holds none at all"), (b"noise", "is no receipt")],
)
def test_what_is_no_receipt_of_ours_is_told(who: Identity, medium: Path, raw: bytes | None, complaint: str) -> None:
    if raw is not None:
        (medium / PARCEL).mkdir()
        (medium / PARCEL / "receipt").write_bytes(raw)
    with pytest.raises(AgentError, match=complaint):
        parcels.find_receipt(who, medium)
