"""The report of a verification as one HTML file, Chinese and English, to read, keep and print on A4.

Nothing is loaded from anywhere: style and strips are in the page, fonts are named by family only, and there is no script.
Everything that comes from a bundle is escaped, once, in `_text`; the page forbids scripts by itself as well.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from protocol.audit.strips import PATTERN, axis, strip
from protocol.audit.verify import NOTHING, days_of_period, local_time, plain
from protocol.hours import hours_text
from protocol.verify import words
from protocol.verify.verdicts import Check, Finding, Verdict
from protocol.verify.verification import AgentResult, DayResult, DecisionResult, Result

_MARKS: Final = {None: "–", Verdict.VALID: "✓", Verdict.INCOMPLETE: "?", Verdict.CONTRADICTED: "✗"}
_NOT_REACHED: Final = ("未进行", "not reached")
_COUNTS: Final = {
    "files": "文件 files", "bytes": "字节 bytes", "checkpoints": "检查点 checkpoints", "facts": "事实 facts",
    "statements": "登记 statements", "policies": "规则 policies", "proofs": "证明 proofs", "keys": "密钥 keys",
    "entries": "条目 entries", "receipts": "回执 receipts", "beacons": "信标 beacons", "consistency": "一致性证明 consistency proofs",
    "brackets": "时间区间 brackets", "closings": "关账 closings", "days": "天 days", "readings": "读数 readings",
    "lines": "行 lines", "signed decisions": "签名认定 signed decisions",
}  # fmt: skip


def page(result: Result, *, name: str, command: str, version: str, made_at: str) -> str:
    """The whole file. `name` is the bundle's, `made_at` when this report was made, both as they are to be read."""
    return "".join(_page(result, name, command, version, made_at))


def _page(result: Result, name: str, command: str, version: str, made_at: str) -> Iterator[str]:
    zh, en = words.VERDICTS[result.verdict]
    css = result.verdict.name.lower()
    yield (
        '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>机时证据核验报告 {_text(_asset(result))} {en}</title><style>{_CSS}</style></head><body>{PATTERN}<main>"
    )
    yield f'<header><h1>机时证据核验报告<span lang="en">Report on an evidence bundle</span></h1>{_subject(result, name)}</header>'
    meaning_zh, meaning_en = words.MEANING[result.verdict]
    yield (
        f'<section class="verdict {css}"><p class="word">{_MARKS[result.verdict]} {zh} <span lang="en">{en}</span></p>'
        f'<p>{meaning_zh}<br><span lang="en">{meaning_en}</span></p></section>'
    )
    yield f'<p class="limits"><strong>{words.LIMITS[0]}</strong><br><span lang="en">{words.LIMITS[1]}</span></p>'
    yield _section("核验项目", "Checks", _checks(result.checks))
    if result.agents:
        yield _section("采集端日志", "Agents' logs", _agents(result.agents))
    if result.days:
        yield _section("每日机时", "Hours by day", _days(days_of_period(result)))
    if result.decisions:
        yield _section("认定", "Decisions", _decisions(result.decisions))
    yield _signing(result)
    yield (
        f"<footer>{_text(command)} · {_text(version)} · {_text(made_at)}<br>本报告由脱机核验程序生成，不含任何网络内容。"
        '<span lang="en">Made offline by jishi-audit; nothing in it was loaded from anywhere.</span></footer></main></body></html>\n'
    )


def _asset(result: Result) -> str:
    return "" if result.manifest is None else result.manifest.asset


def _subject(result: Result, name: str) -> str:
    manifest = result.manifest
    rows = [("证据包", "Bundle", name)]
    if manifest is not None:
        rows += [
            ("仪器", "Instrument", manifest.asset),
            ("日期", "Days", f"{manifest.first_day} – {manifest.last_day} ({manifest.scope})"),
            ("汇聚端", "Collector", manifest.domain),
            ("生成时间", "Made", local_time(manifest.made_ms)),
        ]
    rows += [("清单签名", "Signed by", signer) for signer in result.signers]
    rows.append(("密钥", "Keys", _keys(result)))
    return _table(((f'{zh} <span lang="en">{en}</span>', _text(value)) for zh, en, value in rows), "subject")


