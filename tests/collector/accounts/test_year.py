"""Figures of a year are the sums of its hour records, whatever was written, changed or taken away in between."""

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random

import pytest

from collector.accounts.year import Question, load_instrument_figures, load_unit_figures, rank_units, rebuild_months
from collector.cli import main
from collector.registry import instruments, units
from collector.registry.access import EVERYTHING, Scope
from collector.store.database import Connection
from tests.collector.province import IDLE, OFF, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
OTHER = "12100000400000624D"
NOWHERE = date(2026, 11, 20)
ALIKE = "SELECT * FROM month_hours WHERE days > 0 ORDER BY asset_no, owner, month"
RECORDS = "SELECT * FROM month_hours_of_records ORDER BY asset_no, owner, month"
UNITS = "SELECT * FROM unit_month_hours WHERE days > 0 ORDER BY owner, month"


def ask(today: date = NOWHERE, scope: Scope = EVERYTHING, *, uscc: str | None = None, limit: int = 100) -> Question:
    return Question(2026, today, scope, limit, uscc)


def put(connection: Connection, asset_no: str, day: date, *, owner: str, run_s: int, until_s: int = 86400) -> None:
    """A record as the deriver would put it, for its numbers alone; all of the run is effective and claimed."""
    connection.execute(
        """INSERT INTO hour_record (asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow,
               head, looks_ahead, until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s,
               unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s,
               verified_s, unresolved_s, hand_s, hand_external_s)
           SELECT %(asset_no)s, %(day)s, %(body)s, sha256, %(owner)s, 'off', 'off', 'new', 'new', '', '', false,
               %(until_s)s, %(until_s)s - %(run_s)s, 0, 0, %(run_s)s, 0, 0, 0, 0, 0, %(run_s)s, 0, 0, 0, %(run_s)s, 0,
               %(run_s)s, 0, 0, 60, 30 FROM policy LIMIT 1
           ON CONFLICT (asset_no, day) DO UPDATE SET body = excluded.body, owner = excluded.owner,
               until_s = excluded.until_s, off_s = excluded.off_s, run_s = excluded.run_s,
               energised_s = excluded.energised_s, effective_s = excluded.effective_s, claimed_s = excluded.claimed_s
           WHERE hour_record.body <> excluded.body""",
        {
            "asset_no": asset_no,
            "day": day,
            "body": f"{owner} {run_s} {until_s}".encode(),
            "owner": owner,
            "run_s": run_s,
            "until_s": until_s,
        },
    )


