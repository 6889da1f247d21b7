"""`import-orders`, `import-uses`, `import-order-documents` and `document`, as an operator types them."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from collector import cli
from collector.registry import units
from collector.registry.audit import list_changes
from tests.collector.province import USCC, Province

OTHER_USCC = "12100000400000624D"
PDF = b"%PDF-1.7\n%%EOF\n"
HEADINGS = "记录编号,资产编号,开始时间,结束时间,用途,使用者,委托单位代码\n"


@pytest.fixture
def settings(province: Province, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collector that knows A001, and a directory for files."""
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    province.add_instrument("A001")
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    return tmp_path


def test_uses_orders_and_documents_are_brought_from_files(
    settings: Path, province: Province, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings / "uses.csv").write_text(f"{HEADINGS}R1,A001,2026-11-16 09:00,2026-11-16 11:00,科研,张三,\n", "gb18030")
    (settings / "协议.pdf").write_bytes(PDF)
    sha256 = hashlib.sha256(PDF).hexdigest()
    (settings / "orders.csv").write_text(f"订单号,委托单位代码\nSO-1,{OTHER_USCC}\n", "utf-8-sig")
    (settings / "documents.csv").write_text(f"订单号,文件类型,文件指纹\nSO-1,协议,{sha256}\n", "utf-8")
    for command in (
        ["import-uses", str(settings / "uses.csv"), "--source", "lims"],
        ["document", "add", str(settings / "协议.pdf")],
        ["import-orders", str(settings / "orders.csv"), "--source", "office", "--unit", USCC],
        ["import-order-documents", str(settings / "documents.csv"), "--source", "office", "--unit", USCC],
    ):
        assert cli.main([*command, "--by", "li.ming"]) == 0, capsys.readouterr()
    assert f"{sha256}  {settings / '协议.pdf'}\n" in capsys.readouterr().out
    assert [row[0] for row in province.rows("SELECT kind FROM fact ORDER BY seq")] == ["use", "order", "document"]
    assert {change.actor for change in list_changes(province.connection)} == {"li.ming"}
    assert stat.S_IMODE((settings / "data" / "keys" / "users.salt").stat().st_mode) == 0o600


def test_the_same_file_again_says_that_nothing_is_new(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings / "uses.csv").write_text(f"{HEADINGS}R1,A001,2026-11-16 09:00,2026-11-16 11:00,科研,张三,\n", "utf-8")
    command = ["import-uses", str(settings / "uses.csv"), "--source", "lims"]
    assert cli.main(command) == 0
    capsys.readouterr()
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert (
        said
        == "rows=1 accepted=1 unchanged=1 refused=0\nnothing new: every row that was accepted is recorded already\n"
    )


def test_refused_rows_are_told_and_written_and_end_in_status_1(
    settings: Path, province: Province, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "R1,A001,2026-11-16 09:00,2026-11-16 11:00,科研,,\nR2,A001,昨天,2026-11-16 11:00,科研,,\n"
    (settings / "uses.csv").write_text(HEADINGS + rows, "utf-8")
    command = ["import-uses", str(settings / "uses.csv"), "--source", "lims"]
    assert cli.main([*command, "--dry-run", "--report", str(settings / "report.json")]) == 1
    said = capsys.readouterr()
    assert "row 3, start: '昨天': it is no time with its day; write it as 2026-11-16 09:00" in said.out
    assert "nothing was recorded: this was a dry run" in said.out
    assert f"1 of 2 rows of {settings / 'uses.csv'} were refused" in said.err
    assert json.loads((settings / "report.json").read_bytes())["refusals"][0]["row"] == 3
    assert cli.main([*command, "--all-or-nothing"]) == 1
    assert "nothing was recorded: a row was refused" in capsys.readouterr().out
    assert province.rows("SELECT count(*) FROM fact") == [(0,)]
    assert cli.main(command) == 1
    assert province.rows("SELECT count(*) FROM fact") == [(1,)]


def test_json_lines_are_rows_as_well(settings: Path, province: Province, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"key": "R1", "asset": "A001", "start": "2026-11-16T01:00:00Z", "end": "2026-11-16T03:00:00Z",
            "purpose": "teaching", "samples": 3, "user": None}  # fmt: skip
    lines = [json.dumps(good), "", "{broken", '{"colour":"red"}', '{"asset":["A001"]}']
    (settings / "uses.jsonl").write_text("\n".join(lines), "utf-8")
    assert cli.main(["import-uses", str(settings / "uses.jsonl"), "--source", "lims"]) == 1
    said = capsys.readouterr().out
    assert "rows=4 accepted=1 unchanged=0 refused=3" in said
    assert "row 4, colour: no such field; fields are key, asset," in said
    assert province.rows("SELECT count(*) FROM fact") == [(1,)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["import-uses", "none.csv", "--source", "lims"], "nothing of none.csv was recorded: cannot read none.csv"),
        (["import-uses", "none.jsonl", "--source", "lims"], "nothing of none.jsonl was recorded: cannot read"),
        (["import-orders", "none.csv", "--source", "lims", "--unit", "x"], "is no unified social credit code"),
        (["import-orders", "none.csv", "--source", "lims", "--map", "none.toml"], "cannot read none.toml"),
        (["document", "add", "none.pdf"], "none.pdf: cannot read it: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    settings: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 1
    assert why in capsys.readouterr().err


def test_a_mapping_of_another_kind_is_refused(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings / "map.toml").write_text('kind = "uses"\n[columns]\n', "utf-8")
    command = ["import-orders", "x.csv", "--source", "lims", "--map", str(settings / "map.toml")]
    assert cli.main(command) == 1
    assert "maps uses, not orders: use `import-uses`" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["", "api/li", "a\nb", "x" * 65])
def test_a_source_is_a_name_that_no_caller_of_the_api_has(settings: Path, source: str) -> None:
    with pytest.raises(SystemExit):
        cli.main(["import-uses", "x.csv", "--source", source])


def test_documents_are_checked_by_reading_them_again(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings / "a.pdf").write_bytes(PDF)
    (settings / "b.exe").write_bytes(b"MZ")
    assert cli.main(["document", "add", str(settings / "a.pdf"), str(settings / "b.exe")]) == 1
    assert "1 of 2 files were not stored" in capsys.readouterr().err
    assert cli.main(["document", "check"]) == 0
    assert capsys.readouterr().out == "documents=1 whole=1\n"
    sha256 = hashlib.sha256(PDF).hexdigest()
    (settings / "data" / "documents" / sha256[:2] / sha256).unlink()
    assert cli.main(["document", "check"]) == 1
    said = capsys.readouterr()
    assert said.out == "documents=1 whole=0\n"
    assert f"document {sha256} cannot be read" in said.err
