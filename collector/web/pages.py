"""The pages for people: routes only. What they show is gathered in overview.py and day_page.py.

Reading needs a session; the two requests that change something (signing in and out) come by POST from our own pages.
The link that signs in once is opened by GET, which changes nothing, and used by a button on the page it opens: so no
preview, scanner or prefetch can use it up.
"""

from datetime import date
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from collector.api.access import Given, Lent
from collector.api.paging import AssetNoInPath, DayInPath
from collector.api.rates import Kind, network_of, rates_of
from collector.registry import people
from collector.registry.access import Right
from collector.registry.people import Person
from collector.store.queries import load
from collector.web import (
    finding_pages,
    flag_pages,
    fleet_pages,
    public_pages,
    registered,
    visitor,
    worklist_pages,
    year_pages,
)
from collector.web.axis import Window
from collector.web.day_page import load_day_page
from collector.web.overview import Zoom, load_overview
from collector.web.render import day_path
from collector.web.showing import show
from collector.web.visitor import SignInNeeded, Speaks, Visitor, require_own_page, require_visitor
from protocol.interval import DAY_S, day_bounds_ms

router = APIRouter(include_in_schema=False)
_API = load("api")
_SEE_OTHER = HTTPStatus.SEE_OTHER
MIN_WINDOW_S = 60
PASSWORD_CHECKS_AT_ONCE = 2
"""Each costs 64 MiB and a core for a while, on purpose; guessers must not take them all."""


# Signing in and out


@router.get("/sign-in")
def show_sign_in(request: Request, speaks: Speaks, target: Annotated[str, Query(alias="next")] = "/") -> HTMLResponse:
    return show(request, "sign_in.html", speaks, next=local_path(target), wrong="")


