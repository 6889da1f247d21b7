"""`jishi-agent service install --print`: what makes the agent a service of this system. It installs nothing itself."""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agent.commands import usage
from agent.service import SYSTEMS, Installation


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `service`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    install = actions.add_parser("install", help="print a systemd unit, a WinSW definition or a PowerShell script")
    install.add_argument(
        "--print", action="store_true", required=True, help="print it; an administrator reads it and installs it"
    )
    install.add_argument(
        "--system",
        choices=sorted(SYSTEMS),
        default="powershell" if os.name == "nt" else "systemd",
        help="what starts it (default: as this system does it)",
    )
    install.add_argument("--program", metavar="PATH", help="the agent's program (default: the one that is running)")
    usage.add_configuration(install)


def run(arguments: Namespace) -> int:
    """Print it; the exit code."""
    from agent import config

    configuration = config.load(arguments.config)
    program = arguments.program or str(_this_program())
    installation = Installation(program, str(arguments.config.absolute()), str(configuration.state_dir))
    print(SYSTEMS[arguments.system](installation), end="")
    return usage.OK


def _this_program() -> Path:
    if getattr(sys, "frozen", False):
        return Path(sys.executable)
    return Path(sys.executable).with_name("jishi-agent.exe" if os.name == "nt" else "jishi-agent")
