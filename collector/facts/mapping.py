"""A mapping file: what the columns and words of another system's export mean.

kind = "uses"                           # what its rows are: uses, orders, … (headings.SHEETS)
time_formats = ["%d.%m.%Y %H:%M"]       # beside those that are always read (cells.py)

[columns]                               # heading = our field; "" for a column that is not read
"仪器编号" = "asset"
"备注" = ""

[words.purpose]                         # beside those of headings.py
"送样检测" = "service-order"

[default]                               # for rows that say nothing
purpose = "own-research"
"""

from pathlib import Path
from typing import NamedTuple

import msgspec

from collector.errors import RegistryError
from collector.facts.headings import SHEETS, Columns, words_of
from collector.files import read_toml
from collector.sheets import LEFT_OUT

MAX_MAPPING_BYTES = 65_536
_PROBE = "1970-01-01T00:00:00"


class SheetMapping(NamedTuple):
    """How the rows of a file are read. `columns`: the headings of each field."""

    kind: str
    columns: Columns
    words: dict[str, dict[str, str]]
    default: dict[str, str]
    time_formats: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    columns: dict[str, str]
    words: dict[str, dict[str, str]] = {}
    default: dict[str, str] = {}
    time_formats: list[str] = []


def own_mapping(kind: str) -> SheetMapping:
    """How a file with our own headings is read."""
    columns = SHEETS[kind]
    return SheetMapping(kind, columns, {field: words_of(field) for field in columns}, {})


def read_mapping(path: Path) -> SheetMapping:
    """The mapping in a file. RegistryError with everything that is wrong with it."""
    try:
        file = msgspec.convert(read_toml(path, limit=MAX_MAPPING_BYTES), _File)
    except OSError as error:
        raise RegistryError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise RegistryError(f"{path} is no mapping that can be used: {error}") from error
    except ValueError as error:  # too large, not UTF-8, or not TOML
        raise RegistryError(f"{path} is no TOML file that can be used: {error}") from error
    if faults := _faults(file):
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise RegistryError(f"{path} is no mapping that can be used:\n{listed}")
    headings: dict[str, list[str]] = {}
    for heading, field in file.columns.items():
        headings.setdefault(field, []).append(heading)
    words = {field: {**words_of(field), **file.words.get(field, {})} for field in SHEETS[file.kind]}
    return SheetMapping(file.kind, headings, words, file.default, tuple(file.time_formats))


def _faults(file: _File) -> list[str]:
    if file.kind not in SHEETS:
        return [f"kind: {file.kind[:40]!a} is none of {', '.join(SHEETS)}"]
    known = SHEETS[file.kind]
    return [
        *(
            f"columns.{heading[:40]}: {field[:40]!a} is no field of {file.kind}; fields are {', '.join(known)}"
            for heading, field in file.columns.items()
            if field not in known and field != LEFT_OUT
        ),
        *(
            f"words.{field[:40]}.{word[:40]}: {meaning[:40]!a} is none of {_listed(field)}"
            for field, words in file.words.items()
            for word, meaning in words.items()
            if meaning not in words_of(field).values()
        ),
        *(f"default.{field[:40]}: no field of {file.kind}" for field in file.default if field not in known),
        *(f"time_formats: {form[:40]!a} names no year" for form in file.time_formats if "%Y" not in form),
    ]


def _listed(field: str) -> str:
    return ", ".join(dict.fromkeys(words_of(field).values())) or "any words: the field holds none"
