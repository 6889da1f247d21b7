"""A year of units whose round is published or about to be."""

import pytest

from tests.collector.evaluation.world import World, generate
from tests.collector.province import Province


@pytest.fixture
def judged(province: Province) -> World:
    """Three units, ten instruments and two facilities; every day of 2025 is closed and frozen."""
    made = generate(province, 7)
    made.freeze()
    return made
