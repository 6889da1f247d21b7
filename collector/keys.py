"""The collector's own signing keys, in files that only the service may read.

    <data_dir>/keys/receipt.key      {"name":"jishi.example/receipt/1","algorithm":4,"seed":"<64 hex digits>"}
    <data_dir>/keys/log-2026-1.key   the same for each of the collector's own logs, algorithm 1
    <data_dir>/keys/export.key       the same for the manifests of bundles, algorithm 1

The receipt key cosigns agents' checkpoints. It is made once, when it is absent; agents pin its public half at
their enrolment, so losing it means that receipts continue under a new name. A log's key is made with the log and signs
nothing else.
"""

import json
import secrets
from pathlib import Path

from collector.errors import ConfigError
from collector.private_file import make_private_directory, read_private, write_once
from protocol.note import COSIGNATURE, ED25519, SigningKey


def receipt_key_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "receipt.key"


def log_key_path(data_dir: Path, log: str) -> Path:
    return data_dir / "keys" / f"log-{log}.key"


def ensure_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key, made when there is none. Two at once end with the same key. Raises ConfigError."""
    path = receipt_key_path(data_dir)
    _make_once(path, f"{domain}/receipt/1", COSIGNATURE)
    return load_receipt_key(data_dir, domain)


def load_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key of this domain. Raises ConfigError with what to do, and never shows the seed."""
    path = receipt_key_path(data_dir)
    key = _load(path, what="receipt key", remedy="`jishi-collector migrate` makes it")
    if not key.name.startswith(f"{domain}/receipt/") or key.algorithm != COSIGNATURE:
        raise ConfigError(
            f"{path} holds the key {key.name}, but collector.domain is {domain}: a domain never changes "
            "once its key exists"
        )
    return key


def make_log_key(data_dir: Path, origin: str) -> SigningKey:
    """A new key for a log that begins. ConfigError where there is one: that log was begun before."""
    path = log_key_path(data_dir, origin.rpartition("/")[2])
    if not _make_once(path, origin, ED25519):
        raise ConfigError(
            f"{path} exists, so the log {origin} was begun before: open another (jishi-collector log restart)"
        )
    return _load(path, what="log key", remedy="")


def load_log_key(data_dir: Path, origin: str) -> SigningKey:
    """The key of a log. Raises ConfigError with what to do."""
    path = log_key_path(data_dir, origin.rpartition("/")[2])
    remedy = "restore it from a backup, or open another log (jishi-collector log restart --why TEXT)"
    key = _load(path, what="log key", remedy=remedy)
    if (key.name, key.algorithm) != (origin, ED25519):
        raise ConfigError(f"{path} holds the key {key.name}, and that of {origin} is expected: restore the right one")
    return key


def ensure_export_key(data_dir: Path, domain: str) -> SigningKey:
    """The key that signs the manifests of bundles, made when there is none. Raises ConfigError."""
    path = data_dir / "keys" / "export.key"
    _make_once(path, f"{domain}/export/1", ED25519)
    key = _load(path, what="export key", remedy="")
    if not key.name.startswith(f"{domain}/export/") or key.algorithm != ED25519:
        raise ConfigError(f"{path} holds the key {key.name}, but collector.domain is {domain}: restore the right one")
    return key


def _make_once(path: Path, name: str, algorithm: int) -> bool:
    if path.exists():
        return False
    make_private_directory(path.parent)
    members = {"name": name, "algorithm": algorithm, "seed": secrets.token_hex(32)}
    return write_once(path, json.dumps(members).encode())


def _load(path: Path, *, what: str, remedy: str) -> SigningKey:
    raw = read_private(path, what=what, remedy=remedy)
    try:
        held = json.loads(raw)
        return SigningKey(held["name"], held["algorithm"], bytes.fromhex(held["seed"]))
    except (ValueError, KeyError, TypeError):
        # Without the cause: its text could quote the seed.
        raise ConfigError(f"{path} is damaged: restore it from a backup") from None
