"""A year of hour records of one instrument through the API, beside what FastAPI makes of dict rows by itself.

Both are served by the collector's server settings from one process and asked in turns over one connection each. The
peer selects the record's columns, hands them over as dicts and lets FastAPI encode them; it knows no keys, scopes,
limits, ETags, hashes or journals, all of which are in our answer.
"""

import http.client
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from psycopg.rows import dict_row

from collector.app import create_app
from collector.config import Api, Broker, Config
from collector.keys import ensure_receipt_key
from collector.registry import api_keys, people
from collector.registry.access import Access
from collector.store.database import Connection, make_pool
from protocol import hours
from protocol.attribution import Served
from protocol.interval import DAY_S
from protocol.lead import State
from tests.collector.province import DOMAIN
from tests.serving import serving

ASSET = "A00001"
YEAR = 2025
REQUESTS = 60
RUNS = 40
WANTED = 8
_OFTEN = 10**6
_PATH = f"/api/v1/hours?asset_no={ASSET}&first_day={YEAR}-01-01&last_day={YEAR}-12-31&limit=400"
_ROWS = """SELECT asset_no, day, until_s, owner, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s,
    fault_s, unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s,
    unresolved_s, hand_s, hand_external_s, lead_in, lead_out, policy, derived_at
    FROM hour_record WHERE asset_no = %s AND day BETWEEN %s AND %s ORDER BY day"""


def measure(dsn: str, connection: Connection) -> Iterable[dict[str, object]]:
    """Requests a second of one caller; the database holds the records of YEAR."""
    with tempfile.TemporaryDirectory() as directory:
        ensure_receipt_key(Path(directory), DOMAIN)
        api = Api("127.0.0.1", 8321, requests_per_minute_per_address=_OFTEN, requests_per_minute_per_key=_OFTEN)
        _put_bodies(connection)
        config = Config(DOMAIN, Path(directory), Broker("127.0.0.1", 1883), api, given_dsn=dsn)
        with serving(create_app(config)) as ours, serving(_peer(dsn)) as theirs:
            header = {"X-API-Key": _make_key(connection)}
            ours_s, theirs_s = _in_turns((ours, _PATH, header), (theirs, "/", {}))
    yield {
        "name": "a year of one instrument over the API",
        "value": round(1 / ours_s),
        "unit": "requests/s of one caller",
        "peer": round(1 / theirs_s),
        "ratio": round(theirs_s / ours_s, 1),
        "wanted": WANTED,
    }


def _peer(dsn: str) -> FastAPI:
    app = FastAPI()
    pool = make_pool(dsn, application="peer", max_size=1)
    pool.open()

    @app.get("/", response_model=None)
    def list_rows() -> list[dict[str, Any]]:
        with pool.connection() as lent, lent.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_ROWS, [ASSET, f"{YEAR}-01-01", f"{YEAR}-12-31"]).fetchall()

    return app


def _put_bodies(connection: Connection) -> None:
    """Whole records in place of drawn bytes: forty runs of ten minutes on each day of the year."""
    spans: list[tuple[int, int, State]] = []
    for start in range(0, DAY_S, DAY_S // RUNS):
        spans += [(start, start + 600, "run"), (start + 600, start + DAY_S // RUNS, "standby")]
    for number in range(365):
        day = date(YEAR, 1, 1) + timedelta(days=number)
        body = hours.encode(_record(day, tuple(spans)))
        values = [body, ASSET, day]
        connection.execute("UPDATE hour_record SET body = %s WHERE asset_no = %s AND day = %s", values)


def _record(day: date, spans: tuple[tuple[int, int, State], ...]) -> hours.HourRecord:
    run_s = RUNS * 600
    named = {name: 0 for name in hours.HourRecord.__struct_fields__ if name.endswith("_s")}
    named |= {"run_s": run_s, "standby_s": DAY_S - run_s, "energised_s": DAY_S}
    named |= {"effective_s": run_s, "unresolved_s": run_s}
    return hours.HourRecord(
        v=2,
        asset=ASSET,
        day=day.isoformat(),
        policy="9f" * 32,
        owner="",
        lead_in="standby",
        lead_out="standby",
        phase_in="new",
        phase_out="ran:1560",
        follow="",
        until=DAY_S,
        journals=(("jishi.example/a/agent-1/1", _number_of(day) * 300, _number_of(day) * 300 + 299),),
        facts=(),
        spans=spans,
        classes=(),
        bridged=(),
        served=(Served("", "", "unresolved", run_s, 0),),
        told=(),
        flags=(),
        **named,
    )


def _number_of(day: date) -> int:
    return day.timetuple().tm_yday


def _make_key(connection: Connection) -> str:
    person = people.find_person(connection, "bench")
    with connection.transaction():
        people.appoint(connection, person, Access("inspector"), now=datetime.now(UTC))
    expires_at = datetime.now(UTC) + timedelta(days=1)
    return api_keys.make_api_key(connection, "bench", label="bench", expires_at=expires_at).key


def _in_turns(*asked: tuple[int, str, dict[str, str]]) -> list[float]:
    """The shortest time of an answer of each of these (port, path, headers), in seconds: noise only adds."""
    lines = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port, _, _ in asked]
    taken: list[list[float]] = [[] for _ in asked]
    for _ in range(REQUESTS):
        for line, held, (_, path, headers) in zip(lines, taken, asked, strict=True):
            before = time.perf_counter()
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            body = answer.read()
            held.append(time.perf_counter() - before)
            assert answer.status == 200, body[:500]
            assert body.count(b'"unresolved_s"') == 365
    for line in lines:
        line.close()
    return [min(held) for held in taken]
