"""Every question of roll-ups over three years of a province: the 95th percentile of each, beside what it may take."""

import time
from collections.abc import Callable, Iterable
from datetime import date

from collector.registry.access import Scope
from collector.rollups import public
from collector.rollups.beneficiaries import SERVED_BYS, load_served
from collector.rollups.period import Period
from collector.rollups.rollup import BYS, Question, load_lines
from collector.rollups.vouchers import load_issuers, load_vouchers
from collector.store.database import Connection
from tests.bench.rollup_province import INSTRUMENTS, ORDERS, UNITS, YEARS

LIMIT_MS = 50.0
REPEATS = 40
TODAY = date(YEARS[-1] + 1, 2, 1)
PAGE = 101
Ask = Callable[[], object]


def measure(connection: Connection) -> Iterable[dict[str, object]]:
    """One figure a question; pages are those of the API."""
    for name, ask in _questions(connection):
        taken = sorted(_ms(ask) for _ in range(REPEATS))
        p95 = taken[REPEATS * 95 // 100]
        yield {
            "name": f"roll-up {name}",
            "value": round(p95, 1),
            "unit": "ms, p95",
            "p50": round(taken[REPEATS // 2], 1),
            "limit": LIMIT_MS,
            "ratio": round(p95 / LIMIT_MS, 2),
            "instruments": INSTRUMENTS,
            "units": UNITS,
        }


def _questions(connection: Connection) -> Iterable[tuple[str, Ask]]:
    for period in (Period(YEARS[-1]), Period(YEARS[-1], 6)):
        for by in BYS:
            asked = Question(by, period, TODAY, limit=PAGE)
            yield f"by {by}, {period.grain}", lambda asked=asked: load_lines(connection, asked)  # type: ignore[misc]
        of_unit = Question("class", period, TODAY, Scope("unit", "126100000000000007"), limit=PAGE)
        yield f"by class of one unit, {period.grain}", lambda asked=of_unit: load_lines(connection, asked)  # type: ignore[misc]
        for place in SERVED_BYS:
            yield (
                f"served by {place}, {period.grain}",
                lambda place=place, period=period: load_served(connection, place, period, limit=PAGE),  # type: ignore[misc]
            )
    yield "vouchers, first page", lambda: load_vouchers(connection, limit=PAGE)
    yield "vouchers, a late page", lambda: load_vouchers(connection, after=ORDERS * 9 // 10, limit=PAGE)
    yield "vouchers, repeated", lambda: load_vouchers(connection, repeated=True, limit=PAGE)
    yield "vouchers by issuer", lambda: load_issuers(connection, limit=PAGE)
    yield "public, units of a year", lambda: public.load_units(connection, YEARS[-1])
    one = "126100000000000007"
    yield "public, instruments of a unit", lambda: public.load_instruments(connection, YEARS[-1], uscc=one)


def _ms(ask: Ask) -> float:
    before = time.perf_counter()
    ask()
    return (time.perf_counter() - before) * 1000
