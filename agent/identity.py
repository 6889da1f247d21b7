"""Who this agent is: its key and the collector's answer to its enrolment, as files in the state directory.

agent.key           secret, readable by its owner only: format, origin, seed in hex, a line each
agent.key.pending   the same and the nonce, while an enrolment is under way
agent-<epoch>.key   the key of an epoch that ended, and for an instant that of one that begins
enrolment.json      the collector's answer: origin, instruments, receipt key, broker; it says which epoch is in force
journal/<epoch>/    one journal for each enrolment; the key signs that of its origin alone

jishi-key/v1
jishi.example/a/em-01/1
9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agent.disk import Disk
from agent.errors import NotEnrolledError
from protocol.errors import ForeignBytesError
from protocol.keys import COSIGNATURE, ED25519, SigningKey, VerifierKey, parse_vkey
from protocol.topics import parse_origin

KEY_FORMAT = "jishi-key/v1"
KEY = "agent.key"
PENDING = "agent.key.pending"
ENROLMENT = "enrolment.json"

_SEED = re.compile(r"[0-9a-f]{64}")


class Broker(msgspec.Struct, frozen=True):
    """Where the MQTT broker listens, and whether it speaks TLS and admits certificates only."""

    host: str
    port: int
    tls: bool = False


class Watch(msgspec.Struct, frozen=True):
    """A watcher's channel that the collector counts for an instrument."""

    watcher: str
    channel: str
    asset: str


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """The collector's answer; members that a later collector adds are ignored."""

    origin: str
    agent_id: str
    epoch: int
    domain: str
    receipt_vkey: str
    broker: Broker
    assets: tuple[str, ...] = ()
    watch: tuple[Watch, ...] = ()

    def receipt_key(self) -> VerifierKey:
        """The key that this agent believes receipts of; MalformedNote where it is none."""
        return parse_vkey(self.receipt_vkey)


class PendingKey(NamedTuple):
    """A key that was made for an enrolment of which no answer has come yet."""

    key: SigningKey
    nonce: str


class Identity(NamedTuple):
    """A complete enrolment."""

    enrolment: Enrolment
    key: SigningKey
    receipt_key: VerifierKey
    journal: Path


def parse_enrolment(raw: bytes, *, agent_id: str) -> Enrolment:
    """Read a collector's answer; ValueError with what is wrong where it cannot be this agent's."""
    try:
        enrolment = msgspec.json.decode(raw, type=Enrolment)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise ValueError(f"it is no answer of a collector ({problem})") from problem
    try:
        named = parse_origin(enrolment.origin)
        receipt_key = enrolment.receipt_key()
    except ForeignBytesError as problem:
        raise ValueError(str(problem)) from problem
    if named != (enrolment.domain, agent_id, enrolment.epoch) or enrolment.agent_id != agent_id:
        raise ValueError(f"it is for {enrolment.origin}, and this agent is {agent_id}")
    if receipt_key.algorithm != COSIGNATURE:
        raise ValueError(f"{receipt_key.name} is not a key for receipts (0x04)")
    return enrolment


def journal_directory(state_dir: Path, epoch: int) -> Path:
    """Where the journal of an epoch lies."""
    return state_dir / "journal" / str(epoch)


def load(state_dir: Path, *, agent_id: str) -> Identity:
    """The enrolment to run with; NotEnrolledError with the remedy."""
    enrolment = read_enrolment(state_dir, agent_id=agent_id)
    key = find_key(state_dir, enrolment.origin) if enrolment else None
    key = key or read_key(state_dir / KEY)
    # One that was begun and came to nothing leaves the one before in force.
    if (state_dir / PENDING).exists() and (enrolment is None or key is None or key.name != enrolment.origin):
        raise NotEnrolledError(
            f"the enrolment in {state_dir} was not finished: run jishi-agent enroll once more, with the same token"
        )
    if enrolment is None or key is None:
        raise NotEnrolledError(
            f"there is no enrolment in {state_dir}: run jishi-agent enroll with a token, "
            "which the collector's operator makes (jishi-collector token)"
        )
    if key.name != enrolment.origin:
        raise NotEnrolledError(
            f"{KEY} in {state_dir} belongs to {key.name} and {ENROLMENT} to {enrolment.origin}: put back the right "
            "one, or enrol again (jishi-agent enroll --again)"
        )
    return Identity(enrolment, key, enrolment.receipt_key(), journal_directory(state_dir, enrolment.epoch))


def read_enrolment(state_dir: Path, *, agent_id: str) -> Enrolment | None:
    """The stored answer; None where there is none, NotEnrolledError where it cannot be used."""
    path = state_dir / ENROLMENT
    try:
        return parse_enrolment(path.read_bytes(), agent_id=agent_id)
    except FileNotFoundError:
        return None
    except PermissionError as problem:
        raise NotEnrolledError(_forbidden(path)) from problem
    except (OSError, ValueError) as problem:
        raise NotEnrolledError(
            f"{path} cannot be used ({problem}): enrol again (jishi-agent enroll --again)"
        ) from problem


