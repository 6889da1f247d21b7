"""A file of samples: CSV bytes become samples in order.

Two layouts, in UTF-8, as they are or compressed with gzip; a byte order mark, CRLF and blank lines are borne:

    plain        time,power_w,energy_wh              the header names the columns; energy_wh, the meter's counter, may
                 2026-03-02T08:00:00+08:00,41.5,120  be missing, the column as well as a value
                 2026-03-02T08:00:01+08:00,42.0,     without a header: time,power_w
    tracebase    08/08/2011 04:41:01;17;19           dd/mm/yyyy HH:MM:SS;W over 1 s;W over 8 s; the first W is used

Time is ISO 8601 or whole milliseconds since 1970, the same way in all of a file. Time without a zone, and so all of
tracebase, is taken as UTC+8, as local days are (interval.py).

Samples are sorted by time, so neither the order of lines nor a line given twice changes anything.

A line that cannot be read refuses the file, with its number. The data set behind `tracebase` holds lines torn by a
logger that lost power; there, up to one line in a hundred is passed over instead, and said.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Literal, NamedTuple

from protocol.errors import MalformedSamples, TooLarge, excerpt
from protocol.interval import DAY_MS, UTC_OFFSET_MS
from protocol.policy import MAX_POWER_MW
from protocol.samples import Sample

Layout = Literal["plain", "tracebase"]

MAX_BYTES = 512 * 1024 * 1024
LINES_FOR_A_TORN_ONE = 100

_COLUMNS = ("time", "power_w", "energy_wh")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MS = timedelta(milliseconds=1)
_LOCAL = timezone(UTC_OFFSET_MS * _MS)
_EPOCH_MS = re.compile(r"[0-9]{1,15}")
_EPOCH_SECONDS = range(10**9, 10**10)  # 2001 to 2286 in seconds; in milliseconds a few weeks of 1970
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?")
_TRACEBASE_TIME = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_GZIP = b"\x1f\x8b"


class Notation(NamedTuple):
    """How a file writes its times. Results are written the same way, with the zone where it was left out."""

    kind: Literal["epoch", "zoned", "local"]
    zone: timezone = _LOCAL

    def write(self, at_ms: int) -> int | str:
        """Milliseconds since 1970, or ISO 8601 with its zone."""
        if self.kind == "epoch":
            return at_ms
        moment = (_EPOCH + at_ms * _MS).astimezone(self.zone)
        return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")


class Recording(NamedTuple):
    """Samples at two times at least, in order of (time, power, counter). `notes`: what was passed over or put right."""

    samples: tuple[Sample, ...]
    notation: Notation
    notes: tuple[str, ...] = ()


def parse_samples(raw: bytes, layout: Layout = "plain") -> Recording:
    """Read a file. MalformedSamples names the line, what was found and what was expected; TooLarge above MAX_BYTES."""
    lines = list(_lines(_text(raw)))
    rows, torn = (_plain_rows(lines), []) if layout == "plain" else _tracebase_rows(lines)
    if not rows:
        raise MalformedSamples(f"no samples found in {len(raw)} bytes; expected lines like {_EXAMPLE[layout]}")
    notation = rows[0].notation
    for row in rows:
        if row.notation.kind != notation.kind:
            raise _malformed(row.number, f"a time written otherwise than in line {rows[0].number}", "one way in a file")
    samples = sorted({row.sample for row in rows}, key=_order)
    if samples[0].at_ms == samples[-1].at_ms:
        raise MalformedSamples("all samples are of one time, which covers nothing; two times at least are needed")
    return Recording(tuple(samples), notation, tuple(_notes(rows, torn)))


class _Row(NamedTuple):
    number: int
    notation: Notation
    sample: Sample


_Day = tuple[int, int, int]
_Lines = list[tuple[int, str]]

_EXAMPLE: dict[Layout, str] = {
    "plain": "2026-03-02T08:00:00+08:00,41.5",
    "tracebase": "08/08/2011 04:41:01;17;19",
}


def _text(raw: bytes) -> str:
    unpacked = _unzip(raw) if raw.startswith(_GZIP) else raw
    if len(unpacked) > MAX_BYTES:
        raise TooLarge(f"samples: more than {MAX_BYTES} bytes; divide the recording")
    try:
        return unpacked.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = unpacked.count(b"\n", 0, error.start) + 1
        raise _malformed(
            number, f"bytes that are no UTF-8 ({error.reason})", "a text file in UTF-8; save it as that"
        ) from error


def _unzip(raw: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unzip.decompress(raw, MAX_BYTES + 1)
    except zlib.error as error:
        raise MalformedSamples(f"a damaged gzip file ({error}); fetch or compress it once more") from error
    if len(unpacked) <= MAX_BYTES and not unzip.eof:
        raise MalformedSamples("a gzip file that ends too early; fetch or compress it once more")
    return unpacked


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


def _plain_rows(lines: _Lines) -> list[_Row]:
    if not lines:
        return []
    places = _header(*lines[0])
    read = _plain_reader(places or _COLUMNS[:2])
    rows = [read(number, line) for number, line in (lines[1:] if places else lines)]
    if rows and rows[0].notation.kind == "epoch" and rows[0].sample.at_ms in _EPOCH_SECONDS:
        raise _malformed(
            rows[0].number, f"the time {rows[0].sample.at_ms}", "milliseconds since 1970: add three digits"
        )
    return rows


def _header(number: int, line: str) -> tuple[str, ...] | None:
    """The columns that the first line names; None where it is a sample already."""
    names = tuple(name.lower() for name in _fields(line))
    if any(name in names for name in _COLUMNS):
        if not set(_COLUMNS[:2]) <= set(names) <= set(_COLUMNS) or len(set(names)) < len(names):
            raise _malformed(number, f"the header {excerpt(line)}", "time,power_w or time,power_w,energy_wh")
        return names
    if ";" in line or "\t" in line or "," not in line:
        raise _malformed(number, excerpt(line), "fields divided by commas: time,power_w (or another --format)")
    return None


def _plain_reader(columns: tuple[str, ...]) -> Callable[[int, str], _Row]:
    time, power = columns.index("time"), columns.index("power_w")
    energy = columns.index("energy_wh") if "energy_wh" in columns else None

    def read(number: int, line: str) -> _Row:
        fields = _fields(line)
        if len(fields) != len(columns):
            expected = (
                f"{len(columns)} fields: {','.join(columns)} (write 41.5, not 41,5; a third column needs a header)"
            )
            raise _malformed(number, f"{len(fields)} fields in {excerpt(line)}", expected)
        at_ms, notation = _instant(number, fields[time])
        power_mw = _thousandths(number, fields[power], of="W")
        counter = fields[energy] if energy is not None else ""
        return _Row(number, notation, Sample(at_ms, power_mw, _counter(number, counter)))

    return read


def _fields(line: str) -> list[str]:
    return [field.strip().strip('"') for field in line.split(",")]


def _instant(number: int, text: str) -> tuple[int, Notation]:
    if _EPOCH_MS.fullmatch(text):
        return int(text), Notation("epoch")
    try:
        moment = datetime.fromisoformat(text)
        local = moment.tzinfo is None
        zone = timezone(moment.utcoffset() or timedelta()) if not local else _LOCAL
        return (moment.replace(tzinfo=zone) - _EPOCH) // _MS, Notation("local" if local else "zoned", zone)
    except (ValueError, OverflowError) as error:
        expected = "ISO 8601 such as 2026-03-02T08:00:00+08:00, or whole milliseconds since 1970"
        raise _malformed(number, f"the time {excerpt(text)}", expected) from error


def _counter(number: int, text: str) -> int | None:
    if not text:
        return None
    counter_mwh = _thousandths(number, text, of="Wh")
    if counter_mwh < 0:
        raise _malformed(number, f"the counter {excerpt(text)}", "a counter that is not negative")
    return counter_mwh


def _thousandths(number: int, text: str, *, of: str) -> int:
    """A number of W or Wh in thousandths."""
    if _NUMBER.fullmatch(text):
        value = float(text) * 1000
        if abs(value) <= MAX_POWER_MW:
            return round(value)
    expected = f"a number of {of} between ±{MAX_POWER_MW // 1000}; leave the line out where the meter gave none"
    raise _malformed(number, excerpt(text) if text else "nothing", expected)


def _tracebase_rows(lines: _Lines) -> tuple[list[_Row], list[int]]:
    """The rows, and the numbers of torn lines."""
    rows: list[_Row] = []
    torn: list[int] = []
    days: dict[_Day, int] = {}
    for number, line in lines:
        try:
            rows.append(_Row(number, Notation("local"), _tracebase_sample(number, line, days=days)))
        except MalformedSamples:
            torn.append(number)
            if len(torn) > len(lines) // LINES_FOR_A_TORN_ONE:
                raise
    return rows, torn


def _tracebase_sample(number: int, line: str, *, days: dict[_Day, int]) -> Sample:
    """`days` remembers where local days begin: nearly all lines of a file are of one."""
    fields = line.split(";")
    match = _TRACEBASE_TIME.fullmatch(fields[0].strip().strip('"'))
    if match is None or len(fields) != 3:
        raise _malformed(number, excerpt(line), "dd/mm/yyyy HH:MM:SS;W;W as in " + _EXAMPLE["tracebase"])
    day, month, year, hour, minute, second = map(int, match.groups())
    begins_ms = days.get((year, month, day))
    if begins_ms is None:
        begins_ms = days[year, month, day] = _local_midnight_ms(number, year, month=month, day=day)
    at_ms = begins_ms + 1000 * (3600 * hour + 60 * minute + second)
    return Sample(at_ms, _thousandths(number, fields[1].strip(), of="W"))


def _local_midnight_ms(number: int, year: int, *, month: int, day: int) -> int:
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY_MS - UTC_OFFSET_MS
    except ValueError as error:
        raise _malformed(number, f"day {day:02}, month {month:02}, year {year}", "a day of the calendar") from error


def _order(sample: Sample) -> tuple[int, int, int]:
    return sample.at_ms, sample.power_mw, -1 if sample.counter_mwh is None else sample.counter_mwh


def _notes(rows: list[_Row], torn: list[int]) -> Iterator[str]:
    back = [after.number for at, after in pairwise(rows) if after.sample.at_ms < at.sample.at_ms]
    if back:
        yield f"the time goes back in line {back[0]} ({len(back)} such lines in all); the samples were put in order"
    if torn:
        yield f"{len(torn)} torn lines were passed over (first: line {torn[0]})"
    if rows[0].notation.kind == "local":
        yield "times have no zone and were taken as UTC+8"


def _malformed(number: int, found: str, expected: str) -> MalformedSamples:
    return MalformedSamples(f"line {number}: found {found}; expected {expected}")
