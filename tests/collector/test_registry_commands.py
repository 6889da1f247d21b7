"""`import-registry` and `instrument`, as an operator types them."""

import json
from pathlib import Path

import pytest

from collector import cli
from collector.registry.audit import list_changes
from collector.store.database import Connection

EXAMPLES = Path(__file__).parents[2] / "deploy" / "registry"


@pytest.fixture
def settings(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def filled(settings: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The examples are registered."""
    for kind in ("units", "facilities", "instruments", "memberships"):
        assert cli.main(["import-registry", kind, str(EXAMPLES / f"{kind}.csv"), "--by", "li.ming"]) == 0
    capsys.readouterr()
    return settings


def test_the_examples_are_imported_and_again_they_change_nothing(
    filled: Path, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import-registry", "instruments", str(EXAMPLES / "instruments.csv")]) == 0
    assert capsys.readouterr().out == "rows=3 accepted=3 unchanged=3 refused=0\n"
    assert {change.actor for change in list_changes(connection)} == {"li.ming"}


def test_refused_rows_are_told_and_written_and_end_in_status_1(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = filled / "bad.csv"
    bad.write_text("资产编号,仪器名称,验收日期\nA1,电镜,明天\nA2,电镜,\n", encoding="gb18030")
    command = ["import-registry", "instruments", str(bad)]
    assert cli.main([*command, "--dry-run", "--report", str(filled / "report.json")]) == 1
    said = capsys.readouterr()
    assert "row 2, accepted_on: '明天': it is no day of the calendar" in said.out
    assert "nothing was registered: this was a dry run" in said.out
    assert f"1 of 2 rows of {bad} were refused" in said.err
    assert json.loads((filled / "report.json").read_bytes())["refusals"][0]["row"] == 2
    assert cli.main([*command, "--all-or-nothing"]) == 1
    assert "nothing was registered: a row was refused" in capsys.readouterr().out
    assert cli.main(["instrument", "A2"]) == 1
    assert cli.main([*command, "--report", str(filled / "report.csv")]) == 1
    assert (filled / "report.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert cli.main(["instrument", "A2"]) == 0


def test_a_file_that_is_no_sheet_is_named(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert cli.main(["import-registry", "units", str(settings / "old.xls")]) == 1
    assert f"nothing of {settings / 'old.xls'} was registered: it is an old" in capsys.readouterr().err


def test_an_instrument_is_shown_as_it_was_on_a_day_with_its_history(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["instrument", "20200017", "--as-of", "2021-01-01"]) == 0
    lines = [line.split("  (recorded")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "as of 2021-01-01"
    assert "  value_yuan       6800000.00" in lines
    assert "  facility         F-01" in lines
    assert "  centre           -" in lines
    assert lines[lines.index("history") + 2 :] == [
        "  2020-10-01 facility F-01",
        "  2020-10-01 owner 12100000400000624D",
        "  2022-01-01 centre C-01",
        "  2024-01-01 facility -",
    ]


def test_an_unknown_instrument_is_said_to_be_unknown(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["instrument", "A009"]) == 1
    assert "no instrument 'A009' is registered" in capsys.readouterr().err
