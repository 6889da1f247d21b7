"""A unit's year that is known to the second."""

import pytest

from tests.collector.province import Province
from tests.collector.self_evaluation.lab import Lab, make


@pytest.fixture
def lab(province: Province) -> Lab:
    return make(province)
