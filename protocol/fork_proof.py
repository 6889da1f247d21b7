"""The fork proof: that one key signed two histories of its log which exclude each other. Whoever has the key checks it.

    jishi-fork/v1
    kind leaves
    index 1240
    leaf-a uM4q…=              base64 of the leaf hash at that index in the first tree, and ...
    path-a 3q2n…=              ... its inclusion proof there, lowest sibling first, a line each (none: no line)
    leaf-b Zm9v…=              the same in the second tree
    path-b 9vKd…=
    note-a 213                 bytes of the first signed statement, of the smaller tree
    note-b 335                 bytes of the second one

    <213 bytes of signed note><335 bytes of signed note>

Three kinds, by what shows that the two trees (sizes a <= b) cannot both be the log:

    roots     a = b, and the roots differ: nothing more is needed
    leaves    the leaves at `index` (below a) differ, each proved to be in its tree
    prefix    `root <base64>` is another root than the one signed at size a, and the consistency proof (a `path` line
              each) shows that it is the root of the first a leaves of the second tree. It shows that they part,
              not where

A statement is the log's signed checkpoint (a receipt is one, too, with the collector's line below), or the request
with which an agent ended the log (epoch.py): it says size and root of what the agent had, and the same key signed it.

A proof names a log and its key, not a culprit: a copied disk, an image put back and a failing medium make forks as
well as a forger does. What it excludes is that the network, or the collector, made it up: neither has the key.
Source: evidence.md section 4, docs/forks.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

from protocol import merkle
from protocol.entry import MAX_INT
from protocol.epoch import EPOCH_KIND, read_request
from protocol.errors import BadProof, BadSignature, MalformedMessage, MalformedNote, TooLarge, excerpt
from protocol.header import MAX_HEADER_BYTES, Header, first_line, format_header
from protocol.keys import VerifierKey, base64_text, read_base64
from protocol.note import MAX_NOTE_BYTES, Checkpoint, parse_checkpoint, verify

FORK_KIND = "jishi-fork/v1"
MAX_FORK_BYTES = MAX_HEADER_BYTES + 2 * MAX_NOTE_BYTES
MAX_PATH = 2 * 53
"""Hashes of a proof: a tree below 2^53 leaves takes at most two a level."""


class Included(NamedTuple):
    """A leaf hash, and its inclusion proof."""

    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Roots:
    """Two roots at one size."""


@dataclass(frozen=True, slots=True)
class DifferentLeaves:
    """Two leaves at one index."""

    index: int
    a: Included
    b: Included


@dataclass(frozen=True, slots=True)
class DifferentPrefix:
    """The second tree begins with another tree of the first one's size than the one that was signed."""

    root: bytes
    path: tuple[bytes, ...]


