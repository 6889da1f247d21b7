"""Beacons and receipts that cannot be: who showed two histories, and whose clock is false."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.beacon import beacon_note, open_beacon
from protocol.clock_bounds import Clocks, Fix, shift_ms
from protocol.keys import COSIGNATURE, SigningKey
from protocol.note import Checkpoint
from protocol.verify.blocks import Blocks
from protocol.verify.journal import Journal
from protocol.verify.trust import parse_trust
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import verify
from tests.protocol.bundles import LOG, RECEIPT, Memory, World, trust_text
from tests.protocol.verify.verifying import found, told


class Lying(World):
    """The collector shows the agent another checkpoint, or another time, in one beacon."""

    lie = ""
    has_lied = False

    def _beacon(self, at: int) -> None:
        if len(self.fixes) != 70 or not self.lie or self.has_lied:
            super()._beacon(at)
            return
        self.has_lied = True
        size, root, time_s = self._log.size, self._log.root(), at // 1000
        if self.lie == "shrank":
            size -= 3
        elif self.lie in ("late", "forged"):
            time_s += 86_400
        elif self.lie == "ahead":
            size += 100_000
        key = RECEIPT if self.lie != "forged" else SigningKey(RECEIPT.name, COSIGNATURE, b"q" * 32)
        note = beacon_note(Checkpoint(LOG.name, size, root), key, time_s=time_s)
        self.beacons["2026-1", size] = (size, root)
        if key is not RECEIPT:
            self._put(open_beacon(note, key.verifier).body, at)
            return
        self._put(open_beacon(note, RECEIPT.verifier).body, at)
        self.fixes.append(("5f3a9c01", Fix(len(self.entries) - 1, at - self.start_ms + 1_000, time_s * 1000)))

    def _consistency(self, tiles, first):
        return (each for each in super()._consistency(_Kind(tiles), first) if each["proof"] is not None)


class _Kind:
    """Proofs where there can be one."""

    def __init__(self, tiles) -> None:
        self._tiles = tiles

    def consistency_proof(self, size):
        return self._tiles.consistency_proof(size) if size <= self._tiles.size else ()


@cache
def result_of(lie: str):
    world = type("Told", (Lying,), {"lie": lie})()
    return verify(Memory(world.sealed()), parse_trust(trust_text()))


def test_the_same_world_without_a_lie_is_valid() -> None:
    assert result_of("").verdict is Verdict.VALID, told(result_of(""))


@pytest.mark.parametrize(
    "lie, word", [("shrank", "beacon-shrank"), ("late", "beacon-late"), ("ahead", "beacon-shrank")]
)
def test_a_beacon_that_cannot_be(lie, word) -> None:
    result = result_of(lie)
    assert result.verdict is Verdict.CONTRADICTED
    assert word in found(result), told(result)


def test_a_beacon_that_no_trusted_key_signed_bounds_nothing_and_accuses_nobody() -> None:
    result = result_of("forged")
    assert (result.verdict, found(result)) == (Verdict.INCOMPLETE, {"beacon-unknown"}), told(result)


@given(
    offsets=st.lists(st.integers(-(10**8), 10**8) | st.none(), min_size=1, max_size=6),
    near=st.booleans(),
    apart=st.integers(-(10**8), 10**8),
    place=st.integers(0, 70),
)
def test_the_quick_look_at_a_clock_says_what_the_long_one_says(offsets, near, apart, place) -> None:
    if near:
        offsets = [None if each is None else each % 150_000 for each in offsets]
        apart %= 200_000
    fixes = [Fix(10 * n, 1000 * n, None if each is None else 1000 * n + each) for n, each in enumerate(offsets)]
    journal = Journal("jishi.example/a/em-01/1", "em-01", fixes={"5f3a9c01": fixes})
    blocks = Blocks(None, [], [], asset_no="A001")  # type: ignore[arg-type]
    at = Clocks(place, 1000 * place + apart, 1000 * place)
    assert blocks._shift_ms(journal, "5f3a9c01", at) == shift_ms(at, fixes)
