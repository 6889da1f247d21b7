"""The form of an on-site check: a TOML file that is made from a template, filled in, and read strictly.

    asset = "A001"
    begun = "2026-03-02 09:30:00"        # local time, by your own clock
    …
    [days."2026-02-11"]
    found = "differs"
    paper_h = 3.5

Slip, steps and sample come from the files that the other steps wrote, so that nobody copies digits by hand.
"""

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from protocol.errors import MalformedFindings, one_line
from protocol.findings import MATCHES, VERDICTS, Findings, Match, Nonced, Row, Sample, Step, Verdict
from protocol.interval import UTC_OFFSET_MS
from protocol.slip import Told

MAX_BYTES = 1024 * 1024
_TIME = "%Y-%m-%d %H:%M:%S"
_HOURS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4})?")
_NEEDED = {"place": "地点 room", "plate": "铭牌 name plate", "inspectors": "核查人员 who inspects"}

TEMPLATE = """\
# 现场核查记录 · findings of an on-site check. Fill in, then: jishi-audit inspect findings THIS.toml …
# 仪器编号 · asset number
asset = {asset}
# 地点 · room
place = {place}
# 铭牌：型号、出厂编号 · name plate: model, serial number
plate = {plate}
# 核查人员 · who inspects
inspectors = {inspectors}
# 单位在场人员 · who was there for the unit
hosts = {hosts}
# 开始、结束：北京时间，以核查人员的时钟为准；结束留空即签名之时
# begin and end, China time by your own clock; end left empty: when it is signed
begun = {begun}
ended = {ended}
# in-order 属实 · questions 存疑 · not-in-order 不属实
verdict = {verdict}
# 说明 · remarks
remarks = {remarks}

# 未能带走签条时手工填写 · only where no slip could be taken along
# [nonce]
# nonce = ""
# log = "jishi.example/a/em-01/1"
# index = 0

# 逐日与纸质记录核对：match 相符 · differs 不符 · missing 无记录 · days matched with the paper log
{days}"""

_DAY = """
# {effective:.2f} h 有效 effective, {external:.2f} h 对外 external
[days."{day}"]
found = {found}
{paper}"""

Ask = Callable[[str], str]


class _Day(msgspec.Struct, forbid_unknown_fields=True):
    found: Match
    paper_h: Annotated[float, Meta(ge=0, le=24)] | None = None
    remark: str | None = None


class _Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    asset: str
    place: str
    plate: str
    inspectors: list[str]
    hosts: list[str]
    begun: str
    ended: str
    verdict: Verdict
    remarks: str = ""
    nonce: Nonced | None = None
    days: dict[str, _Day] = msgspec.field(default_factory=dict)


def template(
    asset: str, *, now_ms: int, steps: Sequence[Step] = (), sample: Sample | None = None, ask: Ask | None = None
) -> str:
    """A form with a table for each day of the sample: empty, or filled by what `ask` answers to each question.

    It begins with the first of the steps, which must lie within it.
    """
    asked = ask or (lambda _: "")
    first = local_time(steps[0].at if steps else now_ms)
    values = {  # asked in this order
        "asset": asset,
        "place": asked("地点 · room: "),
        "plate": asked("铭牌 · name plate: "),
        "inspectors": _names(asked("核查人员 · inspectors (a, b): ")),
        "hosts": _names(asked("单位在场人员 · for the unit (a, b): ")),
        "begun": asked(f"开始 · begun [{first}]: ") or first,
        "ended": asked("结束 · ended [签名之时 when it is signed]: "),
        "verdict": _one_of(VERDICTS, asked, f"结论 · verdict, one of {', '.join(VERDICTS)} [in-order]: ", "in-order"),
        "remarks": asked("说明 · remarks: "),
    }
    days = "".join(_day(row, ask) for row in (sample.rows if sample else ()))
    return TEMPLATE.format(**{name: _toml(value) for name, value in values.items()}, days=days)


def _day(row: Row, ask: Ask | None) -> str:
    hours = {"effective": row.effective_s / 3600, "external": row.external_s / 3600}
    if ask is None:
        return _DAY.format(day=row.day, **hours, found='"open"', paper='# paper_h = 0.0\n# remark = ""\n')
    what = f"{row.day}: {hours['effective']:.2f} h, external {hours['external']:.2f} h"
    found = _one_of(MATCHES, ask, f"{what}; {', '.join(MATCHES)} [open]: ", "open")
    paper = _paper_hours(ask) if found != "open" else ""
    remark = ask("    备注 · remark: ") if found != "open" else ""
    lines = (f"paper_h = {paper}\n" if paper else "") + (f"remark = {_toml(remark)}\n" if remark else "")
    return _DAY.format(day=row.day, **hours, found=_toml(found), paper=lines)


