"""Readings: the power behind a session or any stretch of time, as received or thinned out.

As received, a page holds whole entries (blocks), so each can be found in its journal. Thinned, the answer has at most
`max_points` steps with mean, lowest and highest, whatever the length of the stretch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request

from collector.accounts.blocks import load_power_facts, read_blocks
from collector.accounts.power import read_power, thin_out
from collector.api import cursor as cursors
from collector.api.access import Given, Lent, ReadsReadings
from collector.api.instruments import load_instrument
from collector.api.models import ReadingBlock, ReadingPoint, Readings, WrittenInstant
from collector.api.paging import FIRST_DAY, LAST_DAY, AssetNo, Cursor, Key, after, scope_of
from collector.api.problem import Fault, Problem, bad_request, responses
from collector.clock import utc
from collector.errors import ReadingsDropped
from collector.store.database import Connection
from protocol.bindings import stretches
from protocol.interval import day_bounds_ms, local_day
from protocol.observation import covered_ms
from protocol.witness import Block

router = APIRouter(prefix="/readings", tags=["readings"])

MAX_RANGE = timedelta(days=32)
"""Longer stretches are asked for in parts: thinning reads every interval of the stretch."""

Instant = Annotated[WrittenInstant, Query(description="RFC 3339 with an offset, as in 2026-03-02T08:00:00+08:00")]


@router.get("", responses=responses(400, 404, 410), response_model_exclude_none=True)
def list_readings(
    request: Request,
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    asset_no: AssetNo,
    start: Instant,
    end: Instant,
    max_points: Annotated[int | None, Query(ge=2, le=5000, description="Thin out to at most so many steps")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Blocks on a page")] = 100,
    cursor: Cursor = None,
) -> Readings:
    """The power readings that touch [start, end), on the channels that measured the instrument then.

    410 where they were dropped, which the operator can undo: the evidence is kept for ever.
    """
    start_ms, end_ms = _check_range(start, end)
    first_day, last_day = local_day(start_ms), local_day(end_ms - 1)
    load_instrument(
        connection, asset_no, given.today(), scope=caller.access.scope, first_day=first_day, last_day=last_day
    )
    answer = Readings(asset_no=asset_no, start=utc(start_ms), end=utc(end_ms))
    with _dropped_is_gone(), connection.transaction():
        if max_points is not None:
            power = read_power(connection, asset_no, start_ms=start_ms, end_ms=end_ms)
            points = thin_out(power, start_ms=start_ms, end_ms=end_ms, max_points=max_points)
            return answer.model_copy(update={"points": [_point(*each) for each in points]})
        from_stretch, origin, index = after(request, cursor, start=[0, "", -1])
        key: Key = [from_stretch, origin, index]
        blocks = _blocks(connection, asset_no, start_ms=start_ms, end_ms=end_ms, after=key, limit=limit + 1)
    following = None
    if len(blocks) > limit:
        place, (last_origin, entry, _) = blocks[limit - 1]
        following = cursors.encode([place, last_origin, entry.index], scope=scope_of(request))
    shown = [_block(block) for _, block in blocks[:limit]]
    return answer.model_copy(update={"blocks": shown, "next_cursor": following})


@contextmanager
def _dropped_is_gone() -> Iterator[None]:
    try:
        yield
    except ReadingsDropped as error:
        raise Problem("readings-dropped", str(error), status=HTTPStatus.GONE) from error


def _blocks(
    connection: Connection, asset_no: str, *, start_ms: int, end_ms: int, after: Key, limit: int
) -> list[tuple[int, Block]]:
    """Blocks in the order of (stretch, origin, index), each with the number of its stretch."""
    facts = load_power_facts(connection, asset_no)
    found: list[tuple[int, Block]] = []
    for number, stretch in enumerate(stretches(facts, asset_no, start_ms=start_ms, end_ms=end_ms)):
        if number < int(after[0]):
            continue
        place = (str(after[1]), int(after[2])) if number == after[0] else ("", -1)
        rest = limit - len(found)
        found += [(number, block) for block in islice(read_blocks(connection, stretch, after=place, limit=rest), rest)]
    return found


def _check_range(start: datetime, end: datetime) -> tuple[int, int]:
    """The range in UTC ms; Problem 400 unless it is in order, not too long, and inside the calendar."""
    if end <= start:
        fault = Fault("query.end", "it is not after start")
        raise bad_request("bad-range", fault, remedy="give the later instant as end")
    if end - start > MAX_RANGE:
        fault = Fault("query.end", f"the range is {(end - start).days} days long")
        raise bad_request("range-too-long", fault, remedy=f"ask for at most {MAX_RANGE.days} days at once")
    start_ms, end_ms = (round(instant.timestamp() * 1000) for instant in (start, end))
    if start_ms < day_bounds_ms(FIRST_DAY)[0] or end_ms > day_bounds_ms(LAST_DAY)[1]:
        fault = Fault("query.start", "nothing was measured then")
        raise bad_request("bad-range", fault, remedy=f"ask between {FIRST_DAY} and {LAST_DAY}")
    return start_ms, end_ms


def _block(block: Block) -> ReadingBlock:
    origin, entry, reading = block
    return ReadingBlock(
        origin=origin,
        entry_index=entry.index,
        entry=f"/api/v1/entries/{quote(origin)}/{entry.index}",
        watcher=reading.watcher,
        channel=reading.channel,
        start=utc(covered_ms(entry, reading)[0]),
        durations_ms=list(reading.durations_ms),
        means_mw=list(reading.means or ()),
        lows_mw=list(reading.lows or ()),
        highs_mw=list(reading.highs or ()),
        deltas_mwh=None if reading.deltas is None else list(reading.deltas),
        counter_mwh=reading.counter,
    )


def _point(start_ms: int, end_ms: int, mean_mw: int, low_mw: int, high_mw: int, observed_ms: int) -> ReadingPoint:
    return ReadingPoint(
        start=utc(start_ms), end=utc(end_ms), mean_mw=mean_mw, low_mw=low_mw, high_mw=high_mw, observed_ms=observed_ms
    )
