"""A collector at work for some days: an agent's journal with beacons, receipts, its own log, closed days. All real.

Everything passes through what the product passes it through: the writer of ingest, the sequencer, the deriver. Clocks
are moved, keys and random bytes are fixed where a caller asks for it.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from collector.evidence import bundle
from collector.evidence.log_worker import LogWorker
from collector.evidence.sequencer import Keys, load_head
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.keys import ensure_export_key, ensure_receipt_key
from protocol.beacon import beacon_note, open_beacon
from protocol.entry import Body, Declaration, Genesis, Start
from protocol.interval import DAY_MS, day_bounds_ms
from protocol.keys import parse_vkey
from protocol.note import open_checkpoint
from protocol.verify.trust import Trust
from tests.collector.province import DOMAIN, IDLE, OFF, RUN, Province
from tests.enrolling import enrol_light
from tests.light_agent import BLOCK_MS, LightAgent, reading
from tests.protocol.bundles import Memory

FIRST = date(2026, 3, 2)
ASSET = "A001"
BLOCKS_A_DAY = DAY_MS // BLOCK_MS
_LOG_EACH = 24
"""Blocks of five minutes: a leaf of the log every two hours."""


class World:
    """One instrument, one agent, days from `first` on; all of them past, because the database has its own clock."""

    def __init__(self, province: Province, data_dir: Path, *, first: date = FIRST) -> None:
        self.province, self.data_dir, self.first = province, data_dir, first
        self.connection = province.connection
        self.receipt_key = ensure_receipt_key(data_dir, DOMAIN)
        self.now_ms = day_bounds_ms(first)[0]
        self.agent = LightAgent()
        self.sent = 0
        self._mono0 = self.now_ms - 1_000_000
        self.has_beacons = True
        self.batch_each, self.beacon_each = 3, 2
        self.log_keys = Keys(data_dir, DOMAIN, self.receipt_key)
        self.worker = LogWorker("", self.log_keys, directory=data_dir / "log", now_ms=lambda: self.now_ms)
        self.writer = Writer(province.connection, self.receipt_key, clock_ms=lambda: self.now_ms)
        province.add_instrument(ASSET)
        enrol_light(self.connection, self.agent, asset_no=ASSET, now=datetime.fromtimestamp(self.now_ms / 1000, UTC))
        province.bind(self.agent.agent_id, ASSET, from_day=date(2020, 1, 1))
        self.log()
        self.put(Genesis(assets=(ASSET,), key=self.agent.vkey, build="1"))
        self.put(Start(version="1"))

    # what happens

    def log(self) -> None:
        """The collector's log takes in what there is."""
        self.worker.work(self.connection)

    def put(self, body: Body) -> int:
        """The agent journals something now; returns its index."""
        self.agent.append(body, wall_ms=self.now_ms, mono_ms=self.now_ms - self._mono0)
        return len(self.agent.entries) - 1

    def beacon(self) -> None:
        """The agent journals the newest checkpoint, as it comes with a welcome."""
        head = load_head(self.connection)
        assert head is not None
        key = next(key for key in self.trust.log if key.name == head.origin)
        note = beacon_note(open_checkpoint(head.note, key), self.receipt_key, time_s=self.now_ms // 1000)
        self.put(open_beacon(note, self.receipt_key.verifier).body)

    def send(self) -> None:
        """Everything that was not sent yet, as one batch."""
        if self.sent < len(self.agent.entries):
            assert self.writer.write([prepare(self.agent.topic, self.agent.payload(self.sent))]) != [None]
            self.sent = len(self.agent.entries)

    def work(self, blocks: int, power_mw: int) -> None:
        """So many blocks of five minutes at one power, with beacons and batches on the way."""
        for _ in range(blocks):
            number = self.now_ms // BLOCK_MS
            if self.has_beacons and number % self.beacon_each == 0:
                if number % _LOG_EACH == 0:
                    self.log()
                self.beacon()
            start_mono_ms = self.now_ms - self._mono0
            self.now_ms += BLOCK_MS
            self.put(reading(start_mono_ms, power_mw=power_mw))
            if number % self.batch_each == 0:
                self.now_ms += 2_000
                self.send()
                self.now_ms -= 2_000

    def day(self, *, on_from: int = 9, run_hours: int = 6) -> None:
        """A day: off, an hour of standby, some hours of work, off."""
        hour = BLOCKS_A_DAY // 24
        self.work(on_from * hour, OFF)
        self.work(hour, IDLE)
        self.work(run_hours * hour, RUN)
        self.work((23 - on_from - run_hours) * hour, OFF)

    def declare(self, action: str, **more: str) -> int:
        """Somebody signs in or out at the instrument."""
        return self.put(Declaration(asset=ASSET, operator="0f" * 32, action=action, how="page", **more))  # type: ignore[arg-type]

    def settle(self, *, days: int = 12) -> None:
        """So many days later: everything is received, derived, closed, and in the log."""
        self.send()
        self.now_ms += days * DAY_MS
        self.province.derive(self.first + timedelta(days=(self.now_ms - day_bounds_ms(self.first)[0]) // DAY_MS))
        for _ in range(3):
            self.now_ms += 60_000
            self.log()

    # what is made of it

    @property
    def trust(self) -> Trust:
        """What an inspector pins."""
        logs = [parse_vkey(vkey) for (vkey,) in self.connection.execute("SELECT vkey FROM collector_log ORDER BY seq")]
        export = ensure_export_key(self.data_dir, DOMAIN).verifier
        return Trust(export=(export,), log=tuple(logs), receipt=(self.receipt_key.verifier,))

    def keys(self) -> bundle.Keys:
        export = ensure_export_key(self.data_dir, DOMAIN)
        return bundle.Keys(DOMAIN, export, str(self.receipt_key.verifier), self.data_dir / "log")


def files_of(directory: Path) -> dict[str, bytes]:
    """Everything in a directory, by path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def memory_of(directory: Path) -> Memory:
    """A bundle's directory, as the verifier reads it."""
    return Memory(files_of(directory))


def trust_text(trust: Trust) -> bytes:
    """A file of trusted keys."""
    named = [(name, getattr(trust, name)) for name in ("export", "receipt", "log", "person")]
    return "".join(f"{name} {key}\n" for name, keys in named for key in keys).encode()
