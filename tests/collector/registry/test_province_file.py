"""What `register` takes from a TOML file of units and instruments beside their names."""

from datetime import date
from pathlib import Path

import pytest

from collector.errors import RegistryError
from collector.registry.audit import Actor, list_changes
from collector.registry.described import Unit
from collector.registry.descriptions import find_on
from collector.registry.instruments import find_instrument_on
from collector.registry.province_file import register_file
from collector.store.database import Connection

QINGHUA = "12100000400000624D", date(2020, 1, 1)
ACTOR = Actor("li.ming", "command", "test")
PROVINCE = """
[[unit]]
uscc = "12100000400000624D"
name_zh = "清华大学"
kind = "university"
division = "110108"
from_day = 2020-01-01
[[instrument]]
asset_no = "A001"
name_zh = "透射电子显微镜"
model = "JEM-2100"
owner = "12100000400000624D"
value_yuan = "2356000.00"
government_yuan = "2000000"
origin = "imported"
accepted_on = 2019-05-20
shareable = true
from_day = 2020-01-01
"""


def register(connection: Connection, folder: Path, text: str) -> None:
    (folder / "province.toml").write_text(text, encoding="utf-8")
    register_file(connection, folder / "province.toml", actor=ACTOR)


def test_what_holds_from_a_day_is_registered_once(connection: Connection, tmp_path: Path) -> None:
    for _ in range(2):
        register(connection, tmp_path, PROVINCE)
    unit = find_on(connection, Unit, [QINGHUA]).get(QINGHUA)
    instrument = find_instrument_on(connection, "A001", day=date(2020, 1, 1))
    assert unit is not None
    assert instrument is not None
    assert (unit.kind, unit.division) == ("university", "110108")
    assert (instrument.value_fen, instrument.government_fen) == (235_600_000, 200_000_000)
    assert (instrument.model, instrument.origin, instrument.shareable) == ("JEM-2100", "imported", True)
    assert [change.action for change in list_changes(connection)] == [
        "unit.register", "unit.describe", "instrument.register", "instrument.own", "instrument.describe",
    ]  # fmt: skip


def test_a_later_day_changes_what_it_names_and_keeps_the_rest(connection: Connection, tmp_path: Path) -> None:
    register(connection, tmp_path, PROVINCE)
    later = '[[instrument]]\nasset_no = "A001"\nname_zh = "透射电子显微镜"\nmodel = "JEM-2100"\nmaker = "日本电子"\n'
    register(connection, tmp_path, later + "from_day = 2022-01-01\n")
    found = [find_instrument_on(connection, "A001", day=day) for day in (date(2021, 12, 31), date(2022, 1, 1))]
    assert [(each.maker, each.value_fen) for each in found if each] == [("", 235_600_000), ("日本电子", 235_600_000)]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('division = "110108"\nfrom_day = 2020-01-01\n', 'division = "110108"\n', "found kind, division without it"),
        ('kind = "university"\ndivision = "110108"\n', "", "found it without any of them"),
        ('"110108"', '"1101"', r"unit\[0\]: division '1101': it is no code of a division"),
        ('"2000000"', '"3000000"', r"instrument\[0\]: government_fen '3000000.00': it is more than the original value"),
        ('"2356000.00"', '"235.6万"', r"instrument\[0\]: it is no amount"),
        ("shareable = true", "shareable = false", r"instrument\[0\]: exempt_document"),
    ],
)
def test_what_cannot_hold_is_a_fault_of_its_table_and_nothing_is_registered(
    connection: Connection, tmp_path: Path, old: str, new: str, fault: str
) -> None:
    with pytest.raises(RegistryError, match=fault):
        register(connection, tmp_path, PROVINCE.replace(old, new))
    assert connection.execute("SELECT count(*) FROM unit").fetchone() == (0,)
