"""A booking system's export, by the shipped mapping: from its CSV to facts and to the hours that they attribute."""

from datetime import date
from pathlib import Path

import pytest

from collector.cli import main
from protocol import facts, hours
from protocol.facts import Order, Use
from protocol.interval import day_bounds_ms
from tests.collector import conftest
from tests.collector.province import RUN, USCC, Piece, Province

MAPPING = Path(__file__).parents[2] / "deploy" / "mappings" / "lims.toml"
MONDAY = date(2026, 11, 16)
OTHER_USCC = "12100000400000624D"
HOUR = 3600
EXPORT = f"""\
记录编号,仪器名称,资产编号,预约人,课题组,开始时间,结束时间,使用机时,样品数,收费金额,委托单位,统一社会信用代码,使用类型
R-1001,透射电镜,A001,张三,李四课题组,2026-11-16 09:00,2026-11-16 11:00,2.0,3,,,,预约使用
R-1002,透射电镜,A001,王五,,2026-11-16 11:00:00,2026-11-16 12:00:00,1.0,2,"1,200.00",某某公司,{OTHER_USCC},送样检测
R-1003,透射电镜,A001,王五,,2026/11/16 12:00,2026/11/16 12:30,0.5,,,,,
R-1004,透射电镜,A009,王五,,2026/11/16 12:30,2026/11/16 13:00,0.5,,,,,
"""


province = conftest.province


def test_an_export_becomes_facts_and_attributed_hours(
    province: Province,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path))
    province.add_instrument("A001")
    province.observe(province.add_agent("em-01", "A001"), Piece(MONDAY, 9 * HOUR, 13 * HOUR, RUN))
    province.derive(MONDAY)
    export = tmp_path / "export.csv"
    export.write_bytes(EXPORT.encode("gb18030"))
    words = ["import-uses", str(export), "--source", "lims", "--map", str(MAPPING), "--by", "li.ming"]

    assert main(words) == 1
    said = capsys.readouterr()
    assert "rows=4 accepted=3 unchanged=0 refused=1" in said.out
    assert "row 5, asset: 'A009': no instrument 'A009' is registered; correct the number" in said.out
    assert "1 of 4 rows" in said.err

    held = [facts.decode(body) for (body,) in province.rows("SELECT body FROM fact ORDER BY seq")]  # type: ignore[arg-type]
    uses = [fact for fact in held if isinstance(fact, Use)]
    [order] = [fact for fact in held if isinstance(fact, Order)]
    nine = day_bounds_ms(MONDAY)[0] + 9 * HOUR * 1000
    assert [(use.start - nine, use.purpose, use.order, use.samples) for use in uses] == [
        (0, "own-research", None, 3),
        (2 * HOUR * 1000, "service-order", "R-1002", 2),
        (3 * HOUR * 1000, "own-research", None, None),
    ]
    assert (order.unit, order.beneficiary, order.beneficiary_name, order.fee_fen) == (
        USCC, OTHER_USCC, "某某公司", 120_000,
    )  # fmt: skip
    assert uses[1].user == uses[2].user != uses[0].user
    assert "张三" not in str(held)

    province.derive(MONDAY)
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE day = %s", MONDAY)
    record = hours.decode(body)  # type: ignore[arg-type]
    assert (record.internal_s, record.claimed_s, record.verified_s) == (2.5 * HOUR, HOUR, 0)
    assert record.unresolved_s == record.effective_s - 3.5 * HOUR

    assert main(words) == 1
    assert "accepted=3 unchanged=3" in capsys.readouterr().out
