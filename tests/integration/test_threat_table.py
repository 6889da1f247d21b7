"""The rows of the threat table that need both sides: each performs the attack and sees the answer that is stated.

A real journal of an enrolled agent, a real API that takes its batches, a real database, the collector's own log,
bundles as the collector writes them, and `jishi-audit` over them. Rows that are shown elsewhere are named in
docs/security/threats.md. Days are still open here, so what is whole is INCOMPLETE (1), and what was altered is
CONTRADICTED (2).
"""

import re
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.segment import line
from collector.accounts.worker import Worker
from collector.config import Config
from collector.evidence.bundle import Keys, Wanted, write_bundle
from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Keys as LogKeys
from collector.evidence.sequencer import list_heads
from collector.keys import ensure_export_key, load_receipt_key
from collector.registry import instruments, people, policies
from collector.store.database import Connection
from protocol.audit.cli import main
from protocol.batch import pack_bundle, parse_bundle
from protocol.entry import Reading
from protocol.interval import local_day
from protocol.note import cosign, parse_note
from tests.collector.province import POLICY
from tests.integration.site import Site, eventually

INCOMPLETE, CONTRADICTED = 1, 2


class Case:
    """An agent that has delivered a morning, and what both sides hold of it."""

    def __init__(self, site: Site, config: Config, connection: Connection, directory: Path) -> None:
        self.site, self.config, self.connection, self.directory = site, config, connection, directory
        self.receipt_key = load_receipt_key(config.data_dir, config.domain)
        self.log = LogWorker(
            config.dsn, LogKeys(config.data_dir, config.domain, self.receipt_key), directory=config.data_dir / "log"
        )
        self.log.work(connection)
        self._bundles = 0

    def record(self, count: int) -> None:
        """Readings of a second each, up to now by the journal's clock."""
        for _ in range(count):
            now = self.site.clock.now()
            reading = Reading(
                "meter1", "power", now.mono_ms - 1000, (1000,), means=(900_000,), lows=(9,), highs=(900_001,)
            )
            self.site.journal.append(reading, now, boot=self.site.clock.boot_id)
            self.site.clock.ahead_ms += 1000

    def deliver(self) -> None:
        """Everything, by HTTPS, with a beacon under it."""
        with self.site.beacons() as book, self.site.delivering(self.site.https, book):
            eventually(self.site.is_receipted)
        Worker("", now_ms=lambda: self.site.clock.now().wall_ms).drain(self.connection)
        self.log.work(self.connection)

    def bundle(self) -> Path:
        self._bundles += 1
        out = self.directory / f"bundle-{self._bundles}"
        out.mkdir()
        export = ensure_export_key(self.config.data_dir, self.config.domain)
        keys = Keys(self.config.domain, export, str(self.receipt_key.verifier), self.config.data_dir / "log")
        today = local_day(self.site.clock.now().wall_ms)
        wanted = Wanted("A001", today - timedelta(days=1), today)
        write_bundle(self.config.dsn, wanted, keys, directory=out, now_ms=self.site.clock.now().wall_ms)
        trust = [f"export {export.verifier}", f"receipt {self.receipt_key.verifier}"]
        trust += [f"log {head.vkey}" for head in list_heads(self.connection)]
        self.trust.write_text("\n".join(trust) + "\n", "utf-8")
        return out

    @property
    def trust(self) -> Path:
        return self.directory / "trust.txt"

    def verify(self) -> int:
        return main(["verify", str(self.bundle()), "--trust", str(self.trust)])

    def compare(self, bundle: Path) -> int:
        return main(["compare", str(bundle), str(self.site.journal.directory), "--trust", str(self.trust)])

    def rewrite_host(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Change the lines of the newest segment, checksums included, as an administrator could."""
        [segment] = sorted(self.site.journal.directory.glob("*.log"))
        lines = [raw[9:] for raw in segment.read_bytes().split(b"\n")[:-1]]
        segment.write_bytes(b"".join(line(raw) for raw in [lines[0], *change(lines[1:])]))

    def rewrite_collector(self, change: Callable[[bytes], bytes]) -> None:
        """Change stored entries, as the database's owner could."""
        self.connection.execute("ALTER TABLE batch DISABLE TRIGGER USER")
        for journal_id, first, stored in self.connection.execute(
            "SELECT journal_id, first, entries FROM batch"
        ).fetchall():
            changed = tuple(change(entry) for entry in parse_bundle(zlib.decompress(stored)))
            self.connection.execute(
                "UPDATE batch SET entries = %s WHERE journal_id = %s AND first = %s",
                [zlib.compress(pack_bundle(changed)), journal_id, first],
            )


@pytest.fixture
def case(site: Site, config: Config, connection: Connection, tmp_path: Path) -> Iterator[Case]:
    people.register_person(connection, "approver")
    with connection.transaction():
        instruments.register_measurement(
            connection, "em-01", watcher="meter1", channel="power", asset_no="A001", from_day=date(2020, 1, 1)
        )
    policy = policies.register_policy(connection, POLICY)
    policies.put_in_force(connection, policy, asset_no=None, from_day=date(2020, 1, 1), approved_by="approver")
    made = Case(site, config, connection, tmp_path)
    made.record(20)
    made.deliver()
    return made


def fewer_watts(raw: bytes) -> bytes:
    return raw.replace(b"900000", b"100000").replace(b"900001", b"100001")


def test_what_nobody_touched_is_only_incomplete(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.verify() == INCOMPLETE
    told = capsys.readouterr().out
    assert "CONTRADICTED" not in told
    assert case.compare(case.bundle()) in (0, INCOMPLETE)


def test_the_host_edits_what_was_receipted(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = case.bundle()
    case.rewrite_host(lambda entries: [*entries[:-3], fewer_watts(entries[-3]), *entries[-2:]])
    assert case.compare(bundle) == CONTRADICTED
    index = case.site.journal.size - 3
    assert str(index) in capsys.readouterr().out, "the first entry that differs is named"


def test_the_host_deletes_what_was_receipted(case: Case) -> None:
    bundle = case.bundle()
    case.rewrite_host(lambda entries: entries[:-3])
    assert case.compare(bundle) == CONTRADICTED


def test_the_collector_rewrites_what_it_received(case: Case) -> None:
    case.rewrite_collector(fewer_watts)
    assert case.verify() == CONTRADICTED


def test_the_collector_drops_what_it_received(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """The host holds a receipt that the collector cannot show."""
    held = case.connection.execute("SELECT journal_id, size, frontier, receipt FROM journal").fetchone()
    assert held is not None
    case.record(5)
    case.deliver()
    for table in ("batch", "journal", "landmark"):
        case.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    case.connection.execute("DELETE FROM batch WHERE first >= %s", [held[1]])
    case.connection.execute("DELETE FROM landmark WHERE entry_index >= %s", [held[1]])
    case.connection.execute("DELETE FROM reading WHERE entry_index >= %s", [held[1]])
    case.connection.execute("UPDATE journal SET size = %s, frontier = %s, receipt = %s", held[1:])
    assert case.compare(case.bundle()) == CONTRADICTED
    assert "a receipt that the collector cannot show" in capsys.readouterr().out


def test_the_collector_dates_a_receipt_back(case: Case) -> None:
    """Behind the beacon under its entries there is no earlier time that it could have been given at."""
    case.connection.execute("ALTER TABLE batch DISABLE TRIGGER USER")
    for journal_id, first, receipt in case.connection.execute(
        "SELECT journal_id, first, receipt FROM batch"
    ).fetchall():
        note = parse_note(bytes(receipt))
        own = note.__class__(note.text, note.signatures[:1]).to_bytes()
        earlier = cosign(own, case.receipt_key, time_s=int(time.time()) - 86_400)
        case.connection.execute(
            "UPDATE batch SET receipt = %s, received_at = received_at - interval '1 day'"
            " WHERE journal_id = %s AND first = %s",
            [earlier, journal_id, first],
        )
    assert case.verify() == CONTRADICTED


def test_the_collector_alters_a_record(case: Case) -> None:
    changed = case.connection.execute(
        "UPDATE hour_record SET body = convert_to(replace(convert_from(body, 'UTF8'),"
        ' \'"lead_in":"unobserved"\', \'"lead_in":"off"\'), \'UTF8\')'
    )
    assert changed.rowcount
    assert case.verify() == CONTRADICTED


def test_a_single_bit_of_the_bundle_is_altered_on_the_stick(case: Case) -> None:
    bundle = case.bundle()
    tile = next(path for path in bundle.rglob("*") if re.search(r"tile/entries/", path.as_posix()) and path.is_file())
    raw = tile.read_bytes()
    tile.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
    assert main(["verify", str(bundle), "--trust", str(case.trust)]) == CONTRADICTED
