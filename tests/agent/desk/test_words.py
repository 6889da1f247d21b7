"""The catalogue is whole, and the language is the visitor's."""

import re
import string
from pathlib import Path

import pytest

from agent.desk import words as words_module
from agent.desk.words import LANGUAGES, catalogue, choose, refuse, words
from agent.errors import AgentError
from protocol.entry import PURPOSES

SOURCES = Path(words_module.__file__).parent


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_each_key_has_both_languages_with_the_same_places() -> None:
    for key, texts in catalogue().items():
        assert sorted(texts) == sorted(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        assert places(texts["zh"]) == places(texts["en"]), key


def test_each_key_is_used_and_each_key_that_is_used_exists() -> None:
    source = "".join(path.read_text("utf-8") for path in SOURCES.glob("*.py"))
    named = set(re.findall(r"""words\(\s*["']([a-z_]+\.[a-z_-]+)["']""", source))
    named |= {
        f"problem.{code}" for code in re.findall(r"(?:refuse\(|Rejection\(\s*[A-Za-z._]+,\s*)\"([a-z_]+)\"", source)
    }
    assert named <= set(catalogue())
    named |= {"journal.welcomed", "journal.down"}  # by a condition
    built = ("purpose.", "how.", "state.", "journal.minutes", "journal.hours", "journal.days")  # put together
    assert {key for key in catalogue() if not key.startswith(built)} - named == {"problem.failed"}
    assert {f"purpose.{purpose}" for purpose in PURPOSES} <= set(catalogue())


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        ("", "", "zh"),
        ("", "en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("", "fr,de;q=0.8", "zh"),
        ("", "fr,en;q=0.8", "en"),
        ("en", "zh-CN", "en"),
        ("klingon", "en", "en"),
        ("", "x" * 5000, "zh"),
    ],
)
def test_the_language_is_what_was_asked_for_else_the_browsers_else_chinese(
    asked: str, header: str, language: str
) -> None:
    assert choose(asked, header) == language


def test_a_refusal_is_said_in_the_language_of_the_page() -> None:
    problem = refuse("unknown_asset", asset="A009", assets="A001")
    assert str(problem) == "instrument 'A009' is not watched by this agent; known: A001"
    assert words("zh").problem(problem) == "本采集端没有仪器“A009”，可选：A001。"
    assert words("zh").problem(AgentError("disk on fire")) == "未能完成：disk on fire"
