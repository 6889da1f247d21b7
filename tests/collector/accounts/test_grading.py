"""Grades of days that a real ingest received: by its receipts and beacons, kept with the record, held against bytes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from collector.accounts.grading import load_grade
from collector.accounts.verification import verify
from collector.accounts.worker import Worker
from collector.evidence.pending import list_pending
from collector.ingest.prepare import prepare
from collector.ingest.writer import Writer
from collector.registry import epochs, policies
from collector.store.database import Connection
from protocol import grades
from protocol.entry import Genesis, Start
from protocol.grades import GradeRecord
from protocol.interval import DAY_MS, day_bounds_ms
from tests.collector.accounts.test_clocks import fix
from tests.collector.ingest.conftest import Enrol
from tests.collector.province import POLICY
from tests.light_agent import BOOT, RECEIPT_KEY, LightAgent, reading

DAY = date(2025, 12, 2)
START_MS, _ = day_bounds_ms(DAY)
MINUTE_MS, BLOCK_MS = 60_000, 300_000
RUN_MW = 1_000_000


class Bench:
    """An agent whose machine was switched on at midnight, and a collector with a clock."""

    def __init__(self, connection: Connection, agent: LightAgent) -> None:
        self.connection, self.agent = connection, agent
        self.now_ms = START_MS
        self.writer = Writer(connection, RECEIPT_KEY, clock_ms=lambda: self.now_ms)
        self.sent = 0
        agent.append(Genesis(("A001",), agent.vkey, "test"), wall_ms=START_MS, mono_ms=0)

    def record(self, first: int, last: int) -> None:
        """Blocks of a run over [first, last) minutes of the day."""
        for at in range(first * MINUTE_MS, last * MINUTE_MS, BLOCK_MS):
            end = at + BLOCK_MS
            self.agent.append(reading(at, power_mw=RUN_MW), wall_ms=START_MS + end, mono_ms=end)

    def beacon(self, minute: int) -> None:
        at = minute * MINUTE_MS
        self.agent.append(fix(START_MS + at), wall_ms=START_MS + at, mono_ms=at)

    def send(self, minute: int, size: int | None = None) -> None:
        """What was not sent yet, up to a size, arrives in a minute of the day."""
        self.now_ms = START_MS + minute * MINUTE_MS
        self.writer.write([prepare(self.agent.topic, self.agent.payload(self.sent, size))])
        self.sent = len(self.agent.entries) if size is None else size

    def derive(self, days: int = 1) -> GradeRecord:
        """The grades of the day, so many days after it began."""
        Worker("", now_ms=lambda: START_MS + days * DAY_MS + DAY_MS // 2).drain(self.connection)
        found = load_grade(self.connection, "A001", day=DAY)
        assert found is not None
        return found

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.connection.execute(query.encode()).fetchall()


@pytest.fixture
def bench(connection: Connection, enrol: Enrol) -> Bench:
    connection.execute("INSERT INTO person (name) VALUES ('approver')")
    policy = policies.register_policy(connection, POLICY)
    policies.put_in_force(connection, policy, asset_no=None, from_day=date(2020, 1, 1), approved_by="approver")
    return Bench(connection, enrol())


def run(found: GradeRecord) -> list[tuple[str, int, str]]:
    """The run's grades in order: grade, seconds, reason."""
    return [(grade, end - start, why) for start, end, grade, why in found.spans]


def test_what_comes_at_once_between_beacon_and_receipt_is_b(bench: Bench) -> None:
    for at in range(600, 660, 10):
        bench.beacon(at)
        bench.record(at, at + 10)
        bench.send(at + 10)
    found = bench.derive()
    assert run(found) == [("B", 3600, "one control")]
    assert (found.counted_s, found.error_ms) == (3600, 0)


def test_what_waited_is_c_and_what_waited_a_week_is_d(bench: Bench) -> None:
    bench.beacon(600)
    bench.record(600, 660)
    bench.send(700)
    bench.record(660, 720)
    bench.send(720 + 7 * 1440)
    found = bench.derive(9)
    assert run(found) == [("C", 3600, "bracket"), ("D", 3600, "too late")]
    assert found.counted_s == 3600


