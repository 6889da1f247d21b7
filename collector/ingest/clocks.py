"""Whether a boot's clock is to be looked at: what its entries say against what its beacons say.

Ingest only notices, once a transaction and by bounds that are rounded outwards; accounts/clocks.py looks and moves what
has to be moved. So a clock that is as it should be costs one look-up, and one that is not misses no reading, whatever
came first, the readings or the beacon.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from collector.store.database import Connection
from collector.store.queries import load
from protocol.clock_bounds import LIMIT_MS

STEP_MS = 10_000
_SQL = load("clocks")

Boot = tuple[int, str]
"""A journal by its number, and a boot of it."""
Bounds = tuple[int, int]
"""Between which lies UTC minus the monotonic clock, in ms."""


class _Known(NamedTuple):
    own: Bounds
    fix: Bounds | None
    is_doubted: bool = False


def widen(bounds: Bounds | None, offset_ms: int) -> Bounds:
    """Bounds that hold one more offset, in whole steps outwards."""
    low, high = offset_ms // STEP_MS * STEP_MS, -(-offset_ms // STEP_MS) * STEP_MS
    return (low, high) if bounds is None else (min(bounds[0], low), max(bounds[1], high))


def bounds_of(offsets: Iterable[tuple[Boot, int]]) -> dict[Boot, Bounds]:
    """The bounds of each boot."""
    found: dict[Boot, Bounds] = {}
    for boot, offset_ms in offsets:
        found[boot] = widen(found.get(boot), offset_ms)
    return found


def join(held: Bounds | None, more: Bounds | None) -> Bounds | None:
    """Bounds that hold both."""
    if held is None or more is None:
        return more if held is None else held
    return min(held[0], more[0]), max(held[1], more[1])


def note_clocks(connection: Connection, *, own: Mapping[Boot, Bounds], fixes: Mapping[Boot, Bounds]) -> None:
    """Keep the bounds, and mark boots whose readings may have to move, in the caller's transaction."""
    boots = sorted({*own, *fixes})
    if not boots:
        return
    values = {"journals": [each[0] for each in boots], "boots": [each[1] for each in boots]}
    known = {
        (journal_id, boot): _Known((low, high), None if fix_low is None else (fix_low, fix_high))
        for journal_id, boot, low, high, fix_low, fix_high in connection.execute(_SQL.load_boots, values)
    }
    changed = {boot: now for boot in boots if (now := _next(known.get(boot), own.get(boot), fixes.get(boot)))}
    if changed:
        connection.execute(_SQL.put_boots, _columns(changed))


def _next(known: _Known | None, own: Bounds | None, fix: Bounds | None) -> _Known | None:
    """What is known now, None where that is nothing new."""
    now_fix = join(known.fix if known else None, fix)
    now_own = join(known.own if known else None, own) or now_fix
    assert now_own is not None, "a boot comes with an entry"
    doubted = now_fix is not None and max(now_own[1] - now_fix[0], now_fix[1] - now_own[0]) > LIMIT_MS
    # A doubt is written again where there is one already: whoever looks at the boot at this moment has not seen the
    # readings of this transaction, and will take the doubt away.
    if known is not None and (now_own, now_fix) == known[:2] and not doubted:
        return None
    return _Known(now_own, now_fix, doubted)


def _columns(changed: Mapping[Boot, _Known]) -> dict[str, list[object]]:
    return {
        "journals": [boot[0] for boot in changed],
        "boots": [boot[1] for boot in changed],
        "own_lows": [each.own[0] for each in changed.values()],
        "own_highs": [each.own[1] for each in changed.values()],
        "fix_lows": [each.fix and each.fix[0] for each in changed.values()],
        "fix_highs": [each.fix and each.fix[1] for each in changed.values()],
        "doubts": [each.is_doubted for each in changed.values()],
    }
