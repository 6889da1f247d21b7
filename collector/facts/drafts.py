"""Rows of files and requests become drafts of facts: each cell is read, and all that is wrong with a row is told. Pure.

A row of `uses` makes a use, and the order that it serves where the row says for whom; one of `orders` an order; one
of `order-documents` a document of an order. What only the registry can tell (checks.py) is left open: the unit of an
order that stands in a row of uses is the owner of the instrument.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from collector.errors import BadCell
from collector.facts.cells import read_count, read_hours, read_minutes, read_samples
from collector.facts.mapping import SheetMapping
from collector.facts.row_cells import Cells
from collector.facts.salt import hash_user
from collector.sheet_report import Refusal
from collector.sheets import Row
from protocol.facts import MAX_DOCUMENTS, MAX_USE_MS

CLOCKS_MS = 5 * 60_000
"""By how much the clock of another system may be ahead of ours."""
NO_ORDER = ("maintenance", "calibration", "fault")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Members = dict[str, Any]


class Bringer(NamedTuple):
    """Who brings rows, when (UTC ms), out of which system, and for which unit where a row names none."""

    by: str
    at_ms: int
    source: str
    salt: bytes
    unit: str | None = None


class Draft(NamedTuple):
    """The members of the facts that a row makes; `order` lacks its unit in a row of uses."""

    row: Row
    key: str = ""
    use: Members | None = None
    order: Members | None = None
    document: Members | None = None


def draft(row: Row, mapping: SheetMapping, *, bringer: Bringer) -> tuple[Draft, list[Refusal]]:
    """What a row makes, and what is wrong with it; the draft counts only where nothing is."""
    cells = Cells(row, mapping)
    made = _DRAFTS[mapping.kind](cells, bringer)
    return made, cells.refusals


# Uses


def _draft_use(cells: Cells, bringer: Bringer) -> Draft:
    asset = cells.needed("asset")
    start_ms, end_ms = cells.stretch()
    _check_stretch(cells, start_ms, end_ms, now_ms=bringer.at_ms)
    key, order = cells.text("key") or "", cells.text("order")
    members = {
        "beneficiary": cells.uscc("beneficiary"),
        "beneficiary_name": cells.text("beneficiary_name"),
        "content": cells.text("content"),
        "way": cells.word("way"),
        "fee_fen": cells.money("fee"),
    }
    serves = bool(members["beneficiary"] or members["beneficiary_name"])
    implied = "service-order" if order or serves else None
    purpose = (implied if not cells.row.fields.get("purpose") else None) or cells.word("purpose")
    if purpose is None and not cells.row.fields.get("purpose"):
        cells.refuse(
            "purpose", "nobody says what the use was for", "fill in the purpose, or give the mapping a default"
        )
    if purpose in NO_ORDER and order:
        cells.refuse("order", f"{purpose} serves no order", "leave one of the two empty")
    serves = serves and purpose not in NO_ORDER
    if serves and not order and not key:
        cells.refuse("order", "for whom it was is said, and no number of the order", "fill in the number, or a key")
    order = order or (key if serves else None)
    use = {
        "asset": asset,
        "start": start_ms,
        "end": end_ms,
        "purpose": purpose,
        "order": order,
        "user": cells.read("user", partial(hash_user, salt=bringer.salt)),
        "samples": cells.read("samples", read_samples),
        "run_s": _run_s(cells),
        "share": cells.read("share", read_count),
    }
    return Draft(cells.row, key, use=_said(use), order=_said({"order": order, **members}) if serves else None)


def _check_stretch(cells: Cells, start_ms: int | None, end_ms: int | None, *, now_ms: int) -> None:
    if start_ms is None or end_ms is None:
        return
    field = cells.first_of("period", "end", "duration_h", "duration_min")
    if end_ms <= start_ms:
        cells.refuse(field, "it ends before it begins", "correct the beginning or the end")
    elif end_ms - start_ms > MAX_USE_MS:
        cells.refuse(field, "it lasts more than 31 days", "correct it, or bring it in pieces of at most 31 days")
    elif end_ms > now_ms + CLOCKS_MS:
        cells.refuse(field, "it ends in the future", "bring it when it is over; a booking is no use yet")


def _run_s(cells: Cells) -> int | None:
    field = cells.first_of("run_h", "run_min")
    length_ms = cells.read(field, read_hours if field == "run_h" else read_minutes)
    return None if length_ms is None else max(1, round(length_ms / 1000))


# Orders and their documents


def _draft_order(cells: Cells, bringer: Bringer) -> Draft:
    first_day, last_day = cells.day("first_day"), cells.day("last_day")
    _check_days(cells, first_day, last_day)
    members = {
        "unit": _unit(cells, bringer),
        "order": cells.needed("order"),
        "beneficiary": cells.uscc("beneficiary"),
        "beneficiary_name": cells.text("beneficiary_name"),
        "content": cells.text("content"),
        "way": cells.word("way"),
        "first_day": first_day,
        "last_day": last_day,
        "fee_fen": cells.money("fee"),
        "voucher": _voucher(cells),
        "documents": tuple(_documents(cells)),
    }
    return Draft(cells.row, order=_said(members))


def _unit(cells: Cells, bringer: Bringer) -> str | None:
    if not cells.row.fields.get("unit") and bringer.unit is None:
        cells.refuse("unit", "whose order it is, is missing", "fill in the unit's code, or give --unit")
    return cells.uscc("unit") or bringer.unit


def _check_days(cells: Cells, first_day: str | None, last_day: str | None) -> None:
    if (first_day is None) != (last_day is None):
        missing = "last_day" if last_day is None else "first_day"
        if not cells.row.fields.get(missing):
            cells.refuse(missing, "the other day is there without it", "fill in both days, or neither")
    elif first_day is not None and last_day is not None and last_day < first_day:
        cells.refuse("last_day", f"the order ends before it begins on {first_day}", "correct one of the days")


def _voucher(cells: Cells) -> Members | None:
    members = {
        "issuer": cells.text("voucher_issuer"),
        "number": cells.text("voucher_number"),
        "amount_fen": cells.money("voucher_amount"),
    }
    if all(value is None for value in members.values()):
        return None
    for field, value in zip(("voucher_issuer", "voucher_number", "voucher_amount"), members.values(), strict=True):
        if value is None and not cells.row.fields.get(field):
            cells.refuse(field, "it is missing of the voucher", "fill in issuer, number and amount, or none of them")
    return members


def _documents(cells: Cells) -> Iterator[Members]:
    """`agreement`, `invoice`, … each hold the SHA-256 of files, with spaces between."""
    count = 0
    for kind in ("agreement", "invoice", "voucher", "report"):
        for sha256 in dict.fromkeys((cells.row.fields.get(kind) or "").lower().split()):
            count += 1
            if not _SHA256.fullmatch(sha256):
                cells.refuse(kind, "it is no SHA-256 of a file", "store the file first; its SHA-256 has 64 hex digits")
            elif count > MAX_DOCUMENTS:
                cells.refuse(kind, f"the order has more than {MAX_DOCUMENTS} documents", "bring the rest on their own")
                return
            else:
                yield {"kind": kind, "sha256": sha256}


def _draft_document(cells: Cells, bringer: Bringer) -> Draft:
    members = {
        "unit": _unit(cells, bringer),
        "order": cells.needed("order"),
        "document": {"kind": cells.word("kind"), "sha256": cells.read("document", _read_sha256)},
    }
    for field in ("kind", "document"):
        cells.needed(field)
    return Draft(cells.row, document=members)


def _read_sha256(text: str) -> str:
    if not _SHA256.fullmatch(text.lower()):
        raise BadCell("it is no SHA-256 of a file", "store the file first; its SHA-256 has 64 hex digits")
    return text.lower()


def _said(members: Members) -> Members:
    """Without what a row does not say."""
    return {name: value for name, value in members.items() if value not in (None, ())}


_DRAFTS: dict[str, Callable[[Cells, Bringer], Draft]] = {
    "uses": _draft_use,
    "orders": _draft_order,
    "order-documents": _draft_document,
}
