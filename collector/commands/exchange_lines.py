"""How `exchange` prints messages, their steps, and what is wrong with records."""

import sys
from collections.abc import Iterator, Sequence

from collector.exchange.building import Fault
from collector.exchange.outbox import Held, Step
from protocol.errors import excerpt

MAX_FAULTS = 1000
MAX_ANSWER_CHARS = 400


def message_line(held: Held) -> str:
    """One message with where it stands, and the word of the platform."""
    days = held.first_day if held.first_day == held.last_day else f"{held.first_day}..{held.last_day}"
    told = [
        f"{held.message_id}  {held.kind}  {held.inner_id}/{held.revision}  {held.asset_no}  {days}",
        held.order_no or "-",
        held.state,
    ]
    if held.due_at is not None:
        told.append(f"due {held.due_at:%Y-%m-%d %H:%M:%SZ}, attempts {held.attempts}")
    if held.receipt:
        told.append(f"receipt {held.receipt}")
    return "  ".join([*told, held.problem] if held.problem else told)


def step_lines(steps: Sequence[Step]) -> Iterator[str]:
    """Each step, and what was answered as it came."""
    for step in steps:
        status = f"  HTTP {step.http_status}" if step.http_status else ""
        yield f"{step.at:%Y-%m-%d %H:%M:%SZ}  {step.state}  by {step.made_by}{status}  {step.problem or step.receipt}"
        if step.answer:
            yield f"    {excerpt(bytes(step.answer), MAX_ANSWER_CHARS)}"


def show_faults(faults: Sequence[Fault], *, example: bool) -> None:
    """All that is wrong, up to a limit; and whether the mapping is one that nobody checked."""
    for fault in faults[:MAX_FAULTS]:
        print(fault)
    if len(faults) > MAX_FAULTS:
        print(f"… and {len(faults) - MAX_FAULTS} more; correct these first")
    if example:
        print("this mapping is an example: check it against the guide in force", file=sys.stderr)
