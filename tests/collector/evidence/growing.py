"""A sequencer over a province's database, with a clock that is moved."""

from datetime import date
from pathlib import Path

from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Head, Keys
from collector.keys import ensure_receipt_key
from protocol import beacon, entry, log_leaf
from protocol.interval import day_bounds_ms
from protocol.note import Checkpoint
from tests.collector.province import DOMAIN, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
NOON_MS = day_bounds_ms(date(2026, 11, 20))[0] + 12 * 3_600_000


class Log:
    """A sequencer over a province's database, with a clock that is moved."""

    def __init__(self, province: Province, directory: Path) -> None:
        self.connection = province.connection
        self.data_dir = directory
        self.receipt = ensure_receipt_key(directory, DOMAIN)
        self.now_ms = NOON_MS
        self.keys = Keys(directory, DOMAIN, self.receipt)
        self.worker = LogWorker("", self.keys, directory=directory / "log", now_ms=lambda: self.now_ms)

    def grow(self, *, minutes: int = 1) -> Head:
        self.now_ms += 60_000 * minutes
        return self.worker.work(self.connection)

    def leaves(self, name: str = "2026-1") -> list[log_leaf.Leaf]:
        rows = self.connection.execute("SELECT body FROM log_leaf WHERE log = %s ORDER BY leaf_index", [name])
        return [log_leaf.decode(bytes(raw)) for (raw,) in rows]

    def read(self, path: str, name: str = "2026-1") -> bytes | None:
        file = self.data_dir / "log" / name / path
        return file.read_bytes() if file.exists() else None

    def put_beacon(self, checkpoint: Checkpoint, *, index: int = 0) -> None:
        """What ingest stores of a beacon that an agent journalled."""
        raw = beacon.beacon_note(checkpoint, self.receipt, time_s=self.now_ms // 1000)
        body = beacon.open_beacon(raw, self.receipt.verifier).body
        encoded = entry.encode(entry.make(body, index=index, wall_ms=self.now_ms, mono_ms=5, boot="0000abcd"))
        self.connection.execute(
            "INSERT INTO landmark (journal_id, entry_index, kind, boot, mono_ms, wall_ms, body, beacon_s)"
            " VALUES ((SELECT min(journal_id) FROM journal), %s, 'beacon', '0000abcd', 5, %s, %s, %s)",
            [index, self.now_ms, encoded, body.time_s],
        )
