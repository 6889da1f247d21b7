"""The state directory: may it be written, is it the agent's, does it last, is there room.

Examined with the rights of whoever calls the doctor; a service often runs as another user, so that is said.
"""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from agent.disk import NO_ROOM
from agent.doctor.case import Case
from agent.finding import Finding
from agent.identity import KEY
from agent.journal import DEFAULT_LIMITS

LEAST_FREE_BYTES = DEFAULT_LIMITS.segment_bytes + DEFAULT_LIMITS.reserve_bytes
"""Below this the journal is about to refuse entries: a new segment and the reserve do not fit."""

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "zram"})
ON_NETWORK = frozenset({"nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"})
ON_NETWORK |= {"lustre", "beegfs", "gpfs", "sshfs", "fuse.sshfs", "fuse.glusterfs", "davfs", "davfs2", "ncpfs"}
THROWN_AWAY = frozenset({"overlay", "aufs", "squashfs"})

WHAT = "state directory"


def examine_state_directory(case: Case) -> Iterator[Finding]:
    """Say whether the agent can keep what it must keep."""
    path = case.configuration.state_dir
    try:
        if not path.exists():
            yield from _examine_absent(path)
            return
    except PermissionError as problem:  # it lies in a directory that may not be searched
        yield judge_refusal(path, problem)
        return
    refusal = _why_unwritable(path)
    if refusal is not None:
        yield refusal
        return
    yield Finding(WHAT, "ok", f"{path} can be written")
    yield from _examine_owner(path)
    yield judge_file_system(path, *_file_system_of(path))
    yield judge_room(path, free_bytes=shutil.disk_usage(path).free, journal_bytes=_journal_bytes(case))


def judge_file_system(path: Path, kind: str, options: str) -> Finding:
    """Say what a file system of this kind, as the system names it, means for a journal."""
    what = "file system"
    if kind in IN_MEMORY:
        expected, remedy = "a disk", "put state_dir on a disk: what is recorded here is lost when the power goes"
        return Finding(what, "fail", f"{path} is kept in memory ({kind})", expected, remedy)
    if kind in ON_NETWORK or "remote" in options.split(","):
        expected = "a disk of this machine"
        remedy = "put state_dir on a local disk: syncs and locks over a network cannot be relied on"
        return Finding(what, "fail", f"{path} is on the network ({kind})", expected, remedy)
    if kind in THROWN_AWAY:
        remedy = "mount a volume for state_dir: a container's own layer goes with the container"
        return Finding(what, "warn", f"{path} is in a container's layer ({kind})", "a volume", remedy)
    if not kind:
        return Finding(what, "unknown", f"the system does not tell on what {path} lies", "a disk of this machine")
    return Finding(what, "ok", f"{path} is on a disk of this machine ({kind})")


def judge_room(path: Path, *, free_bytes: int, journal_bytes: int) -> Finding:
    """Say whether the free bytes allow for what the journal may still grow by."""
    what, still = "free space", max(0, DEFAULT_LIMITS.budget_bytes - journal_bytes)
    found = f"{_mb(free_bytes)} free at {path}; the journal may grow by {_mb(still)}"
    remedy = "make room, or put state_dir on a larger disk"
    if free_bytes < LEAST_FREE_BYTES:
        return Finding(what, "fail", found, f"at least {_mb(LEAST_FREE_BYTES)}, or nothing is recorded", remedy)
    if free_bytes < still:
        return Finding(what, "warn", found, f"{_mb(still)}; with less, receipted entries go early", remedy)
    return Finding(what, "ok", found)


def _examine_absent(path: Path) -> Iterator[Finding]:
    above = next(parent for parent in path.parents if parent.exists())
    if os.access(above, os.W_OK | os.X_OK):
        yield Finding(WHAT, "warn", f"{path} is not there yet", "a directory", "jishi-agent enroll makes it")
        return
    remedy = f"make it as root and give it to the agent's user, or make {above} writable to this user"
    yield Finding(WHAT, "fail", f"{path} is not there, and {above} may not be written", "a directory", remedy)


def _why_unwritable(path: Path) -> Finding | None:
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix="doctor-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        return judge_refusal(path, problem)
    return None


def judge_refusal(path: Path, problem: OSError) -> Finding:
    """Say what it means that a file cannot be made here."""
    expected = "a directory that the agent's user can write"
    found = f"{path} cannot be written ({problem.strerror or problem})"
    if isinstance(problem, NotADirectoryError):
        return Finding(WHAT, "fail", f"{path} is a file", expected, "give state_dir a directory of its own")
    if problem.errno in NO_ROOM:
        return Finding(WHAT, "fail", found, expected, "make room on that disk; until then nothing is recorded")
    if problem.errno == errno.EROFS:
        remedy = "mount that file system for writing; a service unit may also forbid it (ReadWritePaths=)"
        return Finding(WHAT, "fail", found, expected, remedy)
    remedy = f"it belongs to {_owner(path)}: run this as that user, or give the directory to the agent's user"
    return Finding(WHAT, "fail", found, expected, remedy)


def _examine_owner(path: Path) -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    found = path.stat()
    if found.st_uid != os.geteuid():
        remedy = f"run the doctor as {_owner(path)}: what it may do says nothing about what this user may"
        yield Finding("owner", "warn", f"{path} belongs to {_owner(path)}, this is user {_user()}", "the same", remedy)
    if found.st_mode & 0o002:
        yield Finding("owner", "warn", f"anybody may write {path}", "its owner alone", f"chmod o-w {path}")
    key = path / KEY
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding("owner", "fail", f"others may read {key}", "its owner alone", f"chmod 600 {key}")


def _file_system_of(path: Path) -> tuple[str, str]:
    """Kind and mount options of the file system that a path is on; empty where the system does not tell."""
    resolved, best = path.resolve(), None
    for partition in psutil.disk_partitions(all=True):
        if resolved.is_relative_to(partition.mountpoint) and (
            best is None or len(partition.mountpoint) >= len(best.mountpoint)
        ):
            best = partition  # the last of several on one mount point hides the others
    return (best.fstype, best.opts) if best else ("", "")


def _journal_bytes(case: Case) -> int:
    if case.who is None:
        return 0
    return sum(path.stat().st_size for path in case.who.journal.glob("*.log"))


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, NotImplementedError, OSError):
        return "another user"


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def _mb(octets: int) -> str:
    return f"{octets / 1e6:,.1f} MB".replace(",", " ")
