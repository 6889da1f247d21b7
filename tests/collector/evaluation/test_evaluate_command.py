"""jishi-collector evaluate, as the people of a round type it."""

from pathlib import Path

import pytest

from collector.cli import main
from tests.collector.evaluation.playing import SCHEME, ranked_units
from tests.collector.evaluation.world import World

WHO = ["--why", "the notice", "--by", "eva"]


@pytest.fixture
def held(world: World, dsn: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    for name, role in (("eva", "evaluator"), ("ann", "expert"), ("li", "reader")):
        world.person(name, role)
    return world


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main(["evaluate", *words]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_a_round_is_held_from_the_notice_to_the_ranking(
    held: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = "as of 2025-12-31, from 200000.00 CNY on, more than 50 % public money"
    assert said(capsys, "create", "2025", "--year", "2025", *WHO) == f"2025 draft {limits}\n"
    assert said(capsys, "choose", "2025", "facility:F01", "exclude", *WHO) == ""
    fixed = said(capsys, "population", "2025", *WHO).splitlines()
    assert fixed[0] == f"2025 population {limits}"
    assert "population: 1 facility out, by-choice" in fixed
    data = said(capsys, "data", "2025", "--frozen", "2025", *WHO)
    assert data.startswith(f"2025 data {limits}, figures of frozen period 2025\nall units : ")
    assert "\n  5 average_effective " in data
    (tmp_path / "scheme.toml").write_text(SCHEME, encoding="utf-8")
    entered = said(capsys, "scheme", str(tmp_path / "scheme.toml"), *WHO)
    assert entered.endswith(" EXAMPLE 示例评分方案 from 2025-01-01 by eva EXAMPLE, decided by nobody (示例)\n")
    assert said(capsys, "schemes") == entered
    assert said(capsys, "expert", "2025", "ann", *WHO) == ""
    assert "2025 experts" in said(capsys, "open", "2025", "--scheme", entered.split()[1][:8], *WHO)
    units = ranked_units(held)
    for unit in units:
        for indicator in "13468":
            said(capsys, "points", "2025", unit, indicator, "4.25", "--why", "read it", "--by", "ann")
    assert f"expert ann: {5 * len(units)} of {5 * len(units)} points given" in said(capsys, "--round", "2025")
    closed = said(capsys, "close", "2025", *WHO).splitlines()
    assert closed[1] == entered.strip()
    assert [line.split()[0] for line in closed[2:]] == [str(place) for place in range(1, len(units) + 1)]
    assert said(capsys, "rate", "2025", units[0], "poor", *WHO) == ""
    shown = said(capsys, "--round", "2025")
    assert "poor 较差  " + units[0] in shown
    assert "set by eva (the notice) instead of " in shown
    assert said(capsys) == f"2025 closed {limits}, figures of frozen period 2025\n"
    verified = said(capsys, "--round", "2025", "--verify")
    assert verified.startswith("compared=")
    assert verified.endswith(" differences=0\n")


def test_verifying_lists_what_differs_and_fails(held: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "create", "2025", "--year", "2025", *WHO)
    said(capsys, "population", "2025", *WHO)
    assert "differences=0" in said(capsys, "--round", "2025", "--verify")
    held.connection.execute("ALTER TABLE round_member DISABLE TRIGGER USER")
    held.connection.execute("UPDATE round_member SET note = 'x' WHERE name = 'F01'")
    capsys.readouterr()
    assert main(["evaluate", "--round", "2025", "--verify"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("differs facility F01: stored Member(")
    assert captured.out.endswith(" differences=1\n")
    assert "1 lines of round 2025 are not what is computed for them" in captured.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["create", "2025", "--year", "2025", "--why", "x", "--by", "li"],
            "li is reader over everything, which has no",
        ),
        (["create", "2025", "--year", "2025", "--why", "x", "--by", "nobody"], "no person 'nobody' is registered"),
        (["create", "trial", "--year", "2025", *WHO], "'trial' is no name of a round of 2025"),
        (["create", "2025", "--year", "2025", "--as-of", "2024-12-31", *WHO], "as_of is 2024-12-31"),
        (["population", "2025", *WHO], "there is no round '2025'"),
        (["data", "2025", "--frozen", "2025", *WHO], "there is no round '2025'"),
        (["points", "2025", "91610131MA6TYUUC74", "1", "4", *WHO], "which has no right to points"),
        (["scheme", "/nowhere.toml", *WHO], "/nowhere.toml cannot be read"),
        (["--round", "2025"], "there is no round '2025'"),
        (["--round", "2025", "--verify"], "there is no round '2025'"),
        (["--verify"], "--verify needs the round"),
    ],
)
def test_what_cannot_be_is_said(held: World, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert says in said(capsys, *words, status=1)
    assert held.province.rows("SELECT count(*) FROM round") == [(0,)]


def test_a_scheme_that_does_not_add_up_is_refused_with_place_and_remedy(
    held: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scheme.toml").write_text(SCHEME.replace("1 = 5 ", "1 = 6 "), encoding="utf-8")
    error = said(capsys, "scheme", str(tmp_path / "scheme.toml"), *WHO, status=1)
    assert "weights: together they are 101 points, not 100; take away 1" in error
    assert said(capsys, "schemes") == ""


@pytest.mark.parametrize("points", ["4.255", "many", "NaN", "1e9", "Infinity", ""])
def test_points_have_two_decimals_at_most(points: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "points", "2025", "91610131MA6TYUUC74", "1", points, "--why", "x", "--by", "ann"])
    assert "is no number of points: write it as 4, 4.5 or 4.50" in capsys.readouterr().err
