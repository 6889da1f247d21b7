"""Files that hold secrets: only the service may read them, and nobody ever finds half of one.

A key that others could read is refused, not mended: who may have read it until now is for a person to judge.
"""

import os
import secrets
from pathlib import Path

from collector.errors import ConfigError

OTHERS = 0o077
"""The permissions that a private file gives to nobody."""


def read_private(path: Path, *, what: str, remedy: str) -> bytes:
    """The bytes of a private file. ConfigError where there is none (with `remedy`), or others may read it."""
    try:
        if path.stat().st_mode & OTHERS:
            raise ConfigError(f"{path} may be read by others: chmod 600 {path}, and think of who could have read it")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"no {what} at {path}: {remedy}") from error
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}") from error


def make_private_directory(path: Path) -> None:
    """The directory, which only we may enter, made where there is none."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def write_once(path: Path, content: bytes) -> bool:
    """Creates the file whole and synced; False, and nothing changed, where somebody has made it meanwhile."""
    partial = _write_beside(path, content, mode=0o600)
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink()
    sync_directory(path.parent)
    return True


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Puts the content, whole and synced, in place of whatever the file held; `mode` whatever the umask."""
    _write_beside(path, content, mode=mode).replace(path)
    sync_directory(path.parent)


def _write_beside(path: Path, content: bytes, *, mode: int) -> Path:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return partial


def sync_directory(path: Path) -> None:
    """Makes what was linked or renamed in a directory outlast a power cut."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
