"""Files that fill the registry, and what a past day's question is answered from them."""

from datetime import date
from pathlib import Path

import pytest

from collector.errors import RegistryError, SheetError
from collector.registry import instruments, places
from collector.registry.audit import Actor, list_changes
from collector.registry.described import Facility, Instrument, Unit
from collector.registry.descriptions import find_on, list_past, list_places
from collector.registry.sheet_import import Outcome, Terms, import_sheet
from collector.store.database import Connection

EXAMPLES = Path(__file__).parents[3] / "deploy" / "registry"
ACTOR = Actor("li.ming", "command", "test")
DAY = date(2020, 1, 1)
OURS, TESTERS, INSTITUTE = "12100000400000624D", "91110000802100433B", "126100004352302378"
UNITS = f"uscc,name_zh\n{OURS},示例大学\n{TESTERS},示例检测\n"


def take(
    connection: Connection, name: str, text: str | bytes, *, from_day: date = DAY, terms: Terms | None = None
) -> Outcome:
    source = text.encode() if isinstance(text, str) else text
    return import_sheet(connection, name, source, actor=ACTOR, from_day=from_day, terms=terms or Terms())


def counts(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.report.accepted, outcome.report.unchanged, outcome.report.refused


@pytest.fixture
def two_units(connection: Connection) -> Connection:
    take(connection, "units", UNITS)
    return connection


@pytest.fixture
def examples(connection: Connection) -> Connection:
    """The example files of deploy/registry, imported."""
    for name in ("units", "facilities", "instruments", "memberships"):
        outcome = import_sheet(connection, name, EXAMPLES / f"{name}.csv", actor=ACTOR, from_day=DAY, terms=Terms())
        assert outcome.report.refusals == []
    return connection


def test_the_examples_are_registered_with_all_that_they_say(examples: Connection) -> None:
    assert find_on(examples, Unit, [(OURS, DAY)])[OURS, DAY] == Unit(
        uscc=OURS,
        name_zh="示例大学",
        name_en="Example University",
        kind="university",
        department="教育部",
        division="610113",
    )
    assert instruments.find_instrument_on(examples, "20200017", day=date(2020, 10, 1)) == Instrument(
        asset_no="20200017", name_zh="超导核磁共振谱仪", name_en="NMR spectrometer", class_code="010501",
        value_fen=680_000_000, funding="中央财政专项与自筹", government_fen=425_000_000, maker="布鲁克",
        model="AVANCE NEO 600", origin="imported", country="德国", accepted_on=date(2020, 9, 1), shareable=True,
        bookable=True, fee="按样品计，见收费公示", location="长安校区测试楼 B01",
    )  # fmt: skip
    magnet = ("F-01", date(2021, 6, 1))
    assert find_on(examples, Facility, [magnet])[magnet] == Facility(
        facility_no="F-01", kind="facility", name_zh="强磁场实验装置", name_en="High-field magnet", uscc=OURS,
        value_fen=12_600_000_000, government_fen=12_600_000_000,
    )  # fmt: skip


def test_a_past_day_gets_that_days_answer(examples: Connection) -> None:
    days = [date(2020, 12, 31), date(2022, 1, 1), date(2024, 1, 1)]
    found = places.find_places(examples, [("20200017", day) for day in days])
    assert [found["20200017", day][:3] for day in days] == [
        (OURS, "F-01", None),
        (OURS, "F-01", "C-01"),
        (OURS, None, "C-01"),
    ]
    before, after = date(2024, 12, 31), date(2025, 1, 1)
    owners = [instruments.find_owner(examples, "20210005", day=day) for day in (date(2021, 3, 31), before, after)]
    assert owners == [None, INSTITUTE, OURS]


def test_before_its_first_description_a_thing_is_known_by_its_first_name_alone(examples: Connection) -> None:
    found = instruments.find_instrument_on(examples, "20190001", day=date(2019, 12, 31))
    assert found == Instrument(
        asset_no="20190001", name_zh="透射电子显微镜", name_en="Transmission electron microscope", model="JEM-2100"
    )
    assert instruments.find_instrument_on(examples, "nothing", day=DAY) is None


def test_the_same_files_again_change_nothing(examples: Connection) -> None:
    before = [examples.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in TABLES]
    lines = len(list_changes(examples))
    for name in ("units", "facilities", "instruments", "memberships"):
        outcome = import_sheet(examples, name, EXAMPLES / f"{name}.csv", actor=ACTOR, from_day=DAY, terms=Terms())
        assert outcome.report.accepted == outcome.report.unchanged > 0
    assert [examples.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in TABLES] == before
    assert len(list_changes(examples)) == lines


TABLES = (
    "unit", "unit_description", "instrument", "instrument_description", "facility", "facility_description", "ownership",
    "membership",
)  # fmt: skip


def test_a_field_that_changed_is_a_new_fact_from_its_day(two_units: Connection) -> None:
    take(two_units, "instruments", "asset_no,name_zh,model,maker\nA1,电镜,X,甲\n")
    changed = take(two_units, "instruments", "asset_no,name_zh,maker\nA1,电镜,乙\n", from_day=date(2025, 7, 1))
    assert counts(changed) == (1, 0, 0)
    past = [
        (line.from_day, line.instrument.model, line.instrument.maker, line.recorded_by)
        for line in list_past(two_units, "A1")
    ]
    assert past == [
        (DAY, "X", "甲", "li.ming"),
        (date(2025, 7, 1), "X", "乙", "li.ming"),
    ]  # the model was not in the file


def test_a_column_that_is_there_and_empty_takes_back_what_was_said(two_units: Connection) -> None:
    take(two_units, "instruments", "asset_no,name_zh,原值（万元）,财政经费（万元）\nA1,电镜,50,25\n")
    take(two_units, "instruments", "asset_no,name_zh,财政经费（万元）\nA1,电镜,\n", from_day=date(2021, 1, 1))
    found = instruments.find_instrument_on(two_units, "A1", day=date(2021, 1, 1))
    assert found is not None
    assert (found.value_fen, found.government_fen) == (50_000_000, None)


def test_history_of_one_thing_may_stand_in_one_file_in_any_order(two_units: Connection) -> None:
    text = "asset_no,name_zh,maker,from_day\nA1,电镜,乙,2022-01-01\nA1,电镜,甲,2020-01-01\nA1,电镜,乙,2023-01-01\n"
    assert counts(take(two_units, "instruments", text)) == (3, 1, 0)
    days = [date(2021, 12, 31), date(2022, 1, 1)]
    found = [instruments.find_instrument_on(two_units, "A1", day=day) for day in days]
    assert [each.maker for each in found if each] == ["甲", "乙"]


def test_bad_rows_are_refused_with_row_field_value_reason_and_remedy_and_good_ones_are_taken(
    two_units: Connection,
) -> None:
    text = (
        "资产编号,仪器名称,原值(万元),验收日期,统一社会信用代码,备注\n"
        f"A1,电镜,235.6,2024-03-01,{OURS},已贴标签\n"
        f"A2,电镜,2356000000,3/1/2024,{OURS}\n"
        f"A3,电镜,235.6,2024/3/1,{OURS[:-1]}E\n"
        f"A1,色谱,99,2024.3.1,{OURS}\n"
        ",色谱,99,,\n"
        f"A5,色谱,十万,20240301,{TESTERS}\n"
    ).encode("gb18030")
    outcome = take(two_units, "instruments", text)
    assert counts(outcome) == (1, 0, 5)
    assert [(each.row, each.field, each.value) for each in outcome.report.refusals] == [
        (3, "accepted_on", "3/1/2024"),
        (5, "asset_no", "A1"),
        (7, "value_wan", "十万"),
        (4, "owner", f"{OURS[:-1]}E"),
        (6, "asset_no", ""),
    ]
    assert all(each.why and each.remedy for each in outcome.report.refusals)
    assert instruments.find_owner(two_units, "A1", day=DAY) == OURS


def test_on_request_one_bad_row_keeps_all_out(two_units: Connection) -> None:
    text = f"asset_no,name_zh,owner\nA1,电镜,{OURS}\nA2,,{OURS}\n"
    outcome = take(two_units, "instruments", text, terms=Terms(all_or_nothing=True))
    assert (outcome.is_applied, outcome.report.refused) == (False, 1)
    assert instruments.find_instrument_on(two_units, "A1", day=DAY) is None


def test_a_dry_run_says_what_would_become_of_it_and_changes_nothing(two_units: Connection) -> None:
    outcome = take(two_units, "instruments", "asset_no,name_zh\nA1,电镜\n", terms=Terms(dry_run=True))
    assert (outcome.is_applied, counts(outcome)) == (False, (1, 0, 0))
    assert instruments.find_instrument_on(two_units, "A1", day=DAY) is None
    assert [change.action for change in list_changes(two_units)] == ["units.import"]


def test_a_file_that_breaks_off_leaves_nothing_behind(two_units: Connection) -> None:
    rows = "".join(f"A{number},电镜\n" for number in range(2500))
    with pytest.raises(SheetError, match="unexpected end of data"):
        take(two_units, "instruments", f'asset_no,name_zh\n{rows}B,"x')
    assert two_units.execute("SELECT count(*) FROM instrument").fetchone() == (0,)


def test_an_asset_number_of_another_unit_is_refused_but_may_change_hands_as_a_membership(two_units: Connection) -> None:
    take(two_units, "instruments", f"asset_no,name_zh,owner\nA1,电镜,{OURS}\n", from_day=date(2021, 1, 1))
    for day in (date(2022, 1, 1), date(2020, 1, 1)):  # after it was ours, and before
        outcome = take(two_units, "instruments", f"asset_no,name_zh,owner\nA1,色谱,{TESTERS}\n", from_day=day)
        assert f"belongs to {OURS}" in outcome.report.refusals[0].why
    moved = f"asset_no,kind,to,from_day\nA1,权属,{TESTERS},2022-01-01\nA1,owner,,2023-01-01\n"
    assert counts(take(two_units, "memberships", moved)) == (2, 0, 0)
    days = [date(2021, 12, 31), date(2022, 1, 1), date(2023, 1, 1)]
    assert [instruments.find_owner(two_units, "A1", day=day) for day in days] == [OURS, TESTERS, None]
    assert [(line.kind, line.key) for line in list_places(two_units, "A1")] == [
        ("owner", OURS),
        ("owner", TESTERS),
        ("owner", None),
    ]


def test_a_new_owner_marks_the_days_from_then_on_for_derivation(two_units: Connection) -> None:
    take(two_units, "instruments", f"asset_no,name_zh,owner\nA1,电镜,{OURS}\n")
    days = (date(2021, 12, 31), date(2022, 1, 1))
    for day in days:  # the instrument was observed, and the days wait for the deriver
        two_units.execute("INSERT INTO dirty_day (asset_no, day, touched_at) VALUES ('A1', %s, now())", [day])
    moved = f"asset_no,kind,to,from_day\nA1,权属,{TESTERS},2022-01-01\n"
    take(two_units, "memberships", moved)
    assert reasons(two_units) == {days[0]: "readings", days[1]: "ownership, readings"}
    instruments.register_owner(two_units, "A1", uscc=OURS, from_day=days[0])
    assert "ownership" in reasons(two_units)[days[0]]


def reasons(connection: Connection) -> dict[date, str]:
    return dict(connection.execute("SELECT day, reason FROM dirty_day WHERE asset_no = 'A1'").fetchall())


@pytest.mark.parametrize(
    ("row", "field", "why"),
    [
        (f"A9,owner,{OURS},2022-01-01", "asset_no", "no instrument of this number"),
        (f"A1,centre,{OURS},2022-01-01", "to", "it is a unit, a centre is expected"),
        ("A1,设施,F-9,2022-01-01", "to", "no facility of this number"),
        (f"A1,朋友,{OURS},2022-01-01", "kind", "none of the words"),
        (f"A1,,{OURS},2022-01-01", "kind", "the kind is missing"),
        (f"A1,owner,{OURS},1022-01-01", "from_day", "nothing can hold"),
    ],
)
def test_a_membership_refers_to_what_is_registered(two_units: Connection, row: str, field: str, why: str) -> None:
    take(two_units, "instruments", "asset_no,name_zh\nA1,电镜\n")
    outcome = take(two_units, "memberships", f"asset_no,kind,to,from_day\n{row}\n")
    assert [each.field for each in outcome.report.refusals] == [field]
    assert why in outcome.report.refusals[0].why


@pytest.mark.parametrize(
    ("columns", "cells", "field"),
    [
        ("value_yuan,value_wan", "2356000,23.56", "value_yuan"),
        ("value_yuan,government_yuan,government_percent", "500000,500000,100", "government_percent"),
        ("value_yuan,government_percent", ",100", "government_percent"),
        ("value_yuan", "235.6", "value_fen"),
    ],
)
def test_amounts_that_contradict_each_other_or_their_unit_are_refused(
    two_units: Connection, columns: str, cells: str, field: str
) -> None:
    outcome = take(two_units, "instruments", f"asset_no,name_zh,{columns}\nA1,电镜,{cells}\n")
    assert [each.field for each in outcome.report.refusals] == [field]


def test_a_value_whose_unit_nobody_said_is_refused_with_the_headings_that_say_it(two_units: Connection) -> None:
    with pytest.raises(SheetError, match=r"unknown: '原值'.*原值\(元\).*原值\(万元\)"):
        take(two_units, "instruments", "资产编号,仪器名称,原值\nA1,电镜,235.6\n")


def test_a_file_of_no_known_kind_is_refused(two_units: Connection) -> None:
    with pytest.raises(RegistryError, match="kinds are units, facilities, instruments, memberships"):
        take(two_units, "people", "x")


def test_what_was_imported_is_one_line_of_the_trail_with_the_files_hash(examples: Connection) -> None:
    changes = list_changes(examples)
    assert [change.action for change in changes] == [
        "units.import", "facilities.import", "instruments.import", "memberships.import",
    ]  # fmt: skip
    assert changes[2].new is not None
    assert changes[2].new | {"sha256": ""} == {"sha256": "", "accepted": 3, "unchanged": 0, "refused": 0}
    assert (changes[2].actor, changes[2].target) == ("li.ming", "instruments.csv")
