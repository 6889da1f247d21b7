"""`jishi-agent enroll`: make a key and register it with the collector by a one-time token.

The token comes from a file, the environment or the terminal: an argument would end in lists of processes and in a
shell's history.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.commands import usage
from agent.errors import EnrolmentError

TOKEN_VARIABLE = "JISHI_TOKEN"  # noqa: S105 (a name, no token)
DEFAULT_WHY = "enrolled again by the operator"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `enroll`."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file that holds the token (default: the variable {TOKEN_VARIABLE}, else it is asked for)",
    )
    parser.add_argument("--again", action="store_true", help="give up the present journal and begin the next epoch")
    parser.add_argument("--why", metavar="TEXT", help="why, for the first entry of the new journal; with --again")
    usage.add_configuration(parser)


def run(arguments: Namespace) -> int:
    """Enrol, and print as what; the exit code."""
    from agent import config
    from agent.clock import SystemClock
    from agent.credentials import api_context
    from agent.enrolment import enrol, http

    configuration = config.load(arguments.config)
    enrolled = enrol(
        configuration.state_dir,
        agent_id=configuration.agent.id,
        token=_token(arguments.token_file),
        ask=http(configuration.collector.url, api_context(configuration.state_dir, configuration.authority)),
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
    return usage.OK


def _token(path: Path | None) -> str:
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
