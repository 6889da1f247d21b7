"""Enrolment and journal: read beside the writer, and never mended."""

from pathlib import Path

import msgspec
import pytest

from agent import identity
from agent.disk import WriterLock
from agent.doctor.case import Case
from agent.doctor.journal import examine_enrolment, examine_journal
from agent.finding import Finding
from agent.identity import Watch
from agent.journal import Journal
from agent.segment import name
from tests.agent.conftest import AGENT_KEY, ORIGIN, add, receipt_for
from tests.agent.doctor.cases import a_case, again, only, verdicts
from tests.agent.enrolled import answer


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return a_case(tmp_path)


def grow(case: Case, count: int, *, signed: int = 0, receipted: int = 0) -> Path:
    """Add entries to the journal; returns its one segment."""
    assert case.who is not None
    journal = Journal.open(case.who.journal, origin=ORIGIN)
    add(journal, count)
    if signed:
        journal.mark_signed(signed, journal.root_at(signed))
    if receipted:
        journal.store_receipt(receipt_for(journal, receipted))
    journal.close()
    return case.who.journal / name(0)


def the_journal(case: Case) -> Finding:
    return next(finding for finding in examine_journal(case) if finding.what == "journal")


def test_a_good_journal_is_read_to_its_end(case: Case) -> None:
    grow(case, 9, signed=8, receipted=5)
    finding = the_journal(case)
    assert (finding.verdict, finding.found) == ("ok", "10 entries in 1 files can be read; 5 are receipted")


def test_one_that_was_cut_short_of_what_was_signed_is_over(case: Case) -> None:
    segment = grow(case, 9, signed=10)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:6]))
    finding = the_journal(case)
    assert finding.verdict == "fail"
    assert "holds entries up to 5, and had 10" in finding.found
    assert "begins the next epoch" in finding.remedy
    assert len(segment.read_bytes().splitlines()) == 6, "the doctor mends nothing"


@pytest.mark.parametrize(("receipted", "verdict"), [(0, "fail"), (4, "fail"), (6, "warn")])
def test_an_entry_that_cannot_be_read_is_lost_unless_the_collector_has_it(
    case: Case, receipted: int, verdict: str
) -> None:
    segment = grow(case, 9, receipted=receipted)
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"something", b"sumething")  # entry 4: the header is a line
    segment.write_bytes(b"".join(lines))
    assert the_journal(case).verdict == verdict


def test_the_journal_of_another_log_is_named(case: Case) -> None:
    segment = grow(case, 1)
    raw = segment.read_bytes()
    other = Journal.open(segment.parent.parent / "2", origin="jishi.example/a/em-02/1", create=True)
    other.close()
    segment.write_bytes((segment.parent.parent / "2" / name(0)).read_bytes())
    assert the_journal(case).found.endswith("holds the journal of jishi.example/a/em-02/1")
    assert raw != segment.read_bytes()


def test_a_file_that_is_gone_is_named(case: Case) -> None:
    assert case.who is not None
    (case.who.journal / "signed").unlink()
    finding = the_journal(case)
    assert (finding.verdict, finding.found) == ("fail", f"{case.who.journal / 'signed'} is gone")


def test_who_writes_it_is_said_and_he_is_not_disturbed(case: Case) -> None:
    assert verdicts(examine_journal(case))["agent"] == "warn"
    assert case.who is not None
    held = WriterLock(case.who.journal)
    before = (case.who.journal / "lock").read_bytes()
    hung = again(case)
    finding = next(finding for finding in examine_journal(hung) if finding.what == "agent")
    assert finding.verdict == "fail"
    assert f"process {before.decode().strip()} writes the journal" in finding.found
    assert hung.is_attended
    held.release()
    assert not again(case).is_attended


def test_an_agent_that_was_never_enrolled_is_told_how(case: Case) -> None:
    (case.configuration.state_dir / identity.ENROLMENT).unlink()
    bare = again(case)
    finding = only(examine_enrolment(bare))
    assert finding.verdict == "fail"
    assert "jishi-agent enroll" in finding.remedy
    assert list(examine_journal(bare)) == []


def test_enrolment_and_configuration_are_held_against_each_other(case: Case) -> None:
    assert verdicts(examine_enrolment(case)) == {"enrolment": "ok"}
    enrolment = msgspec.structs.replace(
        identity.parse_enrolment(answer(9), agent_id="em-01"),
        watch=(Watch("meter9", "power", "B002"),),
        assets=("B002",),
    )
    identity.write_identity(case.configuration.state_dir, AGENT_KEY, answer=msgspec.json.encode(enrolment))
    _, *warnings = examine_enrolment(again(case))
    assert [warning.found for warning in warnings] == [
        "no watcher is named 'meter9', which the collector counts for B002",
        "watcher meter1 is for A001, and the agent is enrolled for other instruments",
    ]
