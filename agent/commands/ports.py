"""`jishi-agent ports`: the serial ports of this machine, who holds them, and with `--probe` what answers there.

To probe is to talk to whatever is connected, and a device that is no meter may take the questions for commands. So it
is asked for, for all ports or for those named, and a port that somebody has open is never spoken on.
"""

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TypeAlias

from agent.commands import usage
from agent.errors import WatcherError
from agent.ports import SerialPort
from agent.watchers.meter_examination import speed_in_words
from agent.watchers.probe import Answer, probe

ALL = "*"

Asked: TypeAlias = list[Answer] | str
"""What answered, or why nobody was asked."""


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `ports`."""
    parser.add_argument(
        "--port", action="append", default=[], metavar="PATH", help="look at this one too; may be given several times"
    )
    parser.add_argument(
        "--probe",
        action="append",
        nargs="?",
        default=[],
        const=ALL,
        metavar="PATH",
        help="ask which meters answer, at this port or at all; it talks to what is connected, half a minute for each",
    )
    usage.add_json(parser)


def run(arguments: Namespace) -> int:
    """Print the ports; the exit code."""
    from agent.ports import find_ports

    to_ask = [name for name in arguments.probe if name != ALL]
    found = find_ports([*arguments.port, *to_ask])
    meant = {os.path.realpath(name) for name in to_ask}
    asked = {port.name: ask(port) for port in found if ALL in arguments.probe or os.path.realpath(port.name) in meant}
    if arguments.json:
        print(json.dumps([_members(port, asked.get(port.name)) for port in found], ensure_ascii=False))
        return usage.OK
    for port in found:
        print(*lines(port), *(answer_lines(asked[port.name]) if port.name in asked else ()), sep="\n")
    if not found:
        print("no serial port; plug the adapter in, or name one with --port")
    hidden = max((port.holders.hidden or 0 for port in found), default=0)
    if hidden:
        print(f"\n{hidden} processes of other users could not be looked into; root sees all")
    return usage.OK


def ask(port: SerialPort) -> Asked:
    """Return what answers at a port, or why nobody was asked."""
    if port.holders.found:
        return "not asked: somebody has it open"
    try:
        return probe(port.name)
    except WatcherError as problem:
        return f"not asked: {problem}"


def answer_lines(asked: Asked) -> Iterator[str]:
    """What answers, for people."""
    if isinstance(asked, str):
        yield _line("answers", asked)
        return
    for answer in asked:
        yield _line("answers", f"{answer.kind}, address {answer.address}, {speed_in_words(answer.line)}")
        yield _line("", answer.detail)
    if not asked:
        yield _line("answers", "nobody, at no common speed and address")


def lines(port: SerialPort) -> Iterator[str]:
    """A port for people."""
    yield port.name
    if port.lasting_name:
        yield _line("name in the configuration", port.lasting_name)
    parts = {"": port.description, "USB ": port.usb_id, "serial number ": port.usb_serial}
    adapter = ", ".join(f"{label}{value}" for label, value in parts.items() if value)
    yield _line("adapter", adapter or "the system tells nothing of it")
    yield _line("held by", _held_by(port))


def _line(label: str, text: str) -> str:
    return f"  {label:<26} {text}"


def _held_by(port: SerialPort) -> str:
    if port.holders.found:
        return ", ".join(map(str, port.holders.found))
    return "cannot be told on this system" if port.holders.hidden is None else "nobody"


def _members(port: SerialPort, asked: Asked | None) -> dict[str, object]:
    members = {
        **port._asdict(),
        "holders": [holder._asdict() for holder in port.holders.found],
        "hidden_processes": port.holders.hidden,
    }
    if isinstance(asked, str):
        members["not_asked"] = asked
    elif asked is not None:
        members["answers"] = [{**answer._asdict(), "line": answer.line._asdict()} for answer in asked]
    return members
