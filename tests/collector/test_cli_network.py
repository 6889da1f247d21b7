"""`jishi-collector network`: who is in, who is late, and what is entered."""

from pathlib import Path

import pytest

from collector import cli
from tests.collector.commands import said

SHEET = """资产编号,仪器名称,原值(万元),验收日期,管理单位统一社会信用代码,生效日期
N001,透射电镜,900,2026-03-02,,2026-03-02
N002,天平,1.5,2026-03-02,,2026-03-02
"""


def test_an_instrument_is_late_joins_and_leaves(
    collector: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JISHI_PASSWORD", "correct horse battery")
    said(capsys, "person", "zhao", "--by", "wang")
    said(capsys, "role", "zhao", "registrar", "--by", "wang")
    (collector / "more.csv").write_text(SHEET, "utf-8")
    said(capsys, "import-registry", "instruments", str(collector / "more.csv"), "--by", "zhao")
    listed = said(capsys, "network", "list", "--as-of", "2026-05-04", "--state", "overdue")
    assert "overdue 1" in listed.splitlines()[0]
    assert "N001  透射电镜  -  overdue  accepted 2026-03-02, due 2026-04-14" in listed
    assert "N002" not in listed
    joined = said(capsys, "network", "join", "N001", "--from-day", "2026-05-05", "--proof", "notice 12", "--by", "zhao")
    assert joined == "N001 joined on 2026-05-05\n"
    assert "N001  透射电镜  -  joined  since 2026-05-05 (notice 12; zhao)" in said(capsys, "network", "list")
    assert "in the network since 2026-05-05" in said(
        capsys, "network", "join", "N001", "--from-day", "2026-05-06", "--proof", "x", "--by", "zhao", status=1
    )
    said(capsys, "network", "leave", "N001", "--from-day", "2026-06-01", "--why", "scrapped", "--by", "zhao")
    assert "left  since 2026-06-01 (scrapped; zhao)" in said(capsys, "network", "list", "--state", "left")
    assert "network.joined" in said(capsys, "audit")
    refused = said(
        capsys, "network", "join", "N002", "--from-day", "2026-05-05", "--proof", "x", "--by", "li.ming", status=1
    )
    assert "no right to registry" in refused
    assert cli.main(["network", "list", "--unit", "12100000400000624D"]) == 0


def test_where_a_calendar_is_lacking_the_rest_is_told(collector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["network", "list", "--as-of", "2150-01-04"]) == 0
    told = capsys.readouterr()
    assert "the working days of 2150 are not known" in told.err
    assert "A001" in told.out
    assert "2150" in said(capsys, "network", "list", "--as-of", "2150-01-04", "--state", "overdue", status=1)
