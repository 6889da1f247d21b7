"""What stands beside the meter of a simulated instrument: a contact, the instrument's own state, a card reader.

--contact-port 4001      a device server at rfc2217://127.0.0.1:4001, whose CTS is closed while the instrument runs
--status-link PATH       a port where the instrument answers STAT:OPER:COND? and STATUS?
--cards-link PATH        a port with a card reader; each line on standard input is a card that is presented,
                         `100086F444`, or `100086F444 2.5` to let it lie there for so many seconds
"""

import argparse
import sys
import threading
from pathlib import Path
from typing import IO, Protocol, TypeVar, get_args

from agent.simulator.cards import PtyReader
from agent.simulator.contacts import ContactServer
from agent.simulator.models import Segment
from agent.simulator.pty_port import link, unlink
from agent.simulator.status import PtyInstrument
from agent.watchers.card_frame import FormatName

LIES_S = 0.5
END_S = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--contact-port", type=_port, metavar="PORT", help="be a device server there; its CTS is closed during a run"
    )
    parser.add_argument("--status-link", type=Path, metavar="PATH", help="be a port that answers for the state")
    parser.add_argument(
        "--cards-link", type=Path, metavar="PATH", help="be a card reader; cards come by standard input"
    )
    parser.add_argument(
        "--card-format", choices=get_args(FormatName), default="rdm6300", help="what the reader speaks (rdm6300)"
    )


class Device(Protocol):
    """A simulated device that serves in a thread of its own."""

    stopping: bool

    def serve(self) -> None:
        """Be there until `stopping`."""

    def close(self) -> None:
        """Be gone."""


_Device = TypeVar("_Device", bound=Device)


class Companions:
    """Those that the arguments ask for. `begin` may raise OSError; `end` may be called whatever `begin` did."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._running: list[tuple[Device, threading.Thread]] = []
        self._links: list[tuple[Path, str]] = []
        self._server: ContactServer | None = None
        self._instrument: PtyInstrument | None = None
        self._segment: Segment | None = None

    def begin(self) -> None:
        """Let them appear."""
        if self._arguments.contact_port is not None:
            self._server = self._run(ContactServer(self._arguments.contact_port))
        if self._arguments.status_link is not None:
            self._instrument = self._run(PtyInstrument(seed=self._arguments.seed))
            self._link(self._arguments.status_link, self._instrument.path)
        if self._arguments.cards_link is not None:
            reader = self._run(PtyReader(self._arguments.card_format, seed=self._arguments.seed))
            self._link(self._arguments.cards_link, reader.path)
            threading.Thread(target=present_lines, args=(sys.stdin, reader), daemon=True).start()
        if self._segment is not None:
            self.follow(self._segment)

    def follow(self, segment: Segment) -> None:
        """Show the state that the instrument is in."""
        self._segment = segment
        if self._server is not None:
            self._server.closed = frozenset({"cts"} if segment.state == "run" else ())
        if self._instrument is not None:
            self._instrument.state = segment.state

    def end(self) -> None:
        """Let them vanish, and take the links with them."""
        for path, target in self._links:
            unlink(path, target)
        for device, _ in self._running:
            device.stopping = True
        for device, thread in self._running:
            thread.join(END_S)
            device.close()

    def _run(self, device: _Device) -> _Device:
        thread = threading.Thread(target=device.serve, daemon=True)
        self._running.append((device, thread))
        thread.start()
        return device

    def _link(self, path: Path, target: str) -> None:
        link(path, target)
        self._links.append((path, target))


def present_lines(lines: IO[str], reader: PtyReader) -> None:
    """Put a card on the reader for each line."""
    for line in lines:
        number, _, lies_s = line.strip().partition(" ")
        try:
            if number:
                reader.present(number, float(lies_s or LIES_S))
        except ValueError as error:
            expected = "expected a number in hex, and seconds"
            sys.stderr.write(f"simulate: no card for {line.strip()!r} ({error}); {expected}\n")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("must be a TCP port, 1 to 65535")
    return int(text)
