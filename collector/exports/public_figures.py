"""What anybody may see of a year, as tables with Chinese headings."""

from collections.abc import Iterable, Mapping

from collector.exports.tables import Column, Table, table
from collector.rollups.line import rounded
from collector.rollups.public import Instrument, Unit
from protocol.hours import in_tenths

_UNIT_COLUMNS: list[Column[Unit]] = [
    Column("统一社会信用代码", "text", lambda unit: unit.uscc),
    Column("单位名称", "text", lambda unit: unit.name_zh),
    Column("仪器台数", "number", lambda unit: unit.instruments),
    Column("开放台数", "number", lambda unit: unit.opened),
    Column("有效工作机时(h)", "hours", lambda unit: in_tenths(unit.hours.effective_s) / 10),
    Column("对外服务机时-已证(h)", "hours", lambda unit: in_tenths(unit.hours.verified_s) / 10),
    Column("覆盖率", "share", lambda unit: rounded(unit.hours.coverage, 4)),
]
INSTRUMENT_COLUMNS: list[Column[Instrument]] = [
    Column("统一社会信用代码", "text", lambda each: each.uscc),
    Column("资产编号", "text", lambda each: each.asset_no),
    Column("仪器名称", "text", lambda each: each.name_zh),
    Column("是否开放共享", "text", lambda each: "是" if each.is_open else "否"),
    Column("有效工作机时(h)", "hours", lambda each: in_tenths(each.hours.effective_s) / 10),
    Column("对外服务机时-已证(h)", "hours", lambda each: in_tenths(each.hours.verified_s) / 10),
    Column("覆盖率", "share", lambda each: rounded(each.hours.coverage, 4)),
]


def units(lines: Iterable[Unit], *, year: int, ratings: Mapping[str, str]) -> Table:
    """`ratings`: what each rating is called. One by a scheme that is an example says so."""

    def rating(unit: Unit) -> str:
        if unit.result is None:
            return ""
        return ratings[unit.result.rating] + ("（示例评分方案）" if unit.result.is_example else "")

    columns = [
        *_UNIT_COLUMNS,
        Column[Unit]("评价排名", "number", lambda unit: None if unit.result is None else unit.result.rank),
        Column[Unit]("评价等次", "text", rating),
    ]
    return table(f"{year}年各单位机时", columns, lines)


def instruments(lines: Iterable[Instrument], *, year: int) -> Table:
    return table(f"{year}年各仪器机时", INSTRUMENT_COLUMNS, lines)
