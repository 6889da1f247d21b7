"""The words of the desk's pages and refusals: one catalogue, words.toml, in Chinese and English.

`words("en")("desk.title")` is a text; `refuse("unknown_asset", asset=…)` an error whose text is English, as that of all
commands, and which a page shows in its own language. A key that is missing is a programming error.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from agent.errors import DeskError

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
HTML_LANG: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}


class Words:
    """The catalogue in one language; named places are filled in."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = catalogue()

    @property
    def other(self) -> Language:
        """The language that this one can be changed for."""
        return "en" if self.language == "zh" else "zh"

    def __call__(self, key: str, **places: object) -> str:
        text = self._catalogue[key][self.language]
        return text.format_map(places) if places else text

    def problem(self, error: Exception) -> str:
        """What went wrong, in this language where the desk itself said it, else as it is."""
        if isinstance(error, DeskError) and error.code:
            return self(f"problem.{error.code}", **error.places)
        return self("problem.failed", text=error)


@functools.cache
def catalogue() -> dict[str, dict[str, str]]:
    """words.toml, flattened: `[desk] title = {…}` becomes `desk.title`."""
    # Not importlib.resources: it brings zipfile and its kin, 0.4 MB.
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    return {f"{part}.{key}": texts for part, keys in tomllib.loads(text).items() for key, texts in keys.items()}


@functools.cache
def words(language: Language) -> Words:
    return Words(language)


def refuse(code: str, **places: object) -> DeskError:
    """The error that says why the desk does not do something."""
    return DeskError(words("en")(f"problem.{code}", **places), code=code, places=places)


def choose(asked: str, accept_language: str) -> Language:
    """The language of the visitor's choice, else the one that the browser prefers, else Chinese.

    Browsers list languages best first (RFC 9110 section 12.5.4 allows weights in another order; none sends one).
    """
    preferred = [tag.strip().lower()[:2] for tag in accept_language[:200].split(",")]
    return next((language for wish in (asked, *preferred) for language in LANGUAGES if wish == language), "zh")
