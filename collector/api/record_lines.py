"""The list of hour records as bytes: from the records' own JSON to the answer's, with no model in between.

A year of an instrument is 365 records, and a list is asked for a thousand at a time: what models and encoders cost for
each member is most of such an answer. So the members that are shown are decoded by a struct that leaves out the rest,
put into another one, and encoded. models.HourRecord is what the description shows; the tests hold the lines against
it, name by name and value by value.

The database keeps a record's bytes without its spans and evidence for this, and its hash. A line is a function of the
hash, of when the record was derived, and of its grades; lines that were encoded before are held by those (held_lines).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any
from urllib.parse import quote

import msgspec

from collector.api.held_lines import HeldLines
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
_encoder = msgspec.json.Encoder()
_places = msgspec.json.Decoder(msgspec.defstruct("_Place", [("day", date), ("asset_no", str)]))
_as_they_are = attrgetter(*_SECONDS, *_WORDS)


Row = tuple[Any, ...]
"""What is shown of the record's bytes, their SHA-256, when it was derived, what counts, what of that is external, and
the effective seconds by grade."""


def encode_lines(rows: Sequence[Row], held: HeldLines) -> list[bytes]:
    """The line of each row, those that are held as they are; the others are held from now on."""
    keys = [row[1:] for row in rows]
    found = held.find(keys)
    lines = [encode_line(row) if line is None else line for row, line in zip(rows, found, strict=True)]
    if None in found:
        held.keep(zip(keys, lines, strict=True))
    return lines


def encode_page(lines: Sequence[bytes], *, next_cursor: str | None) -> bytes:
    """A page of lines."""
    return b"".join((b'{"items":[', b",".join(lines), b'],"next_cursor":', _encoder.encode(next_cursor), b"}"))


def place_of(line: bytes) -> list[str | int]:
    """The ordinal of the day, and the asset number, by which lines are sorted."""
    place: Any = _places.decode(line)
    return [place.day.toordinal(), place.asset_no]


def readings_path(asset_no: str, day: str) -> str:
    """Where the readings of a local day are, as they were received."""
    name = asset_no if asset_no.isalnum() and asset_no.isascii() else quote(asset_no, safe="")
    # a local day begins at 16:00 UTC of the day before
    return f"/api/v1/readings?asset_no={name}&start={_before(day)}T16:00:00Z&end={day}T16:00:00Z&limit=1000"


@lru_cache(maxsize=4096)
def _before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def encode_line(row: Row) -> bytes:
    """The line of a row, whose record is ours and not checked again."""
    shown, sha256, derived_at, counted_s, counted_external_s, *by_grade = row
    record: Any = _decoder.decode(shown)
    until = record.until
    observed_s = until - record.unobserved_s - record.bridged_s
    line = _LINE(
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
        sha256.hex(),
        readings_path(record.asset, record.day),
        [{"origin": origin, "first": first, "last": last} for origin, first, last in record.journals],
        derived_at,
        *_as_they_are(record),
    )
    return _encoder.encode(line)
