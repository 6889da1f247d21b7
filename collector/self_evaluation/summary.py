"""The figures of a report as lines to read: what each is, its value as printed, and what it is made of. Pure.

Rounded here and nowhere before, halves up: hours to 0.1, shares to 0.01 %. Numerator and denominator stand beside it,
whole: seconds, fen or pieces, as `unit` says.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Literal, NamedTuple

from collector.evaluation.indicators import Measure, nearest
from collector.registry import described
from collector.self_evaluation.report import Line, Report, SourceKind

NETWORK_ZH = {
    "not-eligible": "未达标",
    "unknown": "待核",
    "exempt": "豁免",
    "pending": "待入网",
    "overdue": "逾期",
    "joined": "已入网",
    "left": "已退网",
}
REASONS_ZH = {
    "no-owner": "无管理单位",
    "value-unknown": "原值未登记",
    "unit-left-out": "单位未列入",
    "by-choice": "人工认定",
    "exempt": "豁免",
    "below-value": "原值不足",
    "funding-unknown": "经费来源未登记",
    "funding-other": "非财政资金为主",
    "meets-rules": "计入",
    "not-in-round": "评价范围确定后登记",
}
SOURCES_ZH: dict[SourceKind, str] = {
    "round": "评价考核年度的数据",
    "frozen": "冻结的年度数据",
    "closed": "已关账的机时台账",
}
Section = Literal[1, 2, 3]
SECTIONS_ZH: dict[Section, str] = {1: "一、组织管理情况", 2: "二、运行使用情况", 3: "三、共享服务成效"}


class Figure(NamedTuple):
    """One line; `numerator` and `denominator` None where it is a plain number."""

    section: Section
    name: str
    value: str
    numerator: int | None = None
    denominator: int | None = None
    unit: str = ""
    note: str = ""


def summarise(report: Report) -> list[Figure]:
    """The figures of the three sections of 附件1, in its order."""
    return [*_organisation(report), *_operation(report), *_sharing(report)]


def is_complete(line: Line) -> bool:
    """Whether the registry knows all that the province asks of an instrument."""
    known = (line.value_fen, line.government_fen, line.accepted_on, line.shareable)
    return None not in known and all((line.class_code, line.maker, line.model, line.funding))


def hours(seconds: int | Fraction) -> str:
    """To 0.1 h, halves up."""
    tenths = nearest(Fraction(seconds) / 360)
    return f"{tenths // 10}.{tenths % 10}"


def yuan(fen: int | None) -> str:
    """Exactly, with two decimals; empty where nobody said."""
    return "" if fen is None else described.yuan(fen)


def percent(top: int, bottom: int) -> str:
    """To 0.01 %, halves up; over nothing it is undefined."""
    if not bottom:
        return "无定义（按 0 计）"
    hundredths = nearest(Fraction(top * 10_000, bottom))
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def _organisation(report: Report) -> Iterator[Figure]:
    counted = [line for line in report.lines if line.is_in]
    yield Figure(1, "应开放仪器数量", f"{len(counted)} 台（套）", note="原值与经费达到评价范围且未豁免的仪器")
    yield _share(1, "其中已纳入省级网络管理平台", (line.network == "joined" for line in counted))
    yield _share(1, "其中已纳入且开放", (line.network == "joined" and line.shareable is True for line in counted))
    yield _measure(report, 1, "其中已开放共享", "opened_rate_count", "台")
    yield _measure(report, 1, "开放率（按原值）", "open_rate_value", "分")
    for state, count in report.network.items():
        if count and state != "joined":
            yield Figure(1, f"全部仪器中{NETWORK_ZH[state]}", f"{count} 台（套）")
    yield _measure(report, 1, "有采集数据的仪器（对接）", "docked_share", "台")
    yield _share(1, "在线服务平台可预约的仪器", (line.bookable is True for line in counted))
    yield _share(1, "集约化平台管理的仪器", (bool(line.centre) for line in report.lines))
    yield _share(1, "登记信息完整的仪器", (is_complete(line) for line in report.lines))


def _operation(report: Report) -> Iterator[Figure]:
    found = report.indicators
    seconds = found.seconds
    yield Figure(2, "计入评价的仪器", f"{found.instruments} 台（套）", note=f"原值合计 {yuan(found.value_fen)} 元")
    yield Figure(2, "计入评价的设施", f"{found.facilities} 个")
    yield _measure(report, 2, "年平均有效工作机时", "average_effective", "秒/台")
    yield _hours(2, "计入的有效工作机时合计", seconds.counted_s)
    yield _hours(2, "测得的有效工作机时合计", seconds.effective_s)
    for grade, part in zip("ABCDX", (seconds.a_s, seconds.b_s, seconds.c_s, seconds.d_s, seconds.x_s), strict=True):
        yield _hours(2, f"其中证据等级 {grade}", part)
    yield _hours(2, "手工补录机时（不在上列各数之内）", seconds.hand_s)
    coverage = percent(seconds.observed_s, seconds.network_s)
    yield Figure(2, "覆盖率", coverage, seconds.observed_s, seconds.network_s, "秒")


def _sharing(report: Report) -> Iterator[Figure]:
    seconds = report.indicators.seconds
    yield _measure(report, 3, "共享率（已证对外机时）", "sharing_rate_verified", "秒")
    yield _hours(3, "对外服务机时（已证）", seconds.verified_s)
    yield _hours(3, "对外服务机时（待证，不计入）", seconds.claimed_s)
    yield _hours(3, "待归属机时", seconds.unresolved_s)
    yield Figure(3, "服务对象（法人单位以外）", f"{report.beneficiaries} 家")
    charged = sum(1 for each in report.income if each.fee_year == report.year and each.fee_fen is not None)
    yield Figure(3, "服务收入合计", f"{yuan(report.income_fen)} 元", report.income_fen, None, "分", f"{charged} 个订单")
    if report.unnamed_orders:
        note = f"{report.unnamed_orders} 个订单未指明服务对象，不在收入合计之内"
        yield Figure(3, "未指明服务对象的收费", f"{yuan(report.unnamed_fen)} 元", report.unnamed_fen, None, "分", note)


def _hours(section: Section, name: str, seconds: int) -> Figure:
    return Figure(section, name, f"{hours(seconds)} h", seconds, None, "秒")


def _share(section: Section, name: str, held: Iterable[bool]) -> Figure:
    marks = list(held)
    return Figure(section, name, percent(sum(marks), len(marks)), sum(marks), len(marks), "台")


def _measure(report: Report, section: Section, name: str, measure: Measure, unit: str) -> Figure:
    found = report.indicators.measured(measure)
    value = percent(found.numerator, found.denominator)
    if measure == "average_effective" and not found.is_undefined:
        value = f"{hours(found.value)} h"
    return Figure(section, name, value, found.numerator, found.denominator, unit)
