"""`jishi-agent`: the table of its commands, and what becomes of their errors.

Exit codes: 0 it is as asked, 1 it failed (the message on standard error says what to do), 2 wrong usage or
configuration. A command's module is imported when the command is called: the running agent has to stay small.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from agent.commands.usage import FAILED, OK, WRONG
from agent.errors import AgentError, ConfigurationError


class Command(NamedTuple):
    """A module with `configure(parser)` and `run(arguments)`, and its line in the list of commands, if it has one."""

    module: str
    purpose: str = ""


COMMANDS = {
    "run": Command("agent.commands.run", "record and deliver until told to stop"),
    "check": Command("agent.commands.check", "name every fault of a configuration, or show what it amounts to"),
    "status": Command(
        "agent.commands.status", "show what the agent says of itself; exit code 1 when it is not running"
    ),
    "enroll": Command("agent.commands.enroll", "make a key and register it with the collector by a one-time token"),
    "rotate": Command("agent.commands.rotate", "replace the agent's own key: the next epoch, asked for by the old one"),
    "renew": Command("agent.commands.renew", "make a new TLS key and have the collector certify it"),
    "export": Command("agent.commands.export", "write what no receipt covers to a medium that a person carries"),
    "import-receipts": Command("agent.commands.import_receipts", "take in the receipt that came back on a medium"),
    "inspect": Command("agent.commands.inspect", "journal an inspector's nonce, and write the signed slip over it"),
    "sign": Command("agent.commands.sign", "sign somebody in or out at an instrument, or show who is there"),
    "card": Command("agent.commands.card", "give cards to people: assign, list, remove"),
    "calibrate": Command("agent.commands.calibrate", "find thresholds and dwells in a recording, or record first"),
    "service": Command("agent.commands.service", "print what makes the agent a service of this system"),
    "doctor": Command("agent.commands.doctor", "find the usual troubles, and say the remedy; exit code 1 for any"),
    "ports": Command("agent.commands.ports", "list the serial ports of this machine, and who holds them"),
    "watch": Command("agent.commands.watch", "show live readings, while an instrument is being wired or at any time"),
    "simulate": Command("agent.simulator.cli", "be an instrument's energy meter on a pseudo-terminal"),
    "child": Command("agent.commands.child"),
}


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
    except BrokenPipeError:  # whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
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
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        # Without `help` it is not listed.
        its_own = parsers.add_parser(name, help=command.purpose) if command.purpose else parsers.add_parser(name)
        if name == wanted:
            module = import_module(command.module)
            module.configure(its_own)
            its_own.set_defaults(command=module.run)
    return parser