@router.post("/sign-in", dependencies=[Depends(require_own_page)])
def sign_in(request: Request, given: Given, connection: Lent, speaks: Speaks, form: visitor.Form) -> Response:
    name, target = form.get("name", ""), local_path(form.get("next", "/"))
    rates, guessers = rates_of(request), (f"name {name}", f"address {network_of(request)}")
    wait_s = max(rates.is_exhausted(Kind.SIGN_IN, guesser) for guesser in guessers)
    if wait_s:
        wrong = speaks("sign_in.slow_down", minutes=-(-wait_s // 60))
        slow = show(request, "sign_in.html", speaks, next=target, wrong=wrong, status=HTTPStatus.TOO_MANY_REQUESTS)
        slow.headers["Retry-After"] = str(wait_s)
        return slow
    with request.app.state.password_checks:
        person = people.check_password(connection, name, password=form.get("password", ""))
    if person is None:
        for guesser in guessers:
            rates.wait_s(Kind.SIGN_IN, guesser)
        wrong = speaks("sign_in.wrong")
        return show(request, "sign_in.html", speaks, next=target, wrong=wrong, status=HTTPStatus.FORBIDDEN)
    return _let_in(request, given, connection, person=person, target=target)


@router.get("/enter")
def show_entry(request: Request, speaks: Speaks, token: str = "") -> HTMLResponse:
    return show(request, "enter.html", speaks, token=token[: visitor.MAX_TOKEN_CHARS], refused=False)


@router.post("/enter", dependencies=[Depends(require_own_page)])
def enter(request: Request, given: Given, connection: Lent, speaks: Speaks, form: visitor.Form) -> Response:
    token = form.get("token", "")[: visitor.MAX_TOKEN_CHARS]
    person = people.use_entry_token(connection, token, now=given.now())
    if person is None:
        rates_of(request).wait_s(Kind.SIGN_IN, f"address {network_of(request)}")
        return show(request, "enter.html", speaks, token="", refused=True, status=HTTPStatus.FORBIDDEN)
    return _let_in(request, given, connection, person=person, target="/")


@router.post("/sign-out", dependencies=[Depends(require_own_page)])
def sign_out(request: Request, given: Given, connection: Lent) -> Response:
    token = request.cookies.get(visitor.SESSION_COOKIE, "")[: visitor.MAX_TOKEN_CHARS]
    people.close_web_session(connection, token, now=given.now())
    response = RedirectResponse("/sign-in", _SEE_OTHER)
    response.delete_cookie(visitor.SESSION_COOKIE)
    return response


def _let_in(request: Request, given: Given, connection: Lent, *, person: Person, target: str) -> Response:
    token = people.open_web_session(connection, person, now=given.now(), lasts=visitor.SESSION_LASTS)
    response = RedirectResponse(target, _SEE_OTHER)
    visitor.keep_session(request, response, token=token)
    return response


def local_path(asked: str) -> str:
    """A path of our own, whatever was asked for: never another host."""
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if is_ours and len(asked) <= 500 else "/"


# What people look at


@router.get("/")
def show_overview(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Visitor,
    after: Annotated[str, Query(max_length=200)] = "",
    zoom: Zoom | None = None,
) -> HTMLResponse:
    now = given.now()
    scope = visiting.access.scope
    overview = load_overview(connection, now, today=given.today(), scope=scope, after=after, zoom=zoom)
    return show(
        request,
        "overview.html",
        speaks,
        person=visiting.person,
        overview=overview,
        now=now,
        after=after,
        live=True,
        sees_agents=visiting.access.allows(Right.AGENTS),
    )


@router.get("/open", dependencies=[Depends(require_visitor)])
def open_day(asset_no: Annotated[str, Query(max_length=200)], day: date) -> Response:
    return RedirectResponse(day_path(asset_no, day), _SEE_OTHER)


@router.get("/instruments/{asset_no:path}/{day}/record")
def show_record(connection: Lent, visiting: Visitor, asset_no: AssetNoInPath, day: DayInPath) -> Response:
    values = {"asset_no": asset_no, "day": day, **visiting.access.scope.values}
    row = connection.execute(_API.load_record, values, binary=True).fetchone()
    return _bytes_or_missing(row)


@router.get("/instruments/{asset_no:path}/{day}/grades")
def show_grades(connection: Lent, visiting: Visitor, asset_no: AssetNoInPath, day: DayInPath) -> Response:
    values = {"asset_no": asset_no, "day": day, **visiting.access.scope.values}
    row = connection.execute(_API.load_record, values, binary=True).fetchone()
    return _bytes_or_missing(None if row is None or row[2] is None else row[2:])


@router.get("/policies/{sha256}", dependencies=[Depends(require_visitor)])
def show_policy(connection: Lent, sha256: str) -> Response:
    return _bytes_or_missing(connection.execute(_API.load_policy, {"sha256": sha256}, binary=True).fetchone())


def _bytes_or_missing(row: tuple[bytes, ...] | None) -> Response:
    if row is None:
        raise visitor.NothingThere
    return Response(row[0], media_type="application/json")


@router.get("/instruments/{asset_no:path}/{day}")
def show_day(
    request: Request,
    given: Given,
    connection: Lent,
    speaks: Speaks,
    visiting: Visitor,
    asset_no: AssetNoInPath,
    day: DayInPath,
    start: Annotated[int | None, Query(ge=0, le=DAY_S)] = None,
    end: Annotated[int | None, Query(ge=0, le=DAY_S)] = None,
    follow: bool = False,
) -> HTMLResponse:
    now, today = given.now(), given.today()
    second = (round(now.timestamp() * 1000) - day_bounds_ms(today)[0]) // 1000
    asked = Window(max(0, second - 3_600), max(3_600, second)) if follow else _window(start, end)
    shown = load_day_page(
        connection, asset_no, scope=visiting.access.scope, day=day, today=today, second=second, asked=asked
    )
    if shown is None:
        raise visitor.NothingThere
    flags = flag_pages.load_lines(
        connection,
        visiting.access.scope,
        first_day=day,
        last_day=day,
        language=speaks.language,
        asset_no=asset_no,
    )
    return show(
        request,
        "day.html",
        speaks,
        person=visiting.person,
        shown=shown,
        flags=flags,
        registered=[] if shown.registered is None else registered.lines(shown.registered, speaks),
        now=now,
        asked=asked,
        follow=follow,
        live=day == today,
    )


def _window(start: int | None, end: int | None) -> Window | None:
    """The part of the day that was asked for, made at least a minute long; None for none."""
    if start is None or end is None or end <= start:
        return None
    start = min(start, DAY_S - MIN_WINDOW_S)
    return Window(start, max(end, start + MIN_WINDOW_S))


# What goes wrong


def draw_error(request: Request, status: int) -> Response:
    """The page in place of a problem document."""
    key = _ERRORS.get(status, "bad_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
    words = visitor.speak(request)
    return show(request, "error.html", words, status=status, explain=words(f"error.{key}"))


_ERRORS = {403: "forbidden", 404: "not_found", 414: "too_large", 429: "too_many", 431: "too_large", 503: "away"}


ROUTERS = (
    router,
    year_pages.router,
    flag_pages.router,
    finding_pages.router,
    fleet_pages.router,
    worklist_pages.router,
    public_pages.router,
)


def install(app: FastAPI) -> None:
    """Puts on the application what the pages need beside their routes."""
    app.state.password_checks = BoundedSemaphore(PASSWORD_CHECKS_AT_ONCE)
    app.mount("/static", StaticFiles(packages=[("collector.web", "static")]))
    app.add_exception_handler(SignInNeeded, _ask_to_sign_in)
    app.add_exception_handler(visitor.ForeignRequest, lambda request, _: draw_error(request, HTTPStatus.FORBIDDEN))
    app.add_exception_handler(visitor.NotAllowed, _explain_not_allowed)
    app.add_exception_handler(visitor.NothingThere, lambda request, _: draw_error(request, HTTPStatus.NOT_FOUND))


def _explain_not_allowed(request: Request, error: Exception) -> Response:
    """Whoever is signed in keeps the button that signs out."""
    assert isinstance(error, visitor.NotAllowed)
    words = visitor.speak(request)
    values = {"person": error.person, "explain": words("error.not_allowed")}
    return show(request, "error.html", words, status=HTTPStatus.FORBIDDEN, **values)


def _ask_to_sign_in(request: Request, _: Exception) -> Response:
    question = f"?{request.url.query}" if request.url.query else ""
    target = quote(request.url.path + question, safe="")
    return RedirectResponse(f"/sign-in?next={target}", _SEE_OTHER)
