"""What was frozen stays, byte for byte, whatever comes later; what comes later is listed beside it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from collector.accounts.amendments import list_amendments, list_facts_since
from collector.accounts.freezing import (
    Frozen,
    Period,
    check_not_frozen,
    find_frozen,
    freeze,
    list_frozen,
    one_snapshot,
)
from collector.accounts.frozen_verification import verify_frozen
from collector.accounts.verification import Verification, verify
from collector.errors import BadUscc, FreezingError, PeriodFrozen, UnknownName
from collector.facts.store import record_fact
from collector.ingest.rebuild import Period as Days
from collector.ingest.rebuild import rebuild
from collector.registry import instruments, units
from protocol import facts, frozen
from protocol.interval import day_bounds_ms
from tests.collector.province import IDLE, OFF, POLICY, RUN, USCC, Piece, Province
from tests.light_agent import RECEIPT_KEY

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3, 4))
SUNDAY = MONDAY + timedelta(days=6)
HOUR = 3600
OTHER_USCC = "12100000400000624D"
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
PERIOD = Period("2026-w47", MONDAY, WEDNESDAY)


@pytest.fixture
def week(province: Province) -> str:
    """Two instruments with closed days and a silent one; A001's Monday ends inside the hysteresis band."""
    units.register_unit(province.connection, OTHER_USCC, name_zh="另一单位")
    for asset_no in ("A001", "B001", "C001"):
        province.add_instrument(asset_no)
    origin = province.add_agent("em-01", "A001")
    other = province.add_agent("ch-01", "B001")
    province.observe(origin, Piece(MONDAY, 10 * HOUR, 12 * HOUR, RUN), Piece(MONDAY, 12 * HOUR, 24 * HOUR, 700_000))
    province.observe(origin, Piece(TUESDAY, 0, 3 * HOUR, 700_000), Piece(TUESDAY, 3 * HOUR, 24 * HOUR, OFF))
    province.observe(other, Piece(WEDNESDAY, 1 * HOUR, 5 * HOUR, IDLE))
    use = facts.Use(
        v=1, at=ms(MONDAY, 13), by="lims", asset="A001", start=ms(MONDAY, 10), end=ms(MONDAY, 11), purpose="teaching"
    )
    with province.connection.transaction():
        record_fact(province.connection, use)
    province.derive(SUNDAY)
    return origin


def ms(day: date, hour: int) -> int:
    return day_bounds_ms(day)[0] + hour * HOUR * 1000


def freeze_it(province: Province, period: Period = PERIOD) -> Frozen:
    with one_snapshot(province.connection):
        return freeze(province.connection, period, by="Wang", now=NOW)


def snapshot_of(province: Province, held: Frozen) -> list[object]:
    """Every byte that a frozen period consists of."""
    return [
        province.rows("SELECT manifest, sha256 FROM frozen WHERE frozen_id = %s", held.frozen_id),
        province.rows("SELECT place, body FROM frozen_leaf WHERE frozen_id = %s ORDER BY place", held.frozen_id),
        province.rows(
            "SELECT asset_no, day, body FROM frozen_record JOIN closed_record USING (asset_no, day, revision)"
            " WHERE frozen_id = %s ORDER BY asset_no, day",
            held.frozen_id,
        ),
    ]


def test_a_frozen_period_names_its_records_figures_facts_and_population(province: Province, week: str) -> None:
    held = freeze_it(province)
    assert held.manifest.leaves == {
        "figure": 3, "fact": 1, "instrument": 3, "journal": 2, "owner": 3, "policy": 1, "record": 3,
    }  # fmt: skip
    bodies = dict(province.rows("SELECT asset_no, body FROM frozen_leaf WHERE kind = 'figure'"))
    assert b'"network":3,"days":2,"until_s":172800' in bodies["A001"]  # type: ignore[operator]
    assert bodies["C001"].startswith(  # type: ignore[attr-defined]
        b'["figure","C001","%s",{"network":3,"days":0,"until_s":0' % USCC.encode()
    )
    assert frozen.decode(frozen.encode(held.manifest)) == held.manifest
    assert list_frozen(province.connection) == [held]


