"""`jishi-audit verify`: what verification found, as a list on a screen and as one line for programs."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from protocol.audit.containers import open_container
from protocol.audit.small_files import read
from protocol.errors import ForeignBytesError
from protocol.hours import hours_text
from protocol.verify import words
from protocol.verify.trust import MAX_TRUST_BYTES, Trust, parse_trust
from protocol.verify.verdicts import Check, Finding, Verdict
from protocol.verify.verification import DayResult, DecisionResult, Result, verify

_SHANGHAI = timezone(timedelta(hours=8))
_MARKS = {None: "-", Verdict.VALID: "ok", Verdict.INCOMPLETE: "??", Verdict.CONTRADICTED: "XX"}
SHOWN_DAYS = 400
LONGEST_DAYS = 3_700
"""Ten years: a manifest may name any period, and nobody reads a report of more days on which nothing was."""
NOTHING = ("没有任何记录", "nothing was recorded")


def run(bundle: Path, trust: Path | None, *, tell: Callable[[int], None]) -> Result:
    """Verify what lies at a path. ForeignBytesError where the file of keys is none, OSError."""
    return verify(open_container(bundle), None if trust is None else read_trust(trust), tell=tell)


def read_trust(path: Path) -> Trust:
    """The inspector's keys; ForeignBytesError with the path."""
    try:
        return parse_trust(read(path, MAX_TRUST_BYTES))
    except ForeignBytesError as error:
        raise type(error)(f"{path}: {error}") from error


def progress(number: int) -> None:
    """Which check begins, on a terminal's standard error."""
    if sys.stderr.isatty():
        name = words.CHECKS[number]
        sys.stderr.write(f"\r\x1b[K{number:>2}/{len(words.CHECKS)} {name.zh} {name.en} ")
        sys.stderr.flush()


