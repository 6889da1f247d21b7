"""Records recomputed from the stored bytes alone, and what is said of those that are not as they should be."""

import random
from datetime import date, timedelta

import pytest

from collector.accounts.recompute import recompute
from collector.accounts.verification import Verification, Wanted, verify
from collector.cli import main
from collector.errors import DerivationError
from protocol import hours
from protocol.attribution import Served
from tests.collector.province import IDLE, OFF, POLICY, RUN, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3))
HOUR = 3600
BAND = 700_000


@pytest.fixture
def week(province: Province) -> str:
    """Two instruments, three days with power in the hysteresis band over both midnights, one of them open."""
    province.add_instrument("A001")
    province.add_instrument("B001")
    origin = province.add_agent("em-01", "A001")
    other = province.add_agent("ch-01", "B001")
    province.observe(origin, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN), Piece(MONDAY, 12 * HOUR, 24 * HOUR, BAND))
    province.observe(origin, Piece(TUESDAY, 0, 24 * HOUR, BAND))
    province.add_worthless_entries(origin, MONDAY)
    province.observe(origin, Piece(WEDNESDAY, 0, 3 * HOUR, BAND), Piece(WEDNESDAY, 3 * HOUR, 9 * HOUR, OFF))
    province.observe(other, Piece(TUESDAY, 1 * HOUR, 5 * HOUR, IDLE))
    province.derive(WEDNESDAY)
    return origin


def stored(province: Province) -> dict[tuple[str, date], bytes]:
    rows = province.rows("SELECT asset_no, day, body FROM hour_record")
    return {(str(asset), day): bytes(body) for asset, day, body in rows}  # type: ignore[misc,call-overload]


def test_every_stored_record_is_what_the_stored_bytes_give(dsn: str, province: Province, week: str) -> None:
    assert verify(dsn) == Verification(4, [], [])
    for (asset_no, day), body in stored(province).items():
        assert recompute(province.connection, asset_no, day=day) == body


def test_decoded_rows_are_not_read(dsn: str, province: Province, week: str) -> None:
    province.connection.execute("DELETE FROM reading")
    assert verify(dsn) == Verification(4, [], [])


def test_a_record_whose_seconds_were_altered_is_named_with_its_difference(
    dsn: str, province: Province, week: str
) -> None:
    body = stored(province)["A001", TUESDAY]
    record = hours.decode(body)
    assert record.run_s == 24 * HOUR
    forged = hours.encode(
        hours.HourRecord(**{
            **{name: getattr(record, name) for name in record.__struct_fields__},
            "run_s": 23 * HOUR, "effective_s": 23 * HOUR, "unresolved_s": 23 * HOUR, "off_s": HOUR,
            "served": (Served("", "", "unresolved", 23 * HOUR, 0),),
            "spans": ((0, HOUR, "off"), (HOUR, 86_400, "run")),
        })
    )  # fmt: skip
    province.connection.execute("UPDATE hour_record SET body = %s WHERE body = %s", [forged, body])
    found = verify(dsn)
    assert (found.equal, found.pending) == (3, [])
    [difference] = found.differences
    assert (difference.asset_no, difference.day) == ("A001", TUESDAY)
    assert f"run_s is {23 * HOUR}, recomputed {24 * HOUR}" in difference.what


def test_a_record_that_disappeared_is_named(dsn: str, province: Province, week: str) -> None:
    province.connection.execute("DELETE FROM hour_record WHERE asset_no = 'B001'")
    [difference] = verify(dsn).differences
    assert (difference.asset_no, difference.day) == ("B001", TUESDAY)
    assert "no record is stored" in difference.what


def test_a_range_of_days_is_verified_from_the_first_day_on(dsn: str, province: Province, week: str) -> None:
    """Wednesday alone: its lead-in still comes from Monday's run, through two chained days."""
    assert verify(dsn, Wanted(WEDNESDAY, WEDNESDAY)) == Verification(1, [], [])
    assert verify(dsn, Wanted(last_day=MONDAY)) == Verification(1, [], [])


