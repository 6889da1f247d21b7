"""What all pages of the desk share: the document around them, their language, and the small pieces of forms. Pure.

No script and no inline style: the content policy forbids both, and a page must work in whatever browser stands beside
an instrument.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from agent.desk.words import HTML_LANG, Words

REFRESH_S = 30

HATCH = (
    '<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="unobserved" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-ground" width="7" height="7"/><rect class="hatch-line" width="1.6" height="7"/>'
    "</pattern></defs></svg>"
)


class Visit(NamedTuple):
    """Who asks for a page: in which language, when, with which token for the page's forms, and by which name if any."""

    words: Words
    now_ms: int  # UTC
    token: str
    name: str = ""

    def link(self, path: str, **query: str) -> str:
        """An address of ours that keeps the language, escaped."""
        return escape(f"{path}?{urlencode({**query, 'lang': self.words.language})}")


def hidden(name: str, value: str) -> str:
    """A field that nobody sees."""
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def warning(problem: str) -> str:
    """A problem, said loudly; nothing where there is none."""
    return f'<p class="warning" role="alert">{escape(problem)}</p>' if problem else ""


def document(visit: Visit, title: str, main: str, *, refresh: bool = False) -> str:
    """A whole page around `main`, which is HTML; `refresh` has it loaded again every half minute."""
    words = visit.words
    again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
    other = f'<a href="/?lang={words.other}" hreflang="{words.other}" lang="{words.other}">{words("site.other_language")}</a>'  # noqa: E501
    return f"""<!doctype html>
<html lang="{HTML_LANG[words.language]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · {words("site.name")}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
{again}
</head>
<body>
<a class="skip" href="#main">{words("site.skip")}</a>
{HATCH}
<header class="site"><div class="inner">
<a class="brand" href="{visit.link("/")}"><img src="/icon.svg" alt="" width="28" height="28"><span class="brand-name">{words("site.name")}</span><span class="brand-tagline">{words("site.tagline")}</span></a>
<nav>{other}</nav>
</div></header>
<main id="main" class="inner">
{main}
</main>
<footer class="inner"><p>{words("site.privacy")}</p><p>{words("site.timezone")}</p></footer>
</body>
</html>
"""  # noqa: E501
