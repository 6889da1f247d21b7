"""`jishi-audit`: what an auditor runs on files, without a network. The one part of protocol/ that reads and prints.

Exit codes: 0 it is as asked, 1 a file cannot be read or is not what it should be (the message on standard error says
which, where, and what to do), 64 wrong usage. `verify`, `hours`, `compare`, `note` and `log`: 0 VALID, 1 INCOMPLETE
(and a file that cannot be read), 2 CONTRADICTED.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NoReturn, TypeVar, get_args

from protocol.audit import compare, fork, hours, html_page, inspection, log, own_key, signed_note, timeline, verify
from protocol.audit.small_files import must_be_new, write
from protocol.errors import ForeignBytesError
from protocol.keys import parse_vkey
from protocol.policy import parse_policy
from protocol.sample_file import MAX_BYTES, Layout, parse_samples
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import Result

OK, FAILED = 0, 1
USAGE = 64
"""Wrong usage (sysexits' EX_USAGE): no verdict has this code, so that a mistyped option accuses nobody."""
LONGEST_POLL_S = 3600.0

_Read = TypeVar("_Read")


def main(argv: Sequence[str] | None = None) -> int:
    """The command's entry point; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
    except ForeignBytesError as problem:
        print(f"jishi-audit: {problem}", file=sys.stderr)
        return FAILED
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        print(f"jishi-audit: {where}{problem.strerror or problem}", file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, EOFError):
        print("jishi-audit: ended before its end; nothing was written", file=sys.stderr)
        return FAILED
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="jishi-audit", description="Recomputes and verifies, offline, from files."
    )
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
    _configure_bundles(commands)
    inspection.configure(commands)
    own_key.configure(commands)
    return parser


def _configure_bundles(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    checked = commands.add_parser("verify", help="whether an evidence bundle shows what it says, by numbered checks")
    _take_bundle(checked)
    checked.add_argument("--html", type=Path, metavar="FILE", help="write the report, Chinese and English, to print")
    checked.add_argument("--json", action="store_true", help="one line for programs")
    checked.set_defaults(command=_verify)
    told = commands.add_parser("hours", help="the hours of a bundle, computed again from its evidence")
    _take_bundle(told)
    told.add_argument(
        "--format", choices=("table", "csv", "json"), default="table", help="how to tell (default: table)"
    )
    told.set_defaults(command=_hours)
    compared = commands.add_parser(
        "compare", help="a bundle against the journal on the host's disk; nothing is written"
    )
    _take_bundle(compared)
    compared.add_argument(
        "journal", type=Path, metavar="JOURNAL_DIR", help="`journal` below the agent's data directory"
    )
    compared.add_argument("--json", action="store_true", help="one line for programs")
    compared.set_defaults(command=_compare)
    noted = commands.add_parser("note", help="whether a key signed a note, a checkpoint or a receipt")
    noted.add_argument("file", type=Path, metavar="FILE", help="the signed note")
    noted.add_argument("--key", required=True, metavar="VKEY", help="the verifier key: <name>+<id>+<base64>")
    noted.set_defaults(command=_note)


def _take_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a directory, or the zip as the collector wrote it")
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="KEYS.txt",
        help="the keys that you trust, got by another way than the bundle; without it all is INCOMPLETE at best",
    )


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.html is not None:
        must_be_new(arguments.html)
    result = verify.run(arguments.bundle, arguments.trust, tell=verify.progress)
    verify.progress_over()
    if arguments.html is not None:
        _write_page(arguments, result)
    print(verify.as_json(result) if arguments.json else verify.as_text(result), flush=True)
    if arguments.html is not None:  # last, where it is still to be seen
        print(f"jishi-audit: the report is in {arguments.html}", file=sys.stderr)
    return int(result.verdict)


def _write_page(arguments: argparse.Namespace, result: Result) -> None:
    page = html_page.page(
        result,
        name=str(arguments.bundle),
        command=f"jishi-audit verify {arguments.bundle} --trust {arguments.trust or '-'}",
        version=f"jishi {metadata.version('jishi')}",
        made_at=verify.local_time(time.time_ns() // 1_000_000),
    )
    write(arguments.html, page.encode())


def _hours(arguments: argparse.Namespace) -> int:
    result = verify.run(arguments.bundle, arguments.trust, tell=verify.progress)
    verify.progress_over()
    write = {"table": hours.as_table, "csv": hours.as_csv, "json": hours.as_json}[arguments.format]
    print(write(result))
    return int(result.verdict)


def _compare(arguments: argparse.Namespace) -> int:
    result = verify.run(arguments.bundle, arguments.trust, tell=verify.progress)
    verify.progress_over()
    if result.held is None:
        print("jishi-audit: the bundle cannot be read: `jishi-audit verify` says why", file=sys.stderr)
        return int(result.verdict)
    trust = None if arguments.trust is None else verify.read_trust(arguments.trust)
    found = compare.compare(result.held, list(result.journals), arguments.journal, trust, manifest=result.manifest)
    print(compare.as_json(found) if arguments.json else compare.as_text(found))
    if result.verdict is not Verdict.VALID:
        print(f"the bundle itself is {result.verdict.name}: `jishi-audit verify` says why")
    return int(max(result.verdict, compare.verdict_of(found)))


def _note(arguments: argparse.Namespace) -> int:
    with arguments.file.open("rb") as file:
        told = signed_note.check_note(file.read(signed_note.MAX_BYTES + 1), parse_vkey(arguments.key))
    print("\n".join([*told.lines, told.verdict.name]))
    return int(told.verdict)


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
