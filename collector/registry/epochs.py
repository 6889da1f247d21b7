"""Epochs: those that agents begin by themselves, what people say to them, and keys that are no longer believed.

An agent whose journal cannot go on asks for the next number with a request that the old log's key and the new one
signed. Its rule, by number, is `begin`'s:

    1  the old log is enrolled, is this agent's, and is not revoked
    2  both keys signed the request
    3  the new log exists already, with the same key: granted before, the reply was lost
    4  its number is the next one of the agent, else Taken: numbers are never given twice
    5  the agent began no epoch by itself within the last ten minutes, else Refused as busy
    6  the log is registered; what the agent still has of the old one is compared with what is held, and kept

Measurements are facts about the agent's watchers and not about a log, so they simply go on. Until a person has
reviewed such an epoch it is flagged wherever it is shown. Revoking is a fact too: a key that is revoked stays so, and
a new token brings the agent back.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from collector.errors import RegistryError
from collector.registry.people import find_person
from collector.store.database import Connection
from collector.store.queries import load
from protocol.epoch import EpochRequest, Taken, open_request, read_request
from protocol.errors import ForeignBytesError
from protocol.keys import parse_vkey
from protocol.topics import parse_origin

AGAIN_AFTER = timedelta(minutes=10)
"""How long an agent that began an epoch waits for the next: a directory that is put back every minute must not use up
numbers, and two clones need one each."""
MAX_REQUEST_BYTES = 4_096
_SQL = load("epochs")

Compare = Callable[[str, int, bytes], tuple[int, bool | None]]
"""What is held of a log (its origin), given a size and the root there: entries held, and whether that tree is the
beginning of the held one; None where it is larger than that."""


class NotBegun(NamedTuple):
    """The epoch was not opened, and why."""

    code: Literal["unknown-key", "revoked", "malformed", "busy"]
    detail: str


class Begun(NamedTuple):
    """The epoch is open; `fits` as in `Compare`, None as well where it was opened before."""

    request: EpochRequest
    fits: bool | None


class Epoch(NamedTuple):
    """One journal as people look at it. The last eleven are None where that did not happen."""

    agent_id: str
    epoch: int
    origin: str
    registered_at: datetime
    standing: str
    size: int
    genesis_fits: bool | None
    reason: str | None
    predecessor: str | None
    had: int | None
    held: int | None
    fits: bool | None
    reviewed_by: str | None
    review: str | None
    reviewed_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None
    revoked_at: datetime | None

    @property
    def unreviewed(self) -> bool:
        """Whether a person ought to look: it began by itself, or its first entry names another key."""
        return self.reviewed_by is None and (self.reason is not None or self.genesis_fits is False)

    @property
    def missing(self) -> int:
        """Entries of the predecessor that are held here and that the agent lost."""
        return max(0, (self.held or 0) - (self.had or 0))


def begin(
    connection: Connection, raw: bytes, *, agent_id: str, compare: Compare, now: datetime
) -> Begun | Taken | NotBegun:
    """Open the epoch that a request of `agent_id` asks for, inside the caller's transaction."""
    try:
        if len(raw) > MAX_REQUEST_BYTES:
            return NotBegun("malformed", f"the request has {len(raw)} bytes; {MAX_REQUEST_BYTES} is the limit")
        old_origin = read_request(raw).old.origin
        row = connection.execute(_SQL.load_log, {"origin": old_origin}).fetchone()
        if row is None or row[1] != agent_id:  # 1
            return NotBegun("unknown-key", f"no log of agent {agent_id} was enrolled under the origin that ends")
        old_id, _, vkey, revoked = row
        if revoked:
            return NotBegun("revoked", f"the key of {old_origin} was revoked: enrol again")
        request = open_request(raw, parse_vkey(vkey))  # 2
    except ForeignBytesError as error:
        return NotBegun("malformed", str(error))
    known = connection.execute(_SQL.load_log, {"origin": request.key.name}).fetchone()
    if known is not None and known[2] == str(request.key):  # 3
        return Begun(request, None)
    _, _, number = parse_origin(request.key.name)
    last_epoch, begun_at = connection.execute(_SQL.load_last_epoch, {"agent_id": agent_id}).fetchone() or (0, None)
    if number != last_epoch + 1:  # 4
        return Taken(request.key.name, last_epoch + 1)
    if begun_at is not None and now - begun_at < AGAIN_AFTER:  # 5
        return NotBegun("busy", f"this agent began an epoch at {begun_at:%H:%M} UTC already: wait ten minutes")
    if not connection.execute(_SQL.take_number, {"agent_id": agent_id, "epoch": number}).rowcount:
        return NotBegun("busy", "another epoch of this agent is being opened")
    return _register(connection, request, raw, old_id=old_id, number=number, compare=compare, now=now)  # 6


