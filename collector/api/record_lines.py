"""The list of hour records as bytes: from the records' own JSON to the answer's, with no model in between.

A year of an instrument is 365 records, and a list is asked for a thousand at a time: what models and encoders cost for
each member is most of such an answer. So the members that are shown are decoded by a struct that leaves out the rest
(spans are most of a record), put into another one, and encoded. models.HourRecord is what the description shows; the
tests hold the lines against it, name by name and value by value.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any
from urllib.parse import quote

import msgspec

from protocol.grades import GRADES
from protocol.hours import HourRecord
from protocol.interval import DAY_S

_SECONDS = tuple(name for name in HourRecord.__struct_fields__ if name.endswith("_s"))
_WORDS = ("lead_in", "lead_out", "flags")
_TAKEN = ("asset", "day", "policy", "owner", "until", "journals", *_SECONDS, *_WORDS)

_Members = msgspec.defstruct("_Members", [(name, HourRecord.__annotations__[name]) for name in _TAKEN])
"""Of a record what is shown."""
_LINE = msgspec.defstruct(
    "RecordLine",
    [
        *((name, Any) for name in ("asset_no", "day", "is_open", "until_s", "owner", "external_s", "coverage")),
        *((name, Any) for name in ("counted_s", "counted_external_s", "grades")),
        *((name, Any) for name in ("policy_sha256", "record_sha256", "readings", "journals", "derived_at")),
        *((name, Any) for name in (*_SECONDS, *_WORDS)),
    ],
)
_decoder = msgspec.json.Decoder(_Members)
_as_they_are = attrgetter(*_SECONDS, *_WORDS)


def encode_page(rows: Iterable[tuple[Any, ...]], *, next_cursor: str | None) -> bytes:
    """A page of records from their stored bytes, which are ours and not checked again.

    A row goes on with when it was derived, what counts, what of that is external, and the effective seconds by grade.
    """
    return msgspec.json.encode({"items": [_line(*row) for row in rows], "next_cursor": next_cursor})


def readings_path(asset_no: str, day: str) -> str:
    """Where the readings of a local day are, as they were received."""
    before = date.fromisoformat(day) - timedelta(days=1)  # a local day begins at 16:00 UTC of the day before
    return (
        f"/api/v1/readings?asset_no={quote(asset_no, safe='')}&start={before}T16:00:00Z&end={day}T16:00:00Z&limit=1000"
    )


def _line(
    body: bytes, derived_at: datetime, counted_s: int | None, counted_external_s: int | None, *by_grade: int
) -> object:
    record: Any = _decoder.decode(body)
    until = record.until
    observed_s = until - record.unobserved_s - record.bridged_s
    return _LINE(
        record.asset,
        record.day,
        until < DAY_S,
        until,
        record.owner or None,
        record.claimed_s + record.verified_s,
        round(observed_s / until, 4) if until else None,
        counted_s,
        counted_external_s,
        None if counted_s is None else dict(zip(GRADES, by_grade, strict=True)),
        record.policy,
        hashlib.sha256(body).hexdigest(),
        readings_path(record.asset, record.day),
        [{"origin": origin, "first": first, "last": last} for origin, first, last in record.journals],
        derived_at,
        *_as_they_are(record),
    )
