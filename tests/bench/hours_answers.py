"""A year of hour records of one instrument through the API, beside what FastAPI makes of dict rows by itself.

Each is served by the collector's server settings from a process of its own and asked over one connection, BLOCK times
without a pause, then the other, in turns: who is asked for rarely finds the processor's caches filled by others. The
peer selects the record's columns, hands them over as dicts and lets FastAPI encode them; it knows no keys, scopes,
limits, ETags, hashes or journals, all of which are in our answer.

The collector holds lines of records that it has shown (record_lines), so an instrument's first answer and those after
it are two figures: many instruments are asked for once each, then one of them many times.
"""

import http.client
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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

YEAR = 2025
INSTRUMENTS = 60
REQUESTS = 200
BLOCK = 10
RUNS = 40
WANTED = 8
_OFTEN = 10**6
_PATH = f"/api/v1/hours?asset_no={{}}&first_day={YEAR}-01-01&last_day={YEAR}-12-31&limit=400"
_ROWS = """SELECT asset_no, day, until_s, owner, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s,
    fault_s, unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s,
    unresolved_s, hand_s, hand_external_s, lead_in, lead_out, policy, derived_at
    FROM hour_record WHERE asset_no = %s AND day BETWEEN %s AND %s ORDER BY day"""


def measure(dsn: str, connection: Connection) -> Iterable[dict[str, object]]:
    """Requests a second of one caller; the database holds the records of YEAR."""
    practice, *instruments = (f"A{number:05}" for number in range(1, INSTRUMENTS + 2))
    for asset_no in (practice, *instruments):
        _put_bodies(connection, asset_no)
    connection.execute("VACUUM ANALYZE hour_record")
    with tempfile.TemporaryDirectory() as directory:
        ensure_receipt_key(Path(directory), DOMAIN)
        api = Api("127.0.0.1", 8321, requests_per_minute_per_address=_OFTEN, requests_per_minute_per_key=_OFTEN)
        config = Config(DOMAIN, Path(directory), Broker("127.0.0.1", 1883), api, given_dsn=dsn)
        with _served(create_app, config) as ours, _served(_peer, dsn) as theirs:
            line = _Line(ours, _PATH, {"X-API-Key": _make_key(connection)})
            lines = (line, _Line(theirs, "/{}", {}))
            _in_turns(lines, [practice] * 20)
            yield _figure("shown for the first time", _in_turns(lines, instruments))
            yield _figure("shown before", _in_turns(lines, [instruments[0]] * REQUESTS))


def _figure(which: str, taken: tuple[list[float], list[float]]) -> dict[str, object]:
    """By the shortest answers, because noise only adds; the medians beside them."""
    ours_s, theirs_s = (min(each) for each in taken)
    return {
        "name": f"a year of one instrument over the API, {which}",
        "value": round(1 / ours_s),
        "unit": "requests/s of one caller",
        "ms": round(ours_s * 1000, 2),
        "peer": round(1 / theirs_s),
        "peer_ms": round(theirs_s * 1000, 2),
        "ratio": round(theirs_s / ours_s, 1),
        "medians_ms": [round(statistics.median(each) * 1000, 2) for each in taken],
        "wanted": WANTED,
    }


class _Line:
    """One connection, over which a path is asked for, with an asset number in it."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._path = path
        self._headers = headers

    def ask(self, asset_no: str) -> float:
        """How long the answer took, in seconds."""
        before = time.perf_counter()
        self._connection.request("GET", self._path.format(asset_no), headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken_s = time.perf_counter() - before
        assert answer.status == 200, body[:500]
        assert body.count(b'"unresolved_s"') == 365
        return taken_s


def _in_turns(lines: tuple[_Line, _Line], instruments: Sequence[str]) -> tuple[list[float], list[float]]:
    """How long each answer took over either line, in seconds."""
    taken: tuple[list[float], list[float]] = [], []
    for start in range(0, len(instruments), BLOCK):
        for line, held in zip(lines, taken, strict=True):
            held += [line.ask(asset_no) for asset_no in instruments[start : start + BLOCK]]
    return taken


@contextmanager
def _served(make: Callable[[Any], FastAPI], what: object) -> Iterator[int]:
    """The port of this application in a process of its own, so that nobody waits for another's interpreter lock."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(make, what, far))
    process.start()
    far.close()  # so that a server which ends early is not waited for
    try:
        yield near.recv()
    finally:
        near.send("end")
        process.join(30)
    assert process.exitcode == 0, "a server did not end well"


def _serve(make: Callable[[Any], FastAPI], what: object, pipe) -> None:  # type: ignore[no-untyped-def]  # spawned
    with serving(make(what)) as port:
        pipe.send(port)
        pipe.recv()


def _peer(dsn: str) -> FastAPI:
    app = FastAPI()
    pool = make_pool(dsn, application="peer", max_size=1)
    pool.open()

    @app.get("/{asset_no}", response_model=None)
    def list_rows(asset_no: str) -> list[dict[str, Any]]:
        with pool.connection() as lent, lent.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_ROWS, [asset_no, f"{YEAR}-01-01", f"{YEAR}-12-31"]).fetchall()

    return app


def _put_bodies(connection: Connection, asset_no: str) -> None:
    """Whole records in place of drawn bytes: forty runs of ten minutes on each day of the year."""
    spans: list[tuple[int, int, State]] = []
    for start in range(0, DAY_S, DAY_S // RUNS):
        spans += [(start, start + 600, "run"), (start + 600, start + DAY_S // RUNS, "standby")]
    values = []
    for number in range(365):
        day = date(YEAR, 1, 1) + timedelta(days=number)
        values.append([hours.encode(_record(asset_no, day, tuple(spans))), asset_no, day])
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("UPDATE hour_record SET body = %s WHERE asset_no = %s AND day = %s", values)


def _record(asset_no: str, day: date, spans: tuple[tuple[int, int, State], ...]) -> hours.HourRecord:
    run_s = RUNS * 600
    named = {name: 0 for name in hours.HourRecord.__struct_fields__ if name.endswith("_s")}
    named |= {"run_s": run_s, "standby_s": DAY_S - run_s, "energised_s": DAY_S}
    named |= {"effective_s": run_s, "unresolved_s": run_s}
    return hours.HourRecord(
        v=2,
        asset=asset_no,
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
