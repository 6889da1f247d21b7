"""The census as tables for a workbook or CSV: the table itself, what is different from the year before, and what it
is."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from collector.exports.tables import Cell, Column, Kind, Table, table
from collector.self_evaluation.census import Census, CensusDifference, CensusLine
from collector.self_evaluation.summary import NETWORK_ZH, yuan
from protocol.hours import in_tenths

_KINDS_ZH = {
    "university": "高等学校",
    "institute": "科研院所",
    "enterprise": "企业",
    "testing-body": "第三方检验检测机构",
    "hospital": "医疗卫生机构",
    "other": "其他",
    "": "",
}
_ORIGINS_ZH = {"domestic": "国产", "imported": "进口", "": ""}
_WHAT_ZH = {"added": "新增", "left": "减少", "changed": "变更"}
HEADINGS: Mapping[str, str] = {
    "uscc": "管理单位统一社会信用代码",
    "unit_name": "管理单位",
    "unit_kind": "单位类型",
    "department": "主管部门",
    "division": "行政区划代码",
    "asset_no": "资产编号",
    "name_zh": "仪器名称",
    "class_code": "分类编码",
    "maker": "生产厂商",
    "model": "规格型号",
    "origin": "国产或进口",
    "country": "产地国别",
    "value_fen": "原值(元)",
    "funding": "经费来源",
    "government_fen": "财政经费(元)",
    "accepted_on": "验收日期",
    "shareable": "是否开放共享",
    "exempt_document": "豁免文号",
    "bookable": "是否开放预约",
    "fee": "收费标准",
    "location": "安放地址",
    "facility": "所属设施编号",
    "centre": "集约化平台编号",
    "network": "入网状态",
    "network_since": "入网日期",
}


class _Line(NamedTuple):
    """A line with that of the year before, where there was one."""

    now: CensusLine
    was: CensusLine | None


class _About(NamedTuple):
    name: str
    value: str


def census_table(census: Census) -> Table:
    """The census itself, with the hours of the year before beside those of this year."""
    before = {each.asset_no: each for each in census.lines_before}
    return table("普查表", _LINES, [_Line(each, before.get(each.asset_no)) for each in census.lines])


def differences_table(census: Census) -> Table:
    """What is different from the year before."""
    return table("与上年差异", _DIFFERENCES, census.differences)


def tables_of(census: Census) -> list[Table]:
    """The sheets of the workbook."""
    found = census.differences
    value_fen = sum(each.value_fen or 0 for each in census.lines)
    about = [
        _About("普查日期", census.as_of.isoformat()),
        _About("比较日期", census.before.isoformat()),
        _About("仪器数量", str(len(census.lines))),
        _About("上年仪器数量", str(len(census.lines_before))),
        _About("原值合计(元)", yuan(value_fen)),
        _About("有效工作机时合计(s)", str(sum(each.effective_s for each in census.lines))),
        *(_About(zh, str(sum(1 for each in found if each.what == what))) for what, zh in _WHAT_ZH.items()),
        _About("说明", "登记信息为普查日当日有效的记录；机时为当年一月一日至普查日；手工补录单列。"),
    ]
    return [census_table(census), differences_table(census), table("说明", _ABOUT, about)]


def shown(member: str, value: object) -> str:
    """A registered value as people read it."""
    match member:
        case "value_fen" | "government_fen":
            return yuan(value) if isinstance(value, int) else ""
        case "network":
            return NETWORK_ZH.get(str(value), "")
        case "unit_kind":
            return _KINDS_ZH.get(str(value), "")
        case "origin":
            return _ORIGINS_ZH.get(str(value), "")
        case "shareable" | "bookable":
            return {True: "是", False: "否"}.get(value, "") if isinstance(value, bool) else ""
        case _:
            return "" if value is None else str(value)


def _registered(member: str) -> Column[_Line]:
    kinds: Mapping[str, Kind] = {
        "value_fen": "yuan",
        "government_fen": "yuan",
        "accepted_on": "date",
        "network_since": "date",
    }
    kind = kinds.get(member, "text")

    def cell(line: _Line) -> Cell:
        value = getattr(line.now, member)
        if kind == "yuan":
            return None if value is None else value / 100
        if kind == "date":
            assert value is None or isinstance(value, date)
            return value
        return shown(member, value)

    return Column(HEADINGS[member], kind, cell)


def _hours(heading: str, member: str) -> Column[_Line]:
    return Column(f"{heading}(h)", "hours", lambda line: in_tenths(getattr(line.now, member)) / 10)


def _before(heading: str, member: str) -> Column[_Line]:
    """Hours of the year before; None where it was in nobody's hands that is asked for."""
    return Column(
        f"上年{heading}(h)",
        "hours",
        lambda line: None if line.was is None else in_tenths(getattr(line.was, member)) / 10,
    )


_LINES: list[Column[_Line]] = [
    *(_registered(member) for member in HEADINGS),
    Column("在网天数", "number", lambda line: line.now.owned_days),
    _hours("有效工作机时", "effective_s"),
    _hours("计入机时", "counted_s"),
    _hours("对外服务机时-已证", "verified_s"),
    _hours("对外服务机时-待证", "claimed_s"),
    _hours("手工补录", "hand_s"),
    Column("覆盖率", "share", lambda line: None if line.now.coverage is None else round(line.now.coverage, 4)),
    Column("有效工作(s)", "number", lambda line: line.now.effective_s),
    _before("有效工作机时", "effective_s"),
    _before("对外服务机时-已证", "verified_s"),
]
_DIFFERENCES: list[Column[CensusDifference]] = [
    Column("变化", "text", lambda each: _WHAT_ZH[each.what]),
    Column("资产编号", "text", lambda each: each.asset_no),
    Column("仪器名称", "text", lambda each: each.name_zh),
    Column("项目", "text", lambda each: HEADINGS.get(each.member, "管理单位")),
    Column("上年", "text", lambda each: shown(each.member, each.was)),
    Column("本年", "text", lambda each: shown(each.member, each.now)),
]
_ABOUT: list[Column[_About]] = [
    Column("项目", "text", lambda each: each.name),
    Column("内容", "text", lambda each: each.value),
]
