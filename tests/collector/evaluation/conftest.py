"""A year that was generated, closed and frozen."""

import pytest

from tests.collector.evaluation.world import World, generate
from tests.collector.province import Province


@pytest.fixture
def world(province: Province) -> World:
    """Three units, ten instruments and two facilities; every day of 2025 is closed."""
    made = generate(province, 7)
    made.freeze()
    return made
