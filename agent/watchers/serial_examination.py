"""What usually goes wrong with a serial port, before anything is said over it: for the doctor, in no running agent.

Nothing is opened here. A program that has the port open without locking it is found by the list of its open files: it
would otherwise take every second answer, and each side would call the line noisy.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.finding import Finding, split_remedy
from agent.ports import Holders, find_holders, find_ports
from agent.watchers.serial_candidates import present_ports, why_none
from agent.watchers.serial_watcher import PortSettings


def examine_ports(settings: PortSettings) -> Iterator[Finding]:
    """Say of each port that the watcher may use whether it is there, may be opened, and is free."""
    what, where = f"port of {settings.name}", settings.where
    names = present_ports(where)
    if not names:
        found, remedy = split_remedy(why_none(where))
        yield Finding(what, "fail", found, "a port", f"{remedy}; {_what_there_is()}")
    for name in names:
        if "://" not in name:
            yield judge_port(what, name, may_open=_may_open(name), holders=find_holders(name))


def free_ports(settings: PortSettings) -> list[str]:
    """Return those of the ports that can be opened without taking anything from anybody."""
    return [
        name
        for name in present_ports(settings.where)
        if "://" in name or (_may_open(name) and not find_holders(name).found)
    ]


def judge_port(what: str, name: str, *, may_open: bool | None, holders: Holders) -> Finding:
    """Judge one port; `may_open` is None where there is none of this name."""
    if may_open is None:
        remedy = f"plug the adapter in, or correct `port`; {_what_there_is()}"
        return Finding(what, "fail", f"there is no port {name}", "a port", remedy)
    if not may_open:
        group, remedy = _group(name), _how_to_be_let_in(name)
        return Finding(what, "fail", f"{name} belongs to group {group}, and this user may not open it", "leave", remedy)
    if holders.found:
        found = f"{', '.join(map(str, holders.found))} has {name} open"
        return Finding(what, "fail", found, "a port of its own", "end that program, or give the watcher another port")
    seen = ", as far as this user may see" if holders.hidden else ""
    return Finding(what, "ok", f"{name} is there, may be opened, and nobody has it open{seen}")


def _may_open(name: str) -> bool | None:
    if os.name == "nt":
        return True  # only opening it would tell; the trial does
    if not Path(name).exists():
        return None
    return os.access(name, os.R_OK | os.W_OK, effective_ids=True)


def _what_there_is() -> str:
    names = [port.lasting_name or port.name for port in find_ports()]
    return f"this machine has {', '.join(names)}" if names else "this machine has no serial port"


def _how_to_be_let_in(name: str) -> str:
    group, mode = _group(name), Path(name).stat().st_mode
    if group == "root" or mode & 0o060 != 0o060:
        return (
            'have udev give such ports to a group (GROUP="dialout", MODE="0660"), add the agent\'s user to it '
            "(usermod -aG dialout USER), and start the agent again"
        )
    return f"add the agent's user to that group (usermod -aG {group} USER), and start the agent again"


def _group(name: str) -> str:
    try:
        return Path(name).group()
    except (KeyError, OSError):
        return "that owns it"
