"""`jishi-collector self-evaluation`, `worklist`, `census`: what they print, write and refuse."""

import hashlib
from pathlib import Path

import openpyxl
import pytest

from tests.collector.commands import said
from tests.collector.province import Province
from tests.collector.self_evaluation.lab import EVALUATOR, OFFICER, XIAN, Lab, added_document, make


@pytest.fixture
def year(settings: Path, province: Province) -> Lab:
    """A unit's year, with its officer and the platform's evaluator."""
    lab = make(province)
    lab.person("li.ming", OFFICER)
    lab.person("wang.fang", EVALUATOR)
    return lab


def test_a_report_is_taken_from_its_draft_to_its_acceptance(
    year: Lab, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings / "texts.toml").write_text('staff = """\n12 人\n名单附后"""\n', "utf-8")
    of_unit = ("--why", "the notice", "--by", "li.ming")
    of_platform = ("--why", "read", "--by", "wang.fang")
    drafted = said(capsys, "self-evaluation", "draft", XIAN, "2025", "--texts", str(settings / "texts.toml"), *of_unit)
    assert drafted.startswith(f"{XIAN} 2025 西安测试大学  draft version 1 ")
    sha256 = drafted.split()[-1]
    assert "differences=0" in said(capsys, "self-evaluation", "confirm", XIAN, "2025", *of_unit)
    assert "is submitted by an officer of its unit" in said(
        capsys, "self-evaluation", "submit", XIAN, "2025", *of_platform, status=1
    )
    said(capsys, "self-evaluation", "submit", XIAN, "2025", *of_unit)
    said(capsys, "self-evaluation", "due", "2025", "2026-03-01", *of_platform)
    listed = said(capsys, "self-evaluation", "timeliness", "2025")
    assert listed.startswith(f"{XIAN} 西安测试大学  late ")
    said(capsys, "self-evaluation", "accept", XIAN, "2025", *of_platform)
    shown = said(capsys, "self-evaluation", "show", XIAN, "2025").splitlines()
    assert [line.split()[0] for line in shown[1:]] == ["draft", "confirmed", "submitted", "accepted"]
    assert all(sha256 in line for line in shown)
    assert f"accepted version 1 {sha256}" in said(capsys, "self-evaluation", "--year", "2025")
    assert said(capsys, "self-evaluation", "--unit", "12100000400000624D") == ""


def test_what_changed_since_the_draft_is_listed(year: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    of_unit = ("--why", "x", "--by", "li.ming")
    said(capsys, "self-evaluation", "draft", XIAN, "2025", *of_unit)
    year.say(added_document("SO-2"))
    year.derive()
    told = said(capsys, "self-evaluation", "differences", XIAN, "2025")
    assert "differs lines[A001].seconds.claimed_s: 3600 -> 0" in told
    assert "12 figures of version 1" in said(capsys, "self-evaluation", "confirm", XIAN, "2025", *of_unit, status=1)
    kept = said(capsys, "self-evaluation", "confirm", XIAN, "2025", "--keep-figures", *of_unit)
    assert kept.splitlines()[-1] == "differences=12"
    assert "(12 figures differed)" in said(capsys, "self-evaluation", "show", XIAN, "2025")


def test_a_version_is_written_as_bytes_page_and_workbook(
    year: Lab, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = said(capsys, "self-evaluation", "draft", XIAN, "2025", "--why", "x", "--by", "li.ming").split()[-1]
    for name in ("report.json", "report.html", "report.xlsx"):
        assert sha256 in said(capsys, "self-evaluation", "export", XIAN, "2025", str(settings / name))
    assert hashlib.sha256((settings / "report.json").read_bytes()).hexdigest() == sha256
    assert sha256 in (settings / "report.html").read_text("utf-8")
    assert "仪器" in openpyxl.load_workbook(settings / "report.xlsx").sheetnames
    for arguments, says in (
        ((str(settings / "report.pdf"),), "is none of .xlsx, .html and .json"),
        ((str(settings / "nowhere" / "report.json"),), "cannot be written"),
        ((str(settings / "report.json"), "--version", "2"), "has no version 2: the newest is 1"),
    ):
        assert says in said(capsys, "self-evaluation", "export", XIAN, "2025", *arguments, status=1)


def test_a_file_of_texts_that_is_none_is_told(year: Lab, settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = settings / "texts.toml"
    draft = ("self-evaluation", "draft", XIAN, "2025", "--why", "x", "--by", "li.ming", "--texts", str(path))
    assert "cannot be read" in said(capsys, *draft, status=1)
    for raw, says in ((b"\xff\xfe", "no file of texts"), (b"staff = [1]", "staff: a text is expected")):
        path.write_bytes(raw)
        assert says in said(capsys, *draft, status=1)


def test_the_worklist_has_a_line_a_thing(year: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, "worklist", XIAN).splitlines()
    assert told[-1].startswith("report           1  none")
    assert any(line.startswith("network-overdue  1  due 2020-04-14  D001") for line in told)
    assert said(capsys, "worklist", "91440300708461136T") == "nothing waits\n"
    assert "no unit" in said(capsys, "worklist", "12610000000000077A", status=1)


def test_the_census_is_written_as_a_table_or_as_its_differences(
    year: Lab, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--as-of", "2025-12-31")
    path = settings / "census.csv"
    assert said(capsys, "census", str(path), *asked) == f"{path}: 4 instruments as of 2025-12-31, 0 differences\n"
    assert len(path.read_text("utf-8-sig").splitlines()) == 5
    said(capsys, "census", str(path), *asked, "--differences")
    assert path.read_text("utf-8-sig").startswith("变化,")
    said(capsys, "census", str(settings / "census.xlsx"), *asked, "--unit", XIAN)
    assert openpyxl.load_workbook(settings / "census.xlsx").sheetnames[0] == "普查表"
    assert "neither .csv nor .xlsx" in said(capsys, "census", str(settings / "x.txt"), *asked, status=1)
    assert [each.name for each in settings.glob(".*part")] == []