def _register(
    connection: Connection,
    request: EpochRequest,
    raw: bytes,
    *,
    old_id: int,
    number: int,
    compare: Compare,
    now: datetime,
) -> Begun:
    _, agent_id, _ = parse_origin(request.key.name)
    held, fits = compare(request.old.origin, request.old.size, request.old.root)
    values = {"origin": request.key.name, "agent_id": agent_id, "epoch": number, "vkey": str(request.key)}
    row = connection.execute(_SQL.insert_journal, values).fetchone()
    assert row is not None, "an insert returns its row"
    begun = {
        "journal_id": row[0],
        "predecessor_id": old_id,
        "reason": request.reason,
        "had": request.old.size,
        "held": held,
        "fits": fits,
        "request": raw,
        "now": now,
    }
    connection.execute(_SQL.insert_epoch_begun, begun)
    return Begun(request, fits)


def list_epochs(connection: Connection, *, agent_id: str | None = None, unreviewed: bool = False) -> list[Epoch]:
    """Journals by agent and epoch, of one agent or all; only those that a person ought to look at, where asked."""
    rows = connection.execute(_SQL.list_epochs, {"agent_id": agent_id, "unreviewed": unreviewed})
    return [Epoch(*row) for row in rows]


def review(connection: Connection, agent_id: str, epoch: int, *, by: str, why: str, now: datetime) -> None:
    """A person has looked at an epoch. Raises UnknownName, RegistryError for no such epoch or no reason."""
    person = find_person(connection, by)
    _check_reason(why)
    values = {"agent_id": agent_id, "epoch": epoch, "person_id": person.person_id, "why": why, "now": now}
    if not connection.execute(_SQL.insert_review, values).rowcount:
        raise RegistryError(f"agent {agent_id!a} has no epoch {epoch}: `jishi-collector epochs` lists those there are")


def revoke(connection: Connection, agent_id: str, *, epoch: int | None, by: str, why: str, now: datetime) -> list[int]:
    """Believe a key no longer, or all keys of an agent (epoch None); the epochs revoked by this.

    Raises UnknownName, RegistryError where nothing is left to revoke or no reason is given.
    """
    person = find_person(connection, by)
    _check_reason(why)
    with connection.transaction():
        found = connection.execute(_SQL.list_live_epochs, {"agent_id": agent_id, "epoch": epoch}).fetchall()
        if not found:
            named = f"epoch {epoch} of agent {agent_id!a}" if epoch else f"agent {agent_id!a}"
            raise RegistryError(f"{named} has no key in force: `jishi-collector epochs` lists those there are")
        for journal_id, _ in found:
            values = {"journal_id": journal_id, "person_id": person.person_id, "why": why, "now": now}
            connection.execute(_SQL.insert_revocation, values)
            connection.execute(_SQL.revoke_journal, values)
    return [number for _, number in found]


def _check_reason(why: str) -> None:
    if not why.strip() or not why.isprintable():
        raise RegistryError("a reason is needed, on one line: others will read it")
