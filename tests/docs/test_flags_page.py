"""docs/flags.md says what is so: each rule with its section, version, weight and rates, thresholds as in the code."""

import re
from pathlib import Path

import pytest

from collector.flags import looking, shapes
from protocol import facts
from protocol.flags import constant_load, energy, product, ratio, regular, replay, silence
from protocol.flags.catalogue import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "flags.md").read_text("utf-8")


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_has_a_section_and_a_line_of_rates(rule):
    assert f"### {rule.name} {rule.title_zh}\n" in PAGE
    assert re.search(rf"^\| {rule.name} \| {rule.version}, {rule.weight} \| \d", PAGE, re.MULTILINE)


def test_the_page_tells_no_rule_that_there_is_not():
    assert set(re.findall(r"^### (\S+)", PAGE, re.MULTILINE)) == RULES.keys()


def test_the_thresholds_that_it_tells_are_those_of_the_code():
    assert (constant_load.BELOW_USUAL, constant_load.BELOW_STILLEST, constant_load.MIN_DAYS) == (4, 2, 10)
    assert (replay.BELOW_USUAL, replay.USUAL_HUNDREDTHS, replay.MAX_DISTANCE_PPB) == (16, 10, 50_000_000)
    assert (product.MIN_BARREN, product.BELOW_USUAL) == (2, 100)
    assert (ratio.CHANGED_DAYS, ratio.LEAST_PPM) == (5, 1_400_000)
    assert (energy.MIN_PEERS, energy.DEVIATIONS) == (5, 3)
    assert (silence.MIN_SILENCES, regular.MIN_DAYS) == (5, 10)
    assert (looking.HISTORY_DAYS, shapes.WEEKS_BACK_DAYS, shapes.FEEDER) == (56, 28, "feeder")


def test_the_decision_that_it_shows_is_one():
    [shown] = re.findall(r"```json\n(.+)\n```", PAGE)
    assert facts.decode(shown.encode("utf-8")).kind == "decision"
