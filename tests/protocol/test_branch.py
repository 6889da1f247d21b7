"""A tree by its tops and a few tiles says the same as the tree of all leaves."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import merkle
from protocol.branch import WIDTH, Branch, branch_of, first_difference, tops_of

LEAVES = [sha256(bytes([n % 256, n // 256])).digest() for n in range(1_400)]
SIZES = (1, 2, 255, 256, 257, 300, 511, 512, 513, 1023, 1024, 1025, 1300)


@given(size=st.integers(1, 1_300))
def test_root_and_proofs_are_those_of_all_leaves(size: int) -> None:
    leaves = LEAVES[:size]
    tree = Branch.of(leaves)
    assert tree.root() == merkle.root(leaves)
    for at in {0, size - 1, size // 2, size // 3, min(256, size - 1)}:
        assert tree.inclusion_proof(at) == merkle.inclusion_proof(leaves, at)
        assert tree.leaf(at) == leaves[at]
        assert tree.root_at(at + 1) == merkle.root(leaves[: at + 1])
        assert tree.consistency_proof(at + 1) == merkle.consistency_proof(leaves, at + 1)
        assert tree.frontier_at(at + 1) == merkle.EMPTY_FRONTIER.extend(leaves[: at + 1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("old_size", SIZES)
def test_a_consistency_proof_takes_one_tile_and_the_tops(size: int, old_size: int) -> None:
    if old_size > size:
        return
    known = [] if old_size % WIDTH == 0 or old_size == size else [old_size // WIDTH]
    tree = branch_of([LEAVES[:size]], known=known)
    assert tree.missing(old_size) is None
    proof = tree.consistency_proof(old_size)
    roots = {"old_root": merkle.root(LEAVES[:old_size]), "new_root": merkle.root(LEAVES[:size])}
    merkle.verify_consistency(old_size=old_size, new_size=size, proof=proof, **roots)
    assert tree.root_at(old_size) == roots["old_root"]


def test_what_comes_in_pieces_is_the_same_tree_and_only_what_is_asked_for_is_kept() -> None:
    tree = branch_of([LEAVES[:100], [], LEAVES[100:700], LEAVES[700:1300]], known=[1])
    assert (tree.size, tree.tops) == (1300, Branch.of(LEAVES[:1300]).tops)
    assert sorted(tree.tiles) == [1, 5], "and the last one, which is to go on"
    assert tree.missing(300) is None
    assert tree.missing(700) == 2
    with pytest.raises(ValueError, match="tile 2"):
        tree.root_at(700)


def test_a_tile_is_taken_only_where_it_leads_to_its_top() -> None:
    tree = Branch(600, Branch.of(LEAVES[:600]).tops)
    assert tree.missing(300) == 1
    assert tree.with_tile(1, LEAVES[256:511]) is None
    assert tree.with_tile(1, [*LEAVES[256:511], LEAVES[0]]) is None
    assert tree.with_tile(3, LEAVES[:1]) is None
    known = tree.with_tile(1, LEAVES[256:512])
    assert known is not None
    assert known.inclusion_proof(300) == merkle.inclusion_proof(LEAVES[:600], 300)
    assert known.missing(300) is None


@pytest.mark.parametrize("shared", [0, 1, 255, 256, 257, 600])
def test_a_grafted_history_is_that_of_its_leaves(shared: int) -> None:
    tree = branch_of([LEAVES[:600]], known=[shared // WIDTH])
    leaves = [*LEAVES[:shared], *LEAVES[700:1300]]
    grafted = tree.graft(shared, LEAVES[700:1300])
    assert (grafted.size, grafted.tops) == (shared + 600, Branch.of(leaves).tops)
    assert grafted.inclusion_proof(shared + 3) == merkle.inclusion_proof(leaves, shared + 3)


def test_tops_count_and_differ() -> None:
    assert [tops_of(size) for size in (0, 1, 256, 257)] == [0, 1, 1, 2]
    with pytest.raises(ValueError, match="2 tops"):
        Branch(257, (bytes(32),))
    assert first_difference([b"a", b"b", b"c"], [b"a", b"x", b"y", b"z"]) == 1
    assert first_difference([b"a"], [b"a", b"b"]) is None
