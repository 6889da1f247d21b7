"""`jishi-agent calibrate`: thresholds and dwells from a recording, or from the instrument itself.

    --from SAMPLES.csv          judge a recording
    -c FILE --watcher NAME      record off, idle and one run through a watcher, guided; then judge that

Exit codes: 0 the proposal serves, 1 it failed, 2 wrong usage or configuration, 3 no pair of thresholds and dwells
serves (it says why; no policy is written, except with --anyway).
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import usage

if TYPE_CHECKING:
    from agent.calibration.examine import Result
    from agent.calibration.verdict import Phases
    from agent.clock import Clock
    from agent.watchers.watcher import Watcher

NOTHING_SERVES = 3
WIDTH = 100


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `calibrate`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", dest="samples", type=Path, metavar="SAMPLES.csv", help="a recording; may be gzipped")
    source.add_argument("-c", "--config", type=Path, metavar="FILE", help="the agent's TOML file: record now")
    parser.add_argument("--watcher", metavar="NAME", help="with -c: the watcher to record through")
    parser.add_argument("--recording", type=Path, metavar="FILE.csv", help="with -c: where to keep what is recorded")
    parser.add_argument("--format", choices=["plain", "tracebase"], default="plain", help="layout of SAMPLES.csv")
    parser.add_argument("--output", type=Path, metavar="POLICY.json", help="where to write the proposed policy")
    parser.add_argument("--name", help="name of the policy (default: that of the file or watcher)")
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE.svg",
        help="where to draw trace and states, .svg or .png (default: beside the policy)",
    )
    parser.add_argument("--anyway", action="store_true", help="write the policy even if it does not serve")
    usage.add_json(parser)


def run(arguments: Namespace) -> int:
    """Judge a recording, or make one first; the exit code."""
    from agent.calibration import report

    problem = _misused(arguments)
    if problem:
        print(f"jishi-agent calibrate: {problem}", file=sys.stderr)
        return usage.WRONG
    result = _judge(arguments, arguments.samples) if arguments.samples else _record(arguments)
    for note in result.recording.notes:
        _note(note)
    if arguments.json:
        print(report.as_json(result))
    else:
        _show(result)
    picture = arguments.picture or (arguments.output and arguments.output.with_suffix(".svg"))
    if picture:
        _draw(result, picture)
    _write(result, arguments)
    return usage.OK if result.finding.serves else NOTHING_SERVES


def _misused(arguments: Namespace) -> str:
    if arguments.config and not arguments.watcher:
        return "-c needs --watcher NAME, the watcher to record through"
    if arguments.samples and (arguments.watcher or arguments.recording):
        return "--watcher and --recording go with -c, not with --from"
    if arguments.picture and arguments.picture.suffix not in (".svg", ".png"):
        return f"--picture {arguments.picture}: expected a name that ends in .svg or .png"
    return ""


def _judge(arguments: Namespace, path: Path, phases: Phases | None = None) -> Result:
    from agent.calibration.examine import examine
    from agent.errors import CalibrationError
    from protocol.errors import ForeignBytesError
    from protocol.sample_file import MAX_BYTES, parse_samples

    name = arguments.name or arguments.watcher or path.name.split(".")[0]
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        return examine(parse_samples(raw, arguments.format), name, phases=phases)
    except (ForeignBytesError, CalibrationError) as error:
        raise CalibrationError(f"{path}: {error}") from error


def _record(arguments: Namespace) -> Result:
    from agent.calibration.guided import record
    from agent.clock import SystemClock

    clock = SystemClock()
    watcher = _watcher(arguments, clock)
    path = arguments.recording or Path(f"calibration-{watcher.name}-{clock.now().wall_ms // 1000}.csv")
    _tell(f"recording to {path}; Ctrl-C ends, and keeps what was recorded")
    try:
        phases = record(watcher, path, ask=_ask, tell=_tell, clock=clock)
    except (KeyboardInterrupt, EOFError):
        _note(f"ended early; what was recorded is kept: jishi-agent calibrate --from {path}")
        raise KeyboardInterrupt from None
    return _judge(arguments, path, phases)


def _ask(question: str) -> str:
    """Standard output is the result's alone."""
    print(question, end="", file=sys.stderr, flush=True)
    return input()


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _watcher(arguments: Namespace, clock: Clock) -> Watcher:
    from agent import config
    from agent.errors import CalibrationError
    from agent.watchers.registry import find_kind

    watchers = {watcher.name: watcher for watcher in config.load(arguments.config).watchers}
    settings = watchers.get(arguments.watcher)
    if settings is None:
        names = ", ".join(watchers)
        raise CalibrationError(f"{arguments.config} has no watcher {arguments.watcher!r}; it has: {names}")
    watcher: Watcher = find_kind(settings.kind).make(settings, clock)
    return watcher


def _show(result: Result) -> None:
    import shutil

    from agent.calibration import report
    from agent.calibration.strip import strip

    print(strip(result.recording.samples, result.spans, width=shutil.get_terminal_size((WIDTH, 24)).columns))
    print(report.as_text(result))


def _draw(result: Result, path: Path) -> None:
    from agent.calibration.picture import NoPicture, draw

    try:
        draw(result, path)
    except NoPicture as problem:
        _note(f"{path} was not drawn: {problem}")


def _write(result: Result, arguments: Namespace) -> None:
    path = arguments.output
    if path is None:
        return
    if result.raw_policy and (result.finding.serves or arguments.anyway):
        path.write_bytes(result.raw_policy)
        _note(f"{path} was written, for the collector to approve")
    else:
        _note(f"{path} was not written" + ("; --anyway writes it all the same" if result.raw_policy else ""))


def _note(text: str) -> None:
    print(f"jishi-agent calibrate: {text}", file=sys.stderr)