def test_without_a_beacon_it_is_c(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(661)
    assert run(bench.derive()) == [("C", 3600, "no beacon")]


def test_hours_that_are_claimed_afterwards_are_d(bench: Bench) -> None:
    """One late entry claims an hour of which nobody was told, by clocks that agree with each other."""
    bench.beacon(300)
    bench.record(480, 540)
    bench.send(541)
    bench.beacon(661)
    bench.record(600, 660)
    bench.send(662)
    found = bench.derive()
    assert run(found)[1] == ("D", 3600, "reading rule")
    assert found.counted_s == 3600


def test_the_time_after_a_landmark_cannot_be_gone_back_before(bench: Bench) -> None:
    bench.agent.append(Start("1.0"), wall_ms=START_MS + 700 * MINUTE_MS, mono_ms=700 * MINUTE_MS)
    bench.record(600, 660)
    bench.send(701)
    assert run(bench.derive()) == [("D", 3600, "reading rule")]


def test_a_receipt_before_the_time_it_covers_is_impossible(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(630)
    found = bench.derive()
    assert [(grade, why) for *_, grade, why in found.spans] == [("C", "no beacon"), ("D", "clock impossible")]


@pytest.mark.parametrize("is_split", [False, True], ids=["one batch", "the start comes later"])
def test_what_a_start_names_as_recovered_is_c(bench: Bench, is_split: bool) -> None:
    bench.beacon(600)
    bench.record(600, 610)
    bench.send(611, 3)
    start = Start("1.0", ((BOOT, 3),))
    bench.agent.append(start, wall_ms=START_MS + 612 * MINUTE_MS, mono_ms=612 * MINUTE_MS)
    bench.send(613, 4 if is_split else None)
    if is_split:
        assert run(bench.derive()) == [("B", 600, "one control")]
        bench.send(614)
    assert run(bench.derive()) == [("B", 300, "one control"), ("C", 300, "recovered")]


def test_grades_close_with_their_day_and_go_on_in_revisions_of_their_own(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(661)
    bench.derive(4)
    query = "SELECT number, record, cites IS NULL, why FROM closed_grade ORDER BY number"
    assert bench.rows(query) == [(1, 1, True, "closed")]
    journal = bench.rows("SELECT journal_id FROM journal")[0][0]
    bench.connection.execute("INSERT INTO genesis_misfit VALUES (%s, now())", [journal])
    epochs_reviewed(bench)
    bench.derive(4)
    assert bench.rows(query) == [(1, 1, True, "closed")]
    bench.record(660, 720)
    bench.send(721)
    bench.derive(4)
    assert bench.rows(query)[1:] == [(2, 2, False, "readings")]
    with pytest.raises(psycopg.errors.RestrictViolation):
        bench.connection.execute("DELETE FROM closed_grade")


def epochs_reviewed(bench: Bench) -> None:
    now = datetime.fromtimestamp(START_MS / 1000, UTC)
    epochs.review(bench.connection, "em-01", 1, by="approver", why="looked at", now=now)


def test_a_review_lifts_the_doubt_of_a_log_and_its_days(bench: Bench) -> None:
    bench.record(600, 660)
    bench.connection.execute("INSERT INTO genesis_misfit SELECT journal_id, now() FROM journal")
    bench.send(661)
    assert run(bench.derive()) == [("D", 3600, "log in doubt")]
    epochs_reviewed(bench)
    assert bench.rows("SELECT reason FROM dirty_day WHERE day = '2025-12-02'") == [("log",)]
    assert run(bench.derive()) == [("C", 3600, "no beacon")]


def test_a_proved_fork_puts_the_days_of_its_log_in_doubt(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(661)
    assert bench.derive().counted_s == 3600
    bench.connection.execute("UPDATE journal SET standing = 'suspect'")
    assert bench.rows("SELECT * FROM dirty_day") == []
    bench.connection.execute("UPDATE journal SET standing = 'fork'")
    assert bench.derive().counted_s == 0


def test_the_collectors_log_commits_to_the_grades_of_a_closed_record(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(661)
    bench.derive(4)
    portion = list_pending(bench.connection, now=datetime.now(UTC) + timedelta(hours=1))
    [record] = [each for pending in portion.leaves for each in pending.records]
    assert bench.rows("SELECT sha256 FROM closed_grade") == [(record.grades,)]


def test_months_sum_the_grades_up(bench: Bench) -> None:
    bench.record(600, 660)
    bench.send(661)
    bench.derive()
    query = "SELECT month, b_s, c_s, counted_s FROM month_grades WHERE counted_s > 0"
    assert bench.rows(query) == [(date(2025, 12, 1), 0, 3600, 3600)]
    bench.record(660, 720)
    bench.send(721)
    bench.derive()
    assert bench.rows(query) == [(date(2025, 12, 1), 0, 7200, 7200)]


Tamper = Callable[[Bench], object]


def _lift(bench: Bench) -> None:
    found = load_grade(bench.connection, "A001", day=DAY)
    assert found is not None
    raw = grades.encode(found).replace(b'"C"', b'"B"').replace(b"no beacon", b"one control")
    bench.connection.execute("UPDATE day_grade SET body = %s", [raw])


@pytest.mark.parametrize(
    ("tamper", "what"),
    [(_lift, "of its grades spans"), (lambda b: b.connection.execute("DELETE FROM day_grade"), "no grades are stored")],
)
def test_grades_that_the_bytes_do_not_give_are_found(bench: Bench, dsn: str, tamper: Tamper, what: str) -> None:
    bench.beacon(600)
    bench.record(600, 660)
    bench.record(300, 360)
    bench.send(700)
    bench.derive()
    assert verify(dsn).differences == []
    tamper(bench)
    assert [each.what[: len(what)] for each in verify(dsn).differences if each.day == DAY] == [what]
