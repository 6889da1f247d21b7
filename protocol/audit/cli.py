"""`jishi-audit`: what an auditor runs on files, without a network. The one part of protocol/ that reads and prints.

Exit codes: 0 it is as asked, 1 a file cannot be read or is not what it should be (the message on standard error says
which, where, and what to do), 2 wrong usage. `log`: 0 VALID, 1 INCOMPLETE, 2 CONTRADICTED.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

from protocol.audit import fork, log, timeline
from protocol.errors import ForeignBytesError
from protocol.keys import parse_vkey
from protocol.policy import parse_policy
from protocol.sample_file import MAX_BYTES, Layout, parse_samples

OK, FAILED = 0, 1
LONGEST_POLL_S = 3600.0

_Read = TypeVar("_Read")


def main(argv: Sequence[str] | None = None) -> int:
    """The command's entry point; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
    except (ForeignBytesError, OSError) as problem:
        print(f"jishi-audit: {problem}", file=sys.stderr)
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jishi-audit", description="Recomputes and verifies, offline, from files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    told = commands.add_parser("timeline", help="what a policy makes of a recording of power: states and sessions")
    told.add_argument("samples", type=Path, metavar="SAMPLES.csv", help="time,power_w[,energy_wh]; may be gzipped")
    told.add_argument("--policy", type=Path, required=True, metavar="POLICY.json", help="the policy to apply")
    told.add_argument(
        "--poll-s", type=_poll_s, metavar="N", help="how often the meter was asked (default: median step)"
    )
    told.add_argument("--format", choices=get_args(Layout), default="plain", help="layout of the file (default: plain)")
    told.add_argument("--json", action="store_true", help="one line for programs")
    told.set_defaults(command=_timeline)
    whole = commands.add_parser("log", help="whether a directory of tlog-tiles is the whole log that a key signed")
    log.configure(whole)
    whole.set_defaults(command=_log)
    forked = commands.add_parser("fork", help="whether a file proves that a log's key signed two histories")
    fork.configure(forked)
    forked.set_defaults(command=_fork)
    return parser


def _timeline(arguments: argparse.Namespace) -> int:
    policy = _read(arguments.policy, parse_policy)
    recording = _read(arguments.samples, partial(parse_samples, layout=arguments.format))
    for note in recording.notes:
        print(f"jishi-audit: {arguments.samples}: {note}", file=sys.stderr)
    poll_ms = None if arguments.poll_s is None else round(1000 * arguments.poll_s)
    told = timeline.tell(recording, policy, poll_ms=poll_ms)
    print(timeline.as_json(told) if arguments.json else timeline.as_table(told))
    return OK


def _log(arguments: argparse.Namespace) -> int:
    report = log.check_directory(arguments.directory, parse_vkey(arguments.key))
    print(log.as_json(report) if arguments.json else log.as_text(report))
    return log.EXIT_CODES[report.verdict]


def _fork(arguments: argparse.Namespace) -> int:
    print(fork.tell(arguments))
    return OK


def _read(path: Path, parse: Callable[[bytes], _Read]) -> _Read:
    try:
        with path.open("rb") as file:
            return parse(file.read(MAX_BYTES + 1))
    except ForeignBytesError as error:
        raise type(error)(f"{path}: {error}") from error


def _poll_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_POLL_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no time between polls; write seconds up to {LONGEST_POLL_S:g}")
    return seconds
