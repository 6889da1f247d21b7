"""The keys that an inspector trusts: his own file, which decides, whatever a bundle says of keys. Pure.

    # who may have signed what; one key a line, as the collector's operator published it
    export  jishi.example/export/1+5d1c22a0+AX…       manifests of bundles
    log     jishi.example/log/2026-1+0be3c1f4+AY…     the collector's own log
    receipt jishi.example/receipt/1+77aa01bd+BH…      receipts and beacons
    agent   jishi.example/a/em-01/1+95e76e18+AS…      where an agent's key is known by another way too
    person  jishi.example/person/wang+95e76e18+AS…    findings of an on-site check

A bundle carries a file of the same form (keys/policy.txt), which is only a hint: whoever forges a bundle writes it too.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from protocol.errors import MalformedNote, TooLarge, excerpt
from protocol.keys import COSIGNATURE, ED25519, VerifierKey, parse_vkey

MAX_TRUST_BYTES: Final = 1_048_576
_ALGORITHM: Final = {"export": ED25519, "log": ED25519, "receipt": COSIGNATURE, "agent": ED25519, "person": ED25519}


class Trust(NamedTuple):
    """Keys by what they may sign; `is_pinned`: by the inspector, not by the bundle itself."""

    export: Sequence[VerifierKey] = ()
    log: Sequence[VerifierKey] = ()
    receipt: Sequence[VerifierKey] = ()
    agent: Sequence[VerifierKey] = ()
    person: Sequence[VerifierKey] = ()
    is_pinned: bool = True


def parse_trust(raw: bytes, *, is_pinned: bool = True) -> Trust:
    """Read a file of keys; MalformedNote with the line, or TooLarge."""
    if len(raw) > MAX_TRUST_BYTES:
        raise TooLarge(f"a file of trusted keys has at most {MAX_TRUST_BYTES} bytes, not {len(raw)}")
    try:
        lines = raw.removeprefix(b"\xef\xbb\xbf").decode().splitlines()
    except UnicodeDecodeError as error:
        raise MalformedNote("a file of trusted keys is UTF-8 text") from error
    found: dict[str, list[VerifierKey]] = {name: [] for name in _ALGORITHM}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            name, key = _parse_line(words, number)
            found[name].append(key)
    if not any(found.values()):
        raise MalformedNote("a file of trusted keys has no key: write a line such as 'receipt <vkey>' for each")
    return Trust(**{name: tuple(keys) for name, keys in found.items()}, is_pinned=is_pinned)


def _parse_line(words: list[str], number: int) -> tuple[str, VerifierKey]:
    if len(words) != 2 or words[0] not in _ALGORITHM:
        known = ", ".join(_ALGORITHM)
        raise MalformedNote(
            f"line {number}, {excerpt(' '.join(words))}: one of {known}, and a verifier key, are expected"
        )
    try:
        key = parse_vkey(words[1])
    except MalformedNote as error:
        raise MalformedNote(f"line {number}: {error}") from error
    wanted = _ALGORITHM[words[0]]
    if key.algorithm != wanted:
        raise MalformedNote(
            f"line {number}: a key of kind {words[0]} has the algorithm {wanted:#04x}, not {key.algorithm:#04x}"
        )
    return words[0], key
