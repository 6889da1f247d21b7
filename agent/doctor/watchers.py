"""The watchers, tried for a moment while no agent runs, and what each kind knows to look for.

A trial is the watcher itself, with its own words for what is wrong; an examination (`Kind.examine`) can tell more, for
example at which settings a meter answers.
"""

from collections.abc import Iterator

from agent.doctor.case import Case
from agent.doctor.running import judge_watcher
from agent.doctor.supervision import supervise
from agent.finding import Finding
from agent.trial import PATIENCE_S, Row, try_out
from agent.watchers.registry import find_kind


def examine_watchers(case: Case) -> Iterator[Finding]:
    """Try all watchers at once; then say of each what it said, and what its kind finds."""
    if case.is_attended:
        return
    settings = case.configuration.watchers
    rows, now_ms = try_out(settings, case.clock), case.clock.now().wall_ms
    for one, row in zip(settings, rows, strict=True):
        examine = find_kind(one.kind).examine
        examined = supervise(f"watcher {one.name}", examine, one) if examine else iter(())
        yield from without_echo(judge_row(row, now_ms=now_ms), examined)


def without_echo(tried: Finding, examined: Iterator[Finding]) -> Iterator[Finding]:
    """Yield what the trial found and what the examination did, but once where both found the same: it knows more."""
    first = next(examined, None)
    if first is None or first.found != tried.found:
        yield tried
    if first is not None:
        yield first
    yield from examined


def judge_row(row: Row, *, now_ms: int) -> Finding:
    """Judge what a watcher said in its trial."""
    if row["state"] != "starting":
        return judge_watcher(row, now_ms=now_ms)
    found = f"said nothing within {PATIENCE_S:g} s"
    remedy = f"some speak by themselves, and seldom: see with jishi-agent watch --watcher {row['name']}"
    return Finding(f"watcher {row['name']}", "unknown", found, "a sample", remedy)
