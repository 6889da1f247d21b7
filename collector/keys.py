"""The collector's own signing keys, in files that only the service may read.

    <data_dir>/keys/receipt.key     {"name":"jishi.example/receipt/1","algorithm":4,"seed":"<64 hex digits>"}

The receipt key cosigns agents' checkpoints. It is made once, when it is absent; agents pin its public half at
their enrolment, so losing it means that receipts continue under a new name.
"""

import json
import secrets
from pathlib import Path

from collector.errors import ConfigError
from collector.private_file import make_private_directory, read_private, write_once
from protocol.note import COSIGNATURE, SigningKey


def receipt_key_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "receipt.key"


def ensure_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key, made when there is none. Two at once end with the same key. Raises ConfigError."""
    path = receipt_key_path(data_dir)
    if not path.exists():
        make_private_directory(path.parent)
        members = {"name": f"{domain}/receipt/1", "algorithm": COSIGNATURE, "seed": secrets.token_hex(32)}
        write_once(path, json.dumps(members).encode())
    return load_receipt_key(data_dir, domain)


def load_receipt_key(data_dir: Path, domain: str) -> SigningKey:
    """The receipt key of this domain. Raises ConfigError with what to do, and never shows the seed."""
    path = receipt_key_path(data_dir)
    raw = read_private(path, what="receipt key", remedy="`jishi-collector migrate` makes it")
    try:
        held = json.loads(raw)
        key = SigningKey(held["name"], held["algorithm"], bytes.fromhex(held["seed"]))
    except (ValueError, KeyError, TypeError):
        # Without the cause: its text could quote the seed.
        raise ConfigError(f"{path} is damaged: restore it from a backup") from None
    if not key.name.startswith(f"{domain}/receipt/") or key.algorithm != COSIGNATURE:
        raise ConfigError(
            f"{path} holds the key {key.name}, but collector.domain is {domain}: a domain never changes "
            "once its key exists"
        )
    return key
