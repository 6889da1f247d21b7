"""Dirty days become hour records."""

import threading
from datetime import date, timedelta

import pytest

from collector.accounts.deriver import Outcome, derive_dirty_day
from collector.accounts.recompute import recompute
from collector.accounts.worker import Worker
from collector.errors import DerivationError
from collector.store.database import Connection, connect
from protocol import hours
from protocol.day import Gathered, gather_day
from protocol.interval import DAY_MS, day_bounds_ms
from tests.collector.province import IDLE, OFF, POLICY, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3))
HOUR = 3600


def noon_of(day: date) -> int:
    return day_bounds_ms(day)[0] + DAY_MS // 2


def worker_at(dsn: str, now_ms: int) -> Worker:
    return Worker(dsn, now_ms=lambda: now_ms)


def drain(province: Province, today: date) -> int:
    """Derives all that is due at noon of `today`."""
    return worker_at("", noon_of(today)).drain(province.connection)


def record_of(province: Province, asset_no: str, day: date) -> hours.HourRecord | None:
    rows = province.rows("SELECT body FROM hour_record WHERE asset_no = %s AND day = %s", asset_no, day)
    return hours.decode(rows[0][0]) if rows else None


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    return province.add_agent("em-01", "A001")


def test_plans_that_days_share_are_no_habit_of_the_connection(province: Province, sem: str) -> None:
    """What looks at many days at once, when nothing is due, is planned by what it asks for."""
    modes: list[str] = []

    def look(connection: Connection, _today: date) -> None:
        modes.extend(mode for (mode,) in connection.execute("SHOW plan_cache_mode"))

    province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))
    Worker("", now_ms=lambda: noon_of(THURSDAY), when_idle=look).drain(province.connection)
    assert modes == ["auto"]


def test_a_day_with_one_run_becomes_a_record(province: Province, sem: str) -> None:
    province.observe(
        sem,
        Piece(MONDAY, 0, 8 * HOUR, OFF),
        Piece(MONDAY, 8 * HOUR, 9 * HOUR, IDLE),
        Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN),
        Piece(MONDAY, 12 * HOUR, 24 * HOUR, OFF),
    )
    assert drain(province, THURSDAY) > 0
    record = record_of(province, "A001", MONDAY)
    assert record is not None
    assert (record.until, record.run_s, record.standby_s, record.unobserved_s) == (86400, 3 * HOUR, HOUR, 0)
    assert record.effective_s == record.unresolved_s == 3 * HOUR
    assert record.journals == ((sem, 0, 23),)
    assert province.rows("SELECT * FROM dirty_day") == []


def test_an_open_day_reaches_to_the_newest_evidence(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, IDLE))
    drain(province, MONDAY)
    record = record_of(province, "A001", MONDAY)
    assert record is not None
    assert record.until == 10 * HOUR


def test_a_day_that_is_over_reaches_midnight_and_its_silent_rest_is_unobserved(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, IDLE))
    drain(province, MONDAY)
    assert drain(province, TUESDAY) == 1
    record = record_of(province, "A001", MONDAY)
    assert record is not None
    assert (record.until, record.unobserved_s) == (86400, 14 * HOUR)


def test_the_end_of_a_day_is_derived_before_the_day_that_follows(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 23 * HOUR, RUN))
    drain(province, MONDAY)
    province.observe(sem, Piece(MONDAY, 23 * HOUR, 24 * HOUR, RUN), Piece(TUESDAY, 0, HOUR, RUN))
    province.connection.execute("DELETE FROM dirty_day WHERE day = %s", [MONDAY])
    outcome = derive_dirty_day(province.connection, "A001", day=TUESDAY, today=TUESDAY)
    assert outcome is Outcome.WAITS
    assert drain(province, TUESDAY) == 2
    tuesday = record_of(province, "A001", TUESDAY)
    assert tuesday is not None
    assert (tuesday.lead_in, tuesday.run_s) == ("run", HOUR)


def test_late_data_changes_the_following_days_until_the_lead_out_stays(province: Province, sem: str) -> None:
    """Power inside the hysteresis band carries the state of Monday into Wednesday; Thursday begins with evidence."""
    band = 700_000
    province.observe(sem, Piece(MONDAY, 12 * HOUR, 24 * HOUR, band))
    for day in (TUESDAY, WEDNESDAY):
        province.observe(sem, Piece(day, 0, 24 * HOUR, band))
    province.observe(sem, Piece(THURSDAY, 0, HOUR, OFF))
    drain(province, THURSDAY)
    before = {day: record_of(province, "A001", day) for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY)}
    assert [record.run_s for record in before.values() if record] == [0, 0, 0, 0]

    province.observe(sem, Piece(MONDAY, 11 * HOUR, 12 * HOUR, RUN))
    derived = drain(province, THURSDAY)

    after = {day: record_of(province, "A001", day) for day in before}
    assert [record.run_s for record in after.values() if record] == [13 * HOUR, 24 * HOUR, 24 * HOUR, 0]
    # Monday itself, then Tuesday, Wednesday and Thursday by their lead-in; Thursday's lead-out stays: nothing more.
    assert derived == 4
    thursday = after[THURSDAY]
    assert thursday is not None
    assert thursday.lead_out == before[THURSDAY].lead_out  # type: ignore[union-attr]