Shown = Roots | DifferentLeaves | DifferentPrefix


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two signed statements, that of the smaller tree first, and what shows that they exclude each other."""

    note_a: bytes
    note_b: bytes
    shown: Shown


@dataclass(frozen=True, slots=True)
class Fork:
    """What a verified proof says: the log, the two trees, and an index at which they differ, where it shows one."""

    a: Checkpoint
    b: Checkpoint
    index: int | None


def encode(proof: ForkProof) -> bytes:
    """Return the file; ValueError where it could not be read back."""
    match proof.shown:
        case Roots():
            members = [("kind", "roots")]
        case DifferentLeaves(index, a, b):
            members = [("kind", "leaves"), ("index", str(index))]
            for side, (leaf, path) in (("a", a), ("b", b)):
                members += [(f"leaf-{side}", base64_text(leaf)), *((f"path-{side}", base64_text(one)) for one in path)]
        case DifferentPrefix(root, path):
            members = [("kind", "prefix"), ("root", base64_text(root))]
            members += [("path", base64_text(one)) for one in path]
    members += [("note-a", str(len(proof.note_a))), ("note-b", str(len(proof.note_b)))]
    raw = format_header(FORK_KIND, members) + proof.note_a + proof.note_b
    if decode(raw) != proof:
        raise ValueError(f"this proof would be read as another: {excerpt(raw)}")
    return raw


def decode(raw: bytes) -> ForkProof:
    """Read the file, nothing of it verified; MalformedMessage, MalformedNote, TooLarge."""
    if len(raw) > MAX_FORK_BYTES:
        raise TooLarge(f"a fork proof has at most {MAX_FORK_BYTES} bytes, not {len(raw)}")
    if first_line(raw) != FORK_KIND.encode():
        raise MalformedMessage(f"not a fork proof: {excerpt(raw)}; the first line of one is {FORK_KIND}")
    header = Header(raw)
    shown = _take_shown(header)
    length_a, length_b = (header.take_number(name, MAX_NOTE_BYTES) for name in ("note-a", "note-b"))
    header.end()
    at = header.body_at + length_a
    if not (length_a and length_b) or len(raw) != at + length_b:
        raise MalformedMessage(f"a proof of {len(raw)} bytes does not have the lengths that its header says")
    return ForkProof(raw[header.body_at : at], raw[at:], shown)


def verify_fork(proof: ForkProof, key: VerifierKey) -> Fork:
    """Check that `key` signed both statements and that they exclude each other.

    BadSignature, BadProof, MalformedNote, MalformedMessage: then it proves nothing, and accuses nobody.
    """
    a, b = read_statement(proof.note_a, key), read_statement(proof.note_b, key)
    if a.size > b.size:
        raise BadProof(f"the first statement is of {a.size} entries, the second of {b.size}: the smaller comes first")
    match proof.shown:
        case Roots():
            if a.size != b.size or a.root == b.root:
                raise BadProof("two roots at one size are expected")
            return Fork(a, b, None)
        case DifferentLeaves(index, one, other):
            if one.leaf == other.leaf:
                raise BadProof(f"both trees have the same leaf at index {index}")
            for (leaf, path), tree in ((one, a), (other, b)):
                merkle.verify_inclusion(leaf, index=index, size=tree.size, proof=path, root=tree.root)
            return Fork(a, b, index)
        case DifferentPrefix(root, path):
            if a.size == b.size or root == a.root:
                raise BadProof(f"another root than the one signed at size {a.size} is expected")
            merkle.verify_consistency(old_size=a.size, old_root=root, new_size=b.size, new_root=b.root, proof=path)
            return Fork(a, b, None)


def read_statement(raw: bytes, key: VerifierKey) -> Checkpoint:
    """Return the tree that a log's key states: in a checkpoint, or in the request that ended the log.

    BadSignature, MalformedNote, MalformedMessage, TooLarge.
    """
    text = verify(raw, key)
    stated = read_request(raw).old if text.startswith(f"{EPOCH_KIND}\n") else parse_checkpoint(text)
    if stated.origin != key.name:
        raise BadSignature(f"the key {key.name} signed a statement about another log, {excerpt(stated.origin)}")
    return stated


def _take_shown(header: Header) -> Shown:
    kind = header.take("kind")
    if kind == "roots":
        return Roots()
    if kind == "leaves":
        index = header.take_number("index", MAX_INT)
        one, other = (
            Included(_hash(header.take(f"leaf-{side}")), _take_path(header, f"path-{side}")) for side in ("a", "b")
        )
        return DifferentLeaves(index, one, other)
    if kind == "prefix":
        return DifferentPrefix(_hash(header.take("root")), _take_path(header, "path"))
    raise MalformedMessage(f"kind {excerpt(kind)}: one of roots, leaves, prefix is expected")


def _take_path(header: Header, name: str) -> tuple[bytes, ...]:
    path: list[bytes] = []
    for text in header.take_all(name):
        if len(path) == MAX_PATH:
            raise TooLarge(f"a proof has at most {MAX_PATH} hashes")
        path.append(_hash(text))
    return tuple(path)


def _hash(text: str) -> bytes:
    raw = read_base64(text)
    if len(raw) != merkle.HASH_BYTES:
        raise MalformedNote(f"{excerpt(text)}: base64 of {merkle.HASH_BYTES} bytes is expected")
    return raw