LATER: dict[str, Callable[[Province, str], object]] = {
    "late data": lambda p, origin: p.observe(origin, Piece(MONDAY, 8 * HOUR, 10 * HOUR, RUN)),
    "late data of a day that was silent": lambda p, origin: p.observe(origin, Piece(WEDNESDAY, 0, HOUR, RUN)),
    "a policy": lambda p, _: p.put_policy(POLICY.replace(b"900000", b"2000000"), from_day=MONDAY),
    "a policy of one instrument": lambda p, _: p.put_policy(
        POLICY.replace(b"900000", b"2000000"), asset_no="A001", from_day=MONDAY
    ),
    "another owner": lambda p, _: instruments.register_owner(p.connection, "A001", uscc=OTHER_USCC, from_day=TUESDAY),
    "another instrument at the meter": lambda p, _: p.bind("em-01", "C001", from_day=TUESDAY),
    "a correction": lambda p, _: withdraw_the_use(p),
    "a rebuild of the readings": lambda p, _: rebuild_week(p),
}


def withdraw_the_use(province: Province) -> None:
    [(sha256,)] = province.rows("SELECT sha256 FROM fact")
    correction = facts.Correction(
        v=1, at=ms(SUNDAY, 1), by="Li", approver="Wang", approved_at=ms(SUNDAY, 2), reason="entered twice",
        target=f"fact:{sha256}",
    )  # fmt: skip
    with province.connection.transaction():
        record_fact(province.connection, correction)


def rebuild_week(province: Province) -> None:
    assert list(rebuild(province.connection, Days.deciding(MONDAY, WEDNESDAY), receipt_key=RECEIPT_KEY.verifier))


@pytest.mark.parametrize("what", LATER)
def test_a_frozen_period_survives_whatever_comes_later_byte_for_byte(
    dsn: str, province: Province, week: str, what: str
) -> None:
    held = freeze_it(province)
    before = snapshot_of(province, held)
    LATER[what](province, week)
    province.derive(SUNDAY)
    assert snapshot_of(province, held) == before
    assert verify_frozen(dsn, PERIOD.name) == Verification(3, [], [])
    assert verify(dsn).differences == [], "what holds now is right as well"


def test_late_data_is_an_amendment_with_its_seconds_and_its_reason(province: Province, week: str) -> None:
    held = freeze_it(province)
    province.observe(week, Piece(MONDAY, 8 * HOUR, 10 * HOUR, RUN), Piece(WEDNESDAY, 0, HOUR, RUN))
    province.derive(SUNDAY)
    with province.connection.transaction():
        amended = list(list_amendments(province.connection, held))
    assert [(each.asset_no, each.day, each.revision, each.why) for each in amended] == [
        ("A001", MONDAY, 2, "readings"),
        ("A001", WEDNESDAY, 1, "closed"),
    ]
    assert amended[0].seconds["effective_s"] == (14 * HOUR, 16 * HOUR)
    assert amended[1].seconds["run_s"] == (0, HOUR)
    assert amended[1].seconds["unobserved_s"] == (0, 23 * HOUR)


def test_owners_and_policies_that_came_later_are_named(province: Province, week: str) -> None:
    held = freeze_it(province)
    assert list_facts_since(province.connection, held) == []
    instruments.register_owner(province.connection, "A001", uscc=OTHER_USCC, from_day=WEDNESDAY)
    instruments.register_owner(province.connection, "B001", uscc=OTHER_USCC, from_day=FRIDAY)
    sha256 = province.put_policy(POLICY.replace(b"900000", b"2000000"), from_day=TUESDAY)
    since = list_facts_since(province.connection, held)
    assert [each[:4] for each in since] == [
        ("owner", "A001", OTHER_USCC, WEDNESDAY),
        ("policy", "default", sha256, TUESDAY),
    ]


def test_the_same_state_frozen_twice_has_one_root(province: Province, week: str) -> None:
    first = freeze_it(province)
    second = freeze_it(province, PERIOD._replace(name="again"))
    assert first.manifest.root == second.manifest.root
    assert first.sha256 != second.sha256


