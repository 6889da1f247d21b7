"""The words between the conversation and its shell: what it reads, its phases, what happens to it, what it wants done.

`Conversation.handle` takes an event and returns actions; `Uplink` turns sockets and the journal into the one and the
other into sockets and the journal.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple, Protocol

from protocol.epoch import EpochReason
from protocol.leaves import Ask
from protocol.message import Level, SentPolicy
from protocol.note import Receipt


class Ledger(Protocol):
    """What the conversation reads of the journal."""

    @property
    def origin(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def receipted_size(self) -> int: ...
    @property
    def readable_from(self) -> int: ...
    def root_at(self, size: int) -> bytes: ...
    def batch_end(self, first: int, *, most_entries: int, most_bytes: int) -> int: ...


class Phase(Enum):
    OFFLINE = auto()
    CONNECTING = auto()
    GREETING = auto()
    WELCOMED = auto()
    PAUSED = auto()
    SHUNNED = auto()
    DIVERGED = auto()


# Events


class Connected(NamedTuple):
    """The broker took the connection and the subscription."""


class Lost(NamedTuple):
    """There is no connection (any more), or it could not be made."""

    reason: str


class Received(NamedTuple):
    """A message from the collector's side."""

    raw: bytes


class Brought(NamedTuple):
    """A receipt came by another way than the connection: on a medium."""

    raw: bytes


class Appended(NamedTuple):
    """The journal has grown."""


class Damaged(NamedTuple):
    """Entries that were to be sent cannot be read."""

    reason: str


class Due(NamedTuple):
    """`due_ms` has come."""


class BeaconDue(NamedTuple):
    """A beacon is wanted: a hello brings one."""


class Closing(NamedTuple):
    """The agent is about to end and would like its last receipts; may come more than once."""


Event = Connected | Lost | Received | Brought | Appended | Damaged | Due | BeaconDue | Closing


# Actions, to be done in their order


class Connect(NamedTuple):
    """Connect and subscribe; answer with Connected or Lost."""


class Disconnect(NamedTuple):
    """Close the connection; no Lost is expected for it."""


class SendHello(NamedTuple):
    """Sign a checkpoint over `size` entries and say hello with it; with a `request`, ask for the epoch first."""

    nonce: str
    size: int
    root: bytes
    request: bytes | None = None


class SendBatch(NamedTuple):
    """Sign a checkpoint over `size` entries and send it with those from `old` on."""

    old: int
    size: int
    root: bytes


class SendHint(NamedTuple):
    """Say what the watchers show just now, while so many entries wait."""

    waiting: int


class SendLeaves(NamedTuple):
    """Answer what the collector asks for: hashes of the log."""

    ask: Ask


class KeepReceipt(NamedTuple):
    """Store a verified receipt."""

    receipt: Receipt


class KeepBeacon(NamedTuple):
    """Journal this beacon note, which nobody has verified yet, if one is due.

    `asked_ms`: when the hello that brought it was first said, by the monotonic clock.
    """

    raw: bytes
    asked_ms: int


class UseHints(NamedTuple):
    """Hand the level hints to the recorder, and the policies to the preview."""

    levels: tuple[Level, ...]
    policies: tuple[SentPolicy, ...]


class EndEpoch(NamedTuple):
    """This journal cannot go on: begin the next epoch, with this number where the collector named one."""

    reason: EpochReason
    why: str
    number: int | None = None


class Tell(NamedTuple):
    """Something for the log."""

    text: str


Action = (
    Connect
    | Disconnect
    | SendHello
    | SendBatch
    | SendHint
    | SendLeaves
    | KeepReceipt
    | KeepBeacon
    | UseHints
    | EndEpoch
    | Tell
)
