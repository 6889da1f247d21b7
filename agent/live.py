"""Live readings for people: the rows of a status, as they change, as lines and as a screen.

The rows come from the agent that runs, which rewrites its status each two seconds, or from a trial. What is shown is
pure: rows and time in, text out.
"""

import textwrap
import time
from collections.abc import Iterable, Iterator

from agent import status
from agent.clock import Clock
from agent.config import Configuration
from agent.errors import AgentError
from agent.status import age, readings
from agent.trial import Row, Trial

LOOK_S = 0.5
"""How often a screen is drawn at the least, so that ages go on."""


def follow_agent(configuration: Configuration, clock: Clock) -> Iterator[list[Row]]:
    """Yield the rows that changed in the status, again and again; AgentError when the agent has ended."""
    before: dict[str, Row] = {}
    wanted = {watcher.name for watcher in configuration.watchers}
    while True:
        found = status.read(configuration.state_dir)
        if found is None or not status.is_running(found, now_ms=clock.now().wall_ms):
            raise AgentError("the agent has ended; start it again, or watch without it")
        rows = {row["name"]: row for row in found["watchers"] if row["name"] in wanted}
        yield [row for name, row in rows.items() if row != before.get(name)]
        before = rows
        time.sleep(LOOK_S)


def follow_trial(trial: Trial) -> Iterator[list[Row]]:
    """Yield the rows that changed, again and again."""
    while True:
        yield trial.news(LOOK_S)


def news_line(row: Row, *, now_ms: int) -> str:
    """One line for what a watcher says: of a sample its time, of a fault the time at which this is shown."""
    seen_ms = row["last_at_ms"] if row["state"] == "up" else now_ms
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seen_ms // 1000))
    what = readings(row) if row["state"] == "up" else f"{row['state']} {row['reason']}".rstrip()
    return f"{when}.{seen_ms % 1000:03d}Z {row['name']} {what}"


def screen(rows: Iterable[Row], *, now_ms: int, width: int) -> list[str]:
    """All watchers, a line or a few for each, none longer than `width`."""
    shown = list(rows)
    widest = max((len(row["name"]) for row in shown), default=0)
    return [line for row in shown for line in _entry(row, name_width=widest, now_ms=now_ms, width=width)]


def _entry(row: Row, *, name_width: int, now_ms: int, width: int) -> list[str]:
    seen_ms = row["last_at_ms"]
    seen = "never" if seen_ms is None else f"{age(now_ms - seen_ms)} ago"
    what = readings(row) if row["state"] == "up" else row["reason"]
    head = f"{row['name']:<{name_width}}  {row['state']:<8}  {seen:<9}  "
    return textwrap.wrap(what, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head.rstrip()]
