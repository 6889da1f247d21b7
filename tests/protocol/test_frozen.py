"""Leaves, order and manifest of a frozen period."""

import hashlib

import pytest

from protocol import frozen, merkle
from protocol.errors import MalformedFrozen, TooLarge
from protocol.frozen import Figure, Manifest, Owner, Record, Tree

COUNTS = dict.fromkeys(frozen.KINDS, 0)
MANIFEST = Manifest(
    v=1, name="2026", first_day="2026-01-01", last_day="2026-12-31", unit="", at=1_798_992_000_000, by="Wang",
    leaves=COUNTS, root="5c" * 32,
)  # fmt: skip


def test_leaves_are_json_arrays_that_begin_with_their_kind() -> None:
    assert frozen.encode_leaf(Record("A001", "2026-03-02", "b1" * 32)) == (
        b'["record","A001","2026-03-02","%s"]' % (b"b1" * 32)
    )
    assert frozen.encode_leaf(Figure("A001", "", {"network": 365})) == b'["figure","A001","",{"network":365}]'
    assert frozen.encode_leaf(Owner("A001", "U", "2026-01-01", "2026-12-31")).startswith(b'["owner","A001","U",')


def test_the_tree_is_the_one_of_rfc_6962_over_the_leaves_in_order() -> None:
    leaves = [b'["figure","A001","",{}]', b'["record","A001","2026-03-02","b1"]']
    tree = Tree()
    tree.add("figure", leaves[:1])
    tree.add("record", leaves[1:])
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    assert tree.root == hashlib.sha256(b"\x01" + hashes[0] + hashes[1]).hexdigest()
    assert tree.counts == {**COUNTS, "figure": 1, "record": 1}
    assert Tree().root == merkle.EMPTY_ROOT.hex()


def test_kinds_come_in_their_order_only() -> None:
    tree = Tree()
    tree.add("record", [])
    with pytest.raises(ValueError, match="come before"):
        tree.add("figure", [])


def test_a_manifest_is_read_as_it_was_written() -> None:
    raw = frozen.encode(MANIFEST)
    assert frozen.decode(raw) == MANIFEST
    assert frozen.identity(raw) == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda raw: raw.replace(b'"v":1', b'"v":2'), "1"),
        (lambda raw: raw.replace(b'"name":"2026"', b'"name":"two words"'), "a name has"),
        (lambda raw: raw.replace(b"2026-12-31", b"2025-12-31"), "ends before it begins"),
        (lambda raw: raw.replace(b"2026-12-31", b"2026-13-31"), "month"),
        (lambda raw: raw.replace(b"5c", b"5C"), "root has 64"),
        (lambda raw: raw.replace(b'"figure":0,"fact":0', b'"fact":0,"figure":0'), "in this order"),
        (lambda raw: raw.replace(b'"figure":0', b'"figure":-1'), ">= 0"),
        (lambda raw: raw.replace(b'"by"', b' "by"'), "canonical"),
        (lambda raw: raw.replace(b'"unit":""', b'"unit":"","unit":""'), "canonical"),
    ],
)
def test_what_is_no_manifest_is_refused(spoil: object, why: str) -> None:
    with pytest.raises(MalformedFrozen, match=why):
        frozen.decode(spoil(frozen.encode(MANIFEST)))  # type: ignore[operator]


def test_what_is_too_long_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        frozen.decode(b"{" * 9000)
