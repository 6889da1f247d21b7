"""docs/evaluation.md names every state, reason, measure and rating, and what it shows of a wrong scheme is so."""

import re
from pathlib import Path

import pytest

from collector.errors import SchemeError
from collector.evaluation.indicators import MEASURES
from collector.evaluation.population import REASONS
from collector.evaluation.scheme import RATINGS, parse
from collector.evaluation.states import STATES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*STATES, *REASONS, *MEASURES, *RATINGS])
def test_each_word_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_reasons_and_states_stand_in_the_order_in_which_they_decide() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert rows == [*STATES, *REASONS]


def test_the_faults_shown_are_those_of_such_a_scheme() -> None:
    scheme = (ROOT / "deploy" / "evaluation" / "scheme-example.toml").read_text(encoding="utf-8")
    wrong = scheme.replace("1 = 5 ", "1 = 4 ").replace("[800, 1200]", "[800, 1900]").replace("good = 75", "good = 95")
    with pytest.raises(SchemeError) as caught:
        parse(wrong.encode())
    for line in str(caught.value).splitlines():
        assert line.strip() in PAGE
