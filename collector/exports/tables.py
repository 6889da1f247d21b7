"""What is exported: tables with Chinese headings, their columns in the order of the file. Pure.

A table is a name, columns and rows. A cell is text, a whole number, hours (rounded once, to 0.1), a share, yuan or a
date; how it is written is for csv_file and xlsx_file. Totals are summed from whole seconds, never from what is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, NamedTuple, TypeVar

from protocol.grades import GRADES, Grade, GradeRecord
from protocol.hours import HourRecord, in_tenths

Row = TypeVar("Row")
Cell = str | int | float | date | None
Kind = Literal["text", "number", "hours", "share", "yuan", "date"]


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its heading, what its cells are, and how they come out of a row."""

    heading: str
    kind: Kind
    cell: Callable[[Row], Cell]


class Table(NamedTuple):
    """A sheet of an export."""

    name: str
    headings: Sequence[str]
    kinds: Sequence[Kind]
    rows: Iterable[Sequence[Cell]]


class Named(NamedTuple):
    """An hour record with the names that people know the instrument and its owner by, and how it is kept."""

    record: HourRecord
    instrument: str
    owner: str
    revision: int | None
    sha256: str
    graded: GradeRecord | None = None


def _hours(name: str) -> Callable[[Named], Cell]:
    return lambda named: in_tenths(getattr(named.record, name)) / 10


def _of_grade(grade: Grade) -> Callable[[Named], Cell]:
    """Effective hours of a grade, None where the day was not graded yet."""
    return lambda named: None if named.graded is None else in_tenths(dict(named.graded.effective).get(grade, 0)) / 10


def _counted(name: Literal["counted_s", "counted_external_s"]) -> Callable[[Named], Cell]:
    return lambda named: None if named.graded is None else in_tenths(getattr(named.graded, name)) / 10


def _coverage(named: Named) -> Cell:
    record = named.record
    return round(record.observed_s / record.until, 4) if record.until else None


GRADE_NAMES: dict[Grade, str] = dict(zip(GRADES, ("互证", "单源", "补传", "存疑", "排除"), strict=True))

HOUR_COLUMNS: list[Column[Named]] = [
    Column("日期", "date", lambda named: date.fromisoformat(named.record.day)),
    Column("资产编号", "text", lambda named: named.record.asset),
    Column("仪器名称", "text", lambda named: named.instrument),
    Column("管理单位代码", "text", lambda named: named.record.owner),
    Column("管理单位", "text", lambda named: named.owner),
    Column("有效工作机时(h)", "hours", _hours("effective_s")),
    Column("对外服务机时-已证(h)", "hours", _hours("verified_s")),
    Column("对外服务机时-待证(h)", "hours", _hours("claimed_s")),
    Column("内部机时(h)", "hours", _hours("internal_s")),
    Column("待归属(h)", "hours", _hours("unresolved_s")),
    Column("运行(h)", "hours", _hours("run_s")),
    Column("准备(h)", "hours", _hours("prepare_s")),
    Column("后处理(h)", "hours", _hours("post_s")),
    Column("空载(h)", "hours", _hours("standby_s")),
    Column("关机(h)", "hours", _hours("off_s")),
    Column("校准(h)", "hours", _hours("calibrate_s")),
    Column("维护(h)", "hours", _hours("maintain_s")),
    Column("故障(h)", "hours", _hours("fault_s")),
    Column("未观测(h)", "hours", _hours("unobserved_s")),
    Column("补接(h)", "hours", _hours("bridged_s")),
    Column("手工补录(h)", "hours", _hours("hand_s")),
    Column("手工补录-对外(h)", "hours", _hours("hand_external_s")),
    Column("计入机时(h)", "hours", _counted("counted_s")),
    Column("计入机时-对外(h)", "hours", _counted("counted_external_s")),
    *(Column(f"{name}{each}(h)", "hours", _of_grade(each)) for each, name in GRADE_NAMES.items()),
    Column("覆盖率", "share", _coverage),
    Column("有效工作(s)", "number", lambda named: named.record.effective_s),
    Column("对外服务(s)", "number", lambda named: named.record.external_s),
    Column("标记", "text", lambda named: " ".join(named.record.flags)),
    Column("版次", "number", lambda named: named.revision),
    Column("规则SHA-256", "text", lambda named: named.record.policy),
    Column("记录SHA-256", "text", lambda named: named.sha256),
]


class Basis(NamedTuple):
    """A policy that exported records rest on: how many, what they cover together, effective seconds by grade."""

    policy: str
    name: str
    records: int
    until_s: int
    observed_s: int
    a_s: int
    b_s: int
    c_s: int
    d_s: int
    x_s: int
    counted_s: int


def _sum_of(grade: Grade) -> Callable[[Basis], Cell]:
    return lambda basis: in_tenths(getattr(basis, f"{grade.lower()}_s")) / 10


BASIS_COLUMNS: list[Column[Basis]] = [
    Column("有效机时规则", "text", lambda basis: basis.name),
    Column("规则SHA-256", "text", lambda basis: basis.policy),
    Column("记录数", "number", lambda basis: basis.records),
    Column("覆盖率", "share", lambda basis: round(basis.observed_s / basis.until_s, 4) if basis.until_s else None),
    Column("计入机时(h)", "hours", lambda basis: in_tenths(basis.counted_s) / 10),
    *(Column(f"{name}{each}(h)", "hours", _sum_of(each)) for each, name in GRADE_NAMES.items()),
]
"""Effective hours by grade: docs/grades.md."""


def table(name: str, columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Table:
    """The rows as cells, made one by one as they are asked for."""
    return Table(
        name,
        [column.heading for column in columns],
        [column.kind for column in columns],
        ([column.cell(row) for column in columns] for row in rows),
    )