def progress_over() -> None:
    """Take the line away again."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def as_text(result: Result) -> str:
    """For people: numbered checks, days and logs, the verdict, and what a signature does not prove."""
    return "\n".join(
        [
            *_head(result),
            "",
            *_checks(result),
            "",
            *_agents(result),
            *_decisions(result),
            *_days(result),
            "",
            *_verdict(result),
        ]
    )


def as_json(result: Result) -> str:
    """One line for programs."""
    manifest = result.manifest
    return json.dumps({
        "verdict": result.verdict.name,
        "asset": manifest and manifest.asset,
        "from": manifest and manifest.first_day.isoformat(),
        "to": manifest and manifest.last_day.isoformat(),
        "scope": manifest and manifest.scope,
        "made_ms": manifest and manifest.made_ms,
        "domain": manifest and manifest.domain,
        "trusted": result.has_trust,
        "signers": list(result.signers),
        "manifest_sha256": result.manifest_sha256,
        "checks": [_check_json(check) for check in result.checks],
        "agents": [each._asdict() | {"verdict": each.verdict.name} for each in result.agents],
        "days": [_day_json(day) for day in result.days],
        "decisions": [_decision_json(each) for each in result.decisions],
        "limits": words.LIMITS[1],
    }, ensure_ascii=False)  # fmt: skip


def _check_json(check: Check) -> dict[str, object]:
    return {
        "number": check.number,
        "name": words.CHECKS[check.number].en,
        "verdict": None if check.verdict is None else check.verdict.name,
        "counts": dict(check.counts),
        "found": check.found,
        "findings": [_finding_json(each) for each in check.findings],
    }


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "word": finding.word,
        "verdict": finding.verdict.name,
        "where": finding.where,
        "day": finding.day,
        "origin": finding.origin,
        "text": words.sentence(finding, chinese=False),
        "text_zh": words.sentence(finding, chinese=True),
    }


def _decision_json(result: DecisionResult) -> dict[str, object]:
    decision = result.decision
    return {
        "start_ms": decision.start,
        "end_ms": decision.end,
        "verdict": decision.verdict,
        "why": decision.why,
        "by": decision.by,
        "approver": decision.approver,
        "signer": result.signer or None,
    }


def _day_json(day: DayResult) -> dict[str, object]:
    shown = day.shown
    record = shown.record
    return {
        "day": shown.day,
        "verdict": day.verdict.name,
        "recomputed": shown.is_recomputed,
        "revision": shown.revision,
        "sha256": shown.sha256,
        "effective_s": record and record.effective_s,
        "external_s": record and record.external_s,
        "run_s": record and record.run_s,
        "by_grade": dict(shown.by_grade),
        "counted_s": shown.counted_s,
        "counted_external_s": shown.counted_external_s,
    }


def _head(result: Result) -> Iterator[str]:
    manifest = result.manifest
    if manifest is None:
        yield "no bundle could be read 无法读取证据包"
        return
    yield f"instrument 仪器   {plain(manifest.asset)}"
    yield f"days 日期         {manifest.first_day} to {manifest.last_day} ({manifest.scope})"
    yield f"made 生成时间     {local_time(manifest.made_ms)} by {manifest.domain}"
    for signer in result.signers:
        yield f"signed 签名       {plain(signer)}"


def _checks(result: Result) -> Iterator[str]:
    for check in result.checks:
        name = words.CHECKS[check.number]
        counts = ", ".join(f"{number} {what}" for what, number in check.counts.items())
        title = f"{name.zh} {name.en}"
        yield f"{check.number:>2} {_MARKS[check.verdict]}  {title}{' ' * max(1, 34 - width(title))}{counts}".rstrip()
        for finding in check.findings:
            yield f"      {finding.verdict.name}  {plain(finding.where)}{f' {finding.day}' if finding.day else ''}"
            yield f"          {plain(words.sentence(finding, chinese=True))}"
            yield f"          {plain(words.sentence(finding, chinese=False))}"
        if check.found > len(check.findings):
            yield f"      and {check.found - len(check.findings)} more 另有 {check.found - len(check.findings)} 条"


def _agents(result: Result) -> Iterator[str]:
    for agent in result.agents:
        yield (
            f"log 日志  {agent.verdict.name:<12} {plain(agent.origin)}  entries {agent.first} to {agent.end - 1}, "
            f"{agent.receipts} receipts, {agent.beacons} beacons"
        )


def _decisions(result: Result) -> Iterator[str]:
    for decision, signer in result.decisions:
        people = f"{plain(decision.by)}, {plain(decision.approver)}; {plain(signer) or words.UNSIGNED}"
        yield (
            f"decision 认定  {local_time(decision.start)} to {local_time(decision.end)}  "
            f"{words.DECIDED[decision.verdict]}: {plain(decision.why)} ({people})"
        )


def _days(result: Result) -> Iterator[str]:
    if not result.days:
        return
    yield ""
    yield "day         verdict       run h  effective h  external h  counted h   A/B/C/D/X h"
    yield "日期        结论          运行     有效机时     对外机时     计入"
    listed = days_of_period(result)
    for name, day in listed[:SHOWN_DAYS]:
        yield _day_line(day) if day else f"{name}  {'-':<12}  {NOTHING[1]} {NOTHING[0]}"
    if len(listed) > SHOWN_DAYS:
        yield f"and {len(listed) - SHOWN_DAYS} days more; --json has them all"


def days_of_period(result: Result) -> list[tuple[str, DayResult | None]]:
    """Every day of the bundle's period in order, so that none is passed over; None: no record and no reading."""
    found: dict[str, DayResult | None] = {}
    if result.manifest is not None:
        first, many = result.manifest.first_day, (result.manifest.last_day - result.manifest.first_day).days + 1
        found = {(first + timedelta(days=at)).isoformat(): None for at in range(min(many, LONGEST_DAYS))}
    return sorted((found | {day.shown.day: day for day in result.days}).items())


def _day_line(day: DayResult) -> str:
    record, shown = day.shown.record, day.shown
    if record is None:
        return f"{shown.day}  {day.verdict.name:<12}  no record 没有台账"
    grades = (
        "/".join(hours_text(shown.by_grade.get(grade, 0)) for grade in "ABCDX") if shown.counted_s is not None else "-"
    )
    counted = "-" if shown.counted_s is None else hours_text(shown.counted_s)
    return (
        f"{shown.day}  {day.verdict.name:<12}{hours_text(record.run_s):>7}{hours_text(record.effective_s):>13}"
        f"{hours_text(record.external_s):>12}{counted:>11}   {grades}"
    )


def _verdict(result: Result) -> Iterator[str]:
    zh, en = words.VERDICTS[result.verdict]
    yield f"{en} {zh}"
    yield from reversed(words.MEANING[result.verdict])
    yield words.LIMITS[1]
    yield words.LIMITS[0]


def local_time(instant_ms: int) -> str:
    """A moment as it is told in Shanghai."""
    try:
        return datetime.fromtimestamp(instant_ms / 1000, UTC).astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M:%S +08:00")
    except (ValueError, OverflowError, OSError):
        return f"{instant_ms} ms"


def plain(text: str) -> str:
    """Foreign text that cannot move a terminal's cursor."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def width(text: str) -> int:
    """Columns on a terminal: Chinese letters take two."""
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)
