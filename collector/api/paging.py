"""Pages of lists: how many items, after which one, and the cursor of the next page."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, TypeVar

from fastapi import Path, Query, Request
from pydantic import BaseModel

from collector.api import cursor
from collector.api.models import Page, WrittenDay
from collector.api.problem import Fault, bad_request

Item = TypeVar("Item", bound=BaseModel)
Row = TypeVar("Row")
Key = list[str | int]

Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=cursor.MAX_CURSOR_CHARS, description="`next_cursor` of the page before; opaque"),
]


def scope_of(request: Request) -> str:
    """The question that a cursor belongs to: path and filters, without the place in the list."""
    filters = sorted((name, value) for name, value in request.query_params.items() if name not in ("cursor", "limit"))
    return f"{request.url.path}?{filters}"


def after(request: Request, given: str | None, *, start: Key) -> Key:
    """The sort key after which the page begins: the cursor's, or `start` on the first page."""
    if given is None:
        return start
    return cursor.decode(given, scope=scope_of(request), types=tuple(type(part) for part in start))


def page(
    request: Request, rows: Sequence[Row], *, limit: int, item: Callable[[Row], Item], key: Callable[[Item], Key]
) -> Page[Item]:
    """A page of at most `limit` items; `rows` has one more where there is a next page."""
    items = [item(row) for row in rows[:limit]]
    following = cursor.encode(key(items[-1]), scope=scope_of(request)) if len(rows) > limit else None
    return Page(items=items, next_cursor=following)


MAX_DAYS = 400
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""No instrument was measured before and none will be after; so no arithmetic on days can leave the calendar."""

FirstDay = Annotated[WrittenDay, Query(ge=FIRST_DAY, le=LAST_DAY, description="First local day of the range")]
LastDay = Annotated[WrittenDay, Query(ge=FIRST_DAY, le=LAST_DAY, description="Last local day of the range, included")]
AsOf = Annotated[
    WrittenDay,
    Query(ge=FIRST_DAY, le=LAST_DAY, description="The local day whose answer is wanted; today where it is left out"),
]
DayInPath = Annotated[WrittenDay, Path(ge=FIRST_DAY, le=LAST_DAY, description="A local day, YYYY-MM-DD")]
AssetNo = Annotated[str, Query(min_length=1, max_length=200, description="Asset number of an instrument")]
AssetNoInPath = Annotated[str, Path(max_length=200, description="Asset number of an instrument")]


def check_days(first_day: date, last_day: date) -> None:
    """Problem 400 unless the range of days, both included, is in order and not too long."""
    if last_day < first_day:
        fault = Fault("query.last_day", f"{last_day} is before first_day {first_day}")
        raise bad_request("bad-range", fault, remedy="give the later day as last_day")
    if (last_day - first_day).days >= MAX_DAYS:
        fault = Fault("query.last_day", f"the range has {(last_day - first_day).days + 1} days")
        raise bad_request("range-too-long", fault, remedy=f"ask for at most {MAX_DAYS} days at once")
