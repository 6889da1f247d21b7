"""Which beacons an agent journals, when it asks for one, and what it says of a log that goes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.beacons import ASK_AGAIN_MS, EVERY_MS, IDLE_EVERY_MS, BeaconBook, is_powered
from agent.reading import Channel
from protocol import beacon, merkle
from protocol.entry import Beacon, Entry, make
from protocol.keys import COSIGNATURE, SigningKey
from protocol.note import Checkpoint

ORIGIN = "jishi.example/a/em-01/1"
KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes(32))
ROGUE = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes([1]) * 32)
ROOTS = {size: merkle.root([merkle.leaf_hash(b"%d" % size)]) for size in range(200)}


def note(size: int, *, log: str = "2026-1", key: SigningKey = KEY, root: bytes | None = None) -> bytes:
    return of("jishi.example", size, log=log, key=key, root=root)


def of(domain: str, size: int, *, log: str = "2026-1", key: SigningKey = KEY, root: bytes | None = None) -> bytes:
    checkpoint = Checkpoint(f"{domain}/log/{log}", size, ROOTS[size] if root is None else root)
    return beacon.beacon_note(checkpoint, key, time_s=1_764_554_700 + size)


class Desk:
    """A book over a directory, with a journal in memory."""

    def __init__(self, directory: Path) -> None:
        self.written: list[Beacon] = []
        self.powered = True
        self.takes = True
        self.book = BeaconBook(
            directory, ORIGIN, receipt_key=KEY.verifier, write=self.write, is_powered=lambda: self.powered
        )

    def write(self, body: Beacon) -> Entry | None:
        if not self.takes:
            return None
        self.written.append(body)
        return make(body, index=0, wall_ms=0, mono_ms=0, boot="00000000")

    @property
    def sizes(self) -> list[int]:
        return [body.size for body in self.written]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.book.close()


def test_the_first_one_is_journalled_and_is_what_was_signed(desk: Desk) -> None:
    desk.book.take(note(3), 1000)
    assert beacon.verify_beacon(desk.written[0], domain="jishi.example", receipt_keys=[KEY.verifier]).size == 3
    assert desk.book.view == ("2026-1", 3, 1_764_554_703, "")


@pytest.mark.parametrize(("powered", "every_ms"), [(True, EVERY_MS), (False, IDLE_EVERY_MS)])
def test_the_next_one_is_asked_for_and_taken_when_it_is_due(desk: Desk, powered: bool, every_ms: int) -> None:
    desk.powered = powered
    desk.book.take(note(3), 1000)
    assert not desk.book.due(1000 + every_ms - 1)
    desk.book.take(note(4), 1000 + every_ms - 61_000)
    assert desk.sizes == [3]
    assert desk.book.due(1000 + every_ms)
    desk.book.take(note(5), 1000 + every_ms)
    assert desk.sizes == [3, 5]


def test_a_collector_without_beacons_is_asked_once_in_a_while(desk: Desk) -> None:
    assert desk.book.due(1000)
    assert not desk.book.due(1000 + ASK_AGAIN_MS - 1)
    assert desk.book.due(1000 + ASK_AGAIN_MS)


def test_powering_up_makes_the_next_one_due(desk: Desk) -> None:
    desk.powered = False
    desk.book.take(note(3), 0)
    assert not desk.book.due(EVERY_MS)
    desk.powered = True
    assert desk.book.due(EVERY_MS)


@pytest.mark.parametrize("raw", [note(3, key=ROGUE), of("other.example", 3), b"", b"jishi.example/log/2026-1\n"])
def test_what_is_not_from_our_collector_costs_nothing(desk: Desk, raw: bytes) -> None:
    desk.book.take(raw, 1000)
    assert desk.written == []
    desk.book.take(note(3), 1000)
    assert desk.sizes == [3]


def test_a_log_that_goes_back_is_told_and_not_journalled(desk: Desk) -> None:
    desk.book.take(note(30), 0)
    desk.book.take(note(29), EVERY_MS)
    assert desk.sizes == [30]
    assert "has gone back from 30 to 29 leaves" in desk.book.view.problem
    desk.book.take(note(31), 2 * EVERY_MS)
    assert (desk.sizes, desk.book.view.problem) == ([30, 31], "")


def test_two_trees_of_one_size_are_told(desk: Desk) -> None:
    desk.book.take(note(30), 0)
    desk.book.take(note(30, root=bytes(32)), EVERY_MS)
    assert desk.sizes == [30]
    assert "shows two trees of 30 leaves" in desk.book.view.problem
    desk.book.take(note(30), 2 * EVERY_MS)
    assert desk.sizes == [30, 30], "a log may rest for a while"


def test_the_next_log_may_begin_small(desk: Desk) -> None:
    desk.book.take(note(30), 0)
    desk.book.take(note(1, log="2026-2"), EVERY_MS)
    assert desk.sizes == [30, 1]
    desk.book.take(note(29), 2 * EVERY_MS)
    assert "2026-1 has gone back" in desk.book.view.problem


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.book.take(note(30), 0)
    first.book.close()
    again = Desk(tmp_path)
    again.book.take(note(29), 0)
    assert again.written == []
    assert "gone back" in again.book.view.problem
    again.book.take(note(30), 0)
    assert again.sizes == [30], "the first one of each run is journalled, however short ago the last one was"
    again.book.close()


def test_what_the_journal_does_not_take_is_asked_for_again(desk: Desk) -> None:
    desk.takes = False
    desk.book.take(note(3), 0)
    assert desk.book.view.time_s == 0
    desk.takes = True
    assert desk.book.due(0)
    desk.book.take(note(4), 0)
    assert desk.sizes == [4]


class Seen(NamedTuple):
    watcher: Any
    values: dict[str, int | str]


class Watching(NamedTuple):
    name: str
    channels: tuple[Channel, ...]


METER = Watching("meter1", (Channel("power", "gauge", 1000),))
SOFTWARE = Watching("software", (Channel("state", "state", 1000),))
FILES = Watching("files", (Channel("growth", "count", 1000),))


@pytest.mark.parametrize(("seen", "expected"), [
    ([], True),
    ([Seen(METER, {})], True),
    ([Seen(METER, {"power_mw": 3_000})], False),
    ([Seen(METER, {"power_mw": 6_000})], True),
    ([Seen(METER, {"power_mw": 0}), Seen(FILES, {"growth": 1})], True),
    ([Seen(METER, {"power_mw": 0}), Seen(FILES, {"growth": 0})], False),
    ([Seen(SOFTWARE, {"state": "open"})], False),
    ([Seen(SOFTWARE, {"state": "Measuring"})], True),
])  # fmt: skip
def test_what_counts_as_powered(seen: list[Seen], expected: bool) -> None:
    assert is_powered(seen, {}) is expected


def test_levels_of_the_collector_go_before_our_own_guess() -> None:
    levels = {("meter1", "power"): (30_000, 900_000)}
    assert not is_powered([Seen(METER, {"power_mw": 20_000})], levels)
    assert is_powered([Seen(METER, {"power_mw": 40_000})], levels)
