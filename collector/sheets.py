"""Files of rows that people bring, CSV or XLSX: which column means what, and which rows can be looked at.

    report = Report()
    for row in read_sheet(path, columns={"uscc": ["统一社会信用代码"], "name_zh": ["单位名称"]}, report=report):
        row.number, row["uscc"], row["name_zh"]

A heading is compared without case, spaces, underscores, `*` and the difference of full and half width; a field's own
name is always one of its headings. The headings stand in the first row that has some of them: titles may stand above.
The file as a whole is good or raises SheetError; a row that cannot be read as the columns say goes to the report.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from collector.errors import SheetError
from collector.sheet_cells import NumberedCells, read_cells
from collector.sheet_report import Refusal, Report
from collector.sheet_xlsx import MAX_COLUMNS

MAX_ROWS = 200_000
LEFT_OUT = ""
"""As a field: columns of these headings may be there, and are not read."""
_TITLE_ROWS = 10
_ERROR_VALUES = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})


class Row(NamedTuple):
    """One row: its number as the spreadsheet shows it, and text by field; a column that the file lacks is no key."""

    number: int
    fields: dict[str, str]

    def refused(self, field: str, *, why: str, remedy: str) -> Refusal:
        """The refusal of this row for what stands in a field."""
        return Refusal(self.number, field, self.fields.get(field, ""), why, remedy)


def read_sheet(
    source: Path | bytes, *, columns: Mapping[str, Sequence[str]], report: Report, optional: Collection[str] = ()
) -> Iterator[Row]:
    """The rows that are not blank, up to MAX_ROWS; those that are broken go to the report instead.

    `columns` are the fields with their headings, `optional` those of them that the file may lack. Raises SheetError.
    """
    rows = read_cells(source)
    fields = _find_headings(rows, columns, optional=optional)
    count = 0
    for number, cells in rows:
        if not cells:
            continue
        count += 1
        if count > MAX_ROWS:
            raise SheetError(f"it has more than {MAX_ROWS} rows below the headings; divide it")
        if broken := _broken(number, cells, fields):
            report.refuse(broken)
        else:
            yield Row(number, _by_field(cells, fields))


def _by_field(cells: list[str], fields: list[str | None]) -> dict[str, str]:
    padded = cells + [""] * (len(fields) - len(cells))
    return {field: text for field, text in zip(fields, padded, strict=True) if field}


def _broken(number: int, cells: list[str], fields: list[str | None]) -> Refusal | None:
    if len(cells) > len(fields):
        why = f"this row has {len(cells)} cells, the headings are {len(fields)}"
        return Refusal(number, "", cells[-1], why, "put quotes around a text that holds the separator")
    for field, text in zip(fields, cells, strict=False):
        if field and text in _ERROR_VALUES:
            return Refusal(
                number, field, text, "this is an error of a formula", "correct the formula, or type the value"
            )
    return None


# Headings


def _find_headings(
    rows: Iterator[NumberedCells], columns: Mapping[str, Sequence[str]], *, optional: Collection[str]
) -> list[str | None]:
    """For each column its field, None for one without a heading; reads up to the row of the headings."""
    meanings = {_plain(heading): field for field, headings in columns.items() for heading in (field, *headings)}
    least = min(2, max(1, len(columns.keys() - {*optional, LEFT_OUT})))
    first: list[str] = []
    for _, cells in islice(rows, _TITLE_ROWS):
        if len({meanings.get(_plain(cell)) for cell in cells} - {None}) >= least:
            return _fields(cells, meanings, columns, optional=optional)
        first = first or cells
    expected = _expected(columns, optional)
    raise SheetError(f"no headings stand in its first {_TITLE_ROWS} rows, which begin {_quoted(first)}; {expected}")


def _fields(
    cells: list[str], meanings: Mapping[str, str], columns: Mapping[str, Sequence[str]], *, optional: Collection[str]
) -> list[str | None]:
    if len(cells) > MAX_COLUMNS:
        raise SheetError(f"it has more than {MAX_COLUMNS} columns; delete those that are not needed")
    fields = [meanings.get(_plain(cell)) if cell else None for cell in cells]
    faults = [*_doubled(cells, fields)]
    if unknown := [cell for cell, field in zip(cells, fields, strict=True) if cell and field is None]:
        faults.append(f"unknown: {_quoted(unknown)}; correct these headings, or delete the columns")
    if missing := [field for field in columns if field not in fields and field not in (*optional, LEFT_OUT)]:
        faults.append(f"missing: {', '.join(_named(field, columns) for field in missing)}")
    if faults:
        raise SheetError("its headings cannot be used: " + "; ".join([*faults, _expected(columns, optional)]))
    return fields


def _doubled(cells: list[str], fields: list[str | None]) -> Iterator[str]:
    for field in sorted({field for field in fields if field and fields.count(field) > 1}):
        headings = [cell for cell, meant in zip(cells, fields, strict=True) if meant == field]
        yield f"{field} stands there {len(headings)} times: {_quoted(headings)}"


def _plain(heading: str) -> str:
    """A heading as it is compared."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(character for character in folded if not character.isspace() and character not in "_-*")


def _expected(columns: Mapping[str, Sequence[str]], optional: Collection[str]) -> str:
    needed = [_named(field, columns) for field in columns if field not in (*optional, LEFT_OUT)]
    may = [_named(field, columns) for field in columns if field in optional and field != LEFT_OUT]
    return f"expected: {', '.join(needed)}" + (f"; may be there: {', '.join(may)}" if may else "")


def _named(field: str, columns: Mapping[str, Sequence[str]]) -> str:
    return f"{field} ({columns[field][0]})" if columns[field] else field


def _quoted(texts: Sequence[str]) -> str:
    shown = [repr(text[:40]) for text in texts[:12]]
    return ", ".join(shown) + (", …" if len(texts) > 12 else "") if shown else "with nothing"
