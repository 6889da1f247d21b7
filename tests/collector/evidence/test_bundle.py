"""Bundles out of a real database, held against the auditor's verifier, which shares no code with their writer."""

import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from collector.approvals.proposed import ProposedDecision
from collector.errors import BundleError
from collector.evidence import bundle
from collector.evidence.bundle_files import at_place
from collector.ingest.prepare import prepare
from protocol.interval import day_bounds_ms
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import Result, verify
from tests.collector.deciding import decide
from tests.collector.evidence.evidence_world import (
    ASSET,
    BLOCKS_A_DAY,
    FIRST,
    World,
    files_of,
    memory_of,
    trust_text,
)
from tests.collector.person_keys import WANG, register_key
from tests.collector.province import IDLE, OFF, POLICY, RUN, Province
from tests.independent_verifier import judge
from tests.protocol.bundles import Memory

LAST = FIRST + timedelta(days=2)


@pytest.fixture
def world(province: Province, tmp_path: Path) -> World:
    """A collector to whom nothing has happened yet."""
    return World(province, tmp_path)


def write(world: World, dsn: str, out: Path, *, first: date = FIRST, last: date = FIRST) -> bundle.Summary:
    out.mkdir()
    wanted = bundle.Wanted(ASSET, first, last)
    return bundle.write_bundle(dsn, wanted, world.keys(), directory=out, now_ms=world.now_ms)


def told(result: Result) -> list[tuple[int, str, str, object]]:
    """What a verifier found, short enough for a failing test."""
    return [(f.check, f.word, f.where, f.values) for check in result.checks for f in check.findings]


def test_what_was_received_and_closed_is_valid_whole_and_day_by_day(world: World, dsn: str, tmp_path: Path) -> None:
    for _ in range(3):
        world.day()
    world.settle()
    summary = write(world, dsn, tmp_path / "out", last=LAST)
    result = verify(memory_of(tmp_path / "out"), world.trust)
    assert told(result) == []
    assert result.verdict is Verdict.VALID
    assert (summary.days, summary.unproved) == (3, 0)
    assert summary.entries == len(world.agent.entries)
    for each in result.days:
        assert each.shown.record is not None
        assert each.shown.by_grade["B"] > 15_000, "prompt, bracketed, one watcher"
        assert each.shown.counted_s == each.shown.record.effective_s > 20_000
    for number, one in enumerate(FIRST + timedelta(days=number) for number in range(3)):
        summary = write(world, dsn, tmp_path / f"{one}", first=one, last=one)
        result = verify(memory_of(tmp_path / f"{one}"), world.trust)
        assert told(result) == []
        assert result.verdict is Verdict.VALID
        assert summary.entries <= 2 * BLOCKS_A_DAY + 256, (
            "no more of the log than one day rests on, from a full tile on"
        )
        records = (tmp_path / f"{one}/hours/records.jsonl").read_bytes().splitlines()
        assert len(records) == (1 if number == 0 else 2), "the day before comes along"


def test_a_decision_lies_in_it_with_its_approvers_signature(world: World, dsn: str, tmp_path: Path) -> None:
    world.day()
    register_key(world.connection)
    start_ms = day_bounds_ms(FIRST)[0] + 11 * 3_600_000
    decision = ProposedDecision(asset=ASSET, start=start_ms, end=start_ms + 3_600_000, verdict="exclude")
    sha256 = decide(world.connection, decision, now=datetime.fromtimestamp(world.now_ms / 1000, UTC))
    world.settle()
    write(world, dsn, tmp_path / "out")
    note = f"facts/decisions/{sha256}.note"
    files = memory_of(tmp_path / "out")
    trust = world.trust._replace(person=(WANG.verifier,))
    result = verify(files, trust)
    assert (told(result), result.verdict) == ([], Verdict.VALID)
    shown = result.days[0].shown
    assert shown.record is not None
    assert (shown.record.effective_s - shown.counted_s, shown.by_grade["X"]) == (3600, 3600)
    assert f"person {WANG.verifier}" in (tmp_path / "out/keys/policy.txt").read_text("utf-8")
    assert judge(tmp_path / "out", trust_text(trust).decode()) == (0, [], [])
    unknown = verify(files, world.trust)
    assert unknown.verdict is Verdict.INCOMPLETE
    assert [(word, where) for _, word, where, _ in told(unknown)] == [("decision-signer", note)]
    assert judge(tmp_path / "out", trust_text(world.trust).decode())[0] == 1
    (tmp_path / "out" / note).unlink()
    assert verify(memory_of(tmp_path / "out"), trust).verdict is Verdict.INCOMPLETE, "a file that is stated is missing"
    assert judge(tmp_path / "out", trust_text(trust).decode())[0] == 1


