"""docs/self-evaluation.md names every state, text, judgement and kind of thing that waits, and what it shows is so."""

import re
from pathlib import Path
from typing import get_args

import pytest

from collector.self_evaluation.states import STATES, STATES_ZH
from collector.self_evaluation.texts import FIELDS, HEADINGS, MAX_TEXT
from collector.self_evaluation.timeliness import Judged
from collector.self_evaluation.worklist import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "self-evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*STATES, *FIELDS, *get_args(Judged), *KINDS])
def test_each_word_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_states_stand_with_their_chinese_names() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (\S+) \|", PAGE, re.MULTILINE)
    assert [row for row in rows if row[0] in STATES] == [(state, STATES_ZH[state]) for state in STATES]


def test_texts_stand_under_their_section_with_their_heading() -> None:
    for name in FIELDS:
        heading = HEADINGS[name]
        assert f"| `{name}` | {'一二三'[heading.section - 1]} | {heading.zh} |" in PAGE
    assert f"At most {MAX_TEXT} characters" in PAGE


def test_the_differences_that_are_shown_have_the_form_of_the_programs_own() -> None:
    source = (ROOT / "collector" / "self_evaluation" / "reports.py").read_text(encoding="utf-8")
    assert "are not what the records say now; draft it " in source
    assert "are not what the records say now; draft it again, or confirm it with its figures as they are:" in PAGE
    assert "  lines[A001].seconds.claimed_s: 3600 -> 0\n" in PAGE
