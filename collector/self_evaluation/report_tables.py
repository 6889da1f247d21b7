"""A report as tables for a workbook: overview, instruments, facilities, services, income, texts, and what it rests on.

Hours are rounded once, to 0.1; money is exact, in yuan. An order of several instruments has a line for each, and its
charge on the first of them, so that the column adds up to the sum that the overview gives.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from collector.evaluation.indicators import Seconds
from collector.exports.tables import GRADE_NAMES, Cell, Column, Table, table
from collector.self_evaluation.report import Facility, Income, Line, Part, Report, Service
from collector.self_evaluation.states import STATES_ZH
from collector.self_evaluation.summary import (
    NETWORK_ZH,
    REASONS_ZH,
    SECTIONS_ZH,
    SOURCES_ZH,
    Figure,
    summarise,
)
from collector.self_evaluation.texts import HEADINGS
from collector.self_evaluation.versions import Step, Version
from protocol.hours import in_tenths

DOCUMENTS_ZH = {"agreement": "协议", "invoice": "发票", "voucher": "创新券", "report": "报告"}
YES_NO_ZH = {True: "是", False: "否", None: ""}
ORIGINS_ZH = {"domestic": "国产", "imported": "进口", "": ""}
WAYS_ZH = {
    "occupy": "机时占用",
    "technical": "技术服务",
    "commissioned": "委托测试",
    "remote": "远程",
    "other": "其他",
    "": "",
}


class IncomeRow(NamedTuple):
    """One instrument of an order (None: it was not served), and whether the charge stands here."""

    income: Income
    part: Part | None
    is_first: bool
    year: int

    @property
    def fee_fen(self) -> int | None:
        """The charge, once for each order, in the list of its year."""
        return self.income.fee_fen if self.is_first and self.income.fee_year == self.year else None


class _Basis(NamedTuple):
    name: str
    value: str


def tables_of(version: Version, steps: Sequence[Step]) -> list[Table]:
    """The sheets of the workbook."""
    report = version.report
    return [
        table("概况", _OVERVIEW, summarise(report)),
        table("仪器", _LINES, report.lines),
        table("设施", _FACILITIES, report.facilities),
        table("服务数据清单", _SERVICES, report.services),
        table("服务收入记录清单", _INCOME, income_rows(report)),
        table("文字说明", _TEXTS, report.texts.items()),
        table("依据", _BASIS, _basis(version, steps)),
    ]


def income_rows(report: Report) -> Iterator[IncomeRow]:
    """The income list line by line."""
    for income in report.income:
        for number, part in enumerate(income.parts or (None,)):
            yield IncomeRow(income, part, number == 0, report.year)


def documents_of(income: Income) -> str:
    """The documents of an order, each by its kind and SHA-256."""
    return " ".join(f"{DOCUMENTS_ZH[each.kind]}:{each.sha256}" for each in income.documents)


def _day(text: str | None) -> Cell:
    return None if text is None else date.fromisoformat(text)


def _yuan(fen: int | None) -> Cell:
    return None if fen is None else fen / 100


def _hours(seconds: int | None) -> Cell:
    return None if seconds is None else in_tenths(seconds) / 10


def _of(name: str) -> Column[Line]:
    """Hours of an instrument, None where none were added up."""
    return Column(
        f"{_SECONDS_ZH[name]}(h)",
        "hours",
        lambda line: None if line.seconds is None else _hours(_get(line.seconds, name)),
    )


def _get(seconds: Seconds, name: str) -> int:
    value = getattr(seconds, name)
    assert isinstance(value, int)
    return value


def _coverage(line: Line) -> Cell:
    held = line.seconds
    return None if held is None or not held.network_s else round(held.observed_s / held.network_s, 4)


def _basis(version: Version, steps: Iterable[Step]) -> Iterator[_Basis]:
    report = version.report
    yield _Basis("管理单位", f"{report.uscc} {report.name_zh}")
    yield _Basis("年度", str(report.year))
    yield _Basis("登记信息截至", report.as_of)
    yield _Basis("机时来源", f"{SOURCES_ZH[report.source.kind]} {report.source.name}".strip())
    yield _Basis("机时来源SHA-256", report.source.sha256)
    yield _Basis("机时截至", report.source.last_day)
    yield _Basis("未关账天数（不计入）", str(report.source.open_days))
    yield from (_Basis("有效机时规则SHA-256", each) for each in report.indicators.policies)
    yield from (_Basis(f"来源系统 {each.system}", f"{each.facts} 条") for each in report.docked)
    yield _Basis("报告版本", str(version.number))
    yield _Basis("报告SHA-256", version.sha256)
    for step in steps:
        at = step.made_at.strftime("%Y-%m-%d %H:%M UTC")
        yield _Basis(STATES_ZH[step.state], f"第 {step.version} 版 {at} {step.made_by}：{step.why}")


_SECONDS_ZH = {
    "effective_s": "有效工作机时",
    "counted_s": "计入机时",
    "counted_verified_s": "计入机时-对外已证",
    "verified_s": "对外服务机时-已证",
    "claimed_s": "对外服务机时-待证",
    "unresolved_s": "待归属",
    "a_s": f"{GRADE_NAMES['A']}A",
    "b_s": f"{GRADE_NAMES['B']}B",
    "c_s": f"{GRADE_NAMES['C']}C",
    "d_s": f"{GRADE_NAMES['D']}D",
    "x_s": f"{GRADE_NAMES['X']}X",
    "bridged_s": "补接",
    "hand_s": "手工补录",
    "elsewhere_s": "他单位名下",
}
_OVERVIEW: list[Column[Figure]] = [
    Column("部分", "text", lambda each: SECTIONS_ZH[each.section]),
    Column("项目", "text", lambda each: each.name),
    Column("数值", "text", lambda each: each.value),
    Column("分子", "number", lambda each: each.numerator),
    Column("分母", "number", lambda each: each.denominator),
    Column("单位", "text", lambda each: each.unit),
    Column("说明", "text", lambda each: each.note),
]
_LINES: list[Column[Line]] = [
    Column("资产编号", "text", lambda line: line.asset_no),
    Column("仪器名称", "text", lambda line: line.name_zh),
    Column("分类编码", "text", lambda line: line.class_code),
    Column("生产厂商", "text", lambda line: line.maker),
    Column("规格型号", "text", lambda line: line.model),
    Column("国产或进口", "text", lambda line: ORIGINS_ZH[line.origin]),
    Column("原值(元)", "yuan", lambda line: _yuan(line.value_fen)),
    Column("经费来源", "text", lambda line: line.funding),
    Column("财政经费(元)", "yuan", lambda line: _yuan(line.government_fen)),
    Column("验收日期", "date", lambda line: _day(line.accepted_on)),
    Column("是否开放共享", "text", lambda line: YES_NO_ZH[line.shareable]),
    Column("是否开放预约", "text", lambda line: YES_NO_ZH[line.bookable]),
    Column("豁免文号", "text", lambda line: line.exempt_document),
    Column("所属设施编号", "text", lambda line: line.facility),
    Column("集约化平台编号", "text", lambda line: line.centre),
    Column("入网状态", "text", lambda line: NETWORK_ZH[line.network]),
    Column("入网日期", "date", lambda line: _day(line.network_since)),
    Column("入网凭据", "text", lambda line: line.network_proof),
    Column("是否计入", "text", lambda line: "是" if line.is_in else "否"),
    Column("原因", "text", lambda line: REASONS_ZH[line.reason]),
    *(_of(name) for name in _SECONDS_ZH),
    Column("覆盖率", "share", _coverage),
    Column("有效工作(s)", "number", lambda line: None if line.seconds is None else line.seconds.effective_s),
    Column("观测(s)", "number", lambda line: None if line.seconds is None else line.seconds.observed_s),
    Column("在网(s)", "number", lambda line: None if line.seconds is None else line.seconds.network_s),
    Column("台账天数", "number", lambda line: line.records),
    Column("台账SHA-256", "text", lambda line: line.records_sha256),
    Column("规则SHA-256", "text", lambda line: " ".join(line.policies)),
]
_FACILITIES: list[Column[Facility]] = [
    Column("编号", "text", lambda each: each.facility_no),
    Column("设施名称", "text", lambda each: each.name_zh),
    Column("原值(元)", "yuan", lambda each: _yuan(each.value_fen)),
    Column("财政经费(元)", "yuan", lambda each: _yuan(each.government_fen)),
    Column("是否计入", "text", lambda each: "是" if each.is_in else "否"),
    Column("原因", "text", lambda each: REASONS_ZH[each.reason]),
]
_SERVICES: list[Column[Service]] = [
    Column("订单号", "text", lambda each: each.order),
    Column("服务对象", "text", lambda each: each.beneficiary_name),
    Column("服务对象统一社会信用代码", "text", lambda each: each.beneficiary),
    Column("资产编号", "text", lambda each: each.part.asset_no),
    Column("首日", "date", lambda each: _day(each.part.first_day)),
    Column("末日", "date", lambda each: _day(each.part.last_day)),
    Column("服务天数", "number", lambda each: each.part.days),
    Column("对外服务机时-已证(h)", "hours", lambda each: _hours(each.part.verified_s)),
    Column("对外服务机时-待证(h)", "hours", lambda each: _hours(each.part.claimed_s)),
    Column("对外服务(s)", "number", lambda each: each.part.verified_s + each.part.claimed_s),
    Column("证明文件数", "number", lambda each: each.documents),
]
_INCOME: list[Column[IncomeRow]] = [
    Column("订单号", "text", lambda row: row.income.order),
    Column("服务对象", "text", lambda row: row.income.beneficiary_name),
    Column("服务对象统一社会信用代码", "text", lambda row: row.income.beneficiary),
    Column("服务内容", "text", lambda row: row.income.content),
    Column("服务方式", "text", lambda row: WAYS_ZH[row.income.way]),
    Column("资产编号", "text", lambda row: None if row.part is None else row.part.asset_no),
    Column("开始日期", "date", lambda row: None if row.part is None else _day(row.part.first_day)),
    Column("结束日期", "date", lambda row: None if row.part is None else _day(row.part.last_day)),
    Column(
        "对外服务机时(h)",
        "hours",
        lambda row: None if row.part is None else _hours(row.part.verified_s + row.part.claimed_s),
    ),
    Column("其中已证(h)", "hours", lambda row: None if row.part is None else _hours(row.part.verified_s)),
    Column("收费(元)", "yuan", lambda row: _yuan(row.fee_fen)),
    Column("收费计入年度", "number", lambda row: row.income.fee_year),
    Column("创新券", "text", lambda row: f"{row.income.voucher_issuer} {row.income.voucher_number}".strip()),
    Column("创新券金额(元)", "yuan", lambda row: _yuan(row.income.voucher_fen) if row.is_first else None),
    Column("证明文件", "text", lambda row: documents_of(row.income)),
    Column("订单记录", "text", lambda row: row.income.fact),
]
_TEXTS: list[Column[tuple[str, str]]] = [
    Column("部分", "text", lambda item: SECTIONS_ZH[HEADINGS[item[0]].section]),
    Column("标题", "text", lambda item: HEADINGS[item[0]].zh),
    Column("内容", "text", lambda item: item[1]),
]
_BASIS: list[Column[_Basis]] = [
    Column("项目", "text", lambda each: each.name),
    Column("内容", "text", lambda each: each.value),
]
