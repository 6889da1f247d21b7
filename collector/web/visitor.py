"""Who looks at a page, and in which language: cookies, and the guard against requests from other sites.

The session's cookie holds 256 random bits of which the database keeps the SHA-256; scripts cannot read it and
browsers send it only from our own pages (HttpOnly, SameSite=Strict). Every request that changes something must
also come from our own pages by its Origin header, which no script of another site can choose.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from collector.api.access import Given, Lent, note_refusal
from collector.registry import people
from collector.registry.access import Right
from collector.registry.people import Caller, Person
from collector.web.words import Language, Words, choose, words

SESSION_COOKIE = "jishi_session"
LANGUAGE_COOKIE = "jishi_language"
SESSION_LASTS = timedelta(hours=12)
LANGUAGE_LASTS = timedelta(days=400)
MAX_TOKEN_CHARS = 100
MAX_FIELDS = 20


class SignInNeeded(Exception):
    """Nobody is signed in; the pages answer with the way to the sign-in page."""


class ForeignRequest(Exception):
    """A request that changes something and does not come from our own pages."""


class NotAllowed(Exception):
    """Somebody is signed in whose role has no right to the pages."""

    def __init__(self, person: Person) -> None:
        super().__init__(person.name)
        self.person = person


class NothingThere(Exception):
    """A page that is not there."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, each once; the size of the body is limited for every request."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form has too many fields; use our own page") from error


def require_visitor(request: Request, given: Given, connection: Lent) -> Caller:
    """The person who is signed in and may look at pages; raises SignInNeeded, NotAllowed."""
    token = request.cookies.get(SESSION_COOKIE, "")
    if not 0 < len(token) <= MAX_TOKEN_CHARS:
        raise SignInNeeded
    caller = people.find_caller_of_session(connection, token, now=given.now())
    if caller is None:
        raise SignInNeeded
    if not caller.access.allows(Right.PAGES):
        note_refusal(request, connection, caller, Right.PAGES)
        raise NotAllowed(caller.person)
    return caller


def require_own_page(request: Request) -> None:
    """Raises ForeignRequest unless the browser says that one of our own pages sent this.

    Browsers say so by Sec-Fetch-Site where the connection is trustworthy, and by Origin everywhere, unless the page's
    Referrer-Policy is no-referrer, which makes it `null` (Fetch standard, "append a request Origin header").
    """
    is_own = request.headers.get("sec-fetch-site") == "same-origin"
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if not is_own and (not origin or origin != request.headers.get("host")):
        raise ForeignRequest


def speak(request: Request) -> Words:
    """The words in the language of the cookie, else of the browser."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return words(choose(asked, request.headers.get("accept-language", "")))


Form = Annotated[dict[str, str], Depends(read_form)]
Visitor = Annotated[Caller, Depends(require_visitor)]
Speaks = Annotated[Words, Depends(speak)]


def keep_session(request: Request, response: Response, *, token: str) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def keep_language(request: Request, response: Response, *, language: Language) -> None:
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=int(LANGUAGE_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
