"""A province's list of instruments out of a file that was kept by hand (tests/collector/registry/hostile_sheet.py)."""

import time
from collections.abc import Iterable
from datetime import date

from collector.registry.audit import Actor
from collector.registry.sheet_import import Terms, import_sheet
from collector.store.database import Connection
from protocol.uscc import fault
from tests.collector.registry.hostile_sheet import draw

INSTRUMENTS = 16_000
UNITS = 300
LIMIT_S = 30.0
SEED = 20_261_127
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BY = Actor("bench", "command", "bench")
_DAY = date(2020, 1, 1)


def measure(connection: Connection) -> Iterable[dict[str, object]]:
    """The file once, with its report as text; then the same file again."""
    owners = [_code(number) for number in range(UNITS)]
    units = "uscc,name_zh,division\n" + "".join(f"{code},单位{code[8:17]},610113\n" for code in owners)
    import_sheet(connection, "units", units.encode(), actor=_BY, from_day=_DAY, terms=Terms())
    sheet = draw(INSTRUMENTS, owners=owners, seed=SEED)
    for name in ("import of a hostile file, with its report", "the same file again"):
        before = time.perf_counter()
        outcome = import_sheet(connection, "instruments", sheet.body, actor=_BY, from_day=_DAY, terms=Terms())
        text = outcome.report.text()
        took_s = time.perf_counter() - before
        assert outcome.report.refused == len(sheet.wrong), "every wrong row is named, and no other"
        yield {
            "name": name,
            "value": round(took_s, 1),
            "unit": "s",
            "limit": LIMIT_S,
            "ratio": round(took_s / LIMIT_S, 2),
            "instruments": INSTRUMENTS,
            "refused": outcome.report.refused,
            "report_lines": len(text.splitlines()),
        }


def _code(number: int) -> str:
    """A unified social credit code whose check character is right."""
    begin = f"12610000{number:09}"
    return next(begin + sign for sign in _SIGNS if not fault(begin + sign))
