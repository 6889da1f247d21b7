"""What the simulators say really happened, compared with what the records say.

The simulator of each instrument writes its true transitions to a file that nothing else reads. This module turns
that file into spans and compares them, second by second, with the spans of the hour records. It is pure: the
audit reads the files and the database.

A second counts against us only when it lies further than `tolerance_s` from a true transition: a meter that is
polled each second cannot date a crossing better than a poll, and its answer takes a fraction of the next.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Span = tuple[int, int, str]
"""Start second, end second (UTC epoch, half-open) and state."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of one instrument, truth against records."""

    true_run_s: int
    recorded_run_s: int
    lost_s: int
    """Seconds of the truth that no record holds as what they were and that are not declared unobserved."""
    doubled_s: int
    """Seconds recorded as run that were none, or held by two spans at once."""
    unobserved_s: int
    """Seconds inside the truth that the records declare unobserved, after the first observed second."""


class TruthError(ValueError):
    """The truth file is not what the simulator writes."""


def read_truth(path: Path) -> list[Span]:
    """Spans of the true states in whole seconds, rounded to the second in which they began.

    The last span ends where the simulator wrote its end, else (it was killed) at its last line.
    """
    spans: list[Span] = []
    state, since = "", 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            event = json.loads(line)
            at = int(event["at_ms"]) // 1000
            following = "" if event.get("end") else str(event["state"])
        except (ValueError, KeyError, TypeError) as problem:
            raise TruthError(f"{path.name} line {number}: not a line of the simulator: {line[:80]}") from problem
        if state and at > since:
            spans.append((since, at, state))
        state, since = following, at
    return spans


def compare(truth: Sequence[Span], records: Sequence[Span], *, tolerance_s: int) -> Comparison:
    """Holds every true second against the records.

    `records` are the spans of all hour records of the instrument, as they stand: overlaps between them are what
    *doubled* looks for.
    """
    recorded: dict[int, str] = {}
    overlapping = 0
    for start, end, state in records:
        for second in range(start, end):
            overlapping += second in recorded
            recorded[second] = state
    first_seen = min((second for second, state in recorded.items() if state != "unobserved"), default=0)
    lost = invented = unobserved = 0
    for start, end, state in truth:
        inner = range(start + tolerance_s, end - tolerance_s)
        for second in range(start, end):
            said = recorded.get(second)
            unobserved += said == "unobserved" and second >= first_seen
            if second not in inner or said in (state, "unobserved"):
                continue
            lost += 1
            invented += said == "run"
    return Comparison(
        true_run_s=_seconds(truth, "run"),
        recorded_run_s=_seconds(records, "run"),
        lost_s=lost - invented,
        doubled_s=overlapping + invented,
        unobserved_s=unobserved,
    )


def _seconds(spans: Iterable[Span], state: str) -> int:
    return sum(end - start for start, end, name in spans if name == state)
