"""The fork proof: what it takes to accuse a log, and that nothing less is enough."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import merkle
from protocol.branch import Branch
from protocol.epoch import EpochRequest, sign_request
from protocol.errors import BadProof, BadSignature, ForeignBytesError, MalformedMessage, TooLarge
from protocol.fork_proof import (
    DifferentLeaves,
    DifferentPrefix,
    Fork,
    ForkProof,
    Included,
    Roots,
    decode,
    encode,
    verify_fork,
)
from protocol.keys import COSIGNATURE, ED25519, SigningKey, parse_vkey
from protocol.note import Checkpoint, cosign, sign_checkpoint

LOG = "jishi.example/a/em-01/1"
KEY = SigningKey(LOG, ED25519, bytes(32))
NEXT = SigningKey("jishi.example/a/em-01/2", ED25519, bytes([1]) * 32)
OTHER = SigningKey(LOG, ED25519, bytes([2]) * 32)
RECEIPT_KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes([3]) * 32)


def tree(size: int, *, parts_at: int | None = None) -> Branch:
    texts = (f"{'other' if parts_at is not None and n >= parts_at else 'entry'} {n}" for n in range(size))
    return Branch.of([merkle.leaf_hash(text.encode()) for text in texts])


def note_of(branch: Branch, *, key: SigningKey = KEY, root: bytes | None = None) -> bytes:
    return sign_checkpoint(Checkpoint(LOG, branch.size, branch.root() if root is None else root), key)


def leaves_proof(a: Branch, b: Branch, index: int) -> ForkProof:
    sides = [Included(side.leaf(index), side.inclusion_proof(index)) for side in (a, b)]
    return ForkProof(note_of(a), note_of(b), DifferentLeaves(index, *sides))


def prefix_proof(a: Branch, b: Branch) -> ForkProof:
    return ForkProof(note_of(a), note_of(b), DifferentPrefix(b.root_at(a.size), b.consistency_proof(a.size)))


def checked(proof: ForkProof) -> Fork:
    """What a third party reads out of the file's bytes."""
    return verify_fork(decode(encode(proof)), KEY.verifier)


def test_two_roots_at_one_size() -> None:
    a, b = tree(12), tree(12, parts_at=7)
    found = checked(ForkProof(note_of(a), note_of(b), Roots()))
    assert (found.a.size, found.a.root, found.b.root, found.index) == (12, a.root(), b.root(), None)


def test_two_leaves_at_one_index() -> None:
    found = checked(leaves_proof(tree(500), tree(900, parts_at=300), 300))
    assert (found.a.size, found.b.size, found.index) == (500, 900, 300)


def test_another_beginning() -> None:
    found = checked(prefix_proof(tree(500), tree(900, parts_at=300)))
    assert (found.a.size, found.b.size, found.index) == (500, 900, None)


def test_a_receipt_is_a_statement_of_the_agent_too() -> None:
    proof = prefix_proof(tree(5), tree(9, parts_at=2))
    receipt = cosign(proof.note_b, RECEIPT_KEY, time_s=1_764_554_500)
    assert checked(replace(proof, note_b=receipt)).b.size == 9


def test_the_request_that_ends_a_log_is_a_statement_of_its_key() -> None:
    a, b = tree(5, parts_at=3), tree(9)
    request = EpochRequest(Checkpoint(LOG, 5, a.root()), "fork", NEXT.verifier)
    signed = sign_request(request, old_key=KEY, new_key=NEXT)
    proof = ForkProof(signed, note_of(b), DifferentPrefix(b.root_at(5), b.consistency_proof(5)))
    assert checked(proof).a.root == a.root()
    with pytest.raises(ForeignBytesError):
        verify_fork(proof, NEXT.verifier)


def test_the_file_of_two_roots_is_text_that_people_can_read() -> None:
    a, b = tree(1), tree(1, parts_at=0)
    raw = encode(ForkProof(note_of(a), note_of(b), Roots()))
    assert raw.startswith(b"jishi-fork/v1\nkind roots\nnote-a ")
    assert raw.count(LOG.encode()) == 4, "two origins and two signature lines"