def test_days_that_wait_for_the_deriver_are_pending_and_no_fault(dsn: str, province: Province, week: str) -> None:
    province.observe(week, Piece(MONDAY, 9 * HOUR, 10 * HOUR, RUN))
    found = verify(dsn)
    assert found.differences == []
    assert [(each.asset_no, each.day) for each in found.pending] == [("A001", MONDAY)]
    province.derive(WEDNESDAY)
    assert verify(dsn) == Verification(4, [], [])


def test_the_mark_of_a_day_that_has_not_begun_excuses_nothing(dsn: str, province: Province, week: str) -> None:
    """Readings of Wednesday's last hour mark Thursday."""
    body = stored(province)["A001", WEDNESDAY]
    forged = body.replace(b'"fault_s":0', b'"fault_s":7')
    province.connection.execute("UPDATE hour_record SET body = %s WHERE body = %s", [forged, body])
    province.connection.execute(
        "INSERT INTO dirty_day (asset_no, day, touched_at) VALUES ('A001', %s, now())", [THURSDAY]
    )
    found = verify(dsn)
    assert found.pending == []
    assert [(each.asset_no, each.day) for each in found.differences] == [("A001", WEDNESDAY)]


def test_days_that_follow_a_pending_one_are_pending_too(dsn: str, province: Province, week: str) -> None:
    """A run that arrives late reaches through the band into Tuesday, which the deriver does not know yet."""
    province.add_instrument("C001")
    origin = province.add_agent("oven-01", "C001")
    province.observe(origin, Piece(MONDAY, 12 * HOUR, 24 * HOUR, BAND), Piece(TUESDAY, 0, 24 * HOUR, BAND))
    province.derive(WEDNESDAY)
    province.observe(origin, Piece(MONDAY, 11 * HOUR, 12 * HOUR, RUN))
    found = verify(dsn)
    assert [(each.asset_no, each.day) for each in found.pending] == [("C001", MONDAY), ("C001", TUESDAY)]
    assert found.differences == []
    province.connection.execute("DELETE FROM dirty_day")
    assert [each.day for each in verify(dsn).differences] == [MONDAY, TUESDAY], "without a mark it is a fault"


def test_a_policy_that_changed_is_recomputed_under_the_new_one(dsn: str, province: Province, week: str) -> None:
    strict = POLICY.replace(b'"on_mw":900000', b'"on_mw":2000000')
    province.put_policy(strict, from_day=TUESDAY)
    province.derive(WEDNESDAY)
    assert verify(dsn) == Verification(4, [], [])


def test_what_cannot_be_recomputed_says_why(province: Province, week: str) -> None:
    with pytest.raises(DerivationError, match="nothing was observed of instrument A001 on 2026-11-19"):
        recompute(province.connection, "A001", day=THURSDAY)


def test_any_history_is_recomputed_to_the_same_bytes(dsn: str, province: Province) -> None:
    """Random pieces of three days, in random order and batches, from two agents, deriving now and then."""
    drawn = random.Random(20261123)
    province.add_instrument("A001")
    origins = [province.add_agent(agent, "A001") for agent in ("em-01", "em-02")]
    for _ in range(40):
        day = drawn.choice([MONDAY, TUESDAY, WEDNESDAY])
        start = drawn.uniform(0, 86_000)
        length = drawn.choice([5, 30, 90, 600, 7200])
        end = min(86_400, start + length) if day != WEDNESDAY else min(40_000, start + length)
        if end <= start:
            continue
        province.observe(drawn.choice(origins), Piece(day, start, end, drawn.choice([OFF, IDLE, BAND, RUN])))
        if drawn.random() < 0.3:
            province.derive(WEDNESDAY)
    province.derive(WEDNESDAY)
    found = verify(dsn)
    assert (found.pending, found.differences) == ([], [])
    assert found.equal == 3


def test_the_command_prints_differences_and_fails(
    dsn: str, province: Province, week: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    assert main(["account", "--verify", "--from", "2026-11-16", "--to", "2026-11-18"]) == 0
    assert "verified=4 pending=0 differences=0" in capsys.readouterr().out
    province.connection.execute("DELETE FROM hour_record WHERE asset_no = 'B001'")
    assert main(["account", "--verify"]) == 1
    printed = capsys.readouterr()
    assert "differs B001 2026-11-17: no record is stored" in printed.out
    assert "1 hour records are not what the stored bytes give" in printed.err