def _keys(result: Result) -> str:
    if result.has_trust:
        return "由核验人提供 given by whoever verified"
    return "未提供；只用了包自带的密钥 none were given; only those in the bundle were used"


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    yield '<table class="checks"><tbody>'
    for check in checks:
        name, verdict = words.CHECKS[check.number], check.verdict
        zh, en = _NOT_REACHED if verdict is None else words.VERDICTS[verdict]
        counts = "，".join(f"{number:,} {_COUNTS.get(what, what)}" for what, number in check.counts.items())
        css = "unseen" if verdict is None else verdict.name.lower()
        yield (
            f'<tr class="{css}"><td class="number">{check.number}</td><td class="mark">{_MARKS[verdict]}</td><td>'
            f'<strong>{name.zh}</strong> <span lang="en">{name.en}</span><br><small>{name.shows_zh}。'
            f'<span lang="en">{name.shows_en}.</span></small>{"".join(_findings(check))}</td>'
            f'<td class="result">{zh}<br><span lang="en">{en}</span><br><small>{counts}</small></td></tr>'
        )
    yield "</tbody></table>"


def _findings(check: Check) -> Iterator[str]:
    if not check.findings:
        return
    yield '<ul class="findings">'
    for finding in check.findings:
        yield f"<li>{_finding(finding)}</li>"
    if more := check.found - len(check.findings):
        yield f"<li>另有 {more} 条 and {more} more</li>"
    yield "</ul>"


def _finding(finding: Finding) -> str:
    zh, en = words.VERDICTS[finding.verdict]
    where = " ".join(part for part in (finding.where, finding.day) if part)
    return (
        f'<span class="tag {finding.verdict.name.lower()}">{zh} {en}</span> <code>{_text(where)}</code><br>'
        f'{_text(words.sentence(finding, chinese=True))}<br><span lang="en">{_text(words.sentence(finding, chinese=False))}</span>'
    )


def _agents(agents: Sequence[AgentResult]) -> Iterator[str]:
    rows = (
        (
            _verdict(agent.verdict),
            f"<code>{_text(agent.origin)}</code>",
            f"{agent.first:,} – {max(agent.first, agent.end - 1):,}",
            f"{agent.receipts:,}",
            f"{agent.beacons:,}",
        )
        for agent in agents
    )
    heads = (("结论", "Verdict"), ("日志", "Log"), ("条目", "Entries"), ("回执", "Receipts"), ("信标", "Beacons"))
    yield _table(rows, "agents", heads)


def _days(every: Sequence[tuple[str, DayResult | None]]) -> Iterator[str]:
    heads = (
        ("日期", "Day"),
        ("结论", "Verdict"),
        (axis(), ""),
        ("运行", "Run h"),
        ("有效", "Effective h"),
        ("对外", "External h"),
        ("计入", "Counted h"),
        ("等级 A/B/C/D/X", "Grades h"),
    )
    yield (
        '<p class="legend"><i class="run"></i>运行 run <i class="standby"></i>空载 standby <i class="off"></i>关机 off '
        '<i class="unobserved"></i>未观测 unobserved <i class="bridged"></i>补接 bridged</p>'
    )
    rows = (_day(day) if day else (name, "–", " ".join(NOTHING), "", "", "", "", "") for name, day in every)
    yield _table((*rows, _sum([day for _, day in every if day])), "days", heads)


def _day(day: DayResult) -> tuple[str, ...]:
    shown, record = day.shown, day.shown.record
    if record is None:
        return (shown.day, _verdict(day.verdict), "没有台账 no record", "", "", "", "", "")
    grades = "–" if shown.counted_s is None else " / ".join(hours_text(shown.by_grade.get(each, 0)) for each in "ABCDX")
    picture = (
        strip(record) if shown.is_recomputed else '<span class="apart">与证据不符 not what the evidence gives</span>'
    )
    return (
        shown.day,
        _verdict(day.verdict),
        picture,
        hours_text(record.run_s),
        hours_text(record.effective_s),
        hours_text(record.external_s),
        "–" if shown.counted_s is None else hours_text(shown.counted_s),
        grades,
    )


