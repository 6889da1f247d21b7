"""The catalogue: every key in both languages, every word of the templates in it, and no key that nobody uses."""

import ast
import re
from importlib import resources
from pathlib import Path

from collector.web.words import catalogue, choose, faults, words

WEB = Path(str(resources.files("collector.web")))
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


def test_every_key_has_both_languages_with_the_same_places() -> None:
    assert len(catalogue()) > 80
    assert faults(catalogue()) == []


def test_a_catalogue_with_faults_is_caught() -> None:
    entries = {
        "a.missing": {"zh": "字"},
        "a.empty": {"zh": "字", "en": " "},
        "a.places": {"zh": "{one}", "en": "{two}"},
        "a.right": {"zh": "{one} 字", "en": "a {one}"},
    }
    assert [fault.partition(":")[0] for fault in faults(entries)] == ["a.missing", "a.empty", "a.places"]


def test_templates_hold_no_words_of_their_own() -> None:
    assert len(TEMPLATES) >= 6
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", " ", text, flags=re.DOTALL)
        spoken = re.findall(r'(?:title|alt|aria-label|placeholder|value)="([^"]*)"', text)
        text = re.sub(r"<[^>]*>", " ", text)
        left = re.findall(r"[^\W\d_]{2,}", " ".join([text, *spoken]))
        assert left == [], f"{template.name} holds {left}"


def test_every_key_that_is_asked_for_is_there_and_every_key_is_asked_for() -> None:
    """A key is asked for by name, or as one of a family: `words("state." ~ name)`, `words(f"ago.{unit}")`."""
    asked: set[str] = set()
    families: set[str] = set()
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        asked |= set(re.findall(r'words\("([a-z_]+\.[a-z_]+)"', text))
        families |= set(re.findall(r'words\("([a-z_]+)\." ~', text))
    sections = {key.split(".")[0] for key in catalogue()}
    for source in WEB.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                section, dot, key = node.value.partition(".")
                if section in sections and dot and re.fullmatch("[a-z_]*", key) and key != "html":
                    asked |= {node.value} if key else set()
                    families |= set() if key else {section}
    assert asked - set(catalogue()) == set()
    assert {key for key in catalogue() if key not in asked and key.split(".")[0] not in families} == set()


def test_words_fill_in_their_places() -> None:
    assert words("en")("ago.minutes", number=3) == "3 min ago"
    assert words("zh")("ago.minutes", number=3) == "3 分钟前"


def test_the_choice_of_a_language_survives_any_header() -> None:
    assert choose("en", "zh") == "en"
    assert choose("tlh", "en") == "en"
    for header in ("", ";;;", "en;q=x", "en;q=0", "*", ",," * 5000, "zh-Hant-TW;q=0.1"):
        assert choose(None, header) == "zh"
