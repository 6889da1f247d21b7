"""`jishi-agent`: run, check, status, enroll, simulate.

Exit codes: 0 it is as asked, 1 it failed (the message on standard error says what to do), 2 wrong usage or
configuration. Each command imports what it needs when it is called: the running agent has to stay small.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.errors import AgentError, ConfigurationError, EnrolmentError

OK, FAILED, WRONG = 0, 1, 2
TOKEN_VARIABLE = "JISHI_TOKEN"  # noqa: S105 (a name, no token)
DEFAULT_WHY = "enrolled again by the operator"


def main(argv: Sequence[str] | None = None) -> int:
    """The command's entry point; returns the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(words[0] if words else "").parse_args(words)
    try:
        code: int = arguments.command(arguments)
    except ConfigurationError as problem:
        for fault in problem.faults:
            print(f"jishi-agent: {fault}", file=sys.stderr)
        return WRONG
    except AgentError as problem:
        print(f"jishi-agent: {problem}", file=sys.stderr)
        return FAILED
    except OSError as problem:
        print(f"jishi-agent: {problem}", file=sys.stderr)  # names the file, mostly one that may not be written
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    return code


def _parser(wanted: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jishi-agent", description="Records what an instrument does, and delivers it with proof."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="record and deliver until told to stop")
    run.add_argument("-v", "--verbose", action="store_true", help="log every step")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="name every fault of a configuration, or show what it amounts to")
    check.set_defaults(command=_check)
    status = commands.add_parser(
        "status", help="show what the agent says of itself; exit code 1 when it is not running"
    )
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(command=_status)
    enroll = commands.add_parser("enroll", help="make a key and register it with the collector by a one-time token")
    enroll.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file that holds the token (default: the variable {TOKEN_VARIABLE}, else it is asked for)",
    )
    enroll.add_argument("--again", action="store_true", help="give up the present journal and begin the next epoch")
    enroll.add_argument("--why", metavar="TEXT", help="why, for the first entry of the new journal; with --again")
    enroll.set_defaults(command=_enroll)
    for command in (run, check, status, enroll):
        command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the agent's TOML file")
    simulate = commands.add_parser("simulate", help="be an instrument's energy meter on a pseudo-terminal")
    if wanted == "simulate":
        from agent.simulator import cli as simulator

        simulator.configure(simulate)
        simulate.set_defaults(command=simulator.run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from agent import config, logs
    from agent.run import run

    logs.set_up(verbose=arguments.verbose)
    run(config.load(arguments.config))
    return OK


def _check(arguments: argparse.Namespace) -> int:
    from agent import config, identity
    from agent.errors import NotEnrolledError

    configuration = config.load(arguments.config)
    print(config.effective(configuration))
    try:
        who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
    except NotEnrolledError as problem:
        print(f"# the configuration has no fault; {problem}")
        return OK
    print(f"# the configuration has no fault; enrolled as {who.enrolment.origin}")
    names = {watcher.name for watcher in configuration.watchers}
    for watch in who.enrolment.watch:
        if watch.watcher not in names:
            print(f"# the collector expects a watcher {watch.watcher!r} for {watch.asset}, and none has that name")
    return OK


def _status(arguments: argparse.Namespace) -> int:
    import json

    from agent import config, status
    from agent.clock import SystemClock

    configuration = config.load(arguments.config)
    now_ms = SystemClock().now().wall_ms
    found = status.read(configuration.state_dir)
    running = found is not None and status.is_running(found, now_ms=now_ms)
    if arguments.json:
        shown = found or {"agent": configuration.agent.id, "watchers": []}
        age_s = None if found is None else (now_ms - found["at_ms"]) / 1000
        print(json.dumps({**shown, "running": running, "age_s": age_s}))
    elif found is None:
        print(f"agent    {configuration.agent.id}")
        print(f"state    NOT RUNNING, and it has never run in {configuration.state_dir}")
    else:
        print(status.table(found, now_ms=now_ms))
    return OK if running else FAILED


def _enroll(arguments: argparse.Namespace) -> int:
    from agent import config
    from agent.clock import SystemClock
    from agent.enrolment import enrol, http

    configuration = config.load(arguments.config)
    enrolled = enrol(
        configuration.state_dir,
        agent_id=configuration.agent.id,
        token=_token(arguments.token_file),
        ask=http(configuration.collector.url),
        clock=SystemClock(),
        why=(arguments.why or DEFAULT_WHY) if arguments.again else None,
    )
    print(f"enrolled as {enrolled.enrolment.origin}")
    for watch in enrolled.enrolment.watch:
        print(f"  {watch.watcher} {watch.channel} counts for instrument {watch.asset}")
        if watch.watcher not in {watcher.name for watcher in configuration.watchers}:
            print(f"  note: no watcher named {watch.watcher!r} is configured; add it before the agent is started")
    for remark in enrolled.remarks:
        print(f"  note: {remark}")
    return OK


def _token(path: Path | None) -> str:
    """The token, from wherever it does not end in a list of processes or a shell's history."""
    try:
        text = path.read_text("utf-8") if path else os.environ.get(TOKEN_VARIABLE, "")
    except (OSError, UnicodeDecodeError) as problem:
        raise EnrolmentError(f"the token cannot be read from {path}: {problem}") from problem
    if not text.strip() and path is None and sys.stdin.isatty():
        from getpass import getpass

        text = getpass("token (not shown): ")
    token = text.strip()
    if not token or len(token.split()) != 1:
        where = f"{path} holds none" if path else f"give it in a file (--token-file) or in {TOKEN_VARIABLE}"
        raise EnrolmentError(f"one token is needed: {where}; the collector's operator makes it (jishi-collector token)")
    return token
