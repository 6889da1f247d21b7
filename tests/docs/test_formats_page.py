"""docs/formats.md names each member, kind, reason and column in order, and the code reads its lines."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from protocol import (
    brackets,
    bridging,
    clock_bounds,
    entry,
    facts,
    grades,
    hours,
    hours_table,
    policy,
    registered,
    stored_zip,
)
from protocol import phases as phases_
from protocol.lead import parse_lead
from protocol.stored_zip import Member
from protocol.verify import layout

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "formats.md").read_text("utf-8")
STATEMENTS = get_args(registered.Statement)


def lines(name: str) -> list[str]:
    """What stands in the code block of this name."""
    [block] = re.findall(rf"^```(?:json|csv) ?{name}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return block.splitlines()


def members(struct: type) -> str:
    """The members of a struct as the page writes them: in their order, `?` behind what may be left out."""
    return ", ".join(f"`{each.encode_name}`" + "?" * (not each.required) for each in msgspec.structs.fields(struct))


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


ROWS = [
    *(("Statements of the registry", each.kind, each) for each in STATEMENTS),
    *(("Facts", kind, each) for kind, each in facts.KINDS.items()),
    *(("Entries", kind, each) for kind, each in entry.KINDS.items()),
]


@pytest.mark.parametrize(("title", "kind", "struct"), ROWS, ids=lambda each: each if isinstance(each, str) else "")
def test_each_kind_stands_with_its_members_in_their_order(title: str, kind: str, struct: type) -> None:
    assert f"\n| `{kind}` | {members(struct)} | " in section(title)


def test_the_page_has_no_kind_that_there_is_not() -> None:
    for title in ("Statements of the registry", "Facts", "Entries"):
        told = re.findall(r"^\| `([a-z-]+)` \| `", section(title), re.MULTILINE)
        assert told == [kind for of, kind, _ in ROWS if of == title]


def test_each_kind_has_a_line_that_the_code_reads() -> None:
    said = [registered.decode(line.encode()) for line in lines("statements")]
    assert [each.kind for each in said] == list(registered.KINDS)
    assert [facts.decode(line.encode()).kind for line in lines("facts")] == list(facts.KINDS)
    shown = [entry.decode(line.encode()) for line in lines("entries")]
    assert {each.kind for each in shown} == set(entry.KINDS)
    readings = [each.body for each in shown if isinstance(each.body, entry.Reading)]
    assert all(any(getattr(each, shape) for each in readings) for shape in ("means", "states", "counts", "events"))


def test_the_records_of_the_page_are_those_of_the_example_bundle() -> None:
    bundle = DOCS / "examples" / "bundle"
    for name, path in (("record", layout.RECORDS), ("grade", layout.GRADES), ("", layout.TABLE)):
        assert "\n".join([*lines(name), ""]) == (bundle / path).read_text("utf-8")
    assert hours.decode(lines("record")[0].encode()).v == 2
    policies = [path.read_bytes() for path in (bundle / "policy").iterdir()]
    assert ["\n".join(lines("policy")).encode()] == [raw.strip() for raw in policies]


@pytest.mark.parametrize("name", hours.HourRecord.__struct_fields__)
def test_each_member_of_an_hour_record_has_a_row(name: str) -> None:
    rows = re.findall(r"^\| (.*?) \|", section("The hour record"), re.MULTILINE)
    assert any(f"`{name}`" in row for row in rows)


def test_the_rows_of_an_hour_record_stand_in_the_order_of_its_members() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("The hour record"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(hours.HourRecord.__struct_fields__)


def test_the_grade_record_stands_with_its_members_in_their_order() -> None:
    assert f"{members(grades.GradeRecord)}." in section("The grade record")


def test_each_reason_of_a_grade_is_told_once_with_its_grade() -> None:
    told = re.findall(r"^\| (`.*?) \| ([A-DX]) \|", section("The grade record"), re.MULTILINE)
    assert sorted(re.findall(r"`([a-z ]+)`", " ".join(names for names, _ in told))) == sorted(get_args(grades.Reason))


WRITTEN, DAY_MS = 9_000_000, 86_400_000
SOUND = grades.GradedBlock(WRITTEN - 600_000, WRITTEN, (600_000,), WRITTEN, WRITTEN - 60_000, 0, written_ms=WRITTEN)
FAULTS = [
    ("log in doubt", {"is_whole": False}),
    ("reading rule", {"is_ruly": False}),
    ("not received", {"received_ms": None}),
    ("clock impossible", {"end_ms": WRITTEN + 20 * DAY_MS}),
    ("too late", {"received_ms": WRITTEN + 8 * DAY_MS}),
    ("recovered", {"is_recovered": True}),
    ("no beacon", {"beacon_ms": None}),
    ("clock", {"error_ms": 60_001}),
    ("bracket", {"beacon_ms": WRITTEN - 1_200_001}),
    ("late", {"start_ms": WRITTEN - 1_200_001}),
]


def test_the_reasons_stand_in_the_order_in_which_they_are_asked() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| [CD] \|", section("The grade record"), re.MULTILINE)
    assert rows == [word for word, _ in FAULTS]


@pytest.mark.parametrize("place", range(len(FAULTS)))
def test_the_first_reason_that_holds_is_the_one_that_is_given(place: int) -> None:
    """A reading with this fault and all those behind it."""
    wrong: dict[str, object] = {}
    for _, change in reversed(FAULTS[place:]):
        wrong |= change
    earned = grades.earned(SOUND._replace(**wrong), policy.Grades())  # type: ignore[arg-type]
    assert earned[0][3] == FAULTS[place][0]


def test_a_reading_without_a_fault_is_under_one_control() -> None:
    assert [part[2:] for part in grades.earned(SOUND, policy.Grades())] == [("B", "one control")]


@pytest.mark.parametrize("name", policy._PolicyFile.__struct_fields__)
def test_each_member_of_a_policy_has_a_row_with_its_default(name: str) -> None:
    [row] = re.findall(rf"^\| [^|]*`{name}`[^|]* \| ([^|]*)\|", section("Policies"), re.MULTILINE)
    field = next(each for each in msgspec.structs.fields(policy._PolicyFile) if each.name == name)
    if field.required:
        assert row.strip() == "needed"
    elif isinstance(field.default, str | int) and field.default is not msgspec.NODEFAULT:
        assert row.strip("` ") == str(field.default)


@pytest.mark.parametrize("struct", [policy.Trigger, policy.Counter, policy.EvidenceRule, policy.Grades])
def test_each_member_of_a_policys_parts_is_named(struct: type) -> None:
    for each in msgspec.structs.fields(struct):
        assert f"`{each.encode_name}`" in section("Policies")


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    limits = policy.Grades()
    assert f"`bracket_ms` {_spaced(limits.bracket_ms)}, `delay_ms` {_spaced(limits.delay_ms)}" in PAGE
    assert f"`clock_ms` {_spaced(limits.clock_ms)}, `late_ms` {_spaced(limits.late_ms)}" in PAGE
    assert f"> {_spaced(clock_bounds.LIMIT_MS)} ms (always that figure)" in PAGE
    assert f"more than {_spaced(grades.BEFORE_ENTRY_MS)} ms before it" in PAGE
    assert f"lie 1 to {brackets.NAMED_WITHIN} before it" in PAGE
    assert f"agree to ≤ {bridging._CLOCK_MS} ms" in PAGE
    assert f"up to {phases_.MAX_PHASE_S}, then" in PAGE
    assert f"at most {_spaced(hours.MAX_RECORD_BYTES)} bytes" in PAGE
    assert (registered.MAX_STATEMENT_BYTES, facts.MAX_FACT_BYTES, entry.MAX_ENTRY_BYTES) == (8192, 8192, 4096)


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ") if number >= 10_000 or number == policy.Grades().bracket_ms else str(number)


def test_the_leads_of_the_page_are_leads() -> None:
    [shown] = re.findall(r"^ {4}(off .*)$", PAGE, re.MULTILINE)
    assert [str(parse_lead(each)) for each in shown.split()] == shown.split()


def test_the_columns_of_the_table_are_those_of_the_code() -> None:
    assert lines("")[0] == ",".join(hours_table.COLUMNS)


def test_the_obligatory_files_of_the_page_are_those_that_the_verifier_asks_for() -> None:
    told = PAGE.split("**Obligatory** in every bundle: ", 1)[1].split(". They may be empty", 1)[0]
    common, full, selective = re.split(r"; in a [^`]*", told)
    named = [set(re.findall(r"`([^`]+)`", part)) for part in (common, full, selective)]
    assert named[0] | named[1] == {*layout.PARTS["full"], layout.MANIFEST}
    assert named[0] | named[2] == {*layout.PARTS["selective"], layout.MANIFEST}


def test_the_fields_of_the_zip_are_as_long_as_the_headers() -> None:
    member = Member("a", 0, 0)
    local, ending = stored_zip.local_header(member), stored_zip.ending([member])
    for mark, raw in (("50 4b 03 04", local), ("50 4b 01 02", ending), ("50 4b 05 06", ending[-22:])):
        assert raw.startswith(bytes.fromhex(mark))
        assert f"`{mark}`" in section("The zip")
    assert local[4:14] == bytes.fromhex("14000008000000002100"), "needed 20, flags, method 0, time 0, date"
    assert ending[4:8] == bytes.fromhex("14001400"), "made by 20, needed 20"
    assert ending[32:42] == bytes(10), "comment, disk and attributes are 0"


def test_canonical_json_is_written_as_the_page_says() -> None:
    assert msgspec.json.encode('"\\\b\t\n\f\r\x1f/é') == '"\\"\\\\\\b\\t\\n\\f\\r\\u001f/é"'.encode()
    assert json.loads(lines("record")[0])["served"][0] == ["", "", "unresolved", 7200, 0]
