"""The annex of a notice: its units and its instruments as a workbook. Made of the form alone.

A unit is given its own lines only; the totals of a sheet are for the reader to add up from whole seconds, which
stand beside the hours.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from collector.clock import utc
from collector.exports import xlsx_file
from collector.exports.tables import Cell, Column, table
from collector.monitoring.notice_form import Form, Line, Named, Sums, sum_lines
from collector.monitoring.notice_text import IDLE_ZH, STATES_ZH
from protocol.hours import in_tenths
from protocol.interval import DAY_S

Unit = tuple[Named, Sums]


def write_annex(form: Form, path: Path, *, only: Collection[str] | None = None) -> None:
    """Writes the workbook; `only`: of these units, by USCC."""
    units = [each for each in form.units if only is None or each.uscc in only]
    lines = [each for each in form.lines if only is None or each.uscc in only]
    of_units = [(each, _sums(form, lines, each.uscc)) for each in units]
    tables = [table("管理单位", UNIT_COLUMNS, of_units), table("仪器", LINE_COLUMNS, lines)]
    xlsx_file.write(path, tables, made_at=utc(form.at))


def _sums(form: Form, lines: Iterable[Line], uscc: str) -> Sums:
    return sum_lines((line for line in lines if line.uscc == uscc), low_use_hours=form.low_use_hours)


def _hours(seconds: int) -> Cell:
    return in_tenths(seconds) / 10


def _share(part: int, whole: int) -> Cell:
    return round(part / whole, 4) if whole else None


UNIT_COLUMNS: list[Column[Unit]] = [
    Column("管理单位", "text", lambda unit: unit[0].name),
    Column("统一社会信用代码", "text", lambda unit: unit[0].uscc),
    Column("期末仪器", "number", lambda unit: unit[1].instruments),
    Column("应入网", "number", lambda unit: unit[1].must_join),
    Column("已入网", "number", lambda unit: unit[1].joined),
    Column("入网率", "share", lambda unit: _share(unit[1].joined, unit[1].must_join)),
    Column("逾期", "number", lambda unit: unit[1].overdue),
    Column("开机(h)", "hours", lambda unit: _hours(unit[1].on_s)),
    Column("有效工作机时(h)", "hours", lambda unit: _hours(unit[1].effective_s)),
    Column("对外服务机时-已证(h)", "hours", lambda unit: _hours(unit[1].verified_s)),
    Column("对外服务机时-待证(h)", "hours", lambda unit: _hours(unit[1].claimed_s)),
    Column("待归属(h)", "hours", lambda unit: _hours(unit[1].unresolved_s)),
    Column("手工补录(h)", "hours", lambda unit: _hours(unit[1].hand_s)),
    Column("覆盖率", "share", lambda unit: _share(unit[1].observed_s, unit[1].in_network_s)),
    Column("闲置", "number", lambda unit: unit[1].idle),
    Column("失联", "number", lambda unit: unit[1].silent),
    Column("未接采集", "number", lambda unit: unit[1].unmeasured),
    Column("使用效率低", "number", lambda unit: unit[1].low),
    Column("通报事由", "text", lambda unit: unit[0].reason),
]
LINE_COLUMNS: list[Column[Line]] = [
    Column("资产编号", "text", lambda line: line.asset),
    Column("仪器名称", "text", lambda line: line.name),
    Column("统一社会信用代码", "text", lambda line: line.uscc),
    Column("入网状态", "text", lambda line: STATES_ZH[line.state]),
    Column("入网期限", "text", lambda line: line.due),
    Column("在网日数", "number", lambda line: line.days),
    Column("开机(h)", "hours", lambda line: _hours(line.on_s)),
    Column("有效工作机时(h)", "hours", lambda line: _hours(line.effective_s)),
    Column("对外服务机时-已证(h)", "hours", lambda line: _hours(line.verified_s)),
    Column("对外服务机时-待证(h)", "hours", lambda line: _hours(line.claimed_s)),
    Column("待归属(h)", "hours", lambda line: _hours(line.unresolved_s)),
    Column("手工补录(h)", "hours", lambda line: _hours(line.hand_s)),
    Column("覆盖率", "share", lambda line: _share(line.observed_s, line.days * DAY_S)),
    Column("开机状态", "text", lambda line: IDLE_ZH[line.idle]),
    Column("最近开机", "text", lambda line: line.last_on),
    Column("此后已观测日数", "number", lambda line: line.observed_days),
    Column("此后未观测日数", "number", lambda line: line.unobserved_days),
    Column("开机(s)", "number", lambda line: line.on_s),
    Column("有效工作(s)", "number", lambda line: line.effective_s),
    Column("对外服务-已证(s)", "number", lambda line: line.verified_s),
    Column("对外服务-待证(s)", "number", lambda line: line.claimed_s),
]
