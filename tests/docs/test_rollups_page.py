"""docs/rollups.md names what can be asked by, every figure of a line, and the limits of public pages."""

from pathlib import Path

import pytest

from collector.api.rates import FIXED, Kind
from collector.api.rollup_models import RollupLine
from collector.rollups.beneficiaries import SERVED_BYS
from collector.rollups.rollup import BYS
from collector.web.public_pages import KEPT_S

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "rollups.md").read_text(encoding="utf-8")
FIGURES = (DOCS / "figures.md").read_text(encoding="utf-8")
ALIKE = {"name_zh", "name_en", "days", "days_over", "until_s", "in_network_s", "observed_s", "unobserved_s",
         "counted_external_s", "b_s", "c_s", "d_s"}  # fmt: skip
"""Described by the API alone, or between `a_s` and `x_s`."""


@pytest.mark.parametrize("word", [*BYS, *SERVED_BYS, *(name for name in RollupLine.model_fields if name not in ALIKE)])
def test_each_word_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE + FIGURES or f"`--by {word}`" in PAGE or f"`--served {word}`" in PAGE


def test_the_limits_of_public_pages_are_those_of_the_program() -> None:
    assert f"one address may ask {FIXED[Kind.PUBLIC].amount} times a minute" in PAGE
    assert (KEPT_S, "for five minutes" in PAGE) == (300, True)
