"""A clock that is wrong: the same seconds on the right day, whatever came first, the readings or the beacon."""

import itertools
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from collector.accounts.recompute import recompute
from collector.accounts.worker import Worker
from collector.ingest.clocks import note_clocks
from collector.ingest.prepare import prepare
from collector.ingest.rebuild import Period, rebuild
from collector.ingest.writer import Writer
from collector.registry import policies
from collector.store import database
from collector.store.database import Connection
from protocol import beacon, hours, merkle
from protocol.entry import Beacon, ClockJump, Declaration
from protocol.interval import DAY_MS, day_bounds_ms
from protocol.note import Checkpoint
from tests.collector.ingest.conftest import Enrol
from tests.collector.province import POLICY
from tests.light_agent import DOMAIN, RECEIPT_KEY, LightAgent, reading

DAY = date(2025, 12, 2)
NEXT = DAY + timedelta(days=1)
START_MS, _ = day_bounds_ms(DAY)
MINUTE_MS = 60_000
BLOCK_MS = 300_000
RUN_MW, OFF_MW = 1_000_000, 5_000
YEAR_MS = 365 * DAY_MS
WRONG = {"a year ahead": YEAR_MS, "set back a month": -30 * DAY_MS, "at 1970": -START_MS, "two minutes slow": -120_000}


def fix(at_ms: int) -> Beacon:
    """A beacon that was signed at this instant."""
    checkpoint = Checkpoint(f"{DOMAIN}/log/2025-1", 3, merkle.EMPTY_ROOT)
    return beacon.open_beacon(
        beacon.beacon_note(checkpoint, RECEIPT_KEY, time_s=at_ms // 1000), RECEIPT_KEY.verifier
    ).body


class Bench:
    """An agent whose machine was switched on at midnight, and a collector; blocks of five minutes."""

    def __init__(self, connection: Connection, agent: LightAgent) -> None:
        self.connection, self.agent = connection, agent
        self.writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: START_MS + 3 * DAY_MS)
        self.sent = 0

    def record(self, minutes: tuple[int, int], power_mw: int, *, wrong_ms: int = 0) -> None:
        """Blocks over [from, to) minutes of the day; the wall clock is off by so much."""
        for at in range(minutes[0] * MINUTE_MS, minutes[1] * MINUTE_MS, BLOCK_MS):
            end = at + BLOCK_MS
            self.agent.append(reading(at, power_mw=power_mw), wall_ms=START_MS + end + wrong_ms, mono_ms=end)

    def beacon(self, minute: int, *, wrong_ms: int = 0) -> None:
        at = minute * MINUTE_MS
        self.agent.append(fix(START_MS + at), wall_ms=START_MS + at + wrong_ms, mono_ms=at)

    def send(self) -> None:
        self.writer.write([prepare(self.agent.topic, self.agent.payload(self.sent))])
        self.sent = len(self.agent.entries)

    def derive(self) -> None:
        Worker("", now_ms=lambda: START_MS + 400 * DAY_MS, close_after_days=1000).drain(self.connection)

    def records(self) -> dict[date, hours.HourRecord]:
        rows = self.connection.execute("SELECT day, body FROM hour_record ORDER BY day")
        return {day: hours.decode(bytes(raw)) for day, raw in rows}

    def check_recomputed(self) -> None:
        for day in self.records():
            stored = self.connection.execute("SELECT body FROM hour_record WHERE day = %s", [day]).fetchone()
            assert stored is not None
            assert recompute(self.connection, "A001", day=day) == bytes(stored[0])


@pytest.fixture
def bench(connection: Connection, enrol: Enrol) -> Bench:
    connection.execute("INSERT INTO person (name) VALUES ('approver')")
    policy = policies.register_policy(connection, POLICY)
    policies.put_in_force(connection, policy, asset_no=None, from_day=date(2020, 1, 1), approved_by="approver")
    return Bench(connection, enrol())