def _sum(days: Sequence[DayResult]) -> tuple[str, ...]:
    records = [day.shown.record for day in days if day.shown.record is not None and day.shown.is_recomputed]
    counted = sum(day.shown.counted_s or 0 for day in days if day.shown.is_recomputed)
    return (
        "合计 sum", "", f"{len(records)} 天重新算出 days computed again",
        hours_text(sum(record.run_s for record in records)),
        hours_text(sum(record.effective_s for record in records)),
        hours_text(sum(record.external_s for record in records)),
        hours_text(counted), "",
    )  # fmt: skip


def _decisions(decisions: Sequence[DecisionResult]) -> Iterator[str]:
    heads = (
        ("起", "From"),
        ("止", "To"),
        ("认定", "Verdict"),
        ("理由", "Why"),
        ("提出、认定", "By, approver"),
        ("签名", "Signed by"),
    )
    yield _table(
        (
            (
                local_time(decision.start),
                local_time(decision.end),
                words.DECIDED[decision.verdict],
                _text(decision.why),
                _text(f"{decision.by}, {decision.approver}"),
                _text(signer or words.UNSIGNED),
            )
            for decision, signer in decisions
        ),
        "decisions",
        heads,
    )


def _signing(result: Result) -> str:
    """What is signed stands beside it: this may come to lie on a page of its own."""
    zh, en = words.VERDICTS[result.verdict]
    manifest = result.manifest
    about = "" if manifest is None else f"{manifest.asset}, {manifest.first_day} – {manifest.last_day}, "
    return (
        '<section class="sign"><h2>签字 <span lang="en">Signatures</span></h2>'
        f"<p>{_text(about)}{zh} {en}<br><small>MANIFEST SHA-256 "
        f"<code>{_text(result.manifest_sha256 or '–')}</code></small></p>{_line('核查人', 'Inspector')}"
        f"{_line('单位在场人员', 'For the unit')}</section>"
    )


def _line(zh: str, en: str) -> str:
    who = f'<span class="who">{zh} <span lang="en">{en}</span></span>'
    return f"<p>{who}姓名 Name ________________　日期 Date ________________　签字 Signature ________________</p>"


def _verdict(verdict: Verdict) -> str:
    zh, en = words.VERDICTS[verdict]
    return f'<span class="tag {verdict.name.lower()}">{_MARKS[verdict]} {zh} <span lang="en">{en}</span></span>'


def _section(zh: str, en: str, parts: Iterable[str]) -> str:
    return f'<section><h2>{zh} <span lang="en">{en}</span></h2>{"".join(parts)}</section>'


