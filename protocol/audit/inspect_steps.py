"""The guided live test: an inspector is asked to have the instrument off, on, idle, running, off; times are noted.

No watcher is asked: what the agent reads meanwhile is on record by itself, and is compared when both are back in the
collector (live_test.py). The tool notes its own clock in UTC ms at each Enter, and what the host's clock showed, which
the inspector reads off the host's screen and types.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from protocol.errors import MalformedFindings, one_line
from protocol.findings import MAX_STEPS, Deed, Step
from protocol.interval import DAY_MS, UTC_OFFSET_MS

Ask = Callable[[str], str]
NowMs = Callable[[], int]
SKIP = "s"
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")


class Question(NamedTuple):
    """One step: what to bring the instrument to, for how long at least."""

    do: Deed
    ask: str
    least_s: int


PLAN = (
    Question("off", "关机 · Have it switched off", 120),
    Question("on", "开机 · Have it switched on", 90),
    Question("idle", "空载 · Let it stand ready, idle", 120),
    Question("run", "运行 · Begin a run as usual", 180),
    Question("off", "关机 · Have it switched off again", 120),
    Question("end", "结束 · End of the test", 0),
)


def lead(
    *,
    ask: Ask,
    tell: Callable[[str], None],
    now_ms: NowMs,
    keep: Callable[[Step], None] = lambda _step: None,
    plan: tuple[Question, ...] = PLAN,
) -> list[Step]:
    """Ask for each step in turn, and hand it to `keep` at once; `s` leaves one out, but never the end."""
    steps: list[Step] = []
    least_s = 0
    for number, question in enumerate(plan, 1):
        while True:
            text = f"{number}/{len(plan)} {question.ask}. Enter at that very moment ({SKIP}: leave it out): "
            answer = ask(text).strip().lower()
            at = now_ms()
            waited_s = (at - steps[-1].at) // 1000 if steps else least_s
            if answer == SKIP and question.do != "end":
                break
            if waited_s < least_s:
                tell(f"    {waited_s} s since the step before; {least_s} s are needed, wait and press Enter again")
                continue
            steps.append(Step(do=question.do, at=at, host=_ask_host(ask, tell, at)))
            keep(steps[-1])
            least_s = question.least_s
            if least_s:
                tell(f"    保持至 · keep it so until {_of_day(at + 1000 * least_s)} ({least_s} s)")
            break
    return steps


def read_clock(text: str, near_ms: int) -> int:
    """UTC ms of HH:MM:SS on a Chinese clock, on the day that brings it nearest to `near_ms`; MalformedFindings."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise MalformedFindings(f"{text[:20]!a} is no time of day: write it as 14:03:27")
    hours, minutes, seconds = map(int, match.groups())
    of_day_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
    midnight = (near_ms + UTC_OFFSET_MS) // DAY_MS * DAY_MS - UTC_OFFSET_MS
    return min((midnight + shift * DAY_MS + of_day_ms for shift in (-1, 0, 1)), key=lambda at: abs(at - near_ms))


def write_steps(steps: list[Step]) -> bytes:
    """The steps as a file, one JSON object a line."""
    return b"".join(msgspec.json.encode(step) + b"\n" for step in steps)


def parse_steps(raw: bytes) -> tuple[Step, ...]:
    """Read what `write_steps` wrote; MalformedFindings."""
    try:
        steps = tuple(msgspec.json.decode(line, type=Step) for line in raw.splitlines())
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedFindings(f"no steps of a live test: {one_line(error)}") from error
    if len(steps) > MAX_STEPS:
        raise MalformedFindings(f"a live test has at most {MAX_STEPS} steps, not {len(steps)}")
    return steps


def show(step: Step) -> str:
    """A step as a line for people."""
    local = _local(step.at)
    host = "" if step.host is None else f"  host {(step.host - step.at) / 1000:+.1f} s"
    return f"{local:%Y-%m-%d %H:%M:%S}  {step.do}{host}"


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp((at_ms + UTC_OFFSET_MS) / 1000, UTC)


def _of_day(at_ms: int) -> str:
    return f"{_local(at_ms):%H:%M:%S}"


def _ask_host(ask: Ask, tell: Callable[[str], None], at: int) -> int | None:
    while True:
        typed = ask("    当时主机时钟 · the host's clock showed then (HH:MM:SS, empty: not read): ").strip()
        if not typed:
            return None
        try:
            return read_clock(typed, at)
        except MalformedFindings as problem:
            tell(f"    {problem}")
