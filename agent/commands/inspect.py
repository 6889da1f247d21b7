"""`jishi-agent inspect`: journal the nonce of an on-site check, and write the slip that the inspector takes along.

The nonce is the inspector's: `jishi-audit inspect nonce` makes one on his own laptop. It works beside a running agent
and without one.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.commands import usage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `inspect`."""
    parser.add_argument("nonce", metavar="NONCE", help="32 lower-case hex digits, from the inspector")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the slip goes (default: NONCE.slip, here)")
    usage.add_configuration(parser)


def _write(path: Path, slip: bytes) -> None:
    from agent.errors import AgentError

    again = "name another file (--out) with the same nonce, which gives the same slip"
    try:
        if path.exists() and path.read_bytes() not in (b"", slip):  # empty: what a full stick left
            raise AgentError(f"the nonce is journalled, and {path} exists and holds something else: {again}")
        path.write_bytes(slip)
    except OSError as problem:
        raise AgentError(
            f"the nonce is journalled, and the slip cannot be written to {path} ({problem.strerror}): {again}"
        ) from problem


def run(arguments: Namespace) -> int:
    """Journal it, write the slip, and print what can be copied by hand; the exit code."""
    from agent import config, identity
    from agent.clock import SystemClock
    from agent.errors import AgentError
    from agent.nonces import journal_nonce
    from protocol.errors import ForeignBytesError
    from protocol.slip import check_nonce, read_slip

    try:
        path = arguments.out or Path(f"{check_nonce(arguments.nonce)}.slip")
        configuration = config.load(arguments.config)
        who = identity.load(configuration.state_dir, agent_id=configuration.agent.id)
        slip = journal_nonce(who, arguments.nonce, clock=SystemClock())
        told = read_slip(slip)
    except ForeignBytesError as problem:
        raise AgentError(str(problem)) from problem
    print(f"log   {told.checkpoint.origin}\nindex {told.entry.index}\nnonce {told.nonce}\ncode  {slip.code}")
    _write(path, slip.to_bytes())
    print(f"the slip is {path}: the inspector takes it along; where that cannot be, log, index and code by hand")
    return usage.OK
