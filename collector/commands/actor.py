"""Who gives a command, for the audit trail: the account that the operating system knows, and the name that he says."""

import os
import pwd
import socket
from argparse import ArgumentParser, Namespace

from collector.registry.audit import Actor


def declare(parser: ArgumentParser) -> None:
    """Declare the argument that every command has which changes something."""
    parser.add_argument(
        "--by", metavar="NAME", help="who makes the change, for the audit trail (default: this account)"
    )


def actor(arguments: Namespace) -> Actor:
    """Whom the trail names. `--by` is what was said; the account is what the system knows."""
    account = _account(os.getuid())
    before_sudo = os.environ.get("SUDO_UID", "")
    if before_sudo.isdecimal() and len(before_sudo) < 11:
        account += f" (sudo by {_account(int(before_sudo))})"
    return Actor(arguments.by or account, "command", f"{account}@{socket.gethostname()}")


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user without a line in passwd
        return str(uid)
