"""Roll-ups and vouchers as tables with Chinese headings, for csv_file and xlsx_file.

Hours are rounded once, to 0.1; the seconds stand beside the two that are compared most. Money is in yuan, exact, as
text: a spreadsheet's number would hold a province's fen, and show them in its own way.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction

from collector.exports.tables import Cell, Column, Table, table
from collector.registry.described import ORIGINS, UNIT_KINDS, yuan
from collector.rollups.beneficiaries import Served, ServedBy
from collector.rollups.line import Line, rounded
from collector.rollups.period import Period
from collector.rollups.rollup import By
from collector.rollups.vouchers import Issuer, Repeated, Voucher
from protocol.hours import in_tenths

NAMES: dict[By, str] = {
    "all": "全部",
    "unit": "管理单位",
    "centre": "集约化平台",
    "province": "省级",
    "city": "市级",
    "county": "县级",
    "class": "仪器分类",
    "origin": "国产或进口",
    "kind": "单位类型",
}
SERVED_NAMES: dict[ServedBy, str] = {
    "place": "服务范围",
    "province": "服务对象省级",
    "city": "服务对象市级",
    "county": "服务对象县级",
    "kind": "服务对象类型",
}
_WORDS = {
    **ORIGINS,
    **UNIT_KINDS,
    "same-city": "本市",
    "same-province": "省内跨市",
    "other-province": "跨省",
}
"""Words of the registry, and of collector.rollups.beneficiaries."""

Told = tuple[Period, Line]
ToldServed = tuple[Period, Served]


def rollup(by: By, lines: Iterable[Told]) -> Table:
    """The lines of one question, or of its months."""
    return table(f"汇总-{NAMES[by]}", _columns(by), lines)


def served(by: ServedBy, lines: Iterable[ToldServed]) -> Table:
    """External hours by beneficiary."""
    columns: list[Column[ToldServed]] = [
        Column("期间", "text", lambda told: str(told[0])),
        Column(SERVED_NAMES[by], "text", lambda told: shown_key(told[1].key, nothing="未登记")),
        Column("服务单位数", "number", lambda told: told[1].units),
        Column("服务对象数", "number", lambda told: told[1].beneficiaries),
        Column("对外服务机时-已证(h)", "hours", lambda told: _hours(told[1].verified_s)),
        Column("对外服务机时-待证(h)", "hours", lambda told: _hours(told[1].claimed_s)),
        Column("对外服务(s)", "number", lambda told: told[1].external_s),
    ]
    return table(SERVED_NAMES[by], columns, lines)


def vouchers(lines: Iterable[Voucher]) -> Table:
    """One line an order that names a voucher."""
    return table("创新券", VOUCHER_COLUMNS, lines)


def issuers(lines: Iterable[Issuer]) -> Table:
    """One line an issuer."""
    return table("创新券-发券单位", ISSUER_COLUMNS, lines)


def shown_key(key: str, *, nothing: str) -> str:
    """As people read it; '' is what nobody registered."""
    return _WORDS.get(key, key) if key else nothing


def _columns(by: By) -> list[Column[Told]]:
    nothing = {"all": "全部", "centre": "未入集约化平台"}.get(by, "未登记")
    return [
        Column("期间", "text", lambda told: str(told[0])),
        Column(NAMES[by], "text", lambda told: shown_key(told[1].key, nothing=nothing)),
        *([Column("名称", "text", _name)] if by in ("unit", "centre") else []),
        *LINE_COLUMNS,
    ]


def _name(told: Told) -> Cell:
    return told[1].name_zh


def _count(name: str) -> Callable[[Told], Cell]:
    return lambda told: getattr(told[1], name)


def _of_hours(name: str) -> Callable[[Told], Cell]:
    return lambda told: _hours(getattr(told[1], name))


def _money(name: str) -> Callable[[Told], Cell]:
    return lambda told: yuan(getattr(told[1], name))


def _share(name: str) -> Callable[[Told], Cell]:
    return lambda told: _rounded(getattr(told[1], name))


def _rounded(value: Fraction | None) -> Cell:
    return rounded(value, 4)


def _hours(seconds: int) -> float:
    return in_tenths(seconds) / 10


LINE_COLUMNS: list[Column[Told]] = [
    Column("仪器台数", "number", _count("instruments")),
    Column("在册仪器日", "number", _count("owned_days")),
    Column("有效工作机时(h)", "hours", _of_hours("effective_s")),
    Column("对外服务机时-已证(h)", "hours", _of_hours("verified_s")),
    Column("对外服务机时-待证(h)", "hours", _of_hours("claimed_s")),
    Column("内部机时(h)", "hours", _of_hours("internal_s")),
    Column("待归属(h)", "hours", _of_hours("unresolved_s")),
    Column("故障(h)", "hours", _of_hours("fault_s")),
    Column("手工补录(h)", "hours", _of_hours("hand_s")),
    Column("手工补录-对外(h)", "hours", _of_hours("hand_external_s")),
    Column("计入机时(h)", "hours", _of_hours("counted_s")),
    Column("计入机时-对外(h)", "hours", _of_hours("counted_external_s")),
    Column("互证A(h)", "hours", _of_hours("a_s")),
    Column("单源B(h)", "hours", _of_hours("b_s")),
    Column("补传C(h)", "hours", _of_hours("c_s")),
    Column("存疑D(h)", "hours", _of_hours("d_s")),
    Column("排除X(h)", "hours", _of_hours("x_s")),
    Column("覆盖率", "share", _share("coverage")),
    Column("共享率", "share", _share("sharing_rate_hours")),
    Column("共享率-已证", "share", _share("sharing_rate_verified")),
    Column("期末台数", "number", _count("held")),
    Column("期末原值(元)", "text", _money("value_fen")),
    Column("原值未登记台数", "number", _count("value_unknown")),
    Column("豁免台数", "number", _count("exempt")),
    Column("不足20万元台数", "number", _count("below_value")),
    Column("可共享台数", "number", _count("could_share")),
    Column("可共享原值(元)", "text", _money("could_share_fen")),
    Column("开放台数", "number", _count("opened")),
    Column("开放原值(元)", "text", _money("opened_fen")),
    Column("开放率-原值", "share", _share("open_rate_value")),
    Column("开放率-台数", "share", _share("open_rate_count")),
    Column("新购通用台数", "number", _count("new_general")),
    Column("新购通用-入集约化平台", "number", _count("new_in_centre")),
    Column("新购通用-入平台且开放", "number", _count("new_opened")),
    Column("新购通用入平台率", "share", _share("new_centralised_rate")),
    Column("新购通用共享率", "share", _share("opened_rate_count")),
    Column("有效工作(s)", "number", _count("effective_s")),
    Column("对外服务(s)", "number", _count("external_s")),
]
_REPEATED: dict[Repeated, str] = {"": "", "in-unit": "单位内重复", "across-units": "跨单位重复"}
VOUCHER_COLUMNS: list[Column[Voucher]] = [
    Column("发券单位", "text", lambda voucher: voucher.issuer),
    Column("券号", "text", lambda voucher: voucher.number),
    Column("金额(元)", "text", lambda voucher: yuan(voucher.amount_fen)),
    Column("管理单位代码", "text", lambda voucher: voucher.unit),
    Column("订单号", "text", lambda voucher: voucher.order_no),
    Column("服务对象代码", "text", lambda voucher: voucher.beneficiary),
    Column("服务对象", "text", lambda voucher: voucher.beneficiary_name),
    Column("日期", "date", lambda voucher: voucher.day),
    Column("重复使用", "text", lambda voucher: _REPEATED[voucher.repeated]),
    Column("订单SHA-256", "text", lambda voucher: voucher.fact),
]
ISSUER_COLUMNS: list[Column[Issuer]] = [
    Column("发券单位", "text", lambda each: each.issuer),
    Column("券数", "number", lambda each: each.vouchers),
    Column("订单数", "number", lambda each: each.orders),
    Column("管理单位数", "number", lambda each: each.units),
    Column("服务对象数", "number", lambda each: each.beneficiaries),
    Column("金额(元)", "text", lambda each: yuan(each.amount_fen)),
    Column("重复使用订单数", "number", lambda each: each.repeated),
    Column("重复使用金额(元)", "text", lambda each: yuan(each.repeated_fen)),
]
