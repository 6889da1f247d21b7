"""jishi-collector evaluate and case, as people type them after a ranking."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.cli import main
from collector.evaluation.results import set_rating
from protocol.signed_case import sign_case
from tests.collector.cases.test_fraud import INSPECTOR, ZHAO, found
from tests.collector.evaluation.following import DAYS, closed, officer, store_document
from tests.collector.evaluation.world import LAST, XIAN, World, by, owner_on
from tests.collector.person_keys import register_key

EVA = ["--why", "notice 7", "--by", "eva"]
LI = ["--why", "A003 ran until June", "--by", "li.na"]


@pytest.fixture
def ranked_world(world: World, dsn: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    closed(world)
    for name, role in (("eva", "evaluator"), ("zhaomin", "approver")):
        world.person(name, role)
    officer(world, XIAN)
    return world


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main(list(words)) == status, capsys.readouterr()
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def end_the_term(world: World) -> None:
    """The commands go by the machine's clock: the term is moved into the past behind them."""
    world.connection.execute("ALTER TABLE round_announcement DISABLE TRIGGER USER")
    world.connection.execute("UPDATE round_announcement SET last_day = last_day - 400")


def test_evidence_is_entered_listed_and_withdrawn(
    world: World, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    world.person("eva", "evaluator")
    officer(world, XIAN)
    document = store_document(world, "ab")
    said(capsys, "evaluate", "create", "2025", "--year", "2025", *EVA)
    said(capsys, "evaluate", "evidence-until", "2025", "2150-01-31", *EVA)
    words = ["evaluate", "evidence", "2025", XIAN, "6", "--kind", "paper", "--title", "A structure", "--number", "1",
             "--amount-yuan", "1200.5", "--document", document, *LI]  # fmt: skip
    assert said(capsys, *words) == "item 1\n"
    told = f"item 1  {XIAN} 6 paper: A structure  number 1  1200.50 CNY  document {document}"
    assert said(capsys, "evaluate", "evidence-list", "2025") == told + "  by li.na: A003 ran until June\n"
    assert said(capsys, "evaluate", "withdraw", "2025", "1", *LI) == ""
    assert said(capsys, "evaluate", "evidence-list", "2025", "--unit", XIAN).endswith(
        "withdrawn by li.na: A003 ran until June\n"
    )
    assert "evidence: 0 items, 1 withdrawn, taken until 2150-01-31" in said(capsys, "evaluate", "--round", "2025")


def test_units_are_drawn_object_and_are_answered_and_the_result_is_published(
    ranked_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = said(capsys, "evaluate", "draw", "2025", "--seed", "4 2 6", "--by-seed", "1", *EVA)
    assert drawn.startswith("draw 1 by eva, seed '4 2 6': notice 7\n  1  ")
    today = datetime.now(UTC) + timedelta(hours=8)
    announced = said(capsys, "evaluate", "announce", "2025", "--days", str(DAYS), *EVA)
    assert announced == f"2025 announced, objections until {(today + timedelta(days=DAYS)).date()}\n"
    assert said(capsys, "evaluate", "object", "2025", XIAN, "5", *LI) == "objection 1\n"
    assert said(capsys, "evaluate", "object", "2025", XIAN, "rating", *LI) == "objection 2\n"
    assert said(capsys, "evaluate", "object", "2025", XIAN, "6", *LI) == "objection 3\n"
    end_the_term(ranked_world)
    assert "3 objections to round 2025 are open (1, 2, 3)" in said(
        capsys, "evaluate", "publish", "2025", *EVA, status=1
    )
    answer = ["evaluate", "answer", "2025"]
    said(capsys, *answer, "1", "upheld", "--measure", "average_effective", "--figure", "14400000/1", *EVA)
    said(capsys, *answer, "2", "refused", *EVA)
    said(capsys, *answer, "3", "upheld", "--points", "1.5", *EVA)
    published = said(capsys, "evaluate", "publish", "2025", *EVA)
    assert " sha256 " in published.splitlines()[0]
    shown = said(capsys, "evaluate", "--round", "2025")
    assert f"objection 2  {XIAN} to the rating by li.na: A003 ran until June  refused by eva: notice 7" in shown
    assert f"amended by objection 1: {XIAN} indicator 5 average_effective was " in shown
    assert f"amended by objection 3: {XIAN} indicator 6 experts was 2000, became 150 hundredths" in shown
    assert published.splitlines()[0].split()[-1] in shown
    assert said(capsys, "evaluate", "--round", "2025", "--verify").endswith(" differences=0\n")


def test_a_case_is_listed_entered_and_closed(ranked_world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with ranked_world.connection.transaction():
        set_rating(ranked_world.connection, "2025", uscc=XIAN, rating="poor", by=by())
    said(capsys, "evaluate", "announce", "2025", "--days", "1", *EVA)
    end_the_term(ranked_world)
    said(capsys, "evaluate", "publish", "2025", *EVA)
    listed = said(capsys, "case", "list", "--state", "open")
    [line] = [each for each in listed.splitlines() if XIAN in each]
    number = line.split()[1]
    said(capsys, "case", "enter", number, "remedy", *LI)
    said(capsys, "case", "enter", number, "evidence", "--document", store_document(ranked_world, "ab"), *LI)
    assert "has no right to rounds" in said(capsys, "case", "rule", number, "accepted", *LI, status=1)
    barred = said(capsys, "evaluate", "create", "2026-trial", "--year", "2026", *EVA)
    assert f"takes no part: {XIAN} rectifying, case {number} of round 2025, due " in barred
    said(capsys, "case", "rule", number, "accepted", *EVA)
    shown = said(capsys, "case", "show", number).splitlines()
    assert shown[0].endswith("closed")
    assert [line.split("UTC ")[1] for line in shown[1:]] == [
        "remedy by li.na: A003 ran until June",
        f"evidence by li.na: A003 ran until June {'ab'.ljust(64, '0')}",
        "accepted by eva: notice 7",
    ]
    assert line not in said(capsys, "case", "list", "--state", "closed")
    assert "takes no part" not in said(capsys, "evaluate", "create", "2026", "--year", "2026", *EVA)
    assert said(capsys, "case", "twice") == ""


def test_fraud_is_drawn_up_signed_and_brought(
    ranked_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_key(ranked_world.connection, ZHAO, person="zhaomin")
    register_key(ranked_world.connection, INSPECTOR, person="sun")
    asset = next(each.name for each in ranked_world.held if each.kind == "instrument" and owner_on(each, LAST) == XIAN)
    finding = f"finding:{found(ranked_world, asset, 'not-in-order')}"
    words = ["case", "fraud", XIAN, "2025", "--years", "2026-2028", "--approver", "zhaomin", *EVA, "--evidence"]
    assert "this cannot be decided so" in said(capsys, *words, "flag:" + "ab" * 32, status=1)
    (tmp_path / "note").write_bytes(sign_case(said(capsys, *words, finding), ZHAO))
    assert said(capsys, "case", "bring", str(tmp_path / "note"), *EVA) == "fraud case 1\n"
    assert "was brought before" in said(capsys, "case", "bring", str(tmp_path / "note"), *EVA, status=1)
    assert "cannot be read" in said(capsys, "case", "bring", str(tmp_path / "none"), *EVA, status=1)
    assert "out of 2026-2028, signed by zhaomin: notice 7" in said(capsys, "case", "frauds")
    assert finding in said(capsys, "case", "credit-record", "1")
    assert said(capsys, "case", "transfers") == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "answer", "2025", "1", "upheld", "--figure", "1.5/2", *EVA], "is no quotient of whole numbers"),
        (["evaluate", "object", "2025", XIAN, "9", *LI], "is neither an indicator (1 to 8) nor the word rating"),
        (["evaluate", "evidence", "2025", XIAN, "6", "--kind", "paper", "--title", "x", "--amount-yuan", "1e3", *LI],
         "is no amount in yuan"),
        (["case", "fraud", XIAN, "2025", "--years", "26", "--approver", "x", "--evidence", "x", *EVA], "is no year"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_said(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert says in capsys.readouterr().err
