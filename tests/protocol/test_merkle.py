"""Merkle trees: RFC 6962's roots, upstream's proof vectors, and every proof of small trees."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import merkle
from protocol.errors import BadProof
from protocol.merkle import EMPTY_FRONTIER, Frontier, leaf_hash, verify_consistency, verify_inclusion

Golden = Callable[[str], Any]
LEAVES = tuple(leaf_hash(b"%d" % number) for number in range(130))

# Upstream compares two equal sizes by their roots alone, whatever their length. Ours are SHA-256 and nothing else:
# docs/decisions/0005-proofs-hold-whole-hashes.md.
REFUSED_BY_US = {"sizes-are-equal-one-and-proof-is-empty.json"}


def test_golden_roots_and_frontiers_are_reached_by_appending(golden: Golden) -> None:
    made = golden("merkle")
    tree = EMPTY_FRONTIER
    for size, entry_hex in enumerate([*made["entries_hex"], ""]):
        assert tree.root().hex() == made["roots"][size]
        assert tree.to_bytes().hex() == made["frontiers"][size]
        assert Frontier.from_bytes(size, tree.to_bytes()) == tree
        tree = tree.append(leaf_hash(bytes.fromhex(entry_hex)))


def test_golden_proofs_are_made_and_accepted(golden: Golden) -> None:
    made = golden("merkle")
    leaves = [leaf_hash(bytes.fromhex(one)) for one in made["entries_hex"]]
    roots = [bytes.fromhex(one) for one in made["roots"]]
    for one in made["inclusion"]:
        index, size = one["index"], one["size"]
        proof = tuple(map(bytes.fromhex, one["proof"]))
        assert merkle.inclusion_proof(leaves[:size], index) == proof
        verify_inclusion(leaves[index], index=index, size=size, proof=proof, root=roots[size])
    for one in made["consistency"]:
        old, new = one["old_size"], one["size"]
        proof = tuple(map(bytes.fromhex, one["proof"]))
        assert merkle.consistency_proof(leaves[:new], old) == proof
        verify_consistency(old_size=old, old_root=roots[old], new_size=new, new_root=roots[new], proof=proof)


def test_the_roots_of_rfc_6962_hold(vectors: Path) -> None:
    known = json.loads((vectors / "rfc6962_roots.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(one)) for one in known["leaf_inputs_hex"]]
    assert [merkle.root(leaves[:size]).hex() for size in range(len(leaves) + 1)] == known["root_by_size_hex"]
    assert leaf_hash(b"L123456").hex() == known["leaf_L123456"]
    assert merkle.node_hash(b"N123", b"N456").hex() == known["node_N123_N456"]


def test_upstream_inclusion_vectors_get_their_verdict(vectors: Path) -> None:
    files = sorted((vectors / "merkle/testdata/inclusion").rglob("*.json"))
    assert len(files) > 90
    assert [str(file) for file in files if _refuses_inclusion(file) != json.loads(file.read_text())["wantErr"]] == []


def test_upstream_consistency_vectors_get_their_verdict(vectors: Path) -> None:
    files = sorted((vectors / "merkle/testdata/consistency").rglob("*.json"))
    assert len(files) > 90
    differing = {file.name for file in files if _refuses_consistency(file) != json.loads(file.read_text())["wantErr"]}
    assert differing == REFUSED_BY_US
    assert all(_refuses_consistency(file) for file in files if json.loads(file.read_text())["size1"] == 0)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_a_small_tree_is_accepted_and_fits_nothing_else(size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle.root(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(leaves, index)
        for claimed in range(size):
            verdict: dict[str, Any] = {"index": claimed, "size": size, "proof": proof, "root": root}
            if claimed == index:
                verify_inclusion(leaves[index], **verdict)
            else:
                with pytest.raises(BadProof):
                    verify_inclusion(leaves[index], **verdict)
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(leaves, old)
        for claimed in range(1, size + 1):
            trees: dict[str, Any] = {
                "old_size": claimed,
                "old_root": merkle.root(LEAVES[:old]),
                "new_size": size,
                "new_root": root,
            }
            if claimed == old:
                verify_consistency(**trees, proof=proof)
            else:
                with pytest.raises(BadProof):
                    verify_consistency(**trees, proof=proof)


@given(st.integers(1, 130), st.data())
def test_a_proof_with_anything_changed_is_refused(size: int, data: st.DataObject) -> None:
    leaves = LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    verdict: dict[str, Any] = {"index": index, "size": size, "root": merkle.root(leaves)}
    for changed in _changes(merkle.inclusion_proof(leaves, index), data):
        with pytest.raises(BadProof):
            verify_inclusion(leaves[index], **verdict, proof=changed)
    trees: dict[str, Any] = {
        "old_size": old,
        "old_root": merkle.root(leaves[:old]),
        "new_size": size,
        "new_root": merkle.root(leaves),
    }
    for changed in _changes(merkle.consistency_proof(leaves, old), data):
        with pytest.raises(BadProof):
            verify_consistency(**trees, proof=changed)


@given(st.integers(0, 130), st.integers(0, 130))
def test_extending_is_appending_one_by_one(first: int, second: int) -> None:
    low, high = sorted((first, second))
    tree = EMPTY_FRONTIER.extend(LEAVES[:low])
    one_by_one = tree
    for leaf in LEAVES[low:high]:
        one_by_one = one_by_one.append(leaf)
    assert tree.extend(LEAVES[low:high]) == one_by_one == EMPTY_FRONTIER.extend(iter(LEAVES[:high]))
    assert tree.size == low


def test_a_frontier_near_the_largest_size_works() -> None:
    peaks = tuple(sha256(b"%d" % number).digest() for number in range(52))
    tree = Frontier(2**53 - 2, peaks)
    assert Frontier.from_bytes(tree.size, tree.to_bytes()) == tree
    assert tree.append(LEAVES[0]).size == merkle.MAX_SIZE
    with pytest.raises(ValueError):
        tree.append(LEAVES[0]).append(LEAVES[1])


@pytest.mark.parametrize(
    ("size", "length"), [(0, 32), (1, 0), (1, 31), (1, 33), (3, 32), (4, 64), (-1, 32), (2**53, 32)]
)
def test_a_frontier_of_the_wrong_length_is_refused(size: int, length: int) -> None:
    with pytest.raises(BadProof):
        Frontier.from_bytes(size, bytes(length))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (-1, 3), (4, 3), (3, 2**53)])
def test_nothing_follows_from_an_empty_tree_or_from_sizes_that_cannot_be(old: int, new: int) -> None:
    root = merkle.root(LEAVES[:3])
    for old_root in (root, merkle.EMPTY_ROOT):
        for proof in ((), (root,), (merkle.EMPTY_ROOT,)):
            with pytest.raises(BadProof, match="no consistency proof"):
                verify_consistency(old_size=old, old_root=old_root, new_size=new, new_root=root, proof=proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3), (0, 2**53)])
def test_no_leaf_lies_outside_its_tree(index: int, size: int) -> None:
    with pytest.raises(BadProof, match="cannot be in a tree"):
        verify_inclusion(LEAVES[0], index=index, size=size, proof=(), root=LEAVES[0])


def test_hashes_of_another_length_are_refused() -> None:
    for short in (b"", bytes(31), bytes(33)):
        with pytest.raises(BadProof):
            verify_inclusion(short, index=0, size=1, proof=(), root=short)
        with pytest.raises(BadProof):
            verify_consistency(old_size=1, old_root=short, new_size=1, new_root=short, proof=())
    leaf, other = LEAVES[:2]
    with pytest.raises(BadProof):  # the same bytes, cut in another place
        verify_inclusion(leaf + other[:1], index=0, size=2, proof=(other[1:],), root=merkle.root((leaf, other)))


def test_our_own_mistakes_are_not_called_foreign() -> None:
    for index in (-1, 3):
        with pytest.raises(ValueError, match="not in a tree") as caught:
            merkle.inclusion_proof(LEAVES[:3], index)
        assert not isinstance(caught.value, BadProof)
    for old in (0, 4):
        with pytest.raises(ValueError, match="no consistency proof") as caught:
            merkle.consistency_proof(LEAVES[:3], old)
        assert not isinstance(caught.value, BadProof)


@given(st.integers(1, 130), st.data())
def test_another_leaf_or_root_of_the_right_length_is_refused(size: int, data: st.DataObject) -> None:
    leaves, root, other = LEAVES[:size], merkle.root(LEAVES[:size]), data.draw(st.binary(min_size=32, max_size=32))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    old_root = merkle.root(leaves[:old])
    for leaf, claimed in ((other, root), (leaves[index], other)):
        with pytest.raises(BadProof):
            verify_inclusion(leaf, index=index, size=size, proof=merkle.inclusion_proof(leaves, index), root=claimed)
    for first, second in ((other, root), (old_root, other)):
        with pytest.raises(BadProof):
            verify_consistency(
                old_size=old,
                old_root=first,
                new_size=size,
                new_root=second,
                proof=merkle.consistency_proof(leaves, old),
            )


def _changes(proof: tuple[bytes, ...], data: st.DataObject) -> list[tuple[bytes, ...]]:
    extra = data.draw(st.sampled_from([LEAVES[0], merkle.EMPTY_ROOT, bytes(32)]))
    at = data.draw(st.integers(0, len(proof)))
    changes = [(*proof[:at], extra, *proof[at:])]
    if at < len(proof):
        changes.append(proof[:at] + proof[at + 1 :])
        flipped = bytearray(proof[at])
        flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        changes.append((*proof[:at], bytes(flipped), *proof[at + 1 :]))
        changes.append((*proof[:at], proof[at][:-1], *proof[at + 1 :]))
    if len(set(proof)) > 1:
        changes.append(proof[::-1])
    return changes


def _refuses_inclusion(file: Path) -> bool:
    case = json.loads(file.read_text())
    try:
        verify_inclusion(
            base64.b64decode(case["leafHash"]),
            index=case["leafIdx"],
            size=case["treeSize"],
            proof=[base64.b64decode(one) for one in case["proof"] or ()],
            root=base64.b64decode(case["root"]),
        )
    except BadProof:
        return True
    return False


def _refuses_consistency(file: Path) -> bool:
    case = json.loads(file.read_text())
    try:
        verify_consistency(
            old_size=case["size1"],
            old_root=base64.b64decode(case["root1"]),
            new_size=case["size2"],
            new_root=base64.b64decode(case["root2"]),
            proof=[base64.b64decode(one) for one in case["proof"] or ()],
        )
    except BadProof:
        return True
    return False
