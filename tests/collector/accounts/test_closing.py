"""A day's record while it is open, when it closes, and what makes it another one afterwards."""

from datetime import date, timedelta

import psycopg
import pytest

from collector.accounts.closing import Revision, list_revisions
from collector.accounts.verification import verify
from collector.accounts.worker import Worker
from collector.registry import instruments, units
from protocol import hours
from protocol.interval import DAY_MS, day_bounds_ms
from tests.collector.province import OFF, POLICY, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3, 4))
HOUR = 3600
OTHER_USCC = "12100000400000624D"


@pytest.fixture
def sem(province: Province) -> str:
    province.add_instrument("A001")
    return province.add_agent("em-01", "A001")


def revisions(province: Province, day: date = MONDAY) -> list[Revision]:
    return list_revisions(province.connection, "A001", day=day)


def body_of(province: Province, day: date = MONDAY) -> bytes:
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE asset_no = 'A001' AND day = %s", day)
    assert isinstance(body, bytes)
    return body


def test_a_day_closes_three_days_after_its_midnight_and_not_before(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(WEDNESDAY)
    assert revisions(province) == []
    province.derive(THURSDAY)
    [first] = revisions(province)
    assert (first.revision, first.cites, first.why) == (1, None, "closed")
    assert province.rows("SELECT body FROM closed_record") == [(body_of(province),)]


def test_after_how_many_days_is_a_setting(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    noon_ms = day_bounds_ms(TUESDAY)[0] + DAY_MS // 2
    Worker("", now_ms=lambda: noon_ms, close_after_days=1).drain(province.connection)
    assert [each.revision for each in revisions(province)] == [1]


def test_late_data_makes_a_further_revision_that_cites_the_one_before(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(THURSDAY)
    before = body_of(province)
    province.observe(sem, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN))
    province.derive(FRIDAY)
    first, second = revisions(province)
    assert (second.revision, second.cites, second.why) == (2, first.sha256, "readings")
    bodies = province.rows("SELECT body FROM closed_record ORDER BY revision")
    assert bodies == [(before,), (body_of(province),)]
    assert [hours.decode(body).run_s for (body,) in bodies] == [10 * HOUR, 12 * HOUR]  # type: ignore[arg-type]


def test_deriving_a_closed_day_again_to_the_same_bytes_adds_nothing(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(THURSDAY)
    province.connection.execute("INSERT INTO dirty_day VALUES ('A001', %s, now())", [MONDAY])
    province.derive(THURSDAY)
    assert [each.revision for each in revisions(province)] == [1]


def test_a_policy_and_an_owner_are_named_as_the_reason(dsn: str, province: Province, sem: str) -> None:
    units.register_unit(province.connection, OTHER_USCC, name_zh="另一单位")
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(THURSDAY)
    province.put_policy(POLICY.replace(b'"on_mw":900000', b'"on_mw":2000000'), from_day=MONDAY)
    province.derive(THURSDAY)
    instruments.register_owner(province.connection, "A001", uscc=OTHER_USCC, from_day=MONDAY)
    province.derive(THURSDAY)
    assert [each.why for each in revisions(province)] == ["closed", "policy", "ownership"]
    record = hours.decode(body_of(province))
    assert (record.run_s, record.owner) == (0, OTHER_USCC)
    assert verify(dsn).differences == []


def test_what_happens_before_a_day_is_derived_is_named_together(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(THURSDAY)
    province.put_policy(POLICY.replace(b"test policy", b"a policy with another name"), from_day=MONDAY)
    province.observe(sem, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN))
    province.connection.execute("UPDATE dirty_day SET reason = join_reasons(reason, 'readings')")
    province.derive(THURSDAY)
    assert revisions(province)[-1].why == "policy, readings"


def test_a_change_that_reaches_over_midnight_revises_the_closed_day_behind_it(province: Province, sem: str) -> None:
    """Power in the hysteresis band carries Monday's state into Tuesday."""
    band = 700_000
    province.observe(sem, Piece(MONDAY, 12 * HOUR, 24 * HOUR, band), Piece(TUESDAY, 0, 24 * HOUR, band))
    province.observe(sem, Piece(WEDNESDAY, 0, HOUR, OFF))
    province.derive(FRIDAY)
    province.observe(sem, Piece(MONDAY, 11 * HOUR, 12 * HOUR, RUN))
    province.derive(FRIDAY)
    assert [each.why for each in revisions(province, TUESDAY)] == ["closed", "neighbour"]


def test_a_day_that_waits_to_be_derived_does_not_close(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(WEDNESDAY)
    province.observe(sem, Piece(MONDAY, 0, HOUR, OFF))
    province.connection.execute(
        "INSERT INTO derivation_problem VALUES ('A001', %s, 'broken', now(), now() + interval '100 years')", [MONDAY]
    )
    province.derive(THURSDAY)
    assert revisions(province) == []


def test_a_record_that_ends_before_midnight_does_not_close(province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(MONDAY)
    with pytest.raises(psycopg.errors.CheckViolation):
        province.connection.execute("UPDATE hour_record SET revision = 1")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE closed_record SET why = 'another'",
        "DELETE FROM closed_record",
        "TRUNCATE closed_record CASCADE",
        "INSERT INTO closed_record SELECT asset_no, day, 2, body || ' ', encode(sha256(body || ' '), 'hex'),"
        " repeat('0', 64), 'forged' FROM closed_record",
    ],
)
def test_closed_records_refuse_every_change_and_every_false_citation(province: Province, sem: str, change: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(THURSDAY)
    with pytest.raises(psycopg.errors.RestrictViolation):
        province.connection.execute(change.encode())


def test_a_record_altered_beside_its_closed_revision_is_found(dsn: str, province: Province, sem: str) -> None:
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(THURSDAY)
    body = body_of(province)
    forged = body.replace(b'"asset":"A001"', b'"asset":"A002"')
    province.connection.execute("UPDATE hour_record SET body = %s", [forged])
    whats = [each.what for each in verify(dsn).differences]
    assert whats == [
        "the record is not the newest revision of its closed day",
        "asset is A002, recomputed A001",
    ]


@pytest.mark.parametrize("late", [False, True])
def test_a_closed_day_whose_record_was_lost_goes_on_from_its_revision(
    dsn: str, province: Province, sem: str, late: bool
) -> None:
    province.observe(sem, Piece(MONDAY, 0, 10 * HOUR, RUN))
    province.derive(THURSDAY)
    province.observe(sem, Piece(MONDAY, 10 * HOUR, 11 * HOUR, RUN))
    province.derive(THURSDAY)
    province.connection.execute("DELETE FROM hour_record")
    if late:
        province.observe(sem, Piece(MONDAY, 11 * HOUR, 12 * HOUR, RUN))
    province.connection.execute("INSERT INTO dirty_day VALUES ('A001', %s, now()) ON CONFLICT DO NOTHING", [MONDAY])
    province.derive(FRIDAY)
    assert [each.revision for each in revisions(province)] == ([1, 2, 3] if late else [1, 2])
    assert verify(dsn).differences == []


def test_a_silent_day_has_no_record_and_counts_as_a_day_in_the_network(province: Province, sem: str) -> None:
    units.register_unit(province.connection, OTHER_USCC, name_zh="另一单位")
    province.add_instrument("B001")
    instruments.register_owner(province.connection, "B001", uscc=OTHER_USCC, from_day=WEDNESDAY)
    instruments.register_owner(province.connection, "B001", uscc=None, from_day=FRIDAY)
    province.observe(sem, Piece(MONDAY, 0, 24 * HOUR, RUN))
    province.derive(FRIDAY)
    assert province.rows("SELECT asset_no, day FROM hour_record") == [("A001", MONDAY)]
    owned = province.rows("SELECT asset_no, uscc, days FROM owned_days(%s, %s) ORDER BY 1, 2", MONDAY, FRIDAY)
    assert owned == [("A001", USCC, 5), ("B001", OTHER_USCC, 2), ("B001", USCC, 2)]
