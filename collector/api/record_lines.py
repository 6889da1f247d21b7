"""The list of hour records as bytes: from the records' own JSON to the answer's, with no model in between.

A year of an instrument is 365 records, and a list is asked for a thousand at a time: what models and encoders cost for
each member is most of such an answer. So the members that are shown are decoded by a struct that leaves out the rest
(spans are most of a record), put into another one, and encoded. models.HourRecord is what the description shows; the
tests hold the lines against it, name by name and value by value.

A line is a function of its row: the record by its hash, when it was derived, and its grades. Lines that were encoded
before are held by that (held_lines), and the database is asked for the bytes of the other records only.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
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
"""The record's SHA-256, when it was derived, what counts, what of that is external, the effective seconds by grade, and
last the record's bytes where they were wanted, else None."""


def load_lines(ask: Callable[[str | None], list[Row]], held: HeldLines) -> list[bytes]:
    """The lines of the rows that `ask` finds; it is told the records whose bytes are wanted too, by their SHA-256 in
    hexadecimal with commas between, or None for all.

    Lines are of one moment: where bytes are lacking, all rows are asked for again, and once more where a record was
    derived (or its line dropped) between the two.
    """
    rows = ask("")
    lines = held.find(rows)
    if None in lines:
        lacking = (row[0].hex() for row, line in zip(rows, lines, strict=True) if line is None)
        lines = _complete(ask(",".join(lacking)), held)
    if None in lines:
        lines = _complete(ask(None), held)
    return [line for line in lines if line is not None]


def _complete(rows: list[Row], held: HeldLines) -> list[bytes | None]:
    """The line of each row that is held or has the record's bytes."""
    keys = [(*row[:-1], None) for row in rows]
    lines = held.find(keys)
    for n, row in enumerate(rows):
        if lines[n] is None and row[-1] is not None:
            lines[n] = encode_line(row)
    held.keep((key, line) for key, line in zip(keys, lines, strict=True) if line is not None)
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
    before = date.fromisoformat(day) - timedelta(days=1)  # a local day begins at 16:00 UTC of the day before
    return (
        f"/api/v1/readings?asset_no={quote(asset_no, safe='')}&start={before}T16:00:00Z&end={day}T16:00:00Z&limit=1000"
    )


def encode_line(row: Row) -> bytes:
    """The line of a row with the record's bytes, which are ours and not checked again."""
    sha256, derived_at, counted_s, counted_external_s, *by_grade, body = row
    record: Any = _decoder.decode(body)
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
