"""The sample of days out of a bundle, as a table that an inspector prints, and as rows for the findings.

Takes two files of a bundle and nothing else: MANIFEST, whose SHA-256 seeds the draw, and hours/records.jsonl, which
must be the one that the manifest names. Whether the bundle itself holds is for `jishi-audit verify` to say.
"""

import hashlib
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from protocol import hours
from protocol.day_sample import Drawn, draw
from protocol.errors import MalformedFindings, TooLarge, excerpt, one_line
from protocol.findings import MAX_ROWS, Row, Sample

MANIFEST, RECORDS = "MANIFEST", "hours/records.jsonl"
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
MAX_RECORDS_BYTES = 256 * 1024 * 1024

_HEADINGS = (
    "日期 day",
    "类别 kind",
    "有效 effective",
    "对外 external",
    "纸质记录 paper log",
    "相符 match",
    "备注 remark",
)
_KINDS = {"external": "对外 external", "high": "高 high", "quiet": "其他 other"}
_FROM = re.compile(r"^from ([0-9]{4}-[0-9]{2}-[0-9]{2})$", re.MULTILINE)
_TO = re.compile(r"^to ([0-9]{4}-[0-9]{2}-[0-9]{2})$", re.MULTILINE)


class Days(NamedTuple):
    """What a bundle holds for the draw: its manifest's SHA-256 and the records of its days."""

    manifest: str
    records: list[tuple[str, hours.HourRecord]]


def read_days(bundle: Path) -> Days:
    """The days of a bundle, a directory or a stored zip. MalformedFindings, MalformedRecord, TooLarge, OSError."""
    manifest, records = _read_two(bundle)
    text = manifest.decode("utf-8", "replace")
    first, last = _FROM.search(text), _TO.search(text)
    if first is None or last is None:
        raise MalformedFindings(f"{bundle}: its MANIFEST names no first and last day; is it a jishi bundle?")
    identity = hashlib.sha256(records).hexdigest()
    if not re.search(rf"^{identity} [0-9]+ {re.escape(RECORDS)}$", text, re.MULTILINE):
        raise MalformedFindings(
            f"{bundle}: {RECORDS} is not the file that MANIFEST names (its SHA-256 is {identity}); "
            "take a fresh copy of the bundle"
        )
    found = [(hashlib.sha256(line).hexdigest(), hours.decode(line)) for line in records.splitlines()]
    inside = [each for each in found if first[1] <= each[1].day <= last[1]]
    return Days(hashlib.sha256(manifest).hexdigest(), inside)


def sample_of(days: Days, *, seed: str, count: int) -> tuple[Sample, list[Drawn]]:
    """The sample with nothing looked up yet; ValueError as day_sample.draw."""
    if count > MAX_ROWS:
        raise ValueError(f"a sample has at most {MAX_ROWS} days")
    drawn = draw(days.records, manifest=days.manifest, seed=seed, count=count)
    rows = tuple(
        Row(
            day=each.day,
            stratum=each.stratum,
            record=each.sha256,
            effective_s=each.record.effective_s,
            external_s=each.record.external_s,
            found="open",
        )
        for each in drawn
    )
    return Sample(manifest=days.manifest, seed=seed, rows=rows), drawn


def as_table(sample: Sample) -> str:
    """The sample as lines of text to print, with room to write in."""
    lines = [_HEADINGS] + [
        (
            row.day,
            _KINDS[row.stratum],
            f"{row.effective_s / 3600:.2f} h",
            f"{row.external_s / 3600:.2f} h",
            "" if row.paper_s is None else f"{row.paper_s / 3600:.2f} h",
            "□" if row.found == "open" else row.found,
            row.remark or "",
        )
        for row in sample.rows
    ]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    head = f"manifest {sample.manifest}\nseed {sample.seed}   days {len(sample.rows)}\n"
    return head + "\n".join("  ".join(map(_pad, line, widths)).rstrip() for line in lines)


def write_sample(sample: Sample) -> bytes:
    """The sample as a file for the form."""
    return msgspec.json.encode(sample) + b"\n"


def parse_sample(raw: bytes) -> Sample:
    """Read what `write_sample` wrote; MalformedFindings."""
    try:
        return msgspec.json.decode(raw, type=Sample)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedFindings(f"no sample of days: {one_line(error)}: {excerpt(raw)}") from error


def _read_two(bundle: Path) -> tuple[bytes, bytes]:
    if bundle.is_dir():
        return _bounded(bundle, lambda name: (bundle / name).open("rb"))
    try:
        with zipfile.ZipFile(bundle) as opened:
            return _bounded(bundle, opened.open)
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise MalformedFindings(f"{bundle} is no bundle: {one_line(error)}") from error


def _bounded(bundle: Path, open_file: Callable[[str], IO[bytes]]) -> tuple[bytes, bytes]:
    found = []
    for name, limit in ((MANIFEST, MAX_MANIFEST_BYTES), (RECORDS, MAX_RECORDS_BYTES)):
        with open_file(name) as file:
            raw = file.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge(f"{bundle}: {name} has more than {limit} bytes")
        found.append(raw)
    return found[0], found[1]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