def test_late_data_that_leaves_the_lead_out_changes_one_day(province: Province, sem: str) -> None:
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        province.observe(sem, Piece(day, 12 * HOUR, 24 * HOUR, OFF))
    drain(province, THURSDAY)
    province.observe(sem, Piece(MONDAY, 3 * HOUR, 4 * HOUR, RUN))
    assert drain(province, THURSDAY) == 1


def test_readings_after_midnight_settle_what_was_pending_before(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 12 * HOUR, 24 * HOUR - 5, IDLE), Piece(MONDAY, 24 * HOUR - 5, 24 * HOUR, RUN))
    drain(province, TUESDAY)
    assert record_of(province, "A001", MONDAY).run_s == 0  # type: ignore[union-attr]
    province.observe(sem, Piece(TUESDAY, 0, HOUR, RUN))
    drain(province, TUESDAY)
    assert record_of(province, "A001", MONDAY).run_s == 5  # type: ignore[union-attr]


def test_the_same_evidence_in_any_order_gives_the_same_bytes(dsn: str, province: Province) -> None:
    """Two agents of one instrument; their batches arrive interleaved in different ways, deriving in between."""
    bodies = []
    for asset, order in (("A001", (0, 1, 2, 3)), ("A002", (3, 1, 0, 2))):
        province.add_instrument(asset)
        first = province.add_agent(f"a-{asset.lower()}", asset)
        second = province.add_agent(f"b-{asset.lower()}", asset)
        batches = [
            (first, Piece(MONDAY, 8 * HOUR, 12 * HOUR, RUN)),
            (second, Piece(MONDAY, 7 * HOUR, 9 * HOUR, OFF)),
            (second, Piece(MONDAY, 20 * HOUR, 24 * HOUR, RUN)),
            (first, Piece(TUESDAY, 0, 5 * HOUR, 700_000)),
        ]
        for place in order:
            province.observe(batches[place][0], batches[place][1])
            drain(province, TUESDAY)
        records = [record_of(province, asset, day) for day in (MONDAY, TUESDAY)]
        bodies.append([(record.spans, record.lead_out, record.run_s) for record in records if record])
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == 2


def test_a_record_that_did_not_change_is_not_written_again(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))
    drain(province, TUESDAY)
    before = province.rows("SELECT derived_at, xmin::text FROM hour_record")
    province.connection.execute("INSERT INTO dirty_day VALUES ('A001', %s, now())", [MONDAY])
    assert drain(province, TUESDAY) == 1
    assert province.rows("SELECT derived_at, xmin::text FROM hour_record") == before


def test_a_day_touched_while_it_is_derived_stays_dirty_and_ingest_does_not_wait(
    dsn: str, province: Province, sem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))

    def touch_and_gather(*given: object) -> Gathered:
        with connect(dsn, application="test") as other:
            other.execute("SET lock_timeout = '2s'")
            other.execute("UPDATE dirty_day SET touched_at = clock_timestamp() WHERE day = %s", [MONDAY])
        return gather_day(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("collector.accounts.deriver.gather_day", touch_and_gather)
    outcome = derive_dirty_day(province.connection, "A001", day=MONDAY, today=TUESDAY)
    assert outcome is Outcome.STORED
    assert province.rows("SELECT asset_no FROM dirty_day WHERE day = %s", MONDAY) == [("A001",)]
    monkeypatch.undo()
    derive_dirty_day(province.connection, "A001", day=MONDAY, today=TUESDAY)
    assert province.rows("SELECT asset_no FROM dirty_day WHERE day = %s", MONDAY) == []


def test_another_worker_keeps_off_an_instrument_that_is_being_derived(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))
    with connect(dsn, application="test") as other, province.connection.transaction():
        derive_dirty_day(province.connection, "A001", day=MONDAY, today=TUESDAY)
        assert derive_dirty_day(other, "A001", day=MONDAY, today=TUESDAY) is Outcome.ELSEWHERE
        assert worker_at("", noon_of(TUESDAY)).drain(other) == 0


