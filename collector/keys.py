"""The collector's own signing keys, in files that only the service may read.

    <data_dir>/keys/receipt.key     {"name":"jishi.example/receipt/1","algorithm":4,"seed":"<64 hex digits>"}

The receipt key cosigns agents' checkpoints. It is made once, when it is absent; agents pin its public half at
their enrolment, so losing it means that receipts continue under a new name.
"""

import json
import os
import secrets
from pathlib import Path

from collector.errors import ConfigError
from protocol.note import COSIGNATURE, SigningKey


def receipt_key_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "receipt.key"


def ensure_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key, made when there is none. Two at once end with the same key. Raises ConfigError."""
    path = receipt_key_path(data_dir)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        _write_once(path, {"name": f"{domain}/receipt/1", "algorithm": COSIGNATURE, "seed": secrets.token_hex(32)})
    return load_receipt_key(data_dir, domain)


def load_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key of this domain. Raises ConfigError with what to do, and never shows the seed."""
    path = receipt_key_path(data_dir)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} may be read by others: chmod 600 {path}")
        held = json.loads(path.read_text(encoding="utf-8"))
        key = SigningKey(held["name"], held["algorithm"], bytes.fromhex(held["seed"]))
    except FileNotFoundError as error:
        raise ConfigError(f"no receipt key at {path}: `jishi-collector migrate` makes it") from error
    except OSError as error:
        raise ConfigError(f"cannot read the receipt key {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        # Without the cause: its text could quote the seed.
        raise ConfigError(f"{path} is damaged: restore it from a backup") from None
    if not key.name.startswith(f"{domain}/receipt/") or key.algorithm != COSIGNATURE:
        raise ConfigError(
            f"{path} holds the key {key.name}, but collector.domain is {domain}: a domain never changes "
            "once its key exists"
        )
    return key


def _write_once(path: Path, content: dict[str, object]) -> None:
    """Creates the file whole and synced, or leaves the one that somebody else made meanwhile."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
