"""The collector's own keys onto an offline medium and back: one file under a passphrase (protocol/sealed.py).

    jishi-collector keys list                what lies in <data_dir>/keys, by its public half
    jishi-collector keys export FILE         all of it, sealed; FILE must not exist
    jishi-collector keys import FILE         what is missing here; a key that differs from one that is here stops it all

Nothing is ever overwritten: two collectors with one name and two keys would be worse than none. The file's inside:

    {"v":1,"domain":"jishi.example","keys":{"receipt.key":"{\\"name\\":…,\\"seed\\":…}","log-2026-1.key":…}}
"""

import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from collector.errors import ConfigError
from collector.private_file import make_private_directory, read_private, write_once
from protocol.errors import ForeignBytesError
from protocol.keys import SigningKey
from protocol.sealed import MAX_BYTES, NONCE_BYTES, SALT_BYTES, parse_sealed, seal, unseal

WHAT = "collector-keys"
_FILE = re.compile(r"(?:receipt|export|log-[0-9]{4}-[1-9][0-9]{0,5})\.key")


class Held(NamedTuple):
    """A key file and what its key is; the seed is never shown."""

    file: str
    vkey: str


class _Inside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    domain: str
    keys: Annotated[dict[str, str], Meta(max_length=1000)]


def list_keys(data_dir: Path) -> list[Held]:
    """The keys that lie in a data directory; ConfigError for one that cannot be read."""
    return [Held(name, str(_key(raw, name).verifier)) for name, raw in _read_all(data_dir).items()]


def export_keys(data_dir: Path, *, domain: str, to: Path, passphrase: bytes) -> list[Held]:
    """Seal all keys into a new file; ConfigError where it exists, or there are none."""
    raws = _read_all(data_dir)
    if not raws:
        raise ConfigError(f"no keys lie in {data_dir / 'keys'}: `jishi-collector migrate` makes the first")
    inside = _Inside(1, domain, {name: raw.decode() for name, raw in raws.items()})
    sealed = seal(
        msgspec.json.encode(inside),
        passphrase,
        what=WHAT,
        salt=secrets.token_bytes(SALT_BYTES),
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    try:
        written = write_once(to, sealed)
    except OSError as error:
        raise ConfigError(f"cannot write {to}: {error.strerror}") from error
    if not written:
        raise ConfigError(f"{to} exists already, and is not overwritten: name another file")
    return list_keys(data_dir)


def import_keys(data_dir: Path, *, domain: str, file: Path, passphrase: bytes) -> list[Held]:
    """Put the keys that are missing here in their places; those that were put. ConfigError, and nothing is changed,

    where the file is of another domain, does not open, or holds another key under a name that is here.
    """
    raws = _open(file, domain=domain, passphrase=passphrase)
    here = _read_all(data_dir)
    for name, raw in raws.items():
        if name in here and _key(here[name], name).seed != _key(raw, name).seed:
            raise ConfigError(
                f"{data_dir / 'keys' / name} holds another key than {file}: find out which is the right one and move "
                "the other away; nothing was changed"
            )
    make_private_directory(data_dir / "keys")
    put = [name for name, raw in raws.items() if name not in here and write_once(data_dir / "keys" / name, raw)]
    return [Held(name, str(_key(raws[name], name).verifier)) for name in put]


def _open(file: Path, *, domain: str, passphrase: bytes) -> Mapping[str, bytes]:
    try:
        with file.open("rb") as opened:
            sealed = parse_sealed(opened.read(MAX_BYTES + 1))
        if sealed.what != WHAT:
            raise ConfigError(f"{file} holds {sealed.what}, not a collector's keys")
        inside = msgspec.json.decode(unseal(sealed, passphrase), type=_Inside)
    except ForeignBytesError as error:
        raise ConfigError(f"{file}: {error}") from error
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeError):
        # Without the cause: its text could quote a seed.
        raise ConfigError(f"{file} does not hold what `keys export` writes") from None
    if inside.domain != domain:
        raise ConfigError(f"{file} holds the keys of {inside.domain}, and this collector is {domain}")
    raws = {name: text.encode() for name, text in inside.keys.items()}
    for name, raw in raws.items():
        if not _FILE.fullmatch(name) or not _key(raw, name).name.startswith(f"{domain}/"):
            raise ConfigError(f"{file} holds {name[:60]!a}, which is no key of {domain}")
    return raws


def _read_all(data_dir: Path) -> dict[str, bytes]:
    paths = sorted(path for path in (data_dir / "keys").glob("*.key") if _FILE.fullmatch(path.name))
    return {path.name: read_private(path, what="key", remedy="restore it from a backup") for path in paths}


def _key(raw: bytes, name: str) -> SigningKey:
    try:
        held = json.loads(raw)
        return SigningKey(held["name"], held["algorithm"], bytes.fromhex(held["seed"]))
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"the key {name} is damaged: restore it from a backup") from None