def check(world: World, dsn: str, out: Path, **days: date) -> Result:
    write(world, dsn, out, **days)
    return verify(memory_of(out), world.trust)


def test_few_receipts_are_in_it_and_they_are_enough(world: World, dsn: str, tmp_path: Path) -> None:
    world.batch_each = 1
    world.work(120, RUN)
    world.work(180, OFF)
    world.settle()
    result = check(world, dsn, tmp_path / "out")
    assert told(result) == []
    assert result.verdict is Verdict.VALID
    batches = len(world.province.rows("SELECT FROM batch"))
    assert batches / 6 < result.agents[0].receipts < batches / 2


def test_the_zip_holds_the_same_and_has_one_content_only(world: World, dsn: str, tmp_path: Path) -> None:
    world.work(40, RUN)
    world.work(250, OFF)
    world.settle()
    wanted = bundle.Wanted(ASSET, FIRST, FIRST)
    for name in ("a.zip", "b.zip", "c"):
        with at_place(tmp_path / name) as directory:
            bundle.write_bundle(dsn, wanted, world.keys(), directory=directory, now_ms=world.now_ms)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert opened.testzip() is None
        found = {name: opened.read(name) for name in opened.namelist()}
    assert found == files_of(tmp_path / "c")
    assert verify(Memory(found), world.trust).verdict is Verdict.VALID
    left = {path.name for path in tmp_path.iterdir()}
    assert {"a.zip", "b.zip", "c"} == left - {"keys", "log"}, "nothing half-made stays"


def test_a_bundle_replaces_nothing_and_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_bytes(b"mine")
    with pytest.raises(BundleError, match="exists"), at_place(tmp_path / "there.zip"):
        pass
    with pytest.raises(BundleError, match="no directory"), at_place(tmp_path / "nowhere" / "x"):
        pass
    for name in ("half", "half.zip"):
        with pytest.raises(RuntimeError), at_place(tmp_path / name) as directory:  # noqa: PT012
            (directory / "MANIFEST").write_bytes(b"")
            raise RuntimeError("the power went")
    assert [path.name for path in tmp_path.iterdir()] == ["there.zip"]
    assert (tmp_path / "there.zip").read_bytes() == b"mine"


def test_a_day_that_is_still_open_cannot_be_shown_to_be_closed(world: World, dsn: str, tmp_path: Path) -> None:
    world.work(300, RUN)
    world.settle(days=1)
    result = check(world, dsn, tmp_path / "out")
    assert result.verdict is Verdict.INCOMPLETE
    assert {word for _, word, _, _ in told(result)} == {"day-not-closed"}


def test_what_is_not_in_the_log_yet_is_not_proved_and_the_bundle_says_so(
    world: World, dsn: str, tmp_path: Path
) -> None:
    world.has_beacons = False
    world.work(300, RUN)
    world.send()
    world.province.derive(FIRST + timedelta(days=13))
    assert write(world, dsn, tmp_path / "out").unproved == 1
    result = verify(memory_of(tmp_path / "out"), world.trust)
    assert result.verdict is Verdict.INCOMPLETE
    assert {word for _, word, _, _ in told(result)} == {"day-not-closed"}


def test_who_was_there_and_signed_out_later_comes_along(world: World, dsn: str, tmp_path: Path) -> None:
    """He came a day before the period and left a day after it, and his whole stay decides whose hours these were."""
    world.work(200, OFF)
    first = world.declare("in", purpose="own-research")
    world.day()
    world.work(280, RUN)
    last = world.declare("out")
    world.work(300, OFF)
    world.settle()
    day = FIRST + timedelta(days=1)
    result = check(world, dsn, tmp_path / "out", first=day, last=day)
    assert told(result) == []
    assert result.verdict is Verdict.VALID
    [agent] = result.agents
    assert agent.first <= first < last < agent.end
    [shown] = result.days
    assert shown.shown.record is not None
    assert shown.shown.record.internal_s > 0
    assert shown.shown.record.facts == (f"entry:{world.agent.origin}#{first}",)