def sums_of_units(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Lines of instruments added up by owner and month."""
    found: dict[tuple[object, ...], list[int]] = {}
    for _, owner, month, *numbers in rows:
        held = found.setdefault((owner, month), [0] * len(numbers))
        found[owner, month] = [a + int(b) for a, b in zip(held, numbers, strict=True)]  # type: ignore[call-overload]
    return [(*key, *numbers) for key, numbers in sorted(found.items(), key=lambda item: str(item[0]))]


@pytest.fixture
def owned(province: Province) -> Province:
    """Three instruments of one unit, and a second unit without any."""
    units.register_unit(province.connection, OTHER, name_zh="中国科学院", name_en="Academy")
    for asset_no in ("A001", "A002", "A003"):
        province.add_instrument(asset_no)
    return province


def test_a_derived_day_is_in_the_figures_of_its_instrument_and_its_unit(owned: Province) -> None:
    origin = owned.add_agent("em-01", "A001")
    owned.observe(origin, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN))
    owned.observe(origin, Piece(MONDAY, 12 * HOUR, 24 * HOUR, IDLE))
    owned.derive(NOWHERE)
    [unit] = load_unit_figures(owned.connection, ask(), after="")
    assert (unit.uscc, unit.instruments, unit.days, unit.days_over) == (USCC, 3, 1, 1)
    assert (unit.effective_s, unit.unresolved_s, unit.external_s) == (3 * HOUR, 3 * HOUR, 0)
    first, *others = load_instrument_figures(owned.connection, ask(), after=("", ""))
    assert (first.asset_no, first.effective_s) == ("A001", 3 * HOUR)
    assert [(each.asset_no, each.effective_s, each.days) for each in others] == [("A002", 0, 0), ("A003", 0, 0)]


def test_instruments_with_zero_hours_stay_in_the_denominators(owned: Province) -> None:
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=6 * HOUR)
    [unit] = load_unit_figures(owned.connection, ask(), after="")
    days_so_far = (NOWHERE - date(2026, 1, 1)).days
    assert unit.owned_days == 3 * days_so_far
    assert unit.average_effective_s == 2 * HOUR
    assert unit.coverage == pytest.approx(1 / (3 * days_so_far))
    assert unit.sharing_rate_hours == 1.0
    assert unit.sharing_rate_verified == 0.0


def test_a_rate_is_undefined_where_nothing_was_effective(owned: Province) -> None:
    [unit] = load_unit_figures(owned.connection, ask(), after="")
    assert (unit.sharing_rate_hours, unit.sharing_rate_verified) == (None, None)
    assert unit.coverage == 0.0
    assert rank_units(owned.connection, ask(), by="sharing-rate") == []


def test_an_open_day_counts_as_far_as_it_goes(owned: Province) -> None:
    put(owned.connection, "A001", NOWHERE, owner=USCC, run_s=HOUR, until_s=10 * HOUR)
    first = load_instrument_figures(owned.connection, ask(), after=("", ""))[0]
    assert first.in_network_s == first.owned_days * 86400 + 10 * HOUR
    assert (first.days, first.days_over) == (1, 0)


def test_a_record_that_changes_its_owner_leaves_the_one_and_enters_the_other(owned: Province) -> None:
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    put(owned.connection, "A001", MONDAY, owner=OTHER, run_s=2 * HOUR)
    found = {unit.uscc: unit.effective_s for unit in load_unit_figures(owned.connection, ask(), after="")}
    assert found == {USCC: 0, OTHER: 2 * HOUR}


def test_each_owner_of_a_year_has_a_line_of_the_instrument(owned: Province) -> None:
    instruments.register_owner(owned.connection, "A001", uscc=OTHER, from_day=date(2026, 7, 1))
    put(owned.connection, "A001", date(2026, 6, 30), owner=USCC, run_s=HOUR)
    put(owned.connection, "A001", date(2026, 7, 1), owner=OTHER, run_s=2 * HOUR)
    lines = load_instrument_figures(owned.connection, ask(), after=("", ""))
    assert [(each.uscc, each.owned_days, each.effective_s) for each in lines if each.asset_no == "A001"] == [
        (OTHER, (NOWHERE - date(2026, 7, 1)).days, 2 * HOUR),
        (USCC, 181, HOUR),
    ]
    [only] = load_instrument_figures(owned.connection, ask(uscc=OTHER), after=("", ""))
    assert only.asset_no == "A001"


def test_a_scope_shows_no_more_than_it_holds(owned: Province) -> None:
    instruments.register_owner(owned.connection, "A001", uscc=OTHER, from_day=date(2026, 7, 1))
    of_unit, of_instrument = Scope("unit", OTHER), Scope("instrument", "A002")
    assert [each.uscc for each in load_unit_figures(owned.connection, ask(scope=of_unit), after="")] == [OTHER]
    assert load_unit_figures(owned.connection, ask(scope=of_instrument), after="") == []
    [line] = load_instrument_figures(owned.connection, ask(scope=of_instrument), after=("", ""))
    assert line.asset_no == "A002"
    lines = load_instrument_figures(owned.connection, ask(scope=of_unit), after=("", ""))
    assert [(each.asset_no, each.uscc) for each in lines] == [("A001", OTHER)]


def test_a_year_holds_its_own_days_only(owned: Province) -> None:
    for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)):
        put(owned.connection, "A001", day, owner=USCC, run_s=HOUR)
    [unit] = load_unit_figures(owned.connection, ask(date(2027, 6, 1)), after="")
    assert (unit.days, unit.effective_s, unit.owned_days) == (2, 2 * HOUR, 3 * 365)


def test_lists_go_on_after_a_place(owned: Province) -> None:
    first = load_instrument_figures(owned.connection, ask(limit=2), after=("", ""))
    rest = load_instrument_figures(owned.connection, ask(limit=2), after=("A002", USCC))
    assert [each.asset_no for each in (*first, *rest)] == ["A001", "A002", "A003"]
    assert load_unit_figures(owned.connection, ask(), after=USCC) == []


def test_units_are_ranked_by_what_was_asked_for(owned: Province) -> None:
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    put(owned.connection, "A002", MONDAY, owner=OTHER, run_s=5 * HOUR)
    ranked = rank_units(owned.connection, ask(), by="effective")
    assert [(each.rank, each.uscc) for each in ranked] == [(1, OTHER), (2, USCC)]
    assert [each.rank for each in rank_units(owned.connection, ask(), by="sharing-rate")] == [1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_are_those_of_the_records_after_any_changes(owned: Province, seed: int) -> None:
    chance = Random(seed)
    for _ in range(60):
        asset_no, day = chance.choice(("A001", "A002")), MONDAY + timedelta(days=chance.randint(0, 40))
        if chance.random() < 0.15:
            owned.connection.execute("DELETE FROM hour_record WHERE day = %s", [day])
            continue
        until_s = chance.choice((86400, 50_000))
        owner = chance.choice((USCC, OTHER, ""))
        put(owned.connection, asset_no, day, owner=owner, run_s=chance.randint(0, until_s), until_s=until_s)
    kept = owned.rows(ALIKE)
    assert kept == owned.rows(RECORDS)
    assert [tuple(row) for row in owned.rows(UNITS)] == sums_of_units(kept)
    assert rebuild_months(owned.connection) == 0
    assert owned.rows(ALIKE) == kept


def test_what_changes_nothing_in_a_record_changes_no_sum(owned: Province) -> None:
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    owned.connection.execute("UPDATE hour_record SET derived_at = now()")
    assert owned.rows(ALIKE) == owned.rows(RECORDS)


def test_a_rebuild_says_how_many_sums_were_wrong_and_puts_them_right(owned: Province) -> None:
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    put(owned.connection, "A002", MONDAY, owner=USCC, run_s=HOUR)
    owned.connection.execute("UPDATE month_hours SET hand_s = 1 WHERE asset_no = 'A001'")
    owned.connection.execute("DELETE FROM month_hours WHERE asset_no = 'A002'")
    assert rebuild_months(owned.connection) == 2
    assert owned.rows(ALIKE) == owned.rows(RECORDS)
    assert owned.rows("SELECT days, hand_s FROM unit_month_hours") == [(2, 120)]


def test_the_command_says_how_many_sums_were_wrong(
    dsn: str, owned: Province, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    put(owned.connection, "A001", MONDAY, owner=USCC, run_s=HOUR)
    owned.connection.execute("UPDATE month_hours SET days = 2")
    for wrong in (1, 0):
        assert main(["rebuild-months"]) == 0
        assert capsys.readouterr().out == f"wrong={wrong}\n"


def test_every_number_of_a_record_is_summed(owned: Province) -> None:
    columns = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' AND right(column_name, 2) = '_s'"
    )
    of_records = set(owned.rows(columns.format("hour_record")))
    assert len(of_records) > 20
    for table in ("month_hours", "unit_month_hours", "month_hours_of_records"):
        assert set(owned.rows(columns.format(table))) == of_records
