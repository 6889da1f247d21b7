"""A page as an answer: its template and words, and the way to itself in the other language."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from starlette.responses import HTMLResponse

from collector.web import visitor
from collector.web.render import page
from collector.web.words import Words


def show(
    request: Request, template: str, words: Words, *, status: int = HTTPStatus.OK, **values: object
) -> HTMLResponse:
    """A page with the way to itself in the other language; a language that was asked for is remembered."""
    given = {"person": None, "live": False, "path": _path_with(request), **values}
    response = page(template, words, given, status=status)
    if "lang" in request.query_params:
        visitor.keep_language(request, response, language=words.language)
    return response


def _path_with(request: Request) -> str:
    """This page's path and question without its language, ending so that `lang=…` can follow."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    question = "".join(f"{quote(name, safe='')}={quote(value, safe='')}&" for name, value in kept)
    return f"{quote(request.url.path)}?{question}"
