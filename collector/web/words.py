"""The words of the pages: one catalogue, words.toml, and the choice of a language.

Each key holds `zh` and `en`; templates hold no words of their own. A word may have places, as in
`{hours} h {minutes} min`. A key that is missing, or that lacks a language, is a programming error.
"""

import functools
import string
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "zh"
HTML_LANG: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}


class Words:
    """The catalogue in one language: `words("sign_in.title")`, with named places filled in."""

    def __init__(self, language: Language, catalogue: Mapping[str, Mapping[str, str]]) -> None:
        self.language = language
        self._catalogue = catalogue

    def __call__(self, key: str, **places: object) -> str:
        text = self._catalogue[key][self.language]
        return text.format_map(places) if places else text


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """words.toml, flattened: `[overview] title = {…}` becomes `overview.title`."""
    text = resources.files("collector.web").joinpath("words.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{key}": languages
        for section, keys in tomllib.loads(text).items()
        for key, languages in keys.items()
    }


def faults(entries: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wrong with a catalogue: languages that are missing, empty, or that name different places."""
    found = []
    for key, languages in entries.items():
        if sorted(languages) != sorted(LANGUAGES) or not all(text.strip() for text in languages.values()):
            found.append(f"{key}: needs exactly {', '.join(LANGUAGES)}, none empty")
        elif len({frozenset(_places(text)) for text in languages.values()}) != 1:
            found.append(f"{key}: the languages name different places")
    return found


def _places(text: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


@functools.cache
def words(language: Language) -> Words:
    return Words(language, catalogue())


def choose(asked: str | None, accept_language: str) -> Language:
    """The language of the caller's choice, else the one that the browser prefers, else Chinese."""
    if asked in LANGUAGES:
        return asked
    for tag in _by_preference(accept_language):
        language = tag.partition("-")[0]
        if language in LANGUAGES:
            return language
    return DEFAULT


def _by_preference(accept_language: str) -> list[str]:
    """Language tags of an Accept-Language header (RFC 9110 section 12.5.4), best first."""
    weighted = []
    for place, part in enumerate(accept_language[:1000].split(",")):
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            quality = float(weight or "1")
        except ValueError:
            continue
        if quality > 0:
            weighted.append((-quality, place, tag))
    return [tag for _, _, tag in sorted(weighted)]
