"""Dry contacts on the modem lines of a serial port: beam on, shutter open, vacuum good.

A potential-free contact between RTS or DTR, which the agent switches on, and CTS, DSR, DCD or RI, which it looks at.
Each contact is a channel of its own, of kind state: `closed` or `open`. What closed means is the policy's to say.

    [watcher.cts]
    channel = "beam"

A change is dated to the look that saw it first (`contact_line`). The port lives in a child process (`contact_port`).
While one contact chatters, all of the watcher are unobserved: a watcher is believed as a whole or not at all.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.clock import Clock, Instant
from agent.reading import Channel, Sample
from agent.watchers.serial_examination import examine_ports
from agent.watchers.serial_watcher import ChildLine, PortSettings, SerialWatcher
from agent.watchers.watcher import Kind
from protocol.entry import Name

LINES = ("cts", "dsr", "dcd", "ri")

PROOF_S = 3.0
"""How long pyserial waits for a device server's answer."""


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One contact. `invert`: the line is on while the contact is open, as behind some optocouplers."""

    channel: Name = "contact"
    invert: bool = False


class ContactSettings(PortSettings, frozen=True):
    """`[[watcher]] kind = "contact"`, with a table for each line that is used.

    `poll_s` is how often a steady contact is told; `most_changes` in ten seconds are no chatter yet.
    """

    cts: Contact | None = None
    dsr: Contact | None = None
    dcd: Contact | None = None
    ri: Contact | None = None
    supply: Literal["both", "rts", "dtr", "none"] = "both"
    debounce_ms: Annotated[int, Meta(ge=0, le=5000)] = 50
    look_ms: Annotated[int, Meta(ge=5, le=1000)] = 20
    poll_s: Annotated[float, Meta(ge=0.2, le=60)] = 1.0
    most_changes: Annotated[int, Meta(ge=2, le=1000)] = 20

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from super().faults()
        yield from self.faults_of_silence()
        channels = [contact.channel for _, contact in self.contacts()]
        if not channels:
            yield "cts", "no contact is configured; add a table [watcher.cts], or dsr, dcd, ri"
        if len(set(channels)) < len(channels):
            yield "channel", f"two contacts have one name ({', '.join(channels)}); give each its own"
        if any(name.startswith("socket:") for name in self.where.names):
            yield "port", "socket:// carries no modem lines; use rfc2217://host:port"

    def contacts(self) -> list[tuple[str, Contact]]:
        """Return the lines that are used, with what is on them."""
        return [(line, contact) for line in LINES if (contact := getattr(self, line)) is not None]


class ContactSaid(ChildLine):
    """What the child says of one contact."""

    channel: str = ""
    word: Literal["closed", "open", ""] = ""


class ContactWatcher(SerialWatcher[ContactSaid]):
    """The watcher."""

    kind = "contact"
    child_module = "agent.watchers.contact_port"
    line_type = ContactSaid

    def __init__(self, settings: ContactSettings, clock: Clock) -> None:
        contacts = settings.contacts()
        poll_ms = round(settings.poll_s * 1000)
        task = {
            "contacts": [(line, contact.channel, contact.invert) for line, contact in contacts],
            "supply": settings.supply,
            "look_ms": settings.look_ms,
            "poll_s": settings.poll_s,
            "debounce_ms": settings.debounce_ms,
            "most_changes": settings.most_changes,
        }
        super().__init__(
            settings,
            clock,
            channels=tuple(Channel(contact.channel, "state", poll_ms) for _, contact in contacts),
            poll_s=settings.poll_s,
            poll_takes_s=PROOF_S,
            task=task,
        )
        self._lines = ", ".join(f"{contact.channel} on {line}" for line, contact in contacts)

    def hear(self, at: Instant, line: ContactSaid) -> Iterable[Sample]:
        return [Sample(self.name, line.channel, at, line.word)] if line.word else []

    def particulars(self) -> tuple[tuple[str, str | int], ...]:
        return (("contacts", self._lines),)


KIND = Kind(ContactSettings, ContactWatcher, examine_ports)
