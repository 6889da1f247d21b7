"""`jishi-audit hours`: the hours of a bundle as its evidence gives them, as a table, CSV or JSON."""

import json
from collections.abc import Iterator, Mapping

from protocol.audit.verify import plain
from protocol.hours import hours_text
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import DayResult, Result

_COLUMNS = (
    *("off_s", "standby_s", "prepare_s", "run_s", "post_s", "calibrate_s", "maintain_s", "fault_s", "unobserved_s"),
    *("effective_s", "external_s", "internal_s", "claimed_s", "verified_s", "unresolved_s", "hand_s"),
)


def as_csv(result: Result) -> str:
    """A line a day; only days whose record the evidence gave again have figures."""
    grades = ("a_s", "b_s", "c_s", "d_s", "x_s", "counted_s", "counted_external_s")
    lines = [",".join(("day", "verdict", *_COLUMNS, *grades))]
    for day in result.days:
        values = _values(day)
        lines.append(
            ",".join([day.shown.day, day.verdict.name, *(str(values.get(each, "")) for each in (*_COLUMNS, *grades))])
        )
    return "\n".join(lines)


def as_json(result: Result) -> str:
    """One line for programs."""
    days = [{"day": day.shown.day, "verdict": day.verdict.name, **_values(day)} for day in result.days]
    return json.dumps({"verdict": result.verdict.name, "days": days})


def as_table(result: Result) -> str:
    """The same for people."""
    return "\n".join(_table(result))


def _table(result: Result) -> Iterator[str]:
    manifest = result.manifest
    if manifest is not None:
        yield f"{plain(manifest.asset)}, {manifest.first_day} to {manifest.last_day}, recomputed from the bundle"
    yield "day         verdict         run h  effective h  external h  unobserved h  counted h"
    total = dict.fromkeys(("run_s", "effective_s", "external_s", "unobserved_s", "counted_s"), 0)
    for day in result.days:
        values = _values(day)
        if not values:
            yield f"{day.shown.day}  {day.verdict.name:<12}  not shown by the evidence 证据未能给出"
            continue
        total = {name: total[name] + values.get(name, 0) for name in total}
        yield _line(day.shown.day, day.verdict.name, values)
    yield _line("sum 合计  ", "", total)
    if result.verdict is not Verdict.VALID:
        yield f"the bundle is {result.verdict.name}: `jishi-audit verify` says why"


def _line(day: str, verdict: str, values: Mapping[str, int]) -> str:
    cells = [hours_text(values.get(name, 0)) for name in ("run_s", "effective_s", "external_s", "unobserved_s")]
    counted = values.get("counted_s")
    return (
        f"{day}  {verdict:<12}{cells[0]:>9}{cells[1]:>13}{cells[2]:>12}{cells[3]:>14}"
        f"{'-' if counted is None else hours_text(counted):>11}"
    )


def _values(day: DayResult) -> dict[str, int]:
    """The figures of a day, none where the evidence did not give them again."""
    record, shown = day.shown.record, day.shown
    if record is None or not shown.is_recomputed:
        return {}
    found: dict[str, int] = {name: getattr(record, name) for name in _COLUMNS}
    if shown.counted_s is not None:
        found |= {f"{grade.lower()}_s": shown.by_grade.get(grade, 0) for grade in "ABCDX"}
        found |= {"counted_s": shown.counted_s, "counted_external_s": shown.counted_external_s or 0}
    return found
