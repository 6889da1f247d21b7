"""Figures of a year and a ranking, from sums by month, beside DuckDB over the same hour records in the same run.

The records are drawn: a year of each instrument with plausible seconds and a body of a kilobyte, as long as records of
quiet instruments are. DuckDB has the rows in memory, in columns; it is asked for what the API's query asks for, with
ownership, from the records. PostgreSQL is asked for the same from the sums that it keeps up, and once from the records.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import duckdb

from collector.accounts.year import Question, load_unit_figures, rank_units, rebuild_months
from collector.registry.access import EVERYTHING
from collector.store.database import Connection
from tests.bench.province_day import register

YEAR = 2025
TODAY = date(2026, 3, 1)
REPEATS = 41
LIMIT = 1.2
RANKING_LIMIT_MS = 2.0
_ALL = 100_000

_DRAW = """
INSERT INTO hour_record (asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow, head,
    looks_ahead, until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s, unobserved_s,
    energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s, unresolved_s, hand_s,
    hand_external_s)
SELECT o.asset_no, d.day::date, decode(repeat(md5(o.asset_no || d.day), 64), 'hex'), p.sha256, o.uscc, 'off', 'off',
    'new', 'new', '', '', false, 86400, 86400 - r.run - 600, 0, 0, r.run, 0, 0, 0, 0, 600, r.run, 0, 0, 0, r.run,
    r.run / 2, r.run / 8, r.run / 8, r.run - r.run / 2 - 2 * (r.run / 8), 0, 0
FROM ownership o CROSS JOIN policy p
CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS d (day)
CROSS JOIN LATERAL (SELECT abs(hashtext(o.asset_no || d.day::text)) %% 40000 AS run) r
"""
_FROM_RECORDS = """
WITH owned AS (
    SELECT uscc, count(*) AS instruments, sum(DATE '2026-01-01' - greatest(from_day, DATE '2025-01-01')) AS owned_days
    FROM ownership GROUP BY uscc
), summed AS (
    SELECT owner AS uscc, count(*) AS days, count(*) FILTER (WHERE until_s = 86400) AS days_over, sum(until_s) AS a,
           sum(unobserved_s) AS b, sum(bridged_s) AS c, sum(effective_s) AS effective_s, sum(internal_s) AS d,
           sum(claimed_s) AS e, sum(verified_s) AS f, sum(unresolved_s) AS g, sum(hand_s) AS h,
           sum(hand_external_s) AS i
    FROM hour_record WHERE day BETWEEN DATE '2025-01-01' AND DATE '2025-12-31' GROUP BY owner
)
SELECT uscc, u.name_zh, instruments, owned_days, days, days_over, a, b, c, effective_s, d, e, f, g, h, i
FROM owned FULL JOIN summed USING (uscc) JOIN unit u USING (uscc) ORDER BY uscc
"""
_COLUMNS = (
    "asset_no, day, owner, until_s, unobserved_s, bridged_s, effective_s, internal_s, claimed_s, verified_s, "
    "unresolved_s, hand_s, hand_external_s"
)


def measure(connection: Connection, *, instruments: int) -> Iterable[dict[str, object]]:
    """Registers the instruments and draws their records, then asks."""
    register(connection, instruments)
    rebuilt_s = _draw(connection)
    asked = Question(YEAR, TODAY, EVERYTHING, _ALL)
    ours = load_unit_figures(connection, asked, after="")
    with duckdb.connect(config={"threads": 2}) as duck:
        rows = _copy_over(connection, duck)
        theirs = duck.execute(_FROM_RECORDS).fetchall()
        assert [(each.uscc, each.effective_s, each.owned_days) for each in ours] == [
            (row[0], row[9], row[3]) for row in theirs
        ], "the two do not answer the same"
        # In turns, so that the noise of the machine falls on both.
        ours_ms, theirs_ms = _in_turns(
            lambda: load_unit_figures(connection, asked, after=""), lambda: duck.execute(_FROM_RECORDS).fetchall()
        )
    yield {"name": "sums by month made again", "value": round(rebuilt_s, 2), "unit": "s", "records": rows}
    yield _figure("year figures of all units", ours_ms, peer=theirs_ms, limit=LIMIT)
    records_ms = _median_ms(lambda: connection.execute(_FROM_RECORDS.encode()).fetchall(), 5)
    yield _figure("the same from the records, in PostgreSQL", records_ms, peer=theirs_ms)
    ranking_ms = _median_ms(lambda: rank_units(connection, asked, by="effective"), REPEATS)
    yield {
        "name": "ranking of units",
        "value": round(ranking_ms, 2),
        "unit": "ms, p50",
        "limit": RANKING_LIMIT_MS,
        "ratio": round(ranking_ms / RANKING_LIMIT_MS, 2),
    }


def _draw(connection: Connection) -> float:
    """The records at once, and their sums afterwards; returns how long summing took, in seconds."""
    connection.execute("ALTER TABLE hour_record DISABLE TRIGGER hour_record_in_months")
    connection.execute(_DRAW, {"first": date(YEAR, 1, 1), "last": date(YEAR, 12, 31)})
    connection.execute("ALTER TABLE hour_record ENABLE TRIGGER hour_record_in_months")
    before = time.perf_counter()
    rebuild_months(connection)
    rebuilt_s = time.perf_counter() - before
    connection.execute("VACUUM ANALYZE")
    return rebuilt_s


def _copy_over(connection: Connection, duck: duckdb.DuckDBPyConnection) -> int:
    """The same rows in DuckDB's memory, by CSV; returns how many records."""
    tables = {"hour_record": _COLUMNS, "ownership": "asset_no, uscc, from_day", "unit": "uscc, name_zh"}
    for table, columns in tables.items():
        statement = f"COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT CSV, HEADER)".encode()
        with tempfile.NamedTemporaryFile(suffix=".csv") as file, connection.cursor().copy(statement) as copy:
            file.writelines(bytes(part) for part in copy)
            file.flush()
            duck.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{file.name}')")
    row = duck.execute("SELECT count(*) FROM hour_record").fetchone()
    assert row is not None
    return int(row[0])


def _in_turns(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    taken: tuple[list[float], list[float]] = [], []
    for _ in range(REPEATS):
        for work, held in zip((first, second), taken, strict=True):
            held.append(_ms(work))
    return statistics.median(taken[0]), statistics.median(taken[1])


def _median_ms(work: Callable[[], Any], repeats: int) -> float:
    return statistics.median(_ms(work) for _ in range(repeats))


def _ms(work: Callable[[], Any]) -> float:
    before = time.perf_counter()
    work()
    return (time.perf_counter() - before) * 1000


def _figure(name: str, value_ms: float, *, peer: float, **more: float) -> dict[str, object]:
    unit, ratio = "ms, beside DuckDB from the records", value_ms / peer
    return {
        "name": name,
        "value": round(value_ms, 2),
        "unit": unit,
        "peer": round(peer, 2),
        "ratio": round(ratio, 2),
        **more,
    }
