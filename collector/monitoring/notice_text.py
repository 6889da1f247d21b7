"""A notice for people: its Chinese text as Markdown, which is kept, and a page to print, with the units' replies.

Both come from templates/ and from the form alone, so the same form gives the same text, byte for byte. Rounded here and
nowhere before, halves up: hours to 0.1, shares to 0.1 %.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from collector.clock import day_of
from collector.monitoring.notice_form import Form, Kind, Line, Sums, sum_lines
from collector.monitoring.periods import parse_period
from protocol.hours import hours_text
from protocol.interval import local_day

TITLES: Mapping[Kind, str] = {
    "regular": "大型科研仪器入网、开机和使用情况的通报",
    "false-report": "未如实上报科研设施与仪器数据的通报",
    "missing-report": "未按规定上报科研设施与仪器数据的通报",
    "no-disclosure": "未公开科研设施与仪器开放与使用信息的通报",
    "poor-opening": "科研设施与仪器开放效果差的通报",
    "low-use": "科研设施与仪器使用效率低的通报",
}
STATES_ZH = {
    "joined": "已入网", "pending": "待入网", "overdue": "逾期", "left": "已退网", "exempt": "豁免", "unknown": "待核",
    "not-eligible": "未达标", "": "已移交",
}  # fmt: skip
IDLE_ZH = {"idle": "闲置", "silent": "失联", "unmeasured": "未接采集", "used": "在用", "": ""}
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>()#+-.!|~"})


class Reply(NamedTuple):
    """What a unit said to a notice."""

    uscc: str
    text: str
    document: str | None
    made_by: str
    made_at: datetime


def write_text(form: Form) -> bytes:
    """The Markdown of a notice, in UTF-8."""
    return _render("notice.md", form, {}).encode()


def write_page(form: Form, *, sha256: str, replies: Sequence[Reply]) -> str:
    """The page to print; `sha256` is that of the form's bytes."""
    names = {each.uscc: each.name for each in form.units}
    said = [(names.get(each.uscc, each.uscc), each, day_of(each.made_at)) for each in replies]
    return _render("notice.html", form, {"sha256": sha256, "replies": said})


def share(part: int, whole: int) -> str:
    """`87.5%`, or a dash where there is no whole."""
    if not whole:
        return "—"
    permille = (2000 * part + whole) // (2 * whole)
    return f"{permille // 10}.{permille % 10}%"


def plain(text: str) -> str:
    """A name in Markdown that stays what it is."""
    return text.translate(_SPECIAL)


def _render(template: str, form: Form, more: Mapping[str, object]) -> str:
    by_unit: dict[str, list[Line]] = {each.uscc: [] for each in form.units}
    for line in form.lines:
        by_unit[line.uscc].append(line)
    limit = form.low_use_hours
    units: list[tuple[object, Sums]] = [
        (each, sum_lines(by_unit[each.uscc], low_use_hours=limit)) for each in form.units
    ]
    return (
        _environment()
        .get_template(template)
        .render(
            form=form,
            title=TITLES[form.kind],
            period=parse_period(form.period).name_zh,
            subject=_subject(form),
            issued_on=local_day(form.at),
            all=sum_lines(form.lines, low_use_hours=limit),
            units=units,
            standing=[line for line in form.lines if line.idle in ("idle", "silent")],
            overdue=[line for line in form.lines if line.state == "overdue"],
            low=[line for line in form.lines if limit is not None and line.is_low(limit)],
            names={each.uscc: each.name for each in form.units},
            states=STATES_ZH,
            idle=IDLE_ZH,
            **more,
        )
    )


def _subject(form: Form) -> str:
    kind, _, name = form.subject.partition(":")
    if kind == "everything":
        return "全部管理单位"
    return f"管理单位 {name}" if kind == "unit" else f"行政区划 {name} 内的管理单位"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("collector.monitoring", "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(hours=hours_text, plain=plain)
    environment.globals.update(share=share)
    return environment
