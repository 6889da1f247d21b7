"""Rows of bookings, users, charges, details of orders and effects of a year become members, or refusals. Pure.

No name of a person and no card's number is kept: both become salted hashes, the user's the same as in facts, so that a
booking finds its use. Money is in fen, instants in UTC milliseconds.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from collector.errors import BadCell
from collector.facts.drafts import Bringer
from collector.facts.mapping import SheetMapping
from collector.facts.row_cells import Cells
from collector.facts.salt import hash_user
from collector.sheet_report import Refusal
from collector.sheets import Row
from protocol.facts import MAX_USE_MS
from protocol.interval import local_day

MAX_AHEAD_MS = 400 * 86_400_000
"""A booking further ahead is a slip of the keyboard."""
MAX_FEN = 10_000_000_000_000
MAX_COUNT = 100_000
FIRST_YEAR, LAST_YEAR = 2000, 2199

Members = dict[str, Any]


class Brought(NamedTuple):
    """The members of one row. `asset_no` and its days, or `unit`, say whose it is."""

    row: Row
    members: Members

    @property
    def stay(self) -> tuple[str, date, date]:
        """Instrument, first and last day, of a row that is about an instrument."""
        return self.members["asset_no"], self.members["first_day"], self.members["last_day"]


def draft(row: Row, mapping: SheetMapping, *, bringer: Bringer) -> tuple[Brought, list[Refusal]]:
    """What a row says, and what is wrong with it; the members count only where nothing is."""
    cells = Cells(row, mapping)
    made = _DRAFTS[mapping.kind](cells, bringer)
    return Brought(row, made), cells.refusals


def _booking(cells: Cells, bringer: Bringer) -> Members:
    start_ms, end_ms = cells.stretch()
    if start_ms is not None and end_ms is not None:
        _check_stretch(cells, start_ms, end_ms, now_ms=bringer.at_ms)
    is_good = not cells.refusals and start_ms is not None and end_ms is not None
    return {
        "key": cells.needed("key"),
        "asset_no": cells.needed("asset"),
        "start_ms": start_ms,
        "end_ms": end_ms,
        "first_day": local_day(start_ms) if is_good and start_ms is not None else None,
        "last_day": local_day(end_ms - 1) if is_good and end_ms is not None else None,
        "user_hash": cells.read("user", partial(hash_user, salt=bringer.salt)),
        "order_no": cells.text("order"),
        "state": cells.word("booking_state") or "booked",
    }


def _check_stretch(cells: Cells, start_ms: int, end_ms: int, *, now_ms: int) -> None:
    field = cells.first_of("period", "end", "duration_h", "duration_min")
    if end_ms <= start_ms:
        cells.refuse(field, "it ends before it begins", "correct the beginning or the end")
    elif end_ms - start_ms > MAX_USE_MS:
        cells.refuse(field, "it lasts more than 31 days", "correct it, or bring it in pieces of at most 31 days")
    elif end_ms > now_ms + MAX_AHEAD_MS:
        cells.refuse(field, "it ends more than 400 days from now", "correct the year")


def _user(cells: Cells, bringer: Bringer) -> Members:
    cells.needed("user")
    return {
        "unit": _unit(cells, bringer),
        "user_hash": cells.read("user", partial(hash_user, salt=bringer.salt)),
        "card_hash": cells.read("card", lambda number: hash_user(f"card {number}", bringer.salt)),
        "member_of": cells.uscc("member_of"),
        "kind": cells.word("user_kind") or "other",
        "state": cells.word("user_state") or "active",
    }


def _charge(cells: Cells, bringer: Bringer) -> Members:
    cells.needed("amount")
    cells.needed("charged_on")
    amount_fen, charged_on = cells.money("amount"), cells.day("charged_on")
    if amount_fen is not None and not 0 < amount_fen <= MAX_FEN:
        cells.refuse("amount", "it is nothing, or more than anybody pays", "write it; a refund has its own kind")
    if charged_on is not None and not FIRST_YEAR <= int(charged_on[:4]) <= LAST_YEAR:
        cells.refuse("charged_on", f"its year is not between {FIRST_YEAR} and {LAST_YEAR}", "correct the year")
    return {
        "unit": _unit(cells, bringer),
        "key": cells.needed("key"),
        "order_no": cells.needed("order"),
        "kind": cells.word("charge_kind") or "charge",
        "amount_fen": amount_fen,
        "charged_on": charged_on,
    }


def _detail(cells: Cells, bringer: Bringer) -> Members:
    return {
        "unit": _unit(cells, bringer),
        "order_no": cells.needed("order"),
        "project_name": cells.text("project_name") or "",
        "project_source": cells.text("project_source") or "",
        "area": cells.text("area") or "",
        "direction": cells.word("direction") or "",
        "satisfaction": cells.word("satisfaction") or "",
    }


def _effect(cells: Cells, _bringer: Bringer) -> Members:
    cells.needed("year")
    year = cells.read("year", partial(_whole, least=FIRST_YEAR, most=LAST_YEAR)) or 0
    is_year = FIRST_YEAR <= year <= LAST_YEAR
    return {
        "asset_no": cells.needed("asset"),
        "year": year,
        "first_day": date(year, 12, 31) if is_year else None,
        "last_day": date(year, 12, 31) if is_year else None,
        "papers": cells.read("papers", partial(_whole, least=0, most=MAX_COUNT)) or 0,
        "patents": cells.read("patents", partial(_whole, least=0, most=MAX_COUNT)) or 0,
        "remark": cells.text("remark") or "",
    }


def _whole(text: str, *, least: int, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
        raise BadCell(f"it is no whole number from {least} to {most}", "write the number in digits")
    return int(text)


def _unit(cells: Cells, bringer: Bringer) -> str | None:
    if not cells.row.fields.get("unit") and bringer.unit is None:
        cells.refuse("unit", "whose it is, is missing", "fill in the unit's code, or give --unit")
    return cells.uscc("unit") or bringer.unit


_DRAFTS: dict[str, Callable[[Cells, Bringer], Members]] = {
    "bookings": _booking,
    "users": _user,
    "charges": _charge,
    "order-details": _detail,
    "effects": _effect,
}