def _one_of(known: Sequence[str], ask: Ask, question: str, default: str) -> str:
    """What was answered, asked again until it is one of these; an empty answer is the default."""
    while (said := ask(question).strip() or default) not in known:
        pass
    return said


def _paper_hours(ask: Ask) -> str:
    """Hours as TOML has them, or ""; asked again until they are hours of a day."""
    while True:
        said = ask("    纸质记录小时数 · hours in the paper log, empty for none: ").strip().replace(",", ".")
        if not said or (_HOURS.fullmatch(said) and float(said) <= 24):
            return said


def _names(text: str) -> list[str]:
    return [name.strip() for name in re.split("[,，、]", text)]


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # what JSON writes of texts and lists of them is TOML


def read_form(
    raw: bytes, *, told: Told | None, note: bytes, steps: tuple[Step, ...], sample: Sample | None, now_ms: int
) -> Findings:
    """The findings of a filled form, signed now; MalformedFindings names what is wrong.

    `told` and `note`: the slip's, None and empty where there is none. The host's clock is taken from the steps.
    """
    if len(raw) > MAX_BYTES:
        raise MalformedFindings(f"a form has at most {MAX_BYTES} bytes")
    try:
        form = msgspec.convert(tomllib.loads(raw.decode()), _Form)
    except (tomllib.TOMLDecodeError, msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise MalformedFindings(f"the form cannot be read: {one_line(error)}") from error
    if empty := [f"{name} ({what})" for name, what in _NEEDED.items() if not any(getattr(form, name))]:
        raise MalformedFindings(f"the form is not complete: nothing stands at {', '.join(empty)}")
    apart = [step.host - step.at for step in steps if step.host is not None]
    made: dict[str, Any] = {
        "v": 1,
        "asset": form.asset,
        "place": form.place,
        "plate": form.plate,
        "inspectors": [name for name in form.inspectors if name],
        "hosts": [name for name in form.hosts if name],
        "begun": _utc_ms(form.begun),
        "ended": _utc_ms(form.ended) + 999 if form.ended else now_ms,  # the form has whole seconds
        "verdict": form.verdict,
        "remarks": form.remarks,
        "steps": [msgspec.to_builtins(step) for step in steps],
    }
    if apart:
        made["clock_ms"] = sorted(apart)[len(apart) // 2]
    nonced = _nonced(told, note) or form.nonce
    if nonced is not None:
        made["nonce"] = msgspec.to_builtins(nonced)
    if sample is not None:
        made["sample"] = msgspec.to_builtins(_filled(sample, form.days))
    elif form.days:
        raise MalformedFindings("the form has days, and no sample was named: --sample FILE")
    try:
        return msgspec.convert(made, Findings)
    except msgspec.MsgspecError as error:
        raise MalformedFindings(f"the form is not complete: {one_line(error)}") from error


def _nonced(told: Told | None, note: bytes) -> Nonced | None:
    if told is None:
        return None
    return Nonced(nonce=told.nonce, log=told.checkpoint.origin, index=told.entry.index, note=b64encode(note).decode())


def _filled(sample: Sample, days: Mapping[str, _Day]) -> Sample:
    known = {row.day for row in sample.rows}
    if stray := sorted(set(days) - known):
        raise MalformedFindings(f"{stray[0]} is no day of the sample; it has: {', '.join(sorted(known))}")
    rows = tuple(_fill(row, days[row.day]) if row.day in days else row for row in sample.rows)
    return Sample(manifest=sample.manifest, seed=sample.seed, rows=rows)


def _fill(row: Row, day: _Day) -> Row:
    return Row(
        day=row.day,
        stratum=row.stratum,
        record=row.record,
        effective_s=row.effective_s,
        external_s=row.external_s,
        found=day.found,
        paper_s=None if day.paper_h is None else round(day.paper_h * 3600),
        remark=day.remark or None,
    )


def local_time(at_ms: int) -> str:
    """A time as the form has it, in China time."""
    return datetime.fromtimestamp((at_ms + UTC_OFFSET_MS) // 1000, UTC).strftime(_TIME)


def _utc_ms(text: str) -> int:
    try:
        return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()) * 1000 - UTC_OFFSET_MS
    except ValueError as error:
        raise MalformedFindings(f"{text[:30]!a} is no time: write it as 2026-03-02 09:30:00") from error
