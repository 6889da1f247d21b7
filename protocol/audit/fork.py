"""`jishi-audit fork FILE --key VKEY`: whether a file proves that a log's key signed two histories, told in words.

Exit code 0: it does. 1: the file cannot be read, or proves nothing.
"""

import argparse
import json
from pathlib import Path

from protocol.errors import BadProof, BadSignature, ForeignBytesError
from protocol.fork_proof import MAX_FORK_BYTES, Fork, decode, verify_fork
from protocol.keys import parse_vkey


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `fork`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a fork proof, jishi-fork/v1")
    parser.add_argument("--key", required=True, metavar="VKEY", help="the log's public key, from a source you trust")
    parser.add_argument("--json", action="store_true", help="one line for programs")


def tell(arguments: argparse.Namespace) -> str:
    """Verify, and return what is to be said; a ForeignBytesError says why the file proves nothing."""
    key = parse_vkey(arguments.key)
    with arguments.file.open("rb") as file:
        raw = file.read(MAX_FORK_BYTES + 1)
    try:
        found = verify_fork(decode(raw), key)
    except (BadProof, BadSignature) as error:
        raise type(error)(f"{arguments.file} proves nothing against {key.name}: {error}") from error
    except ForeignBytesError as error:
        raise type(error)(f"{arguments.file}: {error}") from error
    return as_json(found) if arguments.json else as_text(found)


def as_json(found: Fork) -> str:
    """One line."""
    return json.dumps(
        {
            "log": found.a.origin,
            "fork": True,
            "index": found.index,
            "trees": [{"size": tree.size, "root": tree.root.hex()} for tree in (found.a, found.b)],
        }
    )


def as_text(found: Fork) -> str:
    """What the proof shows, and what it does not."""
    lines = [
        f"FORK PROVED: the key of {found.a.origin} signed two histories that exclude each other.",
        f"  one:       {found.a.size} entries, root {found.a.root.hex()}",
        f"  the other: {found.b.size} entries, root {found.b.root.hex()}",
        _where(found),
        "Whoever has the key can make such a pair, and nobody else: neither the network nor the collector.",
        "It names a log, not a culprit: a copied disk, an image that was put back or a failing medium make forks too.",
    ]
    return "\n".join(lines)


def _where(found: Fork) -> str:
    if found.index is not None:
        return f"  Entry {found.index} is one thing in the first and another in the second; both contain it."
    if found.a.size == found.b.size:
        return "  Both are of the same size, so one of them cannot continue the other."
    return f"  The first {found.a.size} entries of the second are not those of the first."
