"""Flags out of the database: looked for, kept as found, found once, listed by weight; and no hour moves by them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import psycopg
import pytest

from collector import cli
from collector.accounts.worker import Worker
from collector.facts.store import record_fact
from collector.flags import job
from collector.flags.job import DailyLook, look_at_days
from collector.flags.listing import Check, list_checks, list_flags
from collector.flags.looking import look
from collector.registry.access import EVERYTHING, Access, Scope
from protocol.entry import Reading
from protocol.facts import Order, Use
from protocol.flags.catalogue import tell
from protocol.interval import DAY_MS, day_bounds_ms
from tests.collector.conftest import make_key
from tests.collector.province import USCC, MovableClock, Province

FIRST = date(2026, 10, 20)
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
OTHER = "91440300708461136T"
RUN_MINUTES = 120
TODAY = date(2026, 11, 18)
OCTOBER = date(2026, 10, 31)


def day_number(number: int) -> date:
    return FIRST + timedelta(days=number)


def trace(seed: int, *, noise: float = 0.02) -> list[int]:
    """Minutes of a run: a program with noise of its own."""
    chance = Random(seed)
    return [
        round((1_000_000 + 200_000 * (n % 40 < 25)) * (1 + noise * chance.uniform(-1, 1))) for n in range(RUN_MINUTES)
    ]


def run(province: Province, origin: str, day: date, minutes: Sequence[int], *, ripple: float = 0.02) -> None:
    """A day that idles from 8 to 9 and then runs minute by minute."""
    parts = [(8, [200_000] * 60)] + [(9 + n // 60, list(minutes[n : n + 60])) for n in range(0, len(minutes), 60)]
    parts.append((9 + len(minutes) // 60, [5_000] * 60))
    province.write(origin, [_reading(day, hour, levels, ripple) for hour, levels in parts])


def _reading(day: date, hour: int, levels: Sequence[int], ripple: float) -> tuple[int, Reading]:
    wall_ms = day_bounds_ms(day)[0] + (hour + 1) * HOUR_MS
    start_ms = wall_ms % DAY_MS + DAY_MS - HOUR_MS
    reading = Reading(
        "meter1", "power", start_ms, (MINUTE_MS,) * len(levels), means=tuple(levels),
        lows=tuple(round(each * (1 - ripple)) for each in levels),
        highs=tuple(round(each * (1 + ripple)) for each in levels),
    )  # fmt: skip
    return wall_ms, reading


@pytest.fixture
def origin(province: Province) -> str:
    """An instrument with fourteen honest days; the origin of its journal."""
    province.add_instrument("A001", model="JEM-2100")
    made = province.add_agent("em-01", "A001")
    for number in range(14):
        run(province, made, day_number(number), trace(number))
    derive(province)
    return made


def derive(province: Province) -> None:
    province.derive(TODAY)


def rules(province: Province) -> list[tuple[str, str, str]]:
    found = list_flags(province.connection, EVERYTHING, first_day=FIRST, last_day=TODAY)
    return sorted((each.flag.asset, each.flag.rule, each.flag.last_day) for each in found)


def bodies(province: Province) -> list[tuple[object, ...]]:
    return province.rows("SELECT asset_no, day, body FROM hour_record ORDER BY 1, 2")


def say(province: Province, facts: Iterable[Use | Order]) -> None:
    with province.connection.transaction():
        for fact in facts:
            record_fact(province.connection, fact)


def test_honest_days_have_no_flag_and_a_copied_and_a_still_day_have_theirs(province: Province, origin: str) -> None:
    honest = [day for n in range(14) if (day := day_number(n)) != OCTOBER]
    assert sum(look(province.connection, "A001", day=day) for day in honest) == 0
    run(province, origin, day_number(14), trace(5))
    run(province, origin, day_number(15), trace(99, noise=0), ripple=0.0001)
    derive(province)
    before = bodies(province)
    assert look_at_days(province.connection, "A001", first_day=day_number(14), last_day=day_number(15)) == 2
    copied, still = str(day_number(14)), str(day_number(15))
    assert rules(province) == [("A001", "constant-load", still), ("A001", "replayed-trace", copied)]
    found = {
        each.flag.rule: each.flag
        for each in list_flags(province.connection, EVERYTHING, first_day=FIRST, last_day=TODAY)
    }
    assert found["replayed-trace"].about == (str(day_number(5)),)
    assert "differs from one of" in tell(found["replayed-trace"], "en")
    assert bodies(province) == before
    assert province.rows("SELECT count(*) FROM dirty_day") == [(0,)]


def test_looking_again_finds_the_same_bytes_and_nothing_that_was_kept_can_change(
    province: Province, origin: str
) -> None:
    run(province, origin, day_number(14), trace(5))
    derive(province)
    assert look(province.connection, "A001", day=day_number(14)) == 1
    assert look(province.connection, "A001", day=day_number(14)) == 0
    with pytest.raises(psycopg.errors.RestrictViolation):
        province.connection.execute("UPDATE flag SET weight = 1")
    with pytest.raises(psycopg.errors.RestrictViolation):
        province.connection.execute("DELETE FROM flag")


def test_what_comes_late_makes_another_shape_and_what_was_found_stays_as_found(province: Province, origin: str) -> None:
    run(province, origin, day_number(14), trace(5))
    derive(province)
    look(province.connection, "A001", day=day_number(14))
    [(before,)] = province.rows("SELECT record FROM day_shape WHERE day = %s", day_number(14))
    province.write(origin, [_reading(day_number(14), 13, [1_100_000] * 60, 0.02)])
    derive(province)
    look(province.connection, "A001", day=day_number(14))
    [(after,)] = province.rows("SELECT record FROM day_shape WHERE day = %s", day_number(14))
    assert before != after
    assert ("A001", "replayed-trace", str(day_number(14))) in rules(province)


def test_the_same_pattern_on_two_instruments_of_a_unit_is_told_of_both(province: Province, origin: str) -> None:
    province.add_instrument("A002")
    other = province.add_agent("em-02", "A002")
    for number in range(13):
        run(province, other, day_number(number), trace(100 + number))
    run(province, other, day_number(13), trace(13))
    derive(province)
    for asset_no in ("A001", "A002"):
        look_at_days(province.connection, asset_no, first_day=day_number(12), last_day=day_number(13))
    last = str(day_number(13))
    assert rules(province) == [("A001", "same-pattern", last), ("A002", "same-pattern", last)]


def test_readings_that_were_dropped_leave_a_day_without_a_shape_and_the_look_goes_on(
    province: Province, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.errors import ReadingsDropped
    from collector.flags import shapes

    def dropped(*_: object, **__: object) -> object:
        raise ReadingsDropped("gone")

    monkeypatch.setattr(shapes, "read_blocks", dropped)
    assert look(province.connection, "A001", day=day_number(13)) == 0
    assert province.rows("SELECT count(*) FROM day_shape") == [(0,)]


def test_a_month_is_looked_at_on_its_last_day(province: Province, origin: str) -> None:
    """The days of the fixture have exactly two hours each, which no work has."""
    assert look(province.connection, "A001", day=OCTOBER) == 1
    assert rules(province) == [("A001", "regular-hours", str(OCTOBER))]
    [kept] = list_flags(province.connection, EVERYTHING, first_day=OCTOBER, last_day=OCTOBER)
    assert (kept.flag.first_day, kept.flag.last_day) == ("2026-10-01", "2026-10-31")


def test_external_hours_without_proof_are_told_two_months_later(province: Province, origin: str) -> None:
    at = day_bounds_ms(day_number(10))[0]
    orders = [Order(v=1, at=at, by="li", unit=USCC, order="SO-1", beneficiary=OTHER)]
    for number in range(12):
        start = day_bounds_ms(day_number(number))[0] + 9 * HOUR_MS
        use = Use(v=1, at=day_bounds_ms(TODAY)[0], by="lims", asset="A001", start=start, end=start + 2 * HOUR_MS,
                  purpose="service-order", order="SO-1")  # fmt: skip
        say(province, [use])
    say(province, orders)
    derive(province)
    look(province.connection, "A001", day=date(2026, 12, 31))
    [kept] = [each for each in list_flags(province.connection, EVERYTHING, first_day=FIRST, last_day=date(2026, 12, 31))
              if each.flag.rule == "external-unproved"]  # fmt: skip
    assert (kept.flag.first_day, kept.flag.last_day, kept.flag.about) == ("2026-10-01", "2026-10-31", ("SO-1",))
    assert {each.name: each.value for each in kept.flag.figures}["unproved"] == 24 * 3600


def test_somebody_at_two_units_at_once_is_told_and_a_corrected_use_is_left_out(province: Province, origin: str) -> None:
    province.add_instrument("B001")
    province.connection.execute("INSERT INTO facility (facility_no, kind, name_zh) VALUES ('F1', 'facility', '楼')")
    province.connection.execute(
        "INSERT INTO membership (asset_no, kind, facility_no, from_day, recorded_by)"
        " VALUES ('B001', 'facility', 'F1', '2020-01-01', 'x')"
    )
    start = day_bounds_ms(day_number(3))[0] + 9 * HOUR_MS
    said = {"v": 1, "at": start, "by": "lims", "start": start, "end": start + 2 * HOUR_MS, "user": "9f1c"}
    say(province, [Use(asset=asset, purpose="teaching", **said) for asset in ("A001", "B001")])  # type: ignore[arg-type]
    look(province.connection, "A001", day=day_number(3))
    assert rules(province) == [("A001", "two-places", str(day_number(3)))]


def test_the_daily_look_goes_on_where_it_was_and_a_failure_holds_up_nobody(
    province: Province, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(province, origin, day_number(14), trace(5))
    derive(province)
    daily = DailyLook(after_days=3)
    worker = Worker("", now_ms=lambda: day_bounds_ms(day_number(17))[0] + 1, when_idle=daily)
    worker.drain(province.connection)
    assert province.rows("SELECT until_day, problem FROM flag_progress") == [(day_number(14), "")]
    assert ("A001", "replayed-trace", str(day_number(14))) in rules(province)
    looked: list[date] = []
    monkeypatch.setattr(job, "look", lambda _connection, _asset_no, *, day: looked.append(day) or 0)
    daily(province.connection, day_number(17))
    assert looked == []
    daily(province.connection, day_number(19))
    assert looked == [day_number(15), day_number(16)]

    def fail(*_: object, **__: object) -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(job, "look", fail)
    daily(province.connection, day_number(20))
    assert province.rows("SELECT until_day, problem FROM flag_progress") == [(day_number(17), "ValueError: a bug")]


def test_visits_are_ordered_by_weight_and_nobody_sees_beyond_his_scope(
    province: Province, origin: str, client: httpx.Client, clock: MovableClock
) -> None:
    province.add_instrument("A002")
    other = province.add_agent("em-02", "A002")
    for number in range(14):
        run(province, other, day_number(number), trace(100 + number))
    run(province, origin, day_number(14), trace(5))
    run(province, other, day_number(14), trace(1, noise=0), ripple=0.0001)
    derive(province)
    for asset_no in ("A001", "A002"):
        look_at_days(province.connection, asset_no, first_day=day_number(13), last_day=day_number(14))
    checks = list_checks(province.connection, EVERYTHING, first_day=FIRST, last_day=TODAY)
    day = day_number(14)
    assert checks == [Check("A001", 85, 1, ["replayed-trace"], day), Check("A002", 70, 1, ["constant-load"], day)]
    days = {"first_day": str(FIRST), "last_day": str(TODAY)}
    for scope, seen in ((EVERYTHING, ["A002", "A001"]), (Scope("instrument", "A001"), ["A001"])):
        key = make_key(province, clock, label=str(scope), access=Access("inspector", scope))
        client.headers["Authorization"] = f"Bearer {key}"
        page = client.get("/api/v1/flags", params=days).json()["items"]
        assert [each["asset_no"] for each in page] == seen
        assert len(client.get("/api/v1/flags/checks", params=days).json()) == len(seen)
        first = client.get("/api/v1/flags", params={**days, "limit": 1}).json()
        assert (first["next_cursor"] is None) == (len(seen) == 1)
    assert {"told_zh", "told_en", "figures", "version"} <= page[0].keys()
    assert client.get("/api/v1/flags/rules").json()[0]["name"] == "feeder-idle"
    client.headers["Authorization"] = f"Bearer {make_key(province, clock, label='p', access=Access('platform'))}"
    assert client.get("/api/v1/flags", params=days).status_code == 403


def test_the_command_looks_prints_and_says_whom_to_visit(
    dsn: str, province: Province, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run(province, origin, day_number(14), trace(5))
    derive(province)
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    monkeypatch.setenv("JISHI_COLLECTOR_DATA_DIR", str(tmp_path / "data"))
    days = ["--from", str(day_number(12)), "--to", str(day_number(14))]
    assert cli.main(["flags", *days, "--kept"]) == 0
    assert capsys.readouterr().out == f"nothing is flagged between {day_number(12)} and {day_number(14)}\n"
    assert cli.main(["flags", *days, "--asset", "A001"]) == 0
    said = capsys.readouterr().out
    assert f" 85  A001             {day_number(14)}             replayed-trace       a run of" in said
    assert said.endswith("  85  A001               1  replayed-trace\n")
    assert cli.main(["flags", "--from", "2026-11-02", "--to", "2026-11-01"]) == 1
    assert "give the later day as --to" in capsys.readouterr().err


def test_kept_at_is_the_databases_clock(province: Province, origin: str) -> None:
    run(province, origin, day_number(14), trace(5))
    derive(province)
    look(province.connection, "A001", day=day_number(14))
    [kept] = list_flags(province.connection, EVERYTHING, first_day=day_number(14), last_day=day_number(14))
    assert abs(kept.found_at - datetime.now(UTC)) < timedelta(minutes=5)
