"""From values to HTML: the templates, what they may call, and the headers of a page.

Everything is escaped unless a template says otherwise, and none does. A name that a template uses and nobody gave is
an error. Pages are never kept by a cache: they show people's instruments to whoever is signed in.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from http import HTTPStatus
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from collector.web import axis, present
from collector.web.words import HTML_LANG, Words


def day_path(asset_no: str, day: date | str) -> str:
    """Where an instrument's day is; an asset number may hold anything, a slash included."""
    return f"/instruments/{quote(asset_no, safe='')}/{day}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("collector.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(present=present, clock=axis.clock, day_path=day_path)
    return environment


def page(template: str, words: Words, values: Mapping[str, object], *, status: int = HTTPStatus.OK) -> HTMLResponse:
    """A page of that template; `values` are what it shows."""
    html = (
        _environment()
        .get_template(template)
        .render(
            words=words,
            language=words.language,
            html_lang=HTML_LANG[words.language],
            other_language="en" if words.language == "zh" else "zh",
            **values,
        )
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})