def _table(rows: Iterable[Sequence[str]], css: str, heads: Sequence[tuple[str, str]] = ()) -> str:
    """Cells are HTML already."""
    head = "".join(f'<th>{zh}<br><span lang="en">{en}</span></th>' if en else f"<th>{zh}</th>" for zh, en in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{css}">{f"<thead><tr>{head}</tr></thead>" if head else ""}<tbody>{body}</tbody></table>'


def _text(foreign: str) -> str:
    return html.escape(plain(foreign), quote=True)


_CSS: Final = """
:root{--run:#0b5fa5;--standby:#eba937;--off:#aab7c4;--ink:#17202a;--soft:#5b6875;--line:#d9e0e7;--ok:#1d6b3a;--some:#8a5a00;--bad:#a11622}
*{box-sizing:border-box}body{margin:0;color:var(--ink);background:#fff;font:14px/1.5 "Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei","PingFang SC","WenQuanYi Micro Hei",system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px 20px}h1{font-size:24px;margin:0 0 12px}h1 span{display:block;font-size:14px;font-weight:400;color:var(--soft)}
h2{font-size:17px;margin:24px 0 8px;border-bottom:1px solid var(--line);padding-bottom:4px}h2 span{font-size:13px;font-weight:400;color:var(--soft)}
[lang=en]{color:var(--soft)}small{color:var(--soft)}code{font-size:12px;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
td,th{padding:5px 8px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;font-weight:400}th{font-size:12px;color:var(--soft);vertical-align:bottom}
table.subject{width:auto}table.subject td{border:0;padding:2px 16px 2px 0;overflow-wrap:anywhere}table.subject td:first-child{white-space:nowrap}
.verdict{border:2px solid;border-radius:6px;padding:10px 16px;margin:16px 0}.verdict .word{font-size:22px;font-weight:700;margin:0}.verdict p{margin:4px 0}
.verdict.valid{border-color:var(--ok)}.verdict.valid .word{color:var(--ok)}.verdict.incomplete{border-color:var(--some)}.verdict.incomplete .word{color:var(--some)}
.verdict.contradicted{border-color:var(--bad)}.verdict.contradicted .word{color:var(--bad)}.verdict .word span{color:inherit}
.limits{border-left:4px solid var(--ink);padding:4px 12px;margin:16px 0}
.checks .number{width:28px;text-align:right;color:var(--soft)}.checks .mark{width:24px;font-weight:700;font-size:16px;text-align:center}.checks .result{width:190px}
tr.valid .mark{color:var(--ok)}tr.incomplete .mark,tr.incomplete .result{color:var(--some)}tr.contradicted .mark,tr.contradicted .result{color:var(--bad)}
.findings{margin:6px 0 2px;padding-left:18px}.findings li{margin:4px 0}.tag{font-size:12px;white-space:nowrap}.tag.valid{color:var(--ok)}.tag.incomplete{color:var(--some);font-weight:700}.tag.contradicted{color:var(--bad);font-weight:700}.tag span{color:inherit}
table.decisions td:nth-child(-n+3){white-space:nowrap}table.days th{white-space:nowrap}table.days td{vertical-align:middle;white-space:nowrap}table.days td:nth-child(3){width:46%;white-space:normal}table.days td:nth-child(n+4),table.agents td:nth-child(n+3){text-align:right;font-variant-numeric:tabular-nums}
table.days th:nth-child(n+4),table.agents th:nth-child(n+3){text-align:right}table.days tbody tr:last-child td{font-weight:700;border-top:2px solid var(--ink)}
svg.strip{display:block;width:100%;height:26px;background:#f4f6f8}.axis{display:flex;justify-content:space-between;font-size:11px}.axis i{font-style:normal}
.run{fill:var(--run);background:var(--run)}.standby{fill:var(--standby);background:var(--standby)}.off{fill:var(--off);background:var(--off)}.unobserved{fill:url(#unseen);background:repeating-linear-gradient(45deg,#fff 0 3px,#c9d2db 3px 5px)}.bridged{fill:#6b2fa0;background:#6b2fa0}.hour{stroke:#e2e7ec;stroke-width:1;fill:none}
.legend i{display:inline-block;width:14px;height:10px;margin:0 4px 0 12px;vertical-align:baseline}.apart{color:var(--bad)}
.sign p{margin:20px 0 6px}.sign .who{display:inline-block;width:190px}footer{margin-top:24px;color:var(--soft);font-size:12px;border-top:1px solid var(--line);padding-top:8px;overflow-wrap:anywhere}
@page{size:A4;margin:14mm 12mm;@bottom-right{content:counter(page) " / " counter(pages);font-size:9px;color:#5b6875}}@media print{body{font-size:10.5px}main{max-width:none;padding:0}thead{display:table-header-group}tr,.verdict,.limits,.sign,svg{break-inside:avoid}h2{break-after:avoid}
.run,.standby,.off,.unobserved,.bridged{-webkit-print-color-adjust:exact;print-color-adjust:exact}td,th{padding:3px 5px}table.days td:nth-child(3){width:40%}}
""".replace("\n", "")