INNOCENT = {
    "one root": ForkProof(note_of(tree(5)), note_of(tree(5)), Roots()),
    "two sizes of one log": ForkProof(note_of(tree(5)), note_of(tree(9)), Roots()),
    "the same beginning": prefix_proof(tree(5), tree(9)),
    "the same leaf": leaves_proof(tree(5), tree(9, parts_at=6), 3),
}


@pytest.mark.parametrize("proof", INNOCENT.values(), ids=INNOCENT)
def test_one_history_is_no_fork(proof: ForkProof) -> None:
    with pytest.raises(BadProof):
        checked(proof)


def test_the_wrong_order_and_the_wrong_leaf_prove_nothing() -> None:
    good = leaves_proof(tree(5), tree(9, parts_at=2), 3)
    assert isinstance(good.shown, DifferentLeaves)
    with pytest.raises(BadProof, match="smaller comes first"):
        checked(replace(good, note_a=good.note_b, note_b=good.note_a))
    made_up = Included(b"x" * 32, good.shown.b.path)
    with pytest.raises(BadProof):
        checked(replace(good, shown=replace(good.shown, b=made_up)))
    with pytest.raises(BadProof):
        checked(replace(good, shown=replace(good.shown, index=2)))


def test_only_the_logs_own_key_can_be_accused_by_it() -> None:
    a, b = tree(12), tree(12, parts_at=7)
    forged = ForkProof(note_of(a), note_of(b, key=OTHER), Roots())
    with pytest.raises(BadSignature):
        checked(forged)
    with pytest.raises(BadSignature):
        verify_fork(ForkProof(note_of(a), note_of(b), Roots()), OTHER.verifier)


@pytest.mark.parametrize(
    "proof",
    [
        ForkProof(note_of(tree(3)), note_of(tree(3, parts_at=1)), Roots()),
        leaves_proof(tree(5), tree(9, parts_at=2), 3),
        prefix_proof(tree(5), tree(9, parts_at=2)),
    ],
    ids=["roots", "leaves", "prefix"],
)
def test_no_flipped_bit_proves_anything_else(proof: ForkProof) -> None:
    raw, said = encode(proof), checked(proof)
    for at in range(len(raw)):
        for bit in range(8):
            flipped = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            try:
                found = verify_fork(decode(flipped), KEY.verifier)
            except ForeignBytesError:
                continue
            assert found == said, f"bit {bit} of byte {at}"


@given(size=st.integers(1, 700), more=st.integers(0, 700), parts_at=st.integers(0, 699), data=st.data())
def test_any_two_histories_can_be_told_apart_and_no_one_history_can(
    size: int, more: int, parts_at: int, data: st.DataObject
) -> None:
    a, b = tree(size), tree(size + more, parts_at=parts_at)
    if parts_at >= size:
        with pytest.raises(BadProof):
            checked(prefix_proof(a, b) if more else ForkProof(note_of(a), note_of(b), Roots()))
        return
    index = data.draw(st.integers(parts_at, size - 1))
    assert checked(leaves_proof(a, b, index)).index == index
    if more:
        assert checked(prefix_proof(a, b)).a.size == size
    else:
        assert checked(ForkProof(note_of(a), note_of(b), Roots())).a.size == size


def test_sizes_and_kinds_are_bounded() -> None:
    raw = encode(prefix_proof(tree(5), tree(9, parts_at=2)))
    with pytest.raises(TooLarge):
        decode(raw + bytes(400_000))
    with pytest.raises(MalformedMessage, match="kind"):
        decode(raw.replace(b"kind prefix", b"kind rumour"))
    with pytest.raises(MalformedMessage, match="first line"):
        decode(b"jishi-leaves/v1\n\n")


def test_golden_proofs_are_read_and_hold(golden: Callable[[str], dict[str, Any]]) -> None:
    made = golden("forks")
    key = parse_vkey(made["vkey"])
    for kind, index in (("leaves", 2), ("roots", None), ("prefix", None)):
        raw = made[kind].encode()
        assert encode(decode(raw)) == raw
        found = verify_fork(decode(raw), key)
        assert (found.index, found.a.size) == (index, 3), kind


def test_the_page_shows_the_golden_proof(golden: Callable[[str], dict[str, Any]]) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "forks.md").read_text("utf-8")
    made = golden("forks")
    assert made["leaves"] in page.replace("\n    ", "\n")
    assert made["vkey"] in page