def run_seconds(bench: Bench) -> dict[date, int]:
    return {day: record.run_s for day, record in bench.records().items() if record.run_s}


@pytest.mark.parametrize("wrong_ms", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("is_late", [False, True], ids=["beacon first", "beacon an hour later"])
def test_a_run_keeps_its_seconds_and_its_day(bench: Bench, wrong_ms: int, is_late: bool) -> None:
    if not is_late:
        bench.beacon(500, wrong_ms=wrong_ms)
    bench.record((500, 600), OFF_MW, wrong_ms=wrong_ms)
    bench.record((600, 660), RUN_MW, wrong_ms=wrong_ms)
    bench.send()
    bench.derive()
    bench.record((660, 720), OFF_MW, wrong_ms=wrong_ms)
    if is_late:
        bench.beacon(720, wrong_ms=wrong_ms)
    bench.send()
    bench.derive()
    assert run_seconds(bench) == {DAY: 3600}
    assert list(bench.records()) == [DAY]  # nothing is left where the readings were first
    bench.check_recomputed()
    assert bench.connection.execute("SELECT count(*) FROM reading").fetchone() == (44,)


def test_a_batch_that_comes_while_somebody_moves_its_boot_is_looked_at_again(bench: Bench, dsn: str) -> None:
    bench.beacon(500, wrong_ms=YEAR_MS)
    bench.record((500, 560), RUN_MW, wrong_ms=YEAR_MS)
    bench.send()
    boot = bench.connection.execute("SELECT journal_id, boot, own_low_ms, own_high_ms FROM boot_clock").fetchone()
    assert boot is not None
    own = {(boot[0], boot[1]): (boot[2], boot[3])}

    def come() -> None:
        with database.connect(dsn, application="test") as other, other.transaction():
            note_clocks(other, own=own, fixes={})

    batch = threading.Thread(target=come)
    with bench.connection.transaction():
        bench.connection.execute("SELECT FROM boot_clock WHERE is_doubted FOR UPDATE")
        bench.connection.execute("UPDATE boot_clock SET is_doubted = false")
        batch.start()
        batch.join(timeout=0.5)  # it waits for the line, or has not cared for it
    batch.join()
    assert bench.connection.execute("SELECT is_doubted FROM boot_clock").fetchone() == (True,)


def test_a_clock_that_is_set_ahead_during_a_run(bench: Bench) -> None:
    bench.record((500, 600), OFF_MW)
    bench.beacon(590)
    bench.record((600, 630), RUN_MW)
    bench.record((630, 660), RUN_MW, wrong_ms=YEAR_MS)
    bench.record((660, 700), OFF_MW, wrong_ms=YEAR_MS)
    bench.send()
    bench.derive()
    assert run_seconds(bench) == {DAY: 3600}
    bench.check_recomputed()


def test_a_clock_within_the_limit_stays_as_it_is(bench: Bench) -> None:
    bench.beacon(500, wrong_ms=-59_000)
    bench.record((500, 560), RUN_MW, wrong_ms=-59_000)
    bench.send()
    bench.derive()
    assert bench.connection.execute("SELECT count(*) FROM reading WHERE shift_ms IS NOT NULL").fetchone() == (0,)
    bench.check_recomputed()


@pytest.mark.parametrize("again", [None, 621, 659], ids=["never", "at once", "later"])
def test_a_machine_that_slept_is_not_corrected_by_what_came_before(bench: Bench, again: int | None) -> None:
    """Its monotonic clock stood still for eight hours: that is no error of the wall clock, whatever beacons say."""
    slept_ms = 8 * 60 * MINUTE_MS
    bench.record((500, 600), OFF_MW)
    bench.beacon(599)
    bench.agent.append(
        ClockJump(slept_ms, "suspend"), wall_ms=START_MS + 600 * MINUTE_MS + slept_ms, mono_ms=600 * MINUTE_MS
    )
    for start in range(600, 660, 5):
        bench.record((start, start + 5), RUN_MW, wrong_ms=slept_ms)
        if again is not None and start < again <= start + 5:
            at = (start + 5) * MINUTE_MS
            bench.agent.append(fix(START_MS + at + slept_ms), wall_ms=START_MS + at + slept_ms, mono_ms=at)
    bench.send()
    bench.derive()
    assert bench.connection.execute("SELECT count(*) FROM reading WHERE shift_ms IS NOT NULL").fetchone() == (0,)
    starts = bench.connection.execute("SELECT min(start_at) FROM reading WHERE means[1] = 1000000").fetchone()
    assert starts is not None
    assert starts[0].timestamp() * 1000 == START_MS + 600 * MINUTE_MS + slept_ms
    bench.check_recomputed()
    list(rebuild(bench.connection, Period.deciding(DAY, NEXT), receipt_key=RECEIPT_KEY.verifier))
    assert bench.connection.execute("SELECT count(*) FROM reading WHERE shift_ms IS NOT NULL").fetchone() == (0,)


def test_another_boot_is_not_corrected(bench: Bench) -> None:
    bench.record((500, 560), RUN_MW, wrong_ms=-DAY_MS)
    bench.agent.append(fix(START_MS), wall_ms=START_MS, mono_ms=1)
    bench.connection.execute("SELECT 1")
    bench.send()
    other = bench.connection.execute("UPDATE landmark SET boot = 'ffffffff'").rowcount
    bench.connection.execute("DELETE FROM boot_clock")
    bench.derive()
    assert (other, list(run_seconds(bench))) == (1, [DAY - timedelta(days=1)])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_record_does_not_depend_on_what_was_looked_at_when(bench: Bench, order: tuple[int, ...]) -> None:
    """Entries come in their order; the deriver may look after any of them, or only at the end."""
    parts = [
        lambda: bench.record((500, 600), RUN_MW, wrong_ms=YEAR_MS),
        lambda: bench.beacon(600, wrong_ms=YEAR_MS),
        lambda: bench.record((600, 660), OFF_MW, wrong_ms=YEAR_MS),
    ]
    for place, part in enumerate(parts):
        part()
        bench.send()
        if order[place] % 2:
            bench.derive()
    bench.derive()
    assert run_seconds(bench) == {DAY: 6000}
    bench.check_recomputed()


def test_what_was_said_moves_with_the_clock(bench: Bench) -> None:
    said = Declaration(asset="A001", operator="ab" * 32, action="in", how="page", purpose="teaching")
    at = 500 * MINUTE_MS
    bench.agent.append(said, wall_ms=START_MS + at + YEAR_MS, mono_ms=at)
    bench.record((500, 560), RUN_MW, wrong_ms=YEAR_MS)
    bench.send()
    bench.derive()
    bench.beacon(560, wrong_ms=YEAR_MS)
    bench.send()
    bench.derive()
    assert bench.connection.execute("SELECT wall_ms FROM declaration").fetchone() == (START_MS + at,)
    assert bench.records()[DAY].facts == (f"entry:{bench.agent.origin}#0",)
    bench.check_recomputed()


def test_rebuilding_puts_corrected_readings_where_they_belong(bench: Bench, tmp_path: Path) -> None:
    bench.record((500, 600), RUN_MW, wrong_ms=YEAR_MS)
    bench.beacon(600, wrong_ms=YEAR_MS)
    bench.send()
    bench.derive()
    query = "SELECT entry_index, start_at, end_at, shift_ms FROM reading ORDER BY entry_index"
    before = bench.connection.execute(query).fetchall()
    list(rebuild(bench.connection, Period.deciding(DAY, DAY), receipt_key=RECEIPT_KEY.verifier))
    assert bench.connection.execute(query).fetchall() == before
    bench.connection.execute("DELETE FROM reading")
    list(rebuild(bench.connection, Period.deciding(DAY, NEXT), receipt_key=RECEIPT_KEY.verifier))
    assert bench.connection.execute(query).fetchall() == before