def find_key(state_dir: Path, origin: str) -> SigningKey | None:
    """The key of an epoch, whether it is in force or not; None where it is gone, NotEnrolledError as `read_key`."""
    _, _, epoch = parse_origin(origin)
    found = (read_key(path) for path in (state_dir / KEY, _key_of(state_dir, epoch)))
    return next((key for key in found if key is not None and key.name == origin), None)


def read_key(path: Path) -> SigningKey | None:
    """The key in a file; None where there is none, NotEnrolledError where it holds something else."""
    lines = _read_lines(path)
    return _parse_key(lines, path) if lines else None


def read_pending(state_dir: Path) -> PendingKey | None:
    """The key of an enrolment that was not finished; None where there is none."""
    path = state_dir / PENDING
    lines = _read_lines(path)
    return PendingKey(_parse_key(lines, path), lines[3]) if len(lines) == 4 else None


def write_pending(state_dir: Path, pending: PendingKey) -> None:
    """Keep a new key before the collector hears of it: its answer may be lost and must be asked for again."""
    write_private(state_dir / PENDING, f"{_key_lines(pending.key)}{pending.nonce}\n".encode())


def write_identity(state_dir: Path, key: SigningKey, *, answer: bytes) -> None:
    """Make key and answer the ones in force. An older key is kept beside, under its epoch: its journal is evidence."""
    _put_aside(state_dir, key)
    write_private(state_dir / KEY, _key_lines(key).encode())
    write_private(state_dir / ENROLMENT, answer)
    (state_dir / PENDING).unlink(missing_ok=True)


def write_successor(state_dir: Path, key: SigningKey) -> None:
    """Make the epoch of this key the one in force: at the instant in which enrolment.json gets its name, or not at all.

    All else that the collector said at the enrolment still holds. OSError leaves the epoch before in force.
    """
    _, _, epoch = parse_origin(key.name)
    members = msgspec.json.decode((state_dir / ENROLMENT).read_bytes(), type=dict[str, Any])
    write_private(_key_of(state_dir, epoch), _key_lines(key).encode())
    write_private(state_dir / ENROLMENT, msgspec.json.encode(members | {"origin": key.name, "epoch": epoch}))
    # `load` finds the key under either name, so that a crash between these changes nothing.
    _put_aside(state_dir, key)
    _key_of(state_dir, epoch).replace(state_dir / KEY)
    Disk().sync_directory(state_dir)


def _put_aside(state_dir: Path, key: SigningKey) -> None:
    """Give the key in force the name of its epoch, unless it is this one."""
    old = read_key(state_dir / KEY)
    if old is not None and old.name != key.name:
        (state_dir / KEY).replace(_key_of(state_dir, parse_origin(old.name)[2]))


def _key_of(state_dir: Path, epoch: int) -> Path:
    return state_dir / f"agent-{epoch}.key"


def check_private(path: Path) -> None:
    """NotEnrolledError where others may read a secret; OSError where it cannot be looked at.

    It is not mended in passing: somebody may have read it. On Windows the directory's access list decides, which
    install.ps1 sets (docs/service.md); a file's mode says nothing there.
    """
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise NotEnrolledError(
            f"others may read {path}: chmod 600 {path}; where somebody may have read it, have it revoked and enrol "
            "again (jishi-agent enroll --again)"
        )


def _read_lines(path: Path) -> list[str]:
    try:
        check_private(path)
        return path.read_text("ascii").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as problem:
        raise NotEnrolledError(_forbidden(path)) from problem
    except (OSError, ValueError) as problem:
        raise NotEnrolledError(f"{path} cannot be read: {problem}") from problem


def _forbidden(path: Path) -> str:
    return f"{path} may not be read by this user: run this as the agent's user, for example sudo -u jishi-agent …"


def _parse_key(lines: list[str], path: Path) -> SigningKey:
    if len(lines) < 3 or lines[0] != KEY_FORMAT or not _SEED.fullmatch(lines[2]):
        raise NotEnrolledError(
            f"{path} holds no key: put back the right file, or enrol again (jishi-agent enroll --again)"
        )
    return SigningKey(lines[1], ED25519, bytes.fromhex(lines[2]))


def _key_lines(key: SigningKey) -> str:
    return f"{KEY_FORMAT}\n{key.name}\n{key.seed.hex()}\n"


def write_private(path: Path, octets: bytes, *, mode: int = 0o600) -> None:
    """Write a file that only its owner can read (or whom `mode` allows), durable before it has its name; OSError."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(fd, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    Disk().sync_directory(path.parent)
