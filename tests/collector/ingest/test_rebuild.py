"""What was dropped or left out comes back from the stored entries, each row as it was, and hours stay what they are."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from collector.cli import main
from collector.errors import StoreError
from collector.ingest.rebuild import Period, Rebuilt, rebuild
from collector.keys import ensure_receipt_key
from collector.store import database
from protocol.entry import Declaration
from protocol.interval import DAY_MS, day_bounds_ms
from tests.collector.province import DOMAIN, IDLE, POLICY, RUN, Piece, Province
from tests.light_agent import RECEIPT_KEY

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 4))
HOUR = 3600
ALL = Period.deciding(MONDAY, FRIDAY)


@pytest.fixture
def week(province: Province) -> list[str]:
    """Two instruments whose journals hold runs on several days and entries that are worth nothing; the origins."""
    origins = []
    for number in (1, 2):
        province.add_instrument(f"A00{number}")
        origin = province.add_agent(f"em-0{number}", f"A00{number}")
        for day in (MONDAY, TUESDAY, WEDNESDAY, FRIDAY):
            province.observe(origin, Piece(day, 8 * HOUR, 12 * HOUR, RUN), Piece(day, 12 * HOUR, 13 * HOUR, IDLE))
        province.add_worthless_entries(origin, MONDAY)
        province.show(origin, "pc:logons", TUESDAY, start_s=HOUR, counts=(3,))
        province.show(origin, "door:contact", TUESDAY, start_s=HOUR, states=("open",))
        origins.append(origin)
    province.derive(FRIDAY + timedelta(days=3))
    return origins


def rows(province: Province) -> list[tuple[object, ...]]:
    return province.rows("SELECT r::text FROM reading r ORDER BY journal_id, entry_index")


def records(province: Province) -> list[tuple[object, ...]]:
    return province.rows("SELECT asset_no, day, body, derived_at FROM hour_record ORDER BY asset_no, day")


def problems(province: Province) -> list[tuple[object, ...]]:
    return province.rows("SELECT asset_no, day, problem FROM derivation_problem ORDER BY asset_no, day")


def test_rows_that_are_gone_come_back_as_they_were_and_no_hour_changes(province: Province, week: list[str]) -> None:
    before, hours = rows(province), records(province)
    assert len(before) == 2 * (4 * 5 + 2)
    province.connection.execute("DELETE FROM reading")
    found = list(rebuild(province.connection, ALL, receipt_key=RECEIPT_KEY.verifier))
    assert found == [Rebuilt(origin, 0, 22) for origin in week]
    assert rows(province) == before
    assert province.derive(FRIDAY + timedelta(days=3)) > 0
    assert records(province) == hours


def test_declarations_that_were_left_out_come_back_and_change_their_day(province: Province, week: list[str]) -> None:
    said = Declaration(asset="A001", operator="a" * 64, action="in", how="command", purpose="own-research")
    province.declare(week[0], MONDAY, 9 * HOUR, said)
    province.derive(FRIDAY + timedelta(days=3))
    before = records(province)
    rows_before = province.rows("SELECT d::text FROM declaration d")
    province.connection.execute("DELETE FROM declaration")
    list(rebuild(province.connection, ALL, receipt_key=RECEIPT_KEY.verifier))
    assert province.rows("SELECT d::text FROM declaration d") == rows_before != []
    assert ("A001", MONDAY) in province.rows("SELECT asset_no, day FROM dirty_day")
    province.derive(FRIDAY + timedelta(days=3))
    assert records(province) == before


def test_rows_that_are_there_are_replaced_and_never_doubled(province: Province, week: list[str]) -> None:
    before = rows(province)
    province.connection.execute("UPDATE reading SET means = '{1}' WHERE means IS NOT NULL")
    if province.rows("SELECT layout FROM reading_layout") == [("timescale",)]:
        province.connection.execute("SELECT compress_chunk(c) FROM show_chunks('reading') c")
    assert [each.removed for each in rebuild(province.connection, ALL, receipt_key=RECEIPT_KEY.verifier)] == [22, 22]
    assert rows(province) == before


def test_only_the_days_that_were_asked_for_and_what_decides_them_are_rebuilt(
    province: Province, week: list[str]
) -> None:
    province.connection.execute("DELETE FROM reading")
    list(rebuild(province.connection, Period.deciding(TUESDAY, TUESDAY), receipt_key=RECEIPT_KEY.verifier))
    days = province.rows("SELECT DISTINCT (start_at AT TIME ZONE 'Asia/Shanghai')::date FROM reading")
    assert days == [(TUESDAY,)]


def test_entries_left_out_by_a_fault_are_derived_once_they_are_rebuilt(province: Province, week: list[str]) -> None:
    hours = records(province)
    province.connection.execute("DELETE FROM hour_record WHERE day = %s", [TUESDAY])
    list(rebuild(province.connection, Period.deciding(TUESDAY, TUESDAY), receipt_key=RECEIPT_KEY.verifier))
    province.derive(FRIDAY + timedelta(days=3))
    assert [row[:3] for row in records(province)] == [row[:3] for row in hours]


def test_what_ingest_stores_meanwhile_stays(province: Province, week: list[str]) -> None:
    working = rebuild(province.connection, ALL, receipt_key=RECEIPT_KEY.verifier)
    next(working)
    province.observe(week[1], Piece(WEDNESDAY, 20 * HOUR, 22 * HOUR, RUN))
    expected = rows(province)
    list(working)
    assert rows(province) == expected


def test_two_rebuilds_do_not_work_at_once(dsn: str, province: Province, week: list[str]) -> None:
    working = rebuild(province.connection, ALL, receipt_key=RECEIPT_KEY.verifier)
    next(working)
    with (
        database.connect(dsn, application="test") as other,
        pytest.raises(StoreError, match="another rebuild-readings is at work"),
    ):
        next(rebuild(other, ALL, receipt_key=RECEIPT_KEY.verifier))


def test_no_hour_is_derived_from_what_was_dropped_until_it_is_rebuilt(province: Province, week: list[str]) -> None:
    """A late entry for a day whose readings are gone must not turn its hours into silence."""
    before = records(province)
    province.connection.execute("DELETE FROM reading WHERE start_at < '2026-11-19'")
    province.connection.execute("UPDATE reading_layout SET absent = '{(,2026-11-19)}'")
    province.observe(week[0], Piece(TUESDAY, 14 * HOUR, 15 * HOUR, RUN))
    province.derive(FRIDAY + timedelta(days=3))
    ((asset, day, problem),) = problems(province)
    assert (asset, day) == ("A001", TUESDAY)
    assert "were dropped or are no longer whole; the evidence is kept: `jishi-collector rebuild-readings" in str(
        problem
    )
    assert records(province) == before
    list(rebuild(province.connection, Period.deciding(MONDAY, WEDNESDAY), receipt_key=RECEIPT_KEY.verifier))
    _retry_now(province)
    assert problems(province) == []
    ((run_s,),) = province.rows("SELECT run_s FROM hour_record WHERE asset_no = 'A001' AND day = %s", TUESDAY)
    assert run_s == 5 * HOUR


def test_a_new_policy_for_dropped_days_is_told_for_each_record_that_it_would_change(
    province: Province, week: list[str]
) -> None:
    before = records(province)
    province.connection.execute("UPDATE reading_layout SET absent = '{(,2026-11-19)}'")
    province.connection.execute("DELETE FROM reading WHERE start_at < '2026-11-19'")
    with province.connection.transaction():
        province.put_policy(POLICY.replace(b"test policy", b"another"), asset_no="A002", from_day=TUESDAY)
    province.derive(FRIDAY + timedelta(days=3))
    assert [row[:2] for row in problems(province)] == [("A002", day) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    assert [row for row in records(province) if row[1] != FRIDAY] == [row for row in before if row[1] != FRIDAY]


def test_a_rebuilt_time_is_whole_again_and_kept_for_a_while(province: Province, week: list[str]) -> None:
    province.connection.execute("UPDATE reading_layout SET absent = '{(,2026-11-19)}'")
    period = Period.deciding(TUESDAY, TUESDAY)
    list(rebuild(province.connection, period, receipt_key=RECEIPT_KEY.verifier))
    ((hole, kept),) = province.rows(
        "SELECT absent @> to_timestamp(%s / 1000.0), kept_until > now() + interval '29 days' FROM reading_layout",
        period.start_ms,
    )
    assert (hole, kept) == (False, True)
    ((rest,),) = province.rows("SELECT absent @> to_timestamp(%s / 1000.0) FROM reading_layout", period.start_ms - 1)
    assert rest is True


def test_the_period_holds_all_that_decides_its_days() -> None:
    midnight_ms, _ = day_bounds_ms(TUESDAY)
    period = Period.deciding(TUESDAY, TUESDAY)
    assert midnight_ms - DAY_MS < period.start_ms <= midnight_ms - 3 * 3_600_000 + 3_600_000
    assert period.end_ms >= midnight_ms + DAY_MS + 3_600_000


def test_the_command_says_what_it_did(
    dsn: str,
    province: Province,
    week: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path))
    ensure_receipt_key(tmp_path, DOMAIN)
    province.connection.execute("DELETE FROM reading WHERE journal_id = 1")
    assert main(["rebuild-readings", "--from", "2026-11-17", "--to", "2026-11-18"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"{week[0]} before=0 now=12",
        f"{week[1]} before=12 now=12",
        "readings=24 from=2026-11-17 to=2026-11-18",
    ]
    assert main(["rebuild-readings", "--from", "2026-11-18", "--to", "2026-11-17"]) == 1
    assert "give the later day as --to" in capsys.readouterr().err


def _retry_now(province: Province) -> None:
    province.connection.execute("UPDATE derivation_problem SET retry_at = '2020-01-01'")
    province.derive(FRIDAY + timedelta(days=3))