def test_the_day_after_comes_along_where_the_last_day_depends_on_it(world: World, dsn: str, tmp_path: Path) -> None:
    """Standby up to midnight is preparation only if the day after begins with a run."""
    preparing = POLICY.replace(b'"gap_ms":60000', b'"gap_ms":60000,"prepare_ms":3600000')
    world.province.put_policy(preparing, asset_no=ASSET)
    world.work(276, OFF)
    world.work(12, IDLE)
    world.work(24, RUN)
    world.work(270, OFF)
    world.settle()
    result = check(world, dsn, tmp_path / "out")
    assert told(result) == []
    assert result.verdict is Verdict.VALID
    assert result.days[0].shown.record is not None
    assert result.days[0].shown.record.prepare_s > 3000
    assert [line[:40] for line in (tmp_path / "out/hours/records.jsonl").read_bytes().splitlines()][1:], "and the next"


def test_batches_of_one_transaction_share_a_receipt(world: World, dsn: str, tmp_path: Path) -> None:
    """The last reading that a day needs is in the first of two; the receipt over it is over both."""
    world.work(BLOCKS_A_DAY, RUN)
    world.send()
    old, topic = world.sent, world.agent.topic
    world.has_beacons, world.batch_each = False, 10**9
    world.work(4, OFF)
    parts = [(old, old + 1), (old + 1, old + 4)]
    world.writer.write([prepare(topic, world.agent.payload(*part)) for part in parts])
    world.sent = old + 4
    [(batches, receipts)] = world.province.rows("SELECT count(*), count(DISTINCT receipt) FROM batch")
    assert isinstance(batches, int)
    assert receipts == batches - 1
    world.settle()
    result = check(world, dsn, tmp_path / "out")
    assert told(result) == []
    assert result.verdict is Verdict.VALID
    assert result.agents[0].end == old + 4


def test_what_cannot_be_a_bundle_is_told(world: World, dsn: str, tmp_path: Path) -> None:
    day = timedelta(days=1)
    with pytest.raises(BundleError, match="no period of 1 to 400 days"):
        write(world, dsn, tmp_path / "a", first=FIRST, last=FIRST - day)
    with pytest.raises(BundleError, match="no period of 1 to 400 days"):
        write(world, dsn, tmp_path / "b", first=FIRST, last=FIRST + 400 * day)
    (tmp_path / "c").mkdir()
    wanted = bundle.Wanted("B9", FIRST, FIRST)
    with pytest.raises(BundleError, match="no instrument B9"):
        bundle.write_bundle(dsn, wanted, world.keys(), directory=tmp_path / "c", now_ms=world.now_ms)
    world.work(12, RUN)
    world.send()
    with pytest.raises(BundleError, match="2 days of A001 wait to be derived again, 2026-03-01 first"):
        write(world, dsn, tmp_path / "d")


def test_the_last_hour_of_a_day_can_be_handed_over_as_any_other(world: World, dsn: str, tmp_path: Path) -> None:
    world.now_ms += 23 * 3_600_000
    world.work(6, RUN)
    world.send()
    world.province.derive(FIRST)
    tomorrow = FIRST + timedelta(days=1)
    assert world.connection.execute("SELECT day FROM dirty_day").fetchall() == [(tomorrow,)]
    assert write(world, dsn, tmp_path / "out").days == 1
    world.now_ms += 3_600_000
    with pytest.raises(BundleError, match=f"1 days of A001 wait to be derived again, {tomorrow} first"):
        write(world, dsn, tmp_path / "tomorrow")


def test_an_instrument_that_nobody_ever_observed_has_an_empty_bundle(world: World, dsn: str, tmp_path: Path) -> None:
    world.province.add_instrument("B001")
    world.settle(days=1)
    (tmp_path / "out").mkdir()
    wanted = bundle.Wanted("B001", FIRST, FIRST)
    summary = bundle.write_bundle(dsn, wanted, world.keys(), directory=tmp_path / "out", now_ms=world.now_ms)
    assert summary == (0, 0, 0)
    assert verify(memory_of(tmp_path / "out"), world.trust).verdict is Verdict.INCOMPLETE
