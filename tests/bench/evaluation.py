"""A round over a province: who is counted of 16 000 instruments, and the indicators of all units. Beside it roll-ups
over three years, and the registry out of a file (rollup_queries.py, registry_import.py).

The figures of each instrument are inserted as taking them leaves them; what that costs (a grade record for each frozen
day) is not measured here. The indicators' limit is the one that a round of the province has to keep: 2 s.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from collector.embedded.postgres import EmbeddedPostgres
from collector.evaluation import indicators
from collector.evaluation.figures import list_figures
from collector.evaluation.indicators import SECONDS
from collector.evaluation.members import fix_population, list_members
from collector.evaluation.rounds import By, Round, create_round
from collector.registry.audit import Actor
from collector.store import migrate
from collector.store.database import Connection, connect
from tests.bench import registry_import, rollup_province, rollup_queries
from tests.bench.province_day import register

INSTRUMENTS = 16_000
LIMIT_S = 2.0
REPEATS = 5
Made = TypeVar("Made")
_DESCRIBE = """
INSERT INTO instrument_description (asset_no, from_day, name_zh, name_en, class_code, value_fen, funding,
    government_fen, maker, model, origin, country, shareable, exempt_document, exempt_reason, recorded_by)
SELECT asset_no, '2020-01-01', name_zh, '', '', v.fen, '', v.fen, '', '', '', '', true,
    '', '', 'bench'
FROM instrument, LATERAL (SELECT 20000000 + (hashtext(asset_no) & 1073741823)::bigint AS fen) v
"""
_FIGURES = f"""
INSERT INTO round_figure (round_id, asset_no, uscc, policies, {", ".join(SECONDS)})
SELECT round_id, name, uscc, ARRAY(SELECT sha256 FROM policy), 31536000, 30000000, 0, s, s, s / 8, s / 8, s / 8,
    s - s / 4, 0, s, 0, 0, 0, 0, 0
FROM round_member, LATERAL (SELECT hashtext(name) & 4194303 AS s) v WHERE is_in AND kind = 'instrument'
"""


def measure() -> Iterable[dict[str, object]]:
    """A round of the province; roll-ups over three years of it; its instruments out of a file."""
    yield from _in_database(_measure_round)
    yield from _in_database(_measure_rollups)
    yield from _in_database(registry_import.measure)


def _in_database(part: Callable[[Connection], Iterable[dict[str, object]]]) -> Iterable[dict[str, object]]:
    directory = Path(tempfile.mkdtemp(prefix="jishi-bench-", dir="/tmp"))
    try:
        with EmbeddedPostgres(directory) as server, connect(server.dsn, application="bench") as connection:
            migrate.migrate(connection)
            yield from part(connection)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _measure_rollups(connection: Connection) -> Iterable[dict[str, object]]:
    drawn_s, _ = _timed(lambda: rollup_province.draw(connection))
    yield {"name": "three years of a province drawn", "value": round(drawn_s, 1), "unit": "s, its roll-ups among it"}
    yield from rollup_queries.measure(connection)


def _measure_round(connection: Connection) -> Iterable[dict[str, object]]:
    """Fixing the population once, and the indicators several times."""
    register(connection, INSTRUMENTS)
    connection.execute(_DESCRIBE)
    by = By(Actor("bench", "command", "bench"), "bench", datetime(2026, 2, 1, tzinfo=UTC))

    def fix() -> Round:
        with connection.transaction():
            create_round(connection, "2025", year=2025, by=by)
            return fix_population(connection, "2025", by=by)

    fixed_s, held = _timed(fix)
    connection.execute(_FIGURES.encode())
    connection.execute("VACUUM ANALYZE")
    taken = [_timed(lambda: indicators.compute(list_members(connection, held), list_figures(connection, held)))
             for _ in range(REPEATS)]  # fmt: skip
    whole = taken[0][1][0]
    yield {"name": "population of a round", "value": round(fixed_s, 2), "unit": "s", "instruments": INSTRUMENTS}
    median_s = statistics.median(seconds for seconds, _ in taken)
    yield {
        "name": "indicators of a full round",
        "value": round(median_s, 2),
        "unit": "s, from the stored figures",
        "limit": LIMIT_S,
        "ratio": round(median_s / LIMIT_S, 2),
        "instruments": whole.instruments,
        "units": len(taken[0][1]) - 1,
    }


def _timed(work: Callable[[], Made]) -> tuple[float, Made]:
    before = time.perf_counter()
    made = work()
    return time.perf_counter() - before, made
