"""Merkle trees of RFC 6962 section 2.1: hashes, the compact range (frontier), and proofs.

Decides whether a root belongs to a list of entries, whether an entry is in a tree, and whether one tree
continues another. Leaves are *leaf hashes* (32 bytes) everywhere except in `leaf_hash`, which makes them.

    leaf  SHA-256(0x00 ‖ entry)        node  SHA-256(0x01 ‖ left ‖ right)        empty tree  SHA-256("")

A frontier holds the roots of the perfect subtrees that a tree of `size` leaves falls into, largest first: for
size 6 = 4 + 2

    >>> tree = EMPTY_FRONTIER.extend(leaf_hash(b"entry %d" % n) for n in range(6))
    >>> tree.size, len(tree.peaks), len(tree.to_bytes())
    (6, 2, 64)

so its bytes are one 32-byte peak for each bit that is set in the size, and the size itself travels beside them.
Appending costs one node hash a leaf, and nothing but the frontier has to be kept for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from protocol.errors import BadProof

HASH_BYTES = 32
MAX_SIZE = 2**53 - 1
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry_bytes: bytes) -> bytes:
    """Hash one entry's exact bytes into a leaf (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry_bytes).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtree roots into their parent's (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree to extend it: its size and its peaks, largest subtree first."""

    size: int
    peaks: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a frontier of size {self.size} cannot have {len(self.peaks)} peaks")

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier with these leaf hashes appended in order; linear in their number."""
        peaks = list(self.peaks)
        size = self.size
        for leaf in leaves:
            node, full = leaf, size
            while full & 1:  # each trailing one bit of the size is a peak as large as the node so far
                node = sha256(b"\x01" + peaks.pop() + node).digest()
                full >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the tree's root hash."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            node = node_hash(peak, node)
        return node

    def to_bytes(self) -> bytes:
        """Return the peaks as 32 bytes each, largest subtree first; the size is kept beside them."""
        return b"".join(self.peaks)

    @staticmethod
    def from_bytes(size: int, raw: bytes) -> "Frontier":
        """Read what `to_bytes` wrote; BadProof when the length does not fit the size."""
        if not 0 <= size <= MAX_SIZE:
            raise BadProof(f"a tree of size {size} cannot be: 0 to {MAX_SIZE} is expected")
        if len(raw) != HASH_BYTES * size.bit_count():
            raise BadProof(
                f"a frontier of size {size} has {size.bit_count()} hashes of {HASH_BYTES} bytes, not {len(raw)} bytes"
            )
        return Frontier(size, tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)))


EMPTY_FRONTIER = Frontier(0, ())


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    return EMPTY_FRONTIER.extend(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the audit path of leaf `index` in the tree over all leaves, lowest sibling first (RFC 6962 2.1.1)."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is not in a tree of {len(leaves)} leaves")
    path = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start = middle
    return tuple(reversed(path))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the proof that the first `old_size` leaves begin the tree over all of them (RFC 6962 2.1.2)."""
    if not 0 < old_size <= len(leaves):
        raise ValueError(f"no consistency proof leads from size {old_size} to size {len(leaves)}")
    path = []
    start, end = 0, len(leaves)
    while end != old_size:
        middle = start + _left_size(end - start)
        if old_size <= middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start = middle
    if start > 0:  # the verifier holds the old root itself only where the old tree is one whole left subtree
        path.append(root(leaves[start:end]))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` is leaf number `index` of the tree of `size` leaves with this root; BadProof if not.

    RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise BadProof(f"leaf {index} cannot be in a tree of size {size}")
    _check_hashes(leaf, root, *proof)
    inner = (index ^ (size - 1)).bit_length()  # levels on which the path still has leaves to its right
    if len(proof) != inner + (index >> inner).bit_count():
        raise BadProof(f"an inclusion proof of {len(proof)} hashes does not fit leaf {index} of {size}")
    node = leaf
    for level, sibling in enumerate(proof):
        is_right = level >= inner or index >> level & 1
        node = node_hash(sibling, node) if is_right else node_hash(node, sibling)
    if node != root:
        raise BadProof(f"leaf {index} does not lead to the root of size {size}")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `new_size` continues the tree of `old_size`; BadProof if not.

    RFC 9162 section 2.1.4.2. An old size of 0 is refused, as in transparency-dev/merkle: every tree continues
    the empty one, so a caller that asks has lost what it meant to compare with.
    """
    if not 0 < old_size <= new_size <= MAX_SIZE:
        raise BadProof(f"no consistency proof leads from size {old_size} to size {new_size}")
    _check_hashes(old_root, new_root, *proof)
    if old_size == new_size:
        if proof or old_root != new_root:
            raise BadProof(f"two trees of size {new_size} are the same tree only with equal roots and no proof")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)  # a whole left subtree: its root is known and left out of the proof
    _walk_consistency(path, old_size=old_size, new_size=new_size, roots=(old_root, new_root))


def _walk_consistency(path: list[bytes], *, old_size: int, new_size: int, roots: tuple[bytes, bytes]) -> None:
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at >>= 1
        last >>= 1
    if not path:
        raise BadProof(f"an empty proof does not lead from size {old_size} to size {new_size}")
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BadProof(f"a consistency proof from {old_size} to {new_size} is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        at >>= 1
        last >>= 1
    if last != 0 or (old, new) != roots:
        raise BadProof(f"the tree of size {new_size} does not continue the tree of size {old_size}")


def _left_size(size: int) -> int:
    """Return the largest power of two below `size` (size > 1)."""
    return 1 << (size - 1).bit_length() - 1


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise BadProof(f"every hash of a proof has {HASH_BYTES} bytes")
