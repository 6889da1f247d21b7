"""Requests of other sites, other names and other programs are refused before they reach anything."""

from http import HTTPStatus

import pytest

from agent.desk.exchange import Rejection, Request, parse_fields
from agent.desk.guard import FORM_LASTS_MS, Guard

GUARD = Guard(8323, secret=b"s" * 32, token="t" * 43)
FORM = "application/x-www-form-urlencoded"


def request(method: str = "POST", **headers: str) -> Request:
    return Request(method, "/", {}, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("host", ["127.0.0.1:8323", "localhost:8323", "LOCALHOST:8323", "[::1]:8323"])
def test_our_own_names_are_answered(host: str) -> None:
    GUARD.check_host(request(host=host))


@pytest.mark.parametrize(
    "host", ["evil.example:8323", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:8323", "", "127.0.0.1:8323 "]
)
def test_a_foreign_name_that_points_here_is_refused(host: str) -> None:
    with pytest.raises(Rejection, match=r"http://127\.0\.0\.1:8323/") as caught:
        GUARD.check_host(request(host=host))
    assert caught.value.status == HTTPStatus.MISDIRECTED_REQUEST
    with pytest.raises(Rejection):
        GUARD.check_host(request())


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:8323"},
        {"origin": "http://localhost:8323", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin"},
    ],
)
def test_our_own_page_may_change_something(headers: dict[str, str]) -> None:
    GUARD.check_own_page(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "https://127.0.0.1:8323"},
        {"origin": "http://127.0.0.1:8324"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        {"origin": "http://127.0.0.1:8323", "sec_fetch_site": "cross-site"},
    ],
)
def test_no_other_page_may(headers: dict[str, str]) -> None:
    with pytest.raises(Rejection) as caught:
        GUARD.check_own_page(request(**headers))
    assert caught.value.status == HTTPStatus.FORBIDDEN


def test_a_form_token_serves_for_twelve_hours() -> None:
    token = GUARD.form_token(1000)
    GUARD.check_form_token(token, 1000)
    GUARD.check_form_token(token, 1000 + FORM_LASTS_MS)
    for now_ms in (999, 1001 + FORM_LASTS_MS):
        with pytest.raises(Rejection):
            GUARD.check_form_token(token, now_ms)


@pytest.mark.parametrize("token", ["", ".", "1000", "1000.", "x.y", "1000." + "0" * 64, "1000.é", "9" * 5000])
def test_a_form_token_that_we_did_not_make_is_refused(token: str) -> None:
    with pytest.raises(Rejection) as caught:
        GUARD.check_form_token(token, 1000)
    assert caught.value.status == HTTPStatus.FORBIDDEN
    other = Guard(8323, secret=b"o" * 32, token="t").form_token(1000)
    with pytest.raises(Rejection):
        GUARD.check_form_token(other, 1000)


def test_a_program_carries_the_token() -> None:
    GUARD.check_program(request(authorization="Bearer " + "t" * 43))
    for wrong in ("", "Bearer", "Bearer x", "Basic " + "t" * 43, "Bearer é"):
        with pytest.raises(Rejection) as caught:
            GUARD.check_program(request(authorization=wrong))
        assert caught.value.status == HTTPStatus.UNAUTHORIZED


def test_a_browser_is_no_program_whatever_it_carries() -> None:
    with pytest.raises(Rejection):
        GUARD.check_program(request(authorization="Bearer " + "t" * 43, origin="http://127.0.0.1:8323"))


def test_a_form_is_read_and_nothing_else_is() -> None:
    sent = request(content_type=FORM + "; charset=utf-8")._replace(body=b"operator=%E5%BC%A0&order=")
    assert sent.form() == {"operator": "张", "order": ""}
    for kind in ("text/plain", "application/json", "multipart/form-data", ""):
        with pytest.raises(Rejection) as caught:
            request(content_type=kind).form()
        assert caught.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"&".join([b"a=1"] * 50), b"a=" + b"x" * 400])
def test_fields_without_measure_are_refused(raw: bytes) -> None:
    with pytest.raises(Rejection):
        parse_fields(raw)
