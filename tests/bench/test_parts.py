"""Every part of `make bench` can be loaded: a part that nobody runs for a while must not rot unseen."""

from importlib import import_module

import pytest

from tests.bench.__main__ import PARTS


@pytest.mark.parametrize("part", PARTS)
def test_the_part_has_what_the_bench_calls(part: str) -> None:
    assert callable(import_module(f"tests.bench.{part}").measure)
