"""What a bundle shows out of the collector's log: where a thing is in it, and that its tree continues older ones.

What is not in the log yet has no proof; it is counted, and a verifier says INCOMPLETE.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from collector.evidence.bundle_files import Sink
from collector.evidence.bundle_journals import Part
from collector.evidence.log_proofs import LogTree, find_leaf, find_record
from collector.evidence.sequencer import list_heads
from collector.store.database import Connection
from collector.store.queries import load
from protocol import entry
from protocol.interval import local_day
from protocol.keys import base64_text

_SQL = load("bundles")


class Proofs:
    """Proofs for one bundle; the connection stays in one snapshot."""

    def __init__(self, connection: Connection, log_directory: Path) -> None:
        self._connection, self._directory = connection, log_directory
        self._heads = list_heads(connection)
        self._trees: dict[str, LogTree] = {}
        self.unproved = 0

    @property
    def log_vkeys(self) -> list[str]:
        """The keys of all logs, the oldest one first."""
        return [head.vkey for head in self._heads]

    def of_leaf(self, sha256: str, ref: str) -> bytes | None:
        """The line that shows where the log names these bytes; None where it does not yet."""
        placed = find_leaf(self._connection, ref)
        if placed is None:
            self.unproved += 1
            return None
        return msgspec.json.encode({
            "sha256": sha256,
            "log": placed.log,
            "index": placed.leaf_index,
            "leaf": placed.raw.decode(),
            "proof": _texts(self._tree(placed.log).inclusion(placed.leaf_index)),
        })  # fmt: skip

    def of_record(self, asset_no: str, day: date, *, revision: int | None, sha256: str) -> bytes | None:
        """The line that shows a closed record in the log; None where the day is open or is not there yet."""
        placed = None
        if revision is not None:
            placed = find_record(self._connection, asset_no, day=day.isoformat(), revision=revision)
        if placed is None:
            self.unproved += 1
            return None
        leaf = placed.leaf
        return msgspec.json.encode({
            "day": day.isoformat(),
            "revision": revision,
            "sha256": sha256,
            "grades": placed.grades,
            "log": leaf.log,
            "index": leaf.leaf_index,
            "leaf": leaf.raw.decode(),
            "proof": _texts(self._tree(leaf.log).inclusion(leaf.leaf_index)),
            "place": placed.place,
            "of": placed.of,
            "path": _texts(placed.path),
        })  # fmt: skip

    def write_logs(self, parts: Iterable[Part], sink: Sink) -> None:
        """The checkpoints that everything leads to, and that they continue what the agents journalled; comes last."""
        known = {head.log for head in self._heads}
        shown: dict[str, set[tuple[int, str]]] = {log: set() for log in self._trees}
        for body in self._last_beacons(parts):
            if body.log in known:
                shown.setdefault(body.log, set()).add((body.size, body.root))
        for log in sorted(shown):
            tree = self._tree(log)
            sink.add(f"collector/{log}/checkpoint", tree.note)
            with sink.open(f"collector/{log}/consistency.jsonl") as file:
                for size, root in sorted(shown[log]):
                    if 0 < size <= tree.size:  # one that is ahead of us shows a restored database: nothing proves it
                        proof = _texts(tree.consistency(size))
                        file.write(msgspec.json.encode({"size": size, "root": root, "proof": proof}) + b"\n")

    def _last_beacons(self, parts: Iterable[Part]) -> Iterator[entry.Beacon]:
        """Of each part the last verified beacon of each local day and log."""
        for part in parts:
            values = {"journal_id": part.journal_id, "first": part.first, "end": part.end}
            found: dict[tuple[str, date], entry.Beacon] = {}
            with self._connection.cursor(name="beacons", binary=True) as cursor:
                for wall_ms, raw in cursor.execute(_SQL.list_beacons_of_part, values):
                    body = entry.decode(bytes(raw)).body
                    assert isinstance(body, entry.Beacon), "only a beacon has a beacon's time"
                    found[body.log, local_day(wall_ms)] = body
            yield from found.values()

    def _tree(self, log: str) -> LogTree:
        if log not in self._trees:
            self._trees[log] = LogTree(self._connection, self._directory, log)
        return self._trees[log]


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [base64_text(each) for each in hashes]
