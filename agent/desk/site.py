"""What each address of the desk answers: requests in, responses out. No sockets here.

    people      GET  /                    all instruments
                GET  /sign-in?asset=…     the form
                POST /sign-in /sign-out   from our own pages only; then back to /
                GET  /style.css /icon.svg
    programs    /api/…                    api.py

Guards stand in guard.py. A name is kept in a cookie of the browser when its person wishes so, and never otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from agent.clock import Clock
from agent.desk.api import Api
from agent.desk.desk import Desk, claim
from agent.desk.exchange import Rejection, Request, Response, html, json
from agent.desk.frame import Visit
from agent.desk.guard import Guard
from agent.desk.page import Filled, Instrument, failure, overview, sign_in_form
from agent.desk.readers import Readers
from agent.desk.salt import tidy
from agent.desk.words import choose, words
from agent.errors import AgentError, DeskError
from agent.preview import Preview

NAME_COOKIE = "jishi_operator"
NAME_LASTS_S = 400 * 86_400
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_FILES = {"/style.css": ("style.css", "text/css; charset=utf-8"), "/icon.svg": ("icon.svg", "image/svg+xml")}

Status = Mapping[str, Any]


class Site:
    """The addresses."""

    def __init__(
        self,
        desk: Desk,
        readers: Readers,
        preview: Preview,
        *,
        guard: Guard,
        clock: Clock,
        glance: Callable[[], Status],
    ) -> None:
        """`glance` gives the agent's status."""
        self._desk = desk
        self._preview = preview
        self._guard = guard
        self._clock = clock
        self._glance = glance
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): self._overview,
            ("GET", "/sign-in"): self._form,
            ("POST", "/sign-in"): self._sign_in,
            ("POST", "/sign-out"): self._sign_out,
            **{("GET", path): _file for path in _FILES},
            **Api(desk, readers).routes,
        }

    def answer(self, request: Request) -> Response:
        """Answer a request; whatever is wrong with it becomes a status and words."""
        try:
            self._guard.check_host(request)
            if request.path.startswith("/api/"):
                self._guard.check_program(request)
            elif request.method == "POST":
                self._guard.check_own_page(request)
            return self._route(request)(request)
        except AgentError as problem:
            return self.refuse(request, problem)

    def refuse(self, request: Request, problem: Exception) -> Response:
        """Say that something was not done, and why."""
        status = problem.status if isinstance(problem, Rejection) else HTTPStatus.CONFLICT
        if isinstance(problem, DeskError) and problem.code in ("not_recorded", "too_many"):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        if request.path.startswith("/api/"):
            return json({"error": str(problem)}, status)
        visit = self._visit(request)
        return html(failure(visit, visit.words.problem(problem)), status)

    def _route(self, request: Request) -> Callable[[Request], Response]:
        route = self._routes.get((request.method, request.path))
        if route is not None:
            return route
        if any(path == request.path for _, path in self._routes):
            raise Rejection(HTTPStatus.METHOD_NOT_ALLOWED, "wrong_method", method=request.method)
        raise Rejection(HTTPStatus.NOT_FOUND, "not_found")

    def _visit(self, request: Request) -> Visit:
        language = choose(request.query.get("lang", ""), request.headers.get("accept-language", ""))
        now = self._clock.now()
        token = self._guard.form_token(now.mono_ms)
        return Visit(words(language), now.wall_ms, token, name=_remembered(request))

    # For people

    def _overview(self, request: Request) -> Response:
        visit, status = self._visit(request), self._glance()
        people = self._desk.people()
        days = self._preview.days(visit.now_ms)
        instruments = [
            Instrument(
                asset,
                days[asset],
                _power_now(status, asset),
                [person for person in people if person.presence.asset == asset],
                self._desk.forgotten.get(asset),
            )
            for asset in self._desk.assets
        ]
        return html(overview(visit, instruments, status))

    def _form(self, request: Request) -> Response:
        visit = self._visit(request)
        asset = self._desk.check_asset(request.query.get("asset", ""))
        filled = Filled(asset, visit.name, request.query.get("purpose", ""), remember=bool(visit.name))
        return html(sign_in_form(visit, filled))

    def _sign_in(self, request: Request) -> Response:
        fields = self._own_form(request)
        filled = Filled(
            fields.get("asset", ""),
            fields.get("operator", ""),
            fields.get("purpose", ""),
            fields.get("order", ""),
            "remember" in fields,
        )
        try:
            person = self._desk.sign_in(filled.asset, filled.name, claim(filled.purpose, filled.order), how="page")
        except DeskError as problem:
            visit = self._visit(request)
            status = self.refuse(request, problem).status
            return html(sign_in_form(visit, filled, problem=visit.words.problem(problem)), status)
        return self._back(request, _cookie(person.name if filled.remember else ""))

    def _sign_out(self, request: Request) -> Response:
        fields = self._own_form(request)
        self._desk.sign_out(fields.get("asset", ""), fields.get("operator", ""), how="page")
        return self._back(request)

    def _own_form(self, request: Request) -> Mapping[str, str]:
        fields = request.form()
        self._guard.check_form_token(fields.get("form", ""), self._clock.now().mono_ms)
        return fields

    def _back(self, request: Request, *headers: tuple[str, str]) -> Response:
        """To the overview, by a GET that may be repeated (RFC 9110, 303)."""
        where = f"/?lang={self._visit(request).words.language}"
        return Response(HTTPStatus.SEE_OTHER, "text/plain", b"", (("Location", where), *headers))


def _power_now(status: Status, asset: str) -> int | None:
    """What the instrument's meter showed last, if it observes."""
    powers = [
        watcher["last"]["power_mw"]
        for watcher in status["watchers"]
        if watcher["asset"] == asset and watcher["state"] == "up" and "power_mw" in watcher["last"]
    ]
    return next(iter(powers), None)


def _remembered(request: Request) -> str:
    """The name in the browser's cookie, if there is one that can be one."""
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME_COOKIE:
            try:
                return tidy(unquote(value))
            except DeskError:
                return ""
    return ""


def _cookie(name: str) -> tuple[str, str]:
    """Keep a name in the browser; an empty one is forgotten."""
    lasts_s = NAME_LASTS_S if name else 0
    value = quote(name, safe="")
    return "Set-Cookie", f"{NAME_COOKIE}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict"


@cache
def _read_file(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


def _file(request: Request) -> Response:
    name, kind = _FILES[request.path]
    return Response(HTTPStatus.OK, kind, _read_file(name))
