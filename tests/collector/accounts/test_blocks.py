"""Reading blocks come out of the table once each, in order, however many portions that takes."""

from datetime import date

import pytest

from collector.accounts import blocks
from collector.accounts.blocks import read_blocks
from protocol.bindings import Channel, Stretch
from protocol.interval import day_bounds_ms
from tests.collector.province import IDLE, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
CHANNELS = tuple(Channel(agent_id, "meter1", "power") for agent_id in ("em-01", "em-02"))
WHOLE_DAY = Stretch(*day_bounds_ms(MONDAY), CHANNELS)


@pytest.fixture
def two_meters(province: Province) -> Province:
    """Two journals of five blocks each that measure one instrument."""
    province.add_instrument("A001")
    for channel in CHANNELS:
        origin = province.add_agent(channel.agent_id, "A001")
        province.observe(origin, Piece(MONDAY, 0, 5 * HOUR, IDLE))
    return province


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 10, 11])
def test_every_block_comes_once_and_in_order_in_portions_of_any_size(
    two_meters: Province, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_ROWS_AT_ONCE", at_once)
    found = [(origin, entry.index) for origin, entry, _ in read_blocks(two_meters.connection, WHOLE_DAY)]
    assert found == [(f"jishi.example/a/{agent}/1", index) for agent in ("em-01", "em-02") for index in range(5)]


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_no_more_blocks_come_than_were_asked_for(
    two_meters: Province, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_ROWS_AT_ONCE", at_once)
    assert len(list(read_blocks(two_meters.connection, WHOLE_DAY, limit=7))) == 7
    assert list(read_blocks(two_meters.connection, WHOLE_DAY, limit=0)) == []


def test_blocks_begin_after_the_place_that_is_given(two_meters: Province) -> None:
    after = ("jishi.example/a/em-01/1", 3)
    found = list(read_blocks(two_meters.connection, WHOLE_DAY, after=after, limit=2))
    assert [(origin[-3], entry.index) for origin, entry, _ in found] == [("1", 4), ("2", 0)]
