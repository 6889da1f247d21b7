"""Tiles: their places, their bytes, and the proofs that follow from them, against the plain recursion of merkle.py."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle, tiles
from protocol.errors import BadProof, ForeignBytesError, MalformedBatch, MalformedName, TooLarge

ENTRIES = [b"entry %d" % number for number in range(1100)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def directory(size: int) -> dict[str, bytes]:
    """A whole log of so many entries, as files."""
    files: dict[str, bytes] = {}
    builder = tiles.Builder()
    for leaf in LEAVES[:size]:
        files |= {tile.path: raw for tile, raw in builder.add(leaf)}
    files |= {tile.path: raw for tile, raw in builder.partial()}
    for index, width in tiles.bundles_of(size):
        at = index * tiles.WIDTH
        files[tiles.entries_path(index, width=width)] = tiles.pack_entries(ENTRIES[at : at + width])
    return files


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tiles.tile_path(0, 0), "tile/0/000"),
        (tiles.tile_path(0, 999), "tile/0/999"),
        (tiles.tile_path(0, 1000), "tile/0/x001/000"),
        (tiles.tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tiles.tile_path(2, 5, width=1), "tile/2/005.p/1"),
        (tiles.tile_path(63, 5, width=256), "tile/63/005"),
        (tiles.entries_path(1001, width=255), "tile/entries/x001/001.p/255"),
    ],
)
def test_places_are_those_of_the_specification(path: str, expected: str) -> None:
    assert path == expected


@given(
    level=st.none() | st.integers(0, 63),
    number=st.integers(0, 10**12),
    width=st.integers(1, 256),
)
def test_a_path_is_read_back_as_its_place(level: int | None, number: int, width: int) -> None:
    place = tiles.Place(level, number, width)
    assert tiles.parse_path(place.path) == place


@pytest.mark.parametrize("path", [
    "", "checkpoint", "tile/0/0", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/x000/001", "tile/0/001/002",
    "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/01", "tile/0/000.p", "tile/0/000/",
    "tile/0/../0/000", "../tile/0/000", "/tile/0/000", "tile/entries/x1/000", "tile/data/000", "tile/0/000\n",
    "tile/0/٠٠٠",
])  # fmt: skip
def test_any_other_spelling_is_no_path(path: str) -> None:
    with pytest.raises(MalformedName, match="no path of a tile"):
        tiles.parse_path(path)


@pytest.mark.parametrize(("path", "end"), [
    ("tile/0/000.p/3", 3), ("tile/0/001", 512), ("tile/1/000.p/2", 512), ("tile/2/000.p/1", 65536),
    ("tile/entries/002.p/1", 513),
])  # fmt: skip
def test_a_place_says_from_which_size_on_a_tree_has_it(path: str, end: int) -> None:
    assert tiles.parse_path(path).end == end


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_place_that_cannot_be_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        tiles.tile_path(level, index, width=width)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1024, 1100])
def test_a_tree_that_grew_leaf_by_leaf_has_the_tiles_that_its_size_asks_for(size: int) -> None:
    files = {path: raw for path, raw in directory(size).items() if "entries" not in path}
    wanted = {tile.path: tile.width for tile in tiles.tiles_of(size)}
    assert {path: len(raw) // 32 for path, raw in files.items()} == wanted


@given(size=st.integers(1, 1100), data=st.data())
@settings(max_examples=60)
def test_roots_frontiers_and_proofs_are_those_of_the_leaves(size: int, data: st.DataObject) -> None:
    tree = tiles.Tiles(directory(size).get, size)
    smaller = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, smaller - 1))
    assert tree.root(smaller) == merkle.root(LEAVES[:smaller])
    assert tree.frontier(smaller) == merkle.EMPTY_FRONTIER.extend(LEAVES[:smaller])
    assert tree.inclusion_proof(index, size=smaller) == merkle.inclusion_proof(LEAVES[:smaller], index)
    assert tree.consistency_proof(smaller) == merkle.consistency_proof(LEAVES[:size], smaller)
    assert tree.leaf(index) == LEAVES[index]


@given(size=st.integers(0, 1000), more=st.integers(0, 100))
@settings(max_examples=40)
def test_a_builder_goes_on_where_another_ended(size: int, more: int) -> None:
    resumed = tiles.Builder.resume(tiles.Tiles(directory(size).get, size))
    made = {}
    for leaf in LEAVES[size : size + more]:
        made |= dict(resumed.add(leaf))
    made |= dict(resumed.partial())
    whole = directory(size + more)
    assert all(whole[tile.path] == raw for tile, raw in made.items())
    assert {tile.path for tile, _ in made.items()} >= {tile.path for tile in tiles.tiles_of(size + more, since=size)}


def test_a_missing_tile_is_named() -> None:
    files = directory(600)
    del files["tile/0/001"]
    with pytest.raises(BadProof, match="tile/0/001 is missing"):
        tiles.Tiles(files.get, 600).inclusion_proof(300)


def test_full_tiles_and_bundles_stand_for_partial_ones_that_are_gone() -> None:
    files, root = directory(512), merkle.root(LEAVES[:300])
    del files["tile/1/000.p/2"]
    files["tile/1/000"] = b"".join(tiles.perfect_root(LEAVES[at : at + 256]) for at in (0, 256)) + bytes(
        64
    )  # it grew on
    assert list(tiles.check(files.get, 300, root)) == []
    assert tiles.Tiles(files.get, 300).root() == root
    files["tile/entries/001"] = files["tile/entries/001"][:-1]
    assert [found[:2] for found in tiles.check(files.get, 300, root)] == [("tile/entries/001.p/44", False)]


def test_beside_a_missing_bundle_everything_else_is_checked() -> None:
    files = directory(700)
    del files["tile/entries/000"]
    raw = files["tile/entries/002.p/188"]
    files["tile/entries/002.p/188"] = raw[:-1] + bytes([raw[-1] ^ 1])
    found = [each[:2] for each in tiles.check(files.get, 700, merkle.root(LEAVES[:700]))]
    assert found == [("tile/entries/000", True), ("tile/0/002.p/188", False), ("checkpoint", False)]


def test_without_a_bundle_and_its_tile_nothing_follows() -> None:
    files = directory(700)
    del files["tile/entries/001"], files["tile/0/001"]
    found = [each[:2] for each in tiles.check(files.get, 700, merkle.root(LEAVES[:700]))]
    assert found == [("tile/entries/001", True), ("tile/0/001", True)]


def test_a_whole_directory_is_as_it_should_be() -> None:
    assert list(tiles.check(directory(700).get, 700, merkle.root(LEAVES[:700]))) == []


def test_each_byte_that_is_altered_anywhere_is_found() -> None:
    files, root = directory(300), merkle.root(LEAVES[:300])
    for path, raw in files.items():
        for at in range(0, len(raw), 97):
            altered = files | {path: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]}
            found = list(tiles.check(altered.get, 300, root))
            assert found, f"byte {at} of {path}"
            assert not any(is_missing for _, is_missing, _ in found)


def test_each_file_that_is_missing_is_named_as_missing() -> None:
    files, root = directory(600), merkle.root(LEAVES[:600])
    for path in files:
        rest = {other: raw for other, raw in files.items() if other != path}
        assert (path, True) in [found[:2] for found in tiles.check(rest.get, 600, root)]


def test_an_altered_hash_is_named_by_its_place() -> None:
    files = directory(600)
    raw = files["tile/0/001"]
    files["tile/0/001"] = raw[:64] + bytes(32) + raw[96:]
    found = list(tiles.check(files.get, 600, merkle.root(LEAVES[:600])))
    assert found == [("tile/0/001", False, "hash 2 is not that of entry 258")]


def test_bundles_of_the_wrong_form_cause_one_family_of_error() -> None:
    assert tiles.parse_entries(b"\x00\x01a\x00\x00") == (b"a", b"")
    with pytest.raises(MalformedBatch, match="in the middle of entry 1"):
        tiles.parse_entries(b"\x00\x01a\x00\x02b")
    with pytest.raises(TooLarge, match="holds 1 entries"):
        tiles.parse_entries(b"\x00\x00\x00\x00", most=1)
    with pytest.raises(MalformedBatch, match="has 64 bytes"):
        tiles.parse_hashes(bytes(63), width=2)
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        tiles.pack_entries([bytes(65_536)])


@given(st.binary(max_size=200))
def test_whatever_comes_as_a_bundle_is_read_or_refused(raw: bytes) -> None:
    try:
        entries = tiles.parse_entries(raw)
    except ForeignBytesError:
        return
    assert tiles.pack_entries(entries) == raw
