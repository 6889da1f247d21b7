"""The waits that the scenarios shorten are waits of the product."""

from importlib import import_module

import pytest

from tests.faults.hurried import AGENT_WAITS, COLLECTOR_WAITS


@pytest.mark.parametrize("module,name,value", [*AGENT_WAITS, *COLLECTOR_WAITS])
def test_the_product_has_this_wait_and_it_is_longer(module: str, name: str, value: object) -> None:
    real = getattr(import_module(module), name)
    assert value < real
