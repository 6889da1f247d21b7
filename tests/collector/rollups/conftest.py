"""A registry with two units in two cities, their centres and instruments."""

import pytest

from tests.collector.province import Province
from tests.collector.rollups.places import OTHERS, OURS, Places


@pytest.fixture
def placed(province: Province) -> Places:
    """Ours in Xi'an (610113), theirs in Baoji (610302); three instruments, of which one is nobody's."""
    places = Places(province)
    places.unit(OURS, division="610113", kind="university", name="示例大学")
    places.unit(OTHERS, division="610302", kind="institute", name="示例研究所")
    places.centre("C-01", "C-02")
    places.instrument("A001", class_code="0105", origin="imported", value_fen=50_000_000, shareable=True)
    places.instrument("A002", class_code="0203", origin="domestic", value_fen=30_000_000)
    places.instrument("B001", owner=OTHERS, class_code="0105", origin="domestic", value_fen=90_000_000, shareable=True)
    places.instrument("N001", owner=None)
    return places
