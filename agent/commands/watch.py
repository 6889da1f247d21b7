"""`jishi-agent watch`: live readings, of the running agent or of the watchers of a configuration that is being wired.

With a running agent it shows what that says of itself. Without one it runs the watchers in this process and records
nothing. At a terminal one screen is drawn again and again; elsewhere there is a line for each change.
"""

import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator

import msgspec

from agent import config
from agent.clock import Clock, SystemClock
from agent.commands import usage
from agent.config import Configuration
from agent.doctor.case import take_up
from agent.errors import AgentError, WatcherError
from agent.live import follow_agent, follow_trial, news_line, screen
from agent.trial import Row, Trial, try_out

UNRECORDED = "no agent runs: the watchers run in this command, and nothing is recorded"
NARROWEST = 40

Changes = Iterator[list[Row]]
Show = Callable[[list[Row]], None]


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `watch`."""
    parser.add_argument("--watcher", metavar="NAME", help="this one only")
    parser.add_argument(
        "--once", action="store_true", help="show each watcher once and end; exit code 1 when one sees nothing"
    )
    usage.add_json(parser)
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Show readings until told to end; the exit code."""
    clock = SystemClock()
    configuration = only(config.load(arguments.config), arguments.watcher)
    case = take_up(configuration, clock)
    if case.status is None and case.holder is not None:
        raise AgentError(f"process {case.holder} writes the journal and says nothing: wait 15 s, or end it")
    show = _printer(arguments, clock)
    try:
        if case.status is not None:
            changes = follow_agent(configuration, clock)
            return _show_once(next(changes), show) if arguments.once else _show(changes, show)
        if arguments.once:
            return _show_once(try_out(configuration.watchers, clock), show)
        print(f"# {UNRECORDED}; Ctrl-C ends", file=sys.stderr, flush=True)
        with Trial(configuration.watchers, clock) as trial:
            return _show(follow_trial(trial), show)
    except KeyboardInterrupt:
        return usage.OK


def only(configuration: Configuration, name: str | None) -> Configuration:
    """Return the configuration with this watcher alone, None for all; WatcherError where none has the name."""
    if name is None:
        return configuration
    chosen = tuple(watcher for watcher in configuration.watchers if watcher.name == name)
    if not chosen:
        known = ", ".join(watcher.name for watcher in configuration.watchers)
        raise WatcherError(f"no watcher is named {name!r}; the configuration has {known}")
    return msgspec.structs.replace(configuration, watchers=chosen)


def _show_once(rows: list[Row], show: Show) -> int:
    show(rows)
    return usage.OK if all(row["state"] == "up" for row in rows) else usage.FAILED


def _show(changes: Changes, show: Show) -> int:
    for rows in changes:
        show(rows)
    return usage.OK


def _printer(arguments: Namespace, clock: Clock) -> Show:
    """What becomes of rows: JSON, a screen that is drawn over, or lines."""

    def print_json(rows: list[Row]) -> None:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), flush=True)

    def print_lines(rows: list[Row]) -> None:
        for row in rows:
            print(news_line(row, now_ms=clock.now().wall_ms), flush=True)

    if arguments.json:
        return print_json
    return Screen(clock).draw if _can_be_drawn_on() and not arguments.once else print_lines


def _can_be_drawn_on() -> bool:
    """Whether standard output is a terminal that moves its cursor; of Windows' two, the newer one does."""
    moves = "WT_SESSION" in os.environ if os.name == "nt" else os.environ.get("TERM") != "dumb"
    return moves and sys.stdout.isatty()


class Screen:
    """All watchers at once, drawn over what was drawn before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._drawn = 0

    def draw(self, changed: list[Row]) -> None:
        """Take in what changed, and draw; ages go on where nothing did."""
        self._rows |= {row["name"]: row for row in changed}
        columns, height = shutil.get_terminal_size()
        lines = screen(self._rows.values(), now_ms=self._clock.now().wall_ms, width=max(NARROWEST, columns - 1))
        shown = lines[: height - 1]
        back = f"\x1b[{self._drawn}A" if self._drawn else ""
        print(f"{back}\x1b[J", "\n".join(shown), sep="", flush=True)
        self._drawn = len(shown)