def test_two_workers_at_once_derive_every_day_and_leave_nothing_dirty(dsn: str, province: Province) -> None:
    for number in range(12):
        asset = f"A{number:03}"
        province.add_instrument(asset)
        origin = province.add_agent(f"agent-{number}", asset)
        for day in (MONDAY, TUESDAY):
            province.observe(origin, Piece(day, 0, 24 * HOUR, RUN))
    stop = threading.Event()
    threads = [threading.Thread(target=worker_at(dsn, noon_of(WEDNESDAY)).run, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        if not province.rows("SELECT 1 FROM dirty_day"):
            break
        stop.wait(0.1)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert province.rows("SELECT 1 FROM dirty_day") == []
    assert province.rows("SELECT count(*), min(run_s), max(run_s) FROM hour_record") == [(24, 86400, 86400)]


def test_a_notification_wakes_the_worker(
    dsn: str, province: Province, sem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.accounts.worker.POLL_S", 60)
    stop = threading.Event()
    thread = threading.Thread(target=worker_at(dsn, noon_of(TUESDAY)).run, args=(stop,))
    thread.start()
    try:
        province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))
        for _ in range(80):
            province.connection.execute("NOTIFY jishi_dirty_day")
            if record_of(province, "A001", MONDAY) is not None:
                break
            stop.wait(0.1)
        assert record_of(province, "A001", MONDAY) is not None
    finally:
        stop.set()
        province.connection.execute("NOTIFY jishi_dirty_day")
        thread.join(10)
    assert not thread.is_alive()


def test_a_worker_waits_for_a_database_that_is_away_and_stops_when_told(free_port: int) -> None:
    stop = threading.Event()
    worker = worker_at(f"host=127.0.0.1 port={free_port} dbname=x user=x", noon_of(MONDAY))
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    stop.wait(0.3)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_an_instrument_without_policy_is_reported_and_blocks_nobody(province: Province, sem: str) -> None:
    province.add_instrument("B001")
    other = province.add_agent("ch-01", "B001")
    early = date(2019, 5, 6)
    province.bind("em-01", "A001", from_day=date(2019, 1, 1))
    province.observe(sem, Piece(early, 0, HOUR, RUN))
    province.observe(other, Piece(MONDAY, 0, HOUR, RUN))
    drain(province, TUESDAY)
    assert record_of(province, "B001", MONDAY) is not None
    [(asset, day, problem)] = province.rows("SELECT asset_no, day, problem FROM derivation_problem")
    assert (asset, day) == ("A001", early)
    assert "no policy holds for instrument A001 on 2019-05-06" in str(problem)
    assert province.rows("SELECT asset_no, day FROM dirty_day") == [("A001", early)]


def test_a_problem_is_tried_again_later_and_forgotten_once_it_is_gone(province: Province, sem: str) -> None:
    province.bind("em-01", "A001", from_day=date(2019, 1, 1))
    early = date(2019, 5, 6)
    province.observe(sem, Piece(early, 0, HOUR, RUN))
    drain(province, TUESDAY)
    province.put_policy(POLICY, from_day=date(2019, 1, 1))
    assert drain(province, TUESDAY) == 0, "before its time it is not tried again"
    worker_at("", noon_of(TUESDAY) + 31_000).drain(province.connection)
    assert record_of(province, "A001", early) is not None
    assert province.rows("SELECT 1 FROM derivation_problem") == []


def test_a_day_after_one_that_cannot_be_derived_begins_unobserved(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    drain(province, MONDAY)
    province.observe(sem, Piece(TUESDAY, 0, HOUR, RUN))
    province.connection.execute(
        "INSERT INTO derivation_problem VALUES ('A001', %s, 'broken', now(), now() + interval '100 years')", [MONDAY]
    )
    drain(province, TUESDAY)
    tuesday = record_of(province, "A001", TUESDAY)
    assert tuesday is not None
    assert tuesday.lead_in == "unobserved"


def test_a_bug_in_one_day_is_written_down_and_blocks_nobody(
    province: Province, sem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    province.add_instrument("B001")
    other = province.add_agent("ch-01", "B001")
    province.observe(sem, Piece(MONDAY, 0, HOUR, RUN))
    province.observe(other, Piece(MONDAY, 0, HOUR, RUN))

    real = derive_dirty_day

    def break_for_a001(connection: object, asset_no: str, **rest: object) -> Outcome:
        if asset_no == "A001":
            raise ZeroDivisionError("a bug")
        return real(connection, asset_no, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr("collector.accounts.worker.derive_dirty_day", break_for_a001)
    drain(province, TUESDAY)
    assert record_of(province, "B001", MONDAY) is not None
    assert ("A001", "ZeroDivisionError: a bug") in province.rows("SELECT asset_no, problem FROM derivation_problem")


def test_too_many_blocks_for_one_day_are_refused(province: Province, sem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.accounts.blocks.MAX_BLOCKS", 3)
    province.observe(sem, Piece(MONDAY, 0, 5 * HOUR, RUN))
    with pytest.raises(DerivationError, match="more than 3 reading blocks touch this day"):
        derive_dirty_day(province.connection, "A001", day=MONDAY, today=TUESDAY)


def test_a_day_in_the_future_waits_until_it_comes(province: Province, sem: str) -> None:
    province.observe(sem, Piece(WEDNESDAY, 0, HOUR, RUN))
    drain(province, MONDAY)
    assert record_of(province, "A001", WEDNESDAY) is None
    assert ("A001", WEDNESDAY) in province.rows("SELECT asset_no, day FROM dirty_day")
    drain(province, WEDNESDAY)
    assert record_of(province, "A001", WEDNESDAY) is not None


def test_a_meter_that_moves_counts_for_each_instrument_on_its_days(province: Province, sem: str) -> None:
    province.add_instrument("B001")
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 24 * HOUR, RUN))
    drain(province, THURSDAY)
    province.bind("em-01", "B001", from_day=TUESDAY)
    drain(province, THURSDAY)
    runs = province.rows("SELECT asset_no, day, run_s, unobserved_s FROM hour_record ORDER BY asset_no, day")
    assert runs == [
        ("A001", MONDAY, 86400, 0),
        ("A001", TUESDAY, 0, 86400),
        ("B001", TUESDAY, 86400, 0),
    ]


def test_a_meter_that_moves_at_midnight_says_nothing_of_the_day_before(province: Province, sem: str) -> None:
    """Five seconds of a run before midnight stay unconfirmed: what confirms them was measured elsewhere."""
    province.add_instrument("B001")
    province.bind("em-01", "B001", from_day=TUESDAY)
    province.observe(sem, Piece(MONDAY, 20 * HOUR, 24 * HOUR - 5, IDLE))
    province.observe(sem, Piece(MONDAY, 24 * HOUR - 5, 24 * HOUR + 1800, RUN))
    drain(province, WEDNESDAY)
    runs = province.rows("SELECT asset_no, day, run_s FROM hour_record ORDER BY asset_no, day")
    assert runs == [("A001", MONDAY, 0), ("B001", TUESDAY, 1800)]


def test_each_record_names_the_policy_of_its_day(province: Province, sem: str) -> None:
    strict = POLICY.replace(b'"on_mw":900000', b'"on_mw":2000000')
    sha256 = province.put_policy(strict, asset_no="A001", from_day=TUESDAY)
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 24 * HOUR, OFF))
    province.observe(sem, Piece(WEDNESDAY, 0, 24 * HOUR, RUN))
    drain(province, THURSDAY)
    records = [record_of(province, "A001", day) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    assert [record.policy == sha256 for record in records if record] == [False, True, True]
    assert [record.run_s for record in records if record] == [86400, 0, 0]


def test_recomputing_from_the_stored_bytes_gives_the_stored_record(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN), Piece(TUESDAY, 0, 5 * HOUR, 700_000))
    drain(province, TUESDAY)
    for day in (MONDAY, TUESDAY):
        [(body,)] = province.rows("SELECT body FROM hour_record WHERE day = %s", day)
        assert recompute(province.connection, "A001", day=day) == body


def test_what_a_new_epoch_carried_over_counts_once(province: Province, sem: str) -> None:
    """The directory was put back from 12:00 to 10:00: the collector has those two hours, and gets them again."""
    province.observe(sem, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    following = province.begin_epoch("em-01", 2)
    province.observe(
        following,
        Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN),
        Piece(MONDAY, 12 * HOUR, 13 * HOUR, RUN),
        Piece(MONDAY, 13 * HOUR, 24 * HOUR, OFF),
    )
    drain(province, THURSDAY)
    record = record_of(province, "A001", MONDAY)
    assert record is not None
    assert (record.run_s, record.off_s, record.unobserved_s) == (4 * HOUR, 20 * HOUR, 0)
    assert [origin for origin, _, _ in record.journals] == [sem, following]
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE day = %s", MONDAY)
    assert recompute(province.connection, "A001", day=MONDAY) == body


@pytest.mark.parametrize("epoch", [2, 10])
def test_two_live_clones_of_an_agent_make_no_second_day(province: Province, sem: str, epoch: int) -> None:
    """Each instant counts once: where both saw it, as the first journal by name says, else as the other."""
    clone = province.begin_epoch("em-01", epoch)
    province.observe(sem, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    province.observe(clone, Piece(MONDAY, 8 * HOUR, 15 * HOUR, RUN), Piece(MONDAY, 15 * HOUR, 24 * HOUR, OFF))
    drain(province, THURSDAY)
    record = record_of(province, "A001", MONDAY)
    assert record is not None
    assert (record.run_s, record.off_s, record.unobserved_s) == (6 * HOUR, 18 * HOUR, 0)