def test_a_unit_is_frozen_with_its_own_days_only(dsn: str, province: Province, week: str) -> None:
    instruments.register_owner(province.connection, "A001", uscc=OTHER_USCC, from_day=TUESDAY)
    province.derive(SUNDAY)
    held = freeze_it(province, PERIOD._replace(unit=OTHER_USCC))
    assert held.manifest.leaves["record"] == 1
    assert held.manifest.leaves["owner"] == 1
    assert verify_frozen(dsn, PERIOD.name) == Verification(1, [], [])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda p, o: p.observe(o, Piece(TUESDAY, 4 * HOUR, 5 * HOUR, RUN)), "A001 2026-11-17: waits to be derived"),
        (lambda p, o: p.connection.execute("UPDATE hour_record SET revision = NULL"), "not closed yet"),
    ],
)
def test_a_period_with_open_days_is_refused_and_they_are_named(
    province: Province, week: str, spoil: Callable[[Province, str], object], why: str
) -> None:
    spoil(province, week)
    with pytest.raises(FreezingError, match=why):
        freeze_it(province)
    assert list_frozen(province.connection) == []
    assert province.rows("SELECT * FROM frozen_record") == []


def test_a_name_is_taken_once_and_a_unit_must_be_known(province: Province, week: str) -> None:
    freeze_it(province)
    with pytest.raises(FreezingError, match="frozen already"):
        freeze_it(province)
    with pytest.raises((UnknownName, BadUscc)):
        freeze_it(province, Period("x", MONDAY, TUESDAY, "91610131MA6TYUUC75"))
    with pytest.raises(FreezingError, match="ends before it begins"):
        freeze_it(province, Period("x", TUESDAY, MONDAY))
    with pytest.raises(FreezingError, match="a name has 1 to 40"):
        freeze_it(province, Period("two words", MONDAY, TUESDAY))
    with pytest.raises(FreezingError, match="2026-11-22 is not over yet"):
        freeze_it(province, Period("x", MONDAY, SUNDAY))
    with pytest.raises(FreezingError, match="there are: 2026-w47"):
        find_frozen(province.connection, "none")


@pytest.mark.parametrize("table", ["frozen", "frozen_record", "frozen_journal", "frozen_leaf"])
def test_the_database_refuses_to_change_what_is_frozen(province: Province, week: str, table: str) -> None:
    freeze_it(province)
    with pytest.raises(psycopg.errors.RestrictViolation):
        province.connection.execute(f"DELETE FROM {table}".encode())


def forge(province: Province, statement: str) -> None:
    """What an administrator of the database can do who takes the triggers off."""
    with province.connection.transaction():
        province.connection.execute("SET LOCAL session_replication_role = replica")
        province.connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM frozen_record WHERE asset_no = 'B001'", "the leaves lead to the root"),
        (
            "UPDATE frozen_leaf SET body = replace(convert_from(body, 'UTF8'), '\"run_s\":61200', '\"run_s\":61201')"
            "::bytea WHERE kind = 'figure'",
            "the figures of A001",
        ),
    ],
)
def test_whoever_alters_what_is_frozen_is_found(
    dsn: str, province: Province, week: str, statement: str, what: str
) -> None:
    freeze_it(province)
    forge(province, statement)
    whats = [each.what for each in verify_frozen(dsn, PERIOD.name).differences]
    assert any(what in each for each in whats)


def test_what_begins_inside_a_frozen_period_must_say_that_it_amends(province: Province, week: str) -> None:
    freeze_it(province)
    check_not_frozen(province.connection, "A001", from_day=THURSDAY)
    check_not_frozen(province.connection, None, from_day=THURSDAY)
    check_not_frozen(province.connection, "A001", from_day=WEDNESDAY, amends=True)
    for asset_no in ("A001", None):
        with pytest.raises(PeriodFrozen, match="2026-w47"):
            check_not_frozen(province.connection, asset_no, from_day=WEDNESDAY)


def test_an_instrument_outside_a_frozen_unit_is_free(province: Province, week: str) -> None:
    instruments.register_owner(province.connection, "C001", uscc=OTHER_USCC, from_day=MONDAY)
    freeze_it(province, PERIOD._replace(unit=OTHER_USCC))
    check_not_frozen(province.connection, "A001", from_day=MONDAY)
    with pytest.raises(PeriodFrozen):
        check_not_frozen(province.connection, "C001", from_day=MONDAY)
