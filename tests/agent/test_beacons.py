"""Which beacons an agent journals, when it asks for one, and what it says of a log that goes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.beacons import ASK_AGAIN_MS, EVERY_MS, IDLE_EVERY_MS, LATE_MS, BeaconBook, is_powered
from agent.disk import Disk
from agent.reading import Channel
from agent.slots import BLOCK_BYTES, Slots
from protocol import beacon, merkle
from protocol.entry import Beacon, Entry, make
from protocol.keys import COSIGNATURE, SigningKey
from protocol.note import Checkpoint

DOMAIN = "jishi.example"
ORIGIN = f"{DOMAIN}/a/em-01/1"
BEGAN_S = 1_764_554_700
KEY = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes(32))
ROGUE = SigningKey("jishi.example/receipt/1", COSIGNATURE, bytes([1]) * 32)
ROOTS = {size: merkle.root([merkle.leaf_hash(b"%d" % size)]) for size in range(200)}


def note(
    size: int, at_s: int = 0, *, log: str = "2026-1", key: SigningKey = KEY, root: bytes | None = None, of: str = DOMAIN
) -> bytes:
    """A beacon note of so many leaves, signed `at_s` seconds after 1 764 554 700."""
    checkpoint = Checkpoint(f"{of}/log/{log}", size, ROOTS[size] if root is None else root)
    return beacon.beacon_note(checkpoint, key, time_s=BEGAN_S + at_s)


class Desk:
    """A book over a directory, with a recorder that journals in memory."""

    def __init__(self, directory: Path) -> None:
        self.written: list[Beacon] = []
        self.is_powered = True
        self.jumped_ms = 0
        self.takes = True
        self.book = BeaconBook(directory, ORIGIN, receipt_key=KEY.verifier, recording=self)

    def write(self, body: Beacon, /) -> Entry | None:
        if not self.takes:
            return None
        self.written.append(body)
        return make(body, index=0, wall_ms=0, mono_ms=0, boot="00000000")

    def take(self, raw: bytes, now_ms: int, *, waited_ms: int = 100) -> None:
        self.book.take(raw, now_ms, asked_ms=now_ms - waited_ms)

    @property
    def sizes(self) -> list[int]:
        return [body.size for body in self.written]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.book.close()


def test_the_first_one_is_journalled_and_is_what_was_signed(desk: Desk) -> None:
    desk.take(note(3), 1000)
    assert beacon.verify_beacon(desk.written[0], domain=DOMAIN, receipt_keys=[KEY.verifier]).size == 3
    assert desk.book.view == ("2026-1", 3, BEGAN_S, "")


# When


@pytest.mark.parametrize(("powered", "every_ms"), [(True, EVERY_MS), (False, IDLE_EVERY_MS)])
def test_the_next_one_is_asked_for_and_taken_when_it_is_due(desk: Desk, powered: bool, every_ms: int) -> None:
    desk.is_powered = powered
    desk.take(note(3), 1000)
    assert not desk.book.due(1000 + every_ms - 1)
    desk.take(note(4, 100), 1000 + every_ms - 61_000)
    assert desk.sizes == [3]
    assert desk.book.due(1000 + every_ms)
    desk.take(note(5, 200), 1000 + every_ms)
    assert desk.sizes == [3, 5]


def test_a_collector_without_beacons_is_asked_once_in_a_while(desk: Desk) -> None:
    assert desk.book.due(1000)
    assert not desk.book.due(1000 + ASK_AGAIN_MS - 1)
    assert desk.book.due(1000 + ASK_AGAIN_MS)


def test_powering_up_makes_the_next_one_due(desk: Desk) -> None:
    desk.is_powered = False
    desk.take(note(3), 0)
    assert not desk.book.due(EVERY_MS)
    desk.is_powered = True
    assert desk.book.due(EVERY_MS)


def test_after_a_jump_of_the_clock_the_next_one_is_due_at_once(desk: Desk) -> None:
    desk.take(note(3), 1000)
    desk.jumped_ms = 200_000
    assert desk.book.due(201_000)
    desk.take(note(4, 201), 201_000)
    assert desk.sizes == [3, 4]
    assert not desk.book.due(201_000 + ASK_AGAIN_MS)


def test_what_the_journal_does_not_take_is_asked_for_again(desk: Desk) -> None:
    desk.takes = False
    desk.take(note(3), 0)
    assert desk.book.view.time_s == 0
    desk.takes = True
    assert desk.book.due(0)
    desk.take(note(4, 1), 0)
    assert desk.sizes == [4]


# What costs nothing, because anybody on the way could do it


@pytest.mark.parametrize("raw", [note(3, key=ROGUE), note(3, of="other.example"), b"", b"jishi.example/log/2026-1\n"])
def test_what_is_not_from_our_collector_costs_nothing(desk: Desk, raw: bytes) -> None:
    desk.take(raw, 1000)
    assert desk.written == []
    desk.take(note(3), 1000)
    assert desk.sizes == [3]


def test_one_that_took_too_long_is_not_taken_and_another_is_asked_for(desk: Desk) -> None:
    desk.take(note(3), 100_000, waited_ms=LATE_MS + 1)
    assert desk.written == []
    assert desk.book.due(100_000)
    desk.take(note(4), 100_000, waited_ms=LATE_MS)
    assert desk.sizes == [4]


@pytest.mark.parametrize("old", [note(30), note(20), note(20, -100)])
def test_old_ones_said_again_are_ignored_and_accuse_nobody(desk: Desk, old: bytes) -> None:
    desk.take(note(30), 0)
    desk.take(old, EVERY_MS)
    assert (desk.sizes, desk.book.view.problem) == ([30], "")
    assert desk.book.due(EVERY_MS)


def test_a_collector_whose_clock_was_put_back_is_believed_again_at_once(desk: Desk) -> None:
    desk.take(note(30, 86_400 * 365), 0)
    desk.take(note(31, 0), EVERY_MS)
    assert (desk.sizes, desk.book.view.problem) == ([30, 31], "")


# What only the collector can have signed


def test_a_log_that_goes_back_is_told_and_not_journalled(desk: Desk) -> None:
    desk.take(note(30), 0)
    desk.take(note(29, 600), EVERY_MS)
    assert desk.sizes == [30]
    assert "has gone back from 30 to 29 leaves" in desk.book.view.problem
    desk.take(note(31, 1200), 2 * EVERY_MS)
    assert (desk.sizes, desk.book.view.problem) == ([30, 31], "")


@pytest.mark.parametrize("at_s", [-600, 0, 600])
def test_two_trees_of_one_size_are_told_whatever_their_times(desk: Desk, at_s: int) -> None:
    desk.take(note(30), 0)
    desk.take(note(30, at_s, root=bytes(32)), EVERY_MS)
    assert desk.sizes == [30]
    assert "shows two trees of 30 leaves" in desk.book.view.problem


def test_a_log_may_rest_for_a_while(desk: Desk) -> None:
    desk.take(note(30), 0)
    desk.take(note(30, 600), EVERY_MS)
    assert (desk.sizes, desk.book.view.problem) == ([30, 30], "")


def test_the_next_log_may_begin_small(desk: Desk) -> None:
    desk.take(note(30), 0)
    desk.take(note(1, 600, log="2026-2"), EVERY_MS)
    assert desk.sizes == [30, 1]
    desk.take(note(29, 1200), 2 * EVERY_MS)
    assert "2026-1 has gone back" in desk.book.view.problem


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.take(note(30), 0)
    first.book.close()
    again = Desk(tmp_path)
    again.take(note(29, 1), 0)
    assert again.written == []
    assert "gone back" in again.book.view.problem
    again.take(note(30, 2), 0)
    assert again.sizes == [30], "the first one of each run is journalled, however short ago the last one was"
    again.book.close()


def test_a_slot_that_says_nothing_is_as_good_as_none(tmp_path: Path) -> None:
    slot = Slots(tmp_path / "beacon", slot_bytes=BLOCK_BYTES, count=2, disk=Disk())
    slot.write(b'{"2026-1":[30]}', sync=True)
    slot.close()
    desk = Desk(tmp_path)
    desk.take(note(3), 0)
    assert desk.sizes == [3]
    desk.book.close()


# Powered


class Seen(NamedTuple):
    watcher: Any
    values: dict[str, int | str]


class Watching(NamedTuple):
    name: str
    kind: str
    channels: tuple[Channel, ...]


METER = Watching("meter1", "modbus-meter", (Channel("power", "gauge", 1000),))
SOFTWARE = Watching("software", "status-poll", (Channel("state", "state", 1000),))
FILES = Watching("files", "data-files", (Channel("growth", "count", 1000),))
HOST = Watching("pc", "host", (Channel("host", "state", 1000), Channel("session", "state", 1000)))
READER = Watching("cards", "card-reader", (Channel("port", "state", 1000),))
ON = {"host": "on", "session": "present"}


@pytest.mark.parametrize(("seen", "expected"), [
    ([], True),
    ([Seen(METER, {})], True),
    ([Seen(HOST, ON), Seen(READER, {"port": "open"})], True),
    ([Seen(HOST, ON), Seen(METER, {"power_mw": 0})], False),
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
