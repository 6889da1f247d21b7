"""A unit's own list with all that is wrong in such lists: each wrong row is named, and the others are taken."""

from datetime import date

import pytest

from collector.registry.audit import Actor, list_changes
from collector.registry.sheet_import import Terms, import_sheet
from collector.store.database import Connection
from tests.collector.registry.hostile_sheet import draw
from tests.collector.rollups.places import OTHERS, OURS

ACTOR = Actor("li.ming", "command", "li@host")
DAY = date(2020, 1, 1)
ROWS = 400


@pytest.fixture
def owners(connection: Connection) -> list[str]:
    units = f"uscc,name_zh\n{OURS},示例大学\n{OTHERS},示例研究所\n".encode()
    import_sheet(connection, "units", units, actor=ACTOR, from_day=DAY, terms=Terms())
    return [OURS, OTHERS]


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_row_is_named_with_its_field_and_the_sound_ones_are_whole(
    connection: Connection, owners: list[str], seed: int
) -> None:
    sheet = draw(ROWS, owners=owners, seed=seed, wrong_percent=10)
    outcome = import_sheet(connection, "instruments", sheet.body, actor=ACTOR, from_day=DAY, terms=Terms())
    assert {each.row: each.field for each in outcome.report.refusals} == sheet.wrong
    assert all(each.why and each.remedy for each in outcome.report.refusals)
    assert (outcome.report.accepted, outcome.report.refused) == (sheet.sound, len(sheet.wrong))
    counts = [
        connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        for table in (
            "instrument",
            "instrument_description WHERE value_fen BETWEEN 20000000 AND 2000000000",
            "ownership",
        )
    ]
    assert counts == [(sheet.sound,)] * 3
    assert connection.execute("SELECT count(*) FROM placement WHERE owner <> ''").fetchone() == (sheet.sound,)


def test_all_or_nothing_leaves_nothing_behind(connection: Connection, owners: list[str]) -> None:
    sheet = draw(ROWS, owners=owners, seed=7)
    assert sheet.wrong
    lines = len(list_changes(connection))
    terms = Terms(all_or_nothing=True)
    outcome = import_sheet(connection, "instruments", sheet.body, actor=ACTOR, from_day=DAY, terms=terms)
    assert (outcome.is_applied, outcome.report.refused) == (False, len(sheet.wrong))
    for table in ("instrument", "instrument_description", "ownership", "placement", "placement_due"):
        assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table
    assert len(list_changes(connection)) == lines
