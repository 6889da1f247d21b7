"""An agent in memory: a key, a list of entries, and the messages that a real one would send.

Only protocol is used, so that what the collector is tested with does not come from the code under test.
"""

import hashlib
from collections.abc import Sequence

from protocol import merkle, note
from protocol.batch import Batch, pack_batch
from protocol.entry import Body, Reading, WatcherChange, encode, make
from protocol.leaves import Ask, Leaves, pack_leaves
from protocol.message import Hello, pack
from protocol.topics import agent_origin, up_topic

DOMAIN = "jishi.example"
BOOT = "5f3a9c01"
START_MS = 1_764_554_400_000  # 2025-12-01 10:00 in Shanghai
BLOCK_MS = 300_000
RECEIPT_KEY = note.SigningKey(f"{DOMAIN}/receipt/1", note.COSIGNATURE, b"r" * 32)


class LightAgent:
    """One log. `entries` are encoded; `append` adds one, `batch` packs a slice with a checkpoint over its end."""

    def __init__(self, agent_id: str = "em-01", *, epoch: int = 1, seed: bytes | None = None) -> None:
        self.agent_id = agent_id
        self.origin = agent_origin(DOMAIN, agent_id, epoch)
        seed = hashlib.sha256(self.origin.encode()).digest() if seed is None else seed
        self.key = note.SigningKey(self.origin, note.ED25519, seed)
        self.entries: list[bytes] = []
        self._frontiers = [merkle.EMPTY_FRONTIER]

    @property
    def vkey(self) -> str:
        return str(self.key.verifier)

    @property
    def topic(self) -> str:
        return up_topic(self.agent_id)

    def append_all_of(self, other: "LightAgent") -> None:
        """The same entries as another's, hashed once: entries do not name their agent."""
        assert not self.entries
        self.entries, self._frontiers = list(other.entries), list(other._frontiers)

    def append(self, body: Body, *, wall_ms: int | None = None, mono_ms: int | None = None) -> None:
        index = len(self.entries)
        mono_ms = (index + 1) * BLOCK_MS if mono_ms is None else mono_ms
        wall_ms = START_MS + mono_ms if wall_ms is None else wall_ms
        self.append_raw(encode(make(body, index=index, wall_ms=wall_ms, mono_ms=mono_ms, boot=BOOT)))

    def append_raw(self, entry: bytes) -> None:
        """Any bytes at all: what is hashed need not be an entry that anybody knows."""
        self.entries.append(entry)
        self._frontiers.append(self._frontiers[-1].append(merkle.leaf_hash(entry)))

    def append_readings(self, count: int, *, watcher: str = "meter1", power_mw: int = 900_000) -> None:
        """Blocks of five intervals that follow each other without a hole."""
        for _ in range(count):
            index = len(self.entries)
            self.append(reading(index * BLOCK_MS, watcher=watcher, power_mw=power_mw + index))

    def append_notes(self, count: int) -> None:
        """Entries that are no readings."""
        for number in range(count):
            self.append(WatcherChange("meter1", "up", f"event {number}"))

    def root(self, size: int | None = None) -> bytes:
        return self._frontiers[len(self.entries) if size is None else size].root()

    def checkpoint(self, size: int | None = None, *, root: bytes | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        signed = note.Checkpoint(self.origin, size, self.root(size) if root is None else root)
        return note.sign_checkpoint(signed, self.key)

    def batch(self, old: int = 0, size: int | None = None) -> Batch:
        size = len(self.entries) if size is None else size
        return Batch(old, self.checkpoint(size), tuple(self.entries[old:size]))

    def payload(self, old: int = 0, size: int | None = None) -> bytes:
        return pack_batch(self.batch(old, size))

    def leaves(self, ask: Ask) -> bytes:
        """The answer to a question, as an agent that has all of its entries gives it."""
        hashes = [merkle.leaf_hash(entry) for entry in self.entries[: ask.size]]
        if ask.level:
            hashes = [merkle.root(hashes[at : at + 256]) for at in range(0, len(hashes), 256)]
        chosen = tuple(hashes[ask.first : ask.end])
        return pack_leaves(Leaves(ask.log, ask.size, ask.level, ask.first, self.checkpoint(ask.size), chosen))

    def hello(self, nonce: str = "0" * 32) -> bytes:
        return pack(Hello(nonce, self.checkpoint()))


def reading(
    start_mono_ms: int,
    *,
    watcher: str = "meter1",
    power_mw: int = 900_000,
    durations_ms: Sequence[int] = (140_013, 2_001, 1_990, 2_017, 153_979),
) -> Reading:
    """A gauge block; its intervals differ a little, as those of a meter do."""
    means = tuple(power_mw + 37 * i for i in range(len(durations_ms)))
    return Reading(
        watcher=watcher,
        channel="power",
        start_mono_ms=start_mono_ms,
        durations_ms=tuple(durations_ms),
        means=means,
        lows=tuple(mean - 700 for mean in means),
        highs=tuple(mean + 900 for mean in means),
        deltas=tuple(1000 * (i % 3) for i in range(len(durations_ms))),
        counter=1_646_000 + start_mono_ms // 1000,
    )
