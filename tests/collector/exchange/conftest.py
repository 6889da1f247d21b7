"""A province with served days, and a platform to tell of them."""

from collections.abc import Iterator

import pytest

from tests.collector.exchange.mock_platform import MockPlatform, mock_platform
from tests.collector.exchange.served_days import ServedDays
from tests.collector.province import Province


@pytest.fixture
def served_days(province: Province) -> ServedDays:
    return ServedDays(province)


@pytest.fixture
def platform() -> Iterator[MockPlatform]:
    with mock_platform() as running:
        yield running
