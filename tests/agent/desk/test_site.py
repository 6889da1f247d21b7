"""The addresses: what people and programs get, and what is refused, without a socket."""

import errno
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.desk.desk import claim
from agent.desk.exchange import Request, Response
from agent.desk.guard import Guard
from agent.desk.site import Site
from agent.preview import Preview
from protocol.entry import Reading
from tests.agent.desk.conftest import IDLE_MS, POLICY, Room
from tests.agent.test_status import a_status

HOST = {"host": "127.0.0.1:8323"}
OWN_PAGE = {**HOST, "origin": "http://127.0.0.1:8323", "content-type": "application/x-www-form-urlencoded"}
PROGRAM = {**HOST, "authorization": "Bearer " + "t" * 43}


class Visitor:
    """A browser in name: it asks for pages, and sends forms with the token that it found in one."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.status: dict[str, Any] = a_status()
        preview = Preview(
            room.journal, state_dir=room.state_dir, assets=room.asset_of, open_blocks=room.recorder.open_blocks
        )
        guard = Guard(8323, secret=b"s" * 32, token="t" * 43)
        self.site = Site(room.desk, room.readers, preview, guard=guard, clock=room.clock, glance=lambda: self.status)

    def get(self, path: str, *, headers: Mapping[str, str] = HOST, **query: str) -> Response:
        return self.site.answer(Request("GET", path, query, headers))

    def send(
        self, path: str, *, headers: Mapping[str, str] = OWN_PAGE, token: str | None = None, **fields: str
    ) -> Response:
        form = {"form": self.token() if token is None else token, **fields}
        return self.site.answer(Request("POST", path, {"lang": "en"}, headers, urlencode(form).encode()))

    def program(
        self, method: str, path: str, *, headers: Mapping[str, str] = PROGRAM, **members: str
    ) -> dict[str, Any]:
        response = self.site.answer(Request(method, path, {}, headers, msgspec.json.encode(members)))
        return {"status": response.status.value, **msgspec.json.decode(response.body, type=dict[str, Any])}

    def token(self) -> str:
        found = re.search(r'name="form" value="([^"]+)"', text(self.get("/sign-in", asset="A001")))
        assert found
        return found[1]


@pytest.fixture
def visitor(room: Room) -> Visitor:
    return Visitor(room)


def text(response: Response) -> str:
    return response.body.decode()


def names(room: Room) -> list[str]:
    return [person.name for person in room.desk.people()]


def headers_of(response: Response) -> dict[str, str]:
    return dict(response.headers)


# For people


def test_the_overview_shows_each_instrument_its_people_and_how_recording_stands(visitor: Visitor, room: Room) -> None:
    room.give_policy()
    room.measure(950, for_ms=3_600_000)
    room.desk.sign_in("A001", "张三", claim("service-order", "SO-1"), how="page")
    shown = text(visitor.get("/", lang="zh"))
    for word in (
        "A001",
        "A002",
        "张三",
        "服务订单 · 单号 SO-1",
        "运行",
        "906 W",
        "规则：SEM",
        "尚未收到有效机时规则",
        "1242",
        "正在记录",
    ):
        assert word in shown, word
    assert "目前无人登记" in shown
    english = text(visitor.get("/", headers={**HOST, "accept-language": "en-GB,en"}))
    for word in ("Service order · order SO-1", "Run", "Policy: SEM", "No policy has come yet", "Nobody is signed in"):
        assert word in english, word


def test_states_are_shown_where_no_meter_reads(visitor: Visitor, room: Room) -> None:
    room.give_policy(raw=POLICY[:-1] + b',"evidence":[{"class":"contact","channel":"beam","words":{"closed":"run"}}]}')
    start = room.clock.now()
    room.clock.advance(600_000)
    beam = Reading("reader1", "beam", start.mono_ms, (600_000,), states=("closed",))
    room.journal.append(beam, room.clock.now(), boot=room.clock.boot_id)
    shown = text(visitor.get("/", lang="en"))
    assert 'class="bar run' in shown
    assert "No power readings today" in shown


def test_who_did_not_sign_out_is_told_until_something_else_happens(visitor: Visitor, room: Room) -> None:
    room.give_policy()
    room.desk.sign_in("A001", "张三", claim("teaching", ""), how="page")
    room.measure(50, for_ms=IDLE_MS)
    room.desk.look_for_forgotten()
    assert "张三 未签退，登记已按最后使用时间 10:00 结束" in text(visitor.get("/"))
    visitor.send("/sign-in", asset="A001", operator="Anna", purpose="teaching")
    assert "张三" not in text(visitor.get("/"))


def test_no_page_says_that_recording_goes_on_when_it_does_not(visitor: Visitor) -> None:
    journal = {**a_status()["journal"], "refusing": "the disk is <full>"}
    visitor.status = a_status(journal=journal)
    shown = text(visitor.get("/", lang="en"))
    assert "Nothing is recorded: the disk is &lt;full&gt;" in shown
    assert "not observing: host" in shown
    assert ">Recording<" not in shown


def test_two_clicks_sign_in_and_one_signs_out(visitor: Visitor, room: Room) -> None:
    form = text(visitor.get("/sign-in", asset="A001", purpose="teaching", lang="en"))
    assert re.search(r'value="teaching" required checked', form)
    done = visitor.send("/sign-in", asset="A001", operator="张三", purpose="teaching", order="")
    assert (done.status, headers_of(done)["Location"]) == (HTTPStatus.SEE_OTHER, "/?lang=en")
    assert names(room) == ["张三"]
    assert room.said()[-1].how == "page"
    hashed = room.desk.people()[0].presence.operator
    assert hashed in text(visitor.get("/"))
    assert visitor.send("/sign-out", asset="A001", operator=hashed).status == HTTPStatus.SEE_OTHER
    assert names(room) == []


def test_a_name_is_remembered_in_the_browser_only_where_its_person_wishes_so(visitor: Visitor) -> None:
    fields = {"asset": "A001", "operator": "张 三", "purpose": "teaching"}
    cookie = headers_of(visitor.send("/sign-in", **fields, remember="yes"))["Set-Cookie"]
    assert cookie == "jishi_operator=%E5%BC%A0%20%E4%B8%89; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict"
    form = text(visitor.get("/sign-in", asset="A001", headers={**HOST, "cookie": f"a=b; {cookie.partition(';')[0]}"}))
    assert 'value="张 三"' in form
    assert 'name="remember" value="yes" checked' in form
    forgotten = headers_of(visitor.send("/sign-in", **fields))["Set-Cookie"]
    assert forgotten.startswith("jishi_operator=; Path=/; Max-Age=0")
    assert "Set-Cookie" not in headers_of(visitor.get("/"))


def test_what_cannot_be_is_said_in_the_form_as_it_was_filled_in(visitor: Visitor, room: Room) -> None:
    answer = visitor.send("/sign-in", asset="A001", operator=" ", purpose="teaching", order="<T-1>")
    assert answer.status == HTTPStatus.CONFLICT
    assert "the operator&#x27;s name is missing" in text(answer)
    assert 'value="&lt;T-1&gt;"' in text(answer)
    assert "purpose &#x27;fun&#x27; is none" in text(
        visitor.send("/sign-in", asset="A001", operator="x", purpose="fun")
    )
    assert names(room) == []


def test_what_the_journal_does_not_take_is_not_said_to_be_done(visitor: Visitor, room: Room) -> None:
    room.refuse_to_write(errno.ENOSPC)
    answer = visitor.send("/sign-in", asset="A001", operator="Anna", purpose="teaching")
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "nothing was recorded" in text(answer)
    room.refuse_to_write(0)


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "' onmouseover='x", "&lt;"])
def test_nothing_that_somebody_typed_becomes_markup(visitor: Visitor, room: Room, name: str) -> None:
    visitor.send("/sign-in", asset="A001", operator=name, purpose="service-order", order=name)
    shown = text(visitor.get("/"))
    assert "<script" not in shown
    assert name not in shown
    assert "<script" not in text(visitor.get("/sign-in", asset="A001", purpose=name, lang=name))
    assert "<script" not in text(visitor.get("/sign-in", asset=name))


# What is refused


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({**OWN_PAGE, "origin": "http://evil.example"}, None, HTTPStatus.FORBIDDEN),
        ({**HOST, "content-type": OWN_PAGE["content-type"]}, None, HTTPStatus.FORBIDDEN),
        ({**OWN_PAGE, "sec-fetch-site": "cross-site"}, None, HTTPStatus.FORBIDDEN),
        ({**OWN_PAGE, "host": "evil.example:8323"}, None, HTTPStatus.MISDIRECTED_REQUEST),
        ({**OWN_PAGE, "content-type": "text/plain"}, None, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (OWN_PAGE, "", HTTPStatus.FORBIDDEN),
        (OWN_PAGE, "123.456", HTTPStatus.FORBIDDEN),
    ],
)
def test_a_request_of_another_site_changes_nothing(
    visitor: Visitor, room: Room, headers: dict[str, str], token: str | None, status: HTTPStatus
) -> None:
    fields = {"asset": "A001", "operator": "Anna", "purpose": "teaching"}
    assert visitor.send("/sign-in", headers=headers, token=token, **fields).status == status
    assert room.said() == []


def test_a_page_asked_for_by_a_foreign_name_shows_nobody(visitor: Visitor, room: Room) -> None:
    room.desk.sign_in("A001", "张三", claim("teaching", ""), how="page")
    answer = visitor.get("/", headers={"host": "rebound.evil.example:8323"})
    assert answer.status == HTTPStatus.MISDIRECTED_REQUEST
    assert "张三" not in text(answer)


def test_other_addresses_and_methods_are_refused_with_words(visitor: Visitor) -> None:
    assert visitor.get("/nothing").status == HTTPStatus.NOT_FOUND
    assert visitor.get("/sign-out").status == HTTPStatus.METHOD_NOT_ALLOWED
    assert visitor.get("/sign-in", asset="A009").status == HTTPStatus.CONFLICT
    assert "known: A001, A002" in text(visitor.get("/sign-in", asset="A009", lang="en"))
    assert "没有这个页面" in text(visitor.get("/nothing"))


def test_the_sheet_and_the_icon_are_our_own(visitor: Visitor) -> None:
    assert visitor.get("/style.css").kind == "text/css; charset=utf-8"
    assert visitor.get("/icon.svg").kind == "image/svg+xml"
    assert "http" not in text(visitor.get("/style.css"))


sent = st.text(max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(["/", "/sign-in", "/sign-out", "/style.css", "/api/desk", "/api/sign-in", "/api/cards/remove"])
    | sent,
    query=st.dictionaries(st.sampled_from(["lang", "asset", "purpose"]) | sent, sent, max_size=4),
    headers=st.sampled_from([HOST, OWN_PAGE, PROGRAM]),
    more=st.dictionaries(st.sampled_from(["cookie", "accept-language", "content-type", "origin"]), sent, max_size=2),
    body=st.binary(max_size=60) | st.dictionaries(sent, sent, max_size=4).map(lambda form: urlencode(form).encode()),
)
def test_whatever_is_sent_is_answered(
    visitor: Visitor,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    more: dict[str, str],
    body: bytes,
) -> None:
    answer = visitor.site.answer(Request(method, path, query, {**headers, **more}, body))
    assert answer.status in (200, 303) or 400 <= answer.status < 500
    assert all(value.isprintable() for _, value in answer.headers)


# For programs


def test_a_program_signs_in_looks_and_signs_out(visitor: Visitor, room: Room) -> None:
    done = visitor.program("POST", "/api/sign-in", asset="A001", operator="张三", purpose="service-order", order="SO-1")
    assert (done["status"], done["operator"], done["order"], done["how"]) == (200, "张三", "SO-1", "command")
    assert visitor.program("GET", "/api/desk")["present"] == [{key: done[key] for key in done if key != "status"}]
    out = visitor.program("POST", "/api/sign-out", asset="A001", operator="张三")
    assert (out["status"], out["asset"]) == (200, "A001")
    assert visitor.program("POST", "/api/sign-out", asset="A001", operator="张三")["status"] == 409


def test_a_program_assigns_lists_and_removes_cards(visitor: Visitor, room: Room) -> None:
    asked = visitor.program("POST", "/api/cards/assign", operator="Anna", purpose="teaching")
    assert (asked["waiting"], asked["card"]) == (True, "")
    room.present("0A001B2C3D")
    asked = visitor.program("GET", "/api/cards/assign")
    assert (asked["waiting"], asked["operator"]) == (False, "Anna")
    assert visitor.program("GET", "/api/cards")["cards"] == [
        {"card": asked["card"], "operator": "Anna", "purpose": "teaching"}
    ]
    assert visitor.program("POST", "/api/cards/remove", card=asked["card"])["operator"] == "Anna"
    assert visitor.program("GET", "/api/cards")["cards"] == []
    room.clock.advance(10**6)
    assert visitor.program("POST", "/api/cards/assign", operator="", purpose="teaching")["status"] == 409


@pytest.mark.parametrize(
    "headers", [HOST, {**HOST, "authorization": "Bearer x"}, {**PROGRAM, "origin": "http://127.0.0.1:8323"}]
)
def test_without_the_token_or_from_a_browser_the_interface_answers_nothing(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    for method, path in (
        ("GET", "/api/desk"),
        ("POST", "/api/sign-in"),
        ("GET", "/api/cards"),
        ("GET", "/api/nothing"),
    ):
        answer = visitor.program(method, path, headers=headers)
        assert answer["status"] in (401, 403)
        assert set(answer) == {"status", "error"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"asset":7}', b"\xff"])
def test_what_is_no_json_of_ours_is_refused(visitor: Visitor, body: bytes) -> None:
    answer = visitor.site.answer(Request("POST", "/api/sign-in", {}, PROGRAM, body))
    assert answer.status == HTTPStatus.BAD_REQUEST
