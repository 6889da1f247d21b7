"""docs/monitoring.md names every setting with what holds unless decided, and every state, kind and outcome."""

import re
from pathlib import Path

import pytest

from collector.monitoring import alarms, changes, notice_form
from collector.monitoring.case_states import OUTCOMES, STATES
from collector.monitoring.fleet import ORDERS
from collector.monitoring.idle import IDLENESS
from collector.monitoring.settings import SETTINGS
from collector.network.states import WARNED

PAGES = {
    name: (Path(__file__).parents[2] / "docs" / f"{name}.md").read_text("utf-8") for name in ("monitoring", "registry")
}
PAGE = PAGES["monitoring"]


@pytest.mark.parametrize(
    "word", [*SETTINGS, *STATES, *OUTCOMES, *IDLENESS, *alarms.KINDS, *notice_form.KINDS, *changes.KINDS]
)
def test_each_word_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("word", ORDERS)
def test_each_order_of_the_fleet_is_named(word: str) -> None:
    assert re.search(rf"--sort [a-z|]*\b{word}\b", PAGE)


@pytest.mark.parametrize("word", WARNED)
def test_each_warning_is_described(word: str) -> None:
    assert f"`{word}`" in PAGES["registry"]


def test_what_holds_unless_decided_is_what_the_program_does() -> None:
    told: dict[str, int | None] = {}
    for names, values in re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| ([0-9, ]+|none) \|", PAGE, re.MULTILINE):
        for name, value in zip(re.findall("`([a-z-]+)`", names), values.split(", "), strict=True):
            told[name] = None if value == "none" else int(value)
    assert told == {name: setting.default for name, setting in SETTINGS.items()}
