"""The dashboard's queries run as the reader of docs/grafana.md, against days with data; and he sees nothing else."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.store.database import Connection, connect
from tests.collector.province import RUN, USCC, Piece, Province

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "grafana.md"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "hours.json").read_text(encoding="utf-8"))
READER = (ROOT / "deploy" / "grafana" / "reader.sql").read_text(encoding="utf-8")
MONDAY = date(2026, 11, 16)
QUERIES = {
    **{panel["title"]: target["rawSql"] for panel in DASHBOARD["panels"] for target in panel["targets"]},
    **{f"${each['name']}": each["query"] for each in DASHBOARD["templating"]["list"]},
}
VIEWS = ("units", "instruments", "hours_by_day", "grades_by_day", "hours_by_month", "fleet", "alarms", "exchange")
OF_PEOPLE = ("person", "appointment", "fact", "audit", "declaration", "booking", "unit_user", "proposal")
WRITTEN_BY_PEOPLE = ("recorded_by", "made_by", "operator", "why", "proof", "note", "order_no", "exempt_reason", "body")
ALWAYS_EMPTY = {"数据对接 / exchange"}


def expanded(query: str) -> str:
    """What Grafana makes of its macros and variables."""
    query = query.replace("$__timeFrom()", "'2026-11-01T00:00:00Z'").replace("$__timeTo()", "'2027-11-30T23:59:59Z'")
    query = query.replace("${unit:sqlstring}", f"'{USCC}'")
    assert "$" not in query, query
    return query


@pytest.fixture
def reader(province: Province, dsn: str) -> Iterator[Connection]:
    """A connection as the role that reader.sql makes, over an instrument that worked an hour and was flagged."""
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    province.observe(origin, Piece(MONDAY, 0, 3600, RUN))
    province.derive(MONDAY)
    province.connection.execute(
        "INSERT INTO flag (sha256, body, asset_no, rule, version, first_day, last_day, weight)"
        " VALUES (encode(sha256('x'), 'hex'), 'x', 'A001', 'regular', 1, %s, %s, 30)",
        [MONDAY, MONDAY],
    )
    province.connection.execute(
        "INSERT INTO alarm (kind, agent_id, since, detail, opened_at)"
        " VALUES ('agent-silent', 'em-01', '2026-11-16 20:00Z', 'silent', '2026-11-16 21:00Z')"
    )
    for _ in range(2):  # again is harmless
        province.connection.execute(READER.encode())
    with connect(dsn, application="grafana") as opened:
        opened.execute("SET ROLE jishi_grafana")
        yield opened
    province.connection.execute("DROP OWNED BY jishi_grafana")


@pytest.mark.parametrize("title", QUERIES)
def test_every_query_of_the_dashboard_finds_something(reader: Connection, title: str) -> None:
    rows = reader.execute(expanded(QUERIES[title]).encode()).fetchall()
    assert rows or title in ALWAYS_EMPTY, title


def test_hours_and_coverage_are_those_of_the_records(reader: Connection) -> None:
    [row] = reader.execute("SELECT day, effective_s, observed_s, until_s, unit FROM grafana.hours_by_day").fetchall()
    assert row == (MONDAY, 3600, 3600, 3600, USCC)
    [graded] = reader.execute("SELECT a_s + b_s + c_s + d_s + x_s FROM grafana.grades_by_day").fetchall()
    assert graded == (3600,)
    [(time,)] = reader.execute("SELECT time AT TIME ZONE 'UTC' FROM grafana.hours_by_day").fetchall()
    assert time.isoformat() == "2026-11-15T16:00:00", "local midnight"
    [fleet] = reader.execute("SELECT agent_id, standing, missing_entries, asset_nos FROM grafana.fleet").fetchall()
    assert fleet == ("em-01", "ok", 0, ["A001"])
    assert reader.execute("SELECT asset_no, unit FROM grafana.instruments").fetchall() == [("A001", USCC)]


def test_alarms_of_monitoring_stand_beside_flags(reader: Connection, province: Province) -> None:
    asked = (
        b"SELECT kind, name, coalesce(asset_no, agent_id), first_day, weight, closed_at IS NULL, is_acknowledged"
        b" FROM grafana.alarms ORDER BY kind"
    )
    tuesday = MONDAY + timedelta(days=1)
    assert reader.execute(asked).fetchall() == [
        ("alarm", "agent-silent", "em-01", tuesday, None, True, False),
        ("flag", "regular", "A001", MONDAY, 30, True, False),
    ]
    province.connection.execute("INSERT INTO alarm_closing SELECT alarm_id, '2026-11-18 00:00Z' FROM alarm")
    closed = reader.execute("SELECT last_day FROM grafana.alarms WHERE closed_at IS NOT NULL").fetchall()
    assert closed == [(MONDAY + timedelta(days=2),)]


def test_the_reader_sees_no_table_and_changes_nothing(reader: Connection, province: Province) -> None:
    tables = province.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 40
    for (table,) in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f"SELECT FROM {table} LIMIT 1".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("DELETE FROM grafana.grades_by_day")
    held = province.rows("SELECT rolconfig FROM pg_roles WHERE rolname = 'jishi_grafana'")
    assert "default_transaction_read_only=on" in str(held)


def test_no_view_reads_anything_of_people(province: Province) -> None:
    views = province.rows("SELECT viewname, definition FROM pg_views WHERE schemaname = 'grafana'")
    assert sorted(str(name) for name, _ in views) == sorted(VIEWS)
    for name, definition in views:
        for word in (*OF_PEOPLE, *WRITTEN_BY_PEOPLE):
            assert not re.search(rf"\b{word}\b", str(definition)), f"{name} reads {word}"


def test_every_view_and_column_is_described_with_its_unit(province: Province) -> None:
    page = PAGE.read_text(encoding="utf-8")
    columns = province.rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'grafana'"
    )
    for view, column in columns:
        assert f"`grafana.{view}`" in page, view
        assert f"`{column}`" in page, f"{view}.{column}"


def test_no_secret_stands_in_what_is_provisioned() -> None:
    for path in (ROOT / "deploy" / "grafana").rglob("*"):
        if path.is_file():
            assert not re.search(r"(?i)password\s*[:=]\s*[\"']?\w", path.read_text(encoding="utf-8")), path


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert all(x < 24 for x, _ in cells)
