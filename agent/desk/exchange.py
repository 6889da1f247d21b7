"""Requests and answers of the local page as values. No sockets, no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from agent.desk.words import refuse
from agent.errors import DeskError

MAX_FIELDS = 20
MAX_FIELD = 300


class Rejection(DeskError):
    """A request that is answered with a status and the reason, and does nothing."""

    def __init__(self, status: HTTPStatus, code: str, **places: object) -> None:
        reason = refuse(code, **places)
        super().__init__(str(reason), code=reason.code, places=reason.places)
        self.status = status


class Request(NamedTuple):
    """One request. Names of headers are in lower case; `query` has each name once."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def form(self) -> Mapping[str, str]:
        """The fields of a form that was sent; Rejection."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Rejection(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "bad_form")
        return parse_fields(self.body)


def parse_fields(raw: bytes) -> Mapping[str, str]:
    """The fields of a query or a form, the last of each name; Rejection."""
    try:
        fields = dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as problem:
        raise Rejection(HTTPStatus.BAD_REQUEST, "bad_form") from problem
    if any(len(value) > MAX_FIELD for value in fields.values()):
        raise Rejection(HTTPStatus.BAD_REQUEST, "bad_form")
    return fields


class Response(NamedTuple):
    """One answer; `headers` beside those that every answer has."""

    status: HTTPStatus
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def html(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A page."""
    return Response(status, "text/html; charset=utf-8", text.encode())


def json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A value for a program."""
    return Response(status, "application/json", msgspec.json.encode(value) + b"\n")
