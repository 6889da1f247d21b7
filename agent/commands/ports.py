"""`jishi-agent ports`: the serial ports of this machine, who holds them, and on request what answers there."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from agent.commands import usage
from agent.ports import SerialPort


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments of `ports`."""
    parser.add_argument(
        "--port", action="append", default=[], metavar="PATH", help="look at this one too; may be given several times"
    )
    usage.add_json(parser)


def run(arguments: Namespace) -> int:
    """Print the ports; the exit code."""
    from agent.ports import find_ports

    found = find_ports(arguments.port)
    if arguments.json:
        print(json.dumps([_members(port) for port in found], ensure_ascii=False))
        return usage.OK
    for port in found:
        print(*lines(port), sep="\n")
    if not found:
        print("no serial port; plug the adapter in, or name one with --port")
    hidden = max((port.holders.hidden or 0 for port in found), default=0)
    if hidden:
        print(f"\n{hidden} processes of other users could not be looked into; root sees all")
    return usage.OK


def lines(port: SerialPort) -> Iterator[str]:
    """A port for people."""
    yield port.name
    if port.lasting_name:
        yield f"  name in the configuration  {port.lasting_name}"
    parts = {"": port.description, "USB ": port.usb_id, "serial number ": port.usb_serial}
    adapter = ", ".join(f"{label}{value}" for label, value in parts.items() if value)
    yield f"  adapter                    {adapter or 'the system tells nothing of it'}"
    yield f"  held by                    {_held_by(port)}"


def _held_by(port: SerialPort) -> str:
    if port.holders.found:
        return ", ".join(map(str, port.holders.found))
    return "cannot be told on this system" if port.holders.hidden is None else "nobody"


def _members(port: SerialPort) -> dict[str, object]:
    holders = [holder._asdict() for holder in port.holders.found]
    return {**port._asdict(), "holders": holders, "hidden_processes": port.holders.hidden}
