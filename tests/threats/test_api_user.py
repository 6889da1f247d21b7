"""Somebody who may ask the API or look at the pages tries for more. `serve` runs as a program, behind a proxy."""

import csv
import html
import io
import re
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from collector.api.rates import FIXED, Kind
from collector.clock import system_now_ms
from collector.facts.store import record_fact
from collector.registry.access import ROLES, Scope
from protocol.facts import Order, Voucher
from protocol.interval import day_bounds_ms, local_day
from tests.collector.api.test_access import ROUTES, WRITES
from tests.collector.province import RUN, Piece
from tests.collector.rollups.places import HOUR, OTHERS, OURS, Served
from tests.threats.office import Office, Settings, own_page, sign_in

V1 = "/api/v1"
EVIL = "<script>alert(1)</script>"
PASSWORD = "correct horse battery"
TODAY = local_day(system_now_ms())
LAST_YEAR = date(TODAY.year - 1, 7, 1)
DAY = TODAY - timedelta(days=5)
SECRET = {"value_fen": 30_000_000, "shareable": False, "exempt_document": "文", "exempt_reason": "保密"}
OFTEN: Settings = {
    ("api", "requests_per_minute_per_address"): 100_000,
    ("api", "requests_per_minute_per_key"): 100_000,
    ("public", "figures"): True,
}


@pytest.fixture(scope="module")
def office(open_office: Callable[[Settings], Office]) -> Office:
    """A001 and X001 belong to the one unit, B001 to the other; what S001 did was exempt for a while last year."""
    made = open_office(OFTEN)
    made.register_units()
    places, province = made.places, made.province
    places.instrument("A001", value_fen=30_000_000, shareable=True)
    places.instrument("B001", owner=OTHERS, value_fen=30_000_000, shareable=True)
    places.instrument("S001", **SECRET, from_day=date(LAST_YEAR.year, 1, 1))
    places.instrument("S001", owner=None, from_day=date(LAST_YEAR.year, 6, 1), value_fen=30_000_000, shareable=True)
    places.unit(OURS, division="610113", name=EVIL, from_day=date(LAST_YEAR.year, 1, 1))
    province.add_instrument("X001", name_zh=EVIL, name_en=EVIL, model=EVIL)
    for asset_no, agent_id in (("A001", "em-01"), ("B001", "em-02"), ("X001", "em-03")):
        province.observe(province.add_agent(agent_id, asset_no), Piece(DAY, 0, HOUR, RUN))
    made.place.derive()
    for asset_no in ("A001", "S001"):
        places.work(asset_no, LAST_YEAR, 5 * HOUR, served=[Served(OTHERS, HOUR)])
    made.start()
    return made


# Rights and scopes


def test_what_a_role_has_no_right_to_is_refused_and_stands_in_the_trail_a_bounded_number_of_times(
    office: Office,
) -> None:
    asked = [("GET", path, right) for path, right in ROUTES.values()] + list(WRITES.values())
    refused = 0
    with office.caller(office.key("booker")) as client, office.caller() as nobody:
        for method, path, right in asked:
            assert nobody.request(method, V1 + path).status_code == 401, path
            if right not in ROLES["booker"]:
                answer = client.request(method, V1 + path)
                assert answer.status_code == 403, path
                assert answer.json()["type"] == "urn:jishi:problem:not-allowed"
                refused += 1
        assert client.get(f"{V1}/instruments").status_code == 200, "what it has a right to"
    kept = [line for line in office.place.collector("audit").said.splitlines() if "  refused  " in line]
    assert len(kept) == FIXED[Kind.REFUSAL].amount < refused
    assert all("by=booker " in line and "via=api" in line for line in kept), kept[0]


def test_another_units_instruments_look_like_what_is_not_there(office: Office) -> None:
    paths = (
        "/instruments/A001",
        f"/hours/A001/{DAY}",
        f"/hours/A001/{DAY}/record",
        f"/sessions?asset_no=A001&first_day={DAY}&last_day={DAY}",
        f"/readings?asset_no=A001&start={DAY}T00:00:00Z&end={DAY}T23:00:00Z",
        f"/instruments/A001/bundle?from={DAY}&to={DAY}",
        "/agents/em-01",
        "/agents/em-01/receipt",
        "/entries/jishi.example/a/em-01/1/0",
    )
    with office.caller(office.key("inspector", Scope("unit", OTHERS))) as client:
        for path in paths:
            hidden = client.get(V1 + path)
            absent = client.get(V1 + path.replace("A001", "ZZZZ").replace("em-01", "zz-01"))
            assert hidden.status_code == absent.status_code == 404, path
            assert hidden.text.replace("A001", "ZZZZ").replace("em-01", "zz-01") == absent.text
            own = client.get(V1 + path.replace("A001", "B001").replace("em-01", "em-02"))
            assert own.status_code == 200, f"{path}: {own.text}"
        listed = client.get(f"{V1}/instruments").json()["items"]
    assert [item["asset_no"] for item in listed] == ["B001"]


def test_a_key_a_session_and_a_link_end_with_the_role(office: Office) -> None:
    key = office.key("reader")
    [person] = [name for (name,) in office.place.rows("SELECT name FROM person") if name.startswith("reader ")][-1:]
    office.person(person, "reader", password=PASSWORD)
    link = office.place.collector("entry-link", "--person", person).said.strip().rpartition("token=")[2]
    with office.caller(key) as client:
        assert client.get(f"{V1}/instruments").status_code == 200
        assert sign_in(client, person, PASSWORD).status_code == 303
        assert client.get("/").status_code == 200
        assert office.place.collector("role", person, "none", "--reason", "left").code == 0
        assert client.get(f"{V1}/instruments").status_code == 401
        assert client.get("/").headers["location"].startswith("/sign-in")
        assert client.post("/enter", data={"token": link}, headers=own_page(client)).status_code == 403
        office.place.collector("role", person, "reader")
        assert client.get(f"{V1}/instruments").status_code == 401, "a new role needs a new key"
        assert client.get("/").status_code == 303


def test_nobody_makes_a_key_that_reaches_further_than_he_does(office: Office) -> None:
    office.person("unit reader", "reader", Scope("unit", OURS))
    make = ("key", "--person", "unit reader", "--label", "more")
    for words in (("--role", "registrar", "--scope", f"unit:{OURS}"), ("--role", "reader", "--scope", "everything")):
        refused = office.place.collector(*make, *words)
        assert refused.code == 1
        assert "unit reader" in refused.complained
    made = office.place.collector(*make, "--role", "platform", "--scope", f"unit:{OURS}")
    assert made.code == 0, made.complained
    held = office.place.rows(
        "SELECT count(*) FROM api_key JOIN person USING (person_id) WHERE name = 'unit reader' AND label = 'more'"
    )
    assert held == [(1,)]


# The pages


def test_guessing_passwords_is_slow_and_ends_for_a_while(office: Office) -> None:
    """By one name from many addresses, then by many names from one."""
    office.person("guessed", "reader", password=PASSWORD)
    allowed = FIXED[Kind.SIGN_IN].amount
    for _ in range(allowed):
        with office.caller() as guesser:
            assert sign_in(guesser, "guessed", "wrong").status_code == 403
    with office.caller() as guesser:
        slowed = sign_in(guesser, "guessed", PASSWORD)
        assert (slowed.status_code, "set-cookie" in slowed.headers) == (429, False)
        assert 0 < int(slowed.headers["retry-after"]) <= 300
        texts = {sign_in(guesser, f"nobody {n}", "wrong").text for n in range(allowed - 1)}
        began_s = time.monotonic()
        texts.add(sign_in(guesser, "approver", "wrong").text)
        guess_s = time.monotonic() - began_s
        assert len(texts) == 1, "a name that exists looks like one that does not"
        assert sign_in(guesser, "another", "wrong").status_code == 429
        began_s = time.monotonic()
        assert sign_in(guesser, "another", "wrong").status_code == 429
        assert time.monotonic() - began_s < guess_s, "whoever has to wait costs no hash"


def test_a_form_of_another_site_does_nothing_for_somebody_who_is_signed_in(office: Office) -> None:
    office.person("lured", "reader", password=PASSWORD)
    with office.caller() as client:
        cookie = sign_in(client, "lured", PASSWORD).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        for said in (
            {},
            {"Origin": "null"},
            {"Origin": "http://evil.example"},
            {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        ):
            assert client.post("/sign-out", headers=said).status_code == 403, said
        page = client.get("/")
        assert page.status_code == 200, "still signed in"
        policy = page.headers["content-security-policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"):
            assert rule in policy.split("; ")
        assert client.post("/sign-out", headers=own_page(client)).status_code == 303
        assert client.get("/").status_code == 303


def test_a_script_in_a_name_is_text_on_every_page(office: Office) -> None:
    office.person("looks", "reader", password=PASSWORD)
    with office.caller() as client:
        sign_in(client, "looks", PASSWORD)
        for path in ("/", f"/instruments/X001/{DAY}", "/public", f"/public/units/{OURS}", f"/sign-in?next=/{EVIL}"):
            page = client.get(path)
            assert page.status_code == 200, path
            assert EVIL not in page.text
            assert html.escape(EVIL) in page.text or "sign-in" in path, f"{path} does not show the name"
            assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)|\son\w+=|javascript:", page.text), path
            assert "unsafe" not in page.headers["content-security-policy"]


# What anybody may see


def test_what_was_exempt_is_on_no_public_page_and_cannot_be_subtracted(office: Office) -> None:
    paths = ("/public", "/public/units.csv", "/public/instruments.csv", f"/public/units/{OURS}")
    with office.caller() as stranger:
        for path in paths:
            assert "S001" not in stranger.get(path).text, path
        [unit] = [row for row in _rows(stranger.get("/public/units.csv")) if row["统一社会信用代码"] == OURS]
        listed = _rows(stranger.get("/public/instruments.csv"))
        assert float(unit["有效工作机时(h)"]) == sum(float(row["有效工作机时(h)"]) for row in listed) == 5
        assert stranger.get(f"/public?year={TODAY.year}").status_code == 404, "the year goes on"
    with office.served_otherwise({}) as port, office.caller(port=port) as stranger:
        absent = stranger.get("/no-such-page").status_code
        assert [stranger.get(path).status_code for path in paths] == [absent] * len(paths) == [404] * len(paths)


def test_one_address_may_ask_for_public_pages_so_often_and_another_is_still_heard(office: Office) -> None:
    with office.caller() as stranger, office.caller() as other:
        statuses = [stranger.get("/public/units.csv").status_code for _ in range(FIXED[Kind.PUBLIC].amount + 1)]
        assert statuses[-1] == 429
        assert set(statuses[:-1]) == {200}
        assert other.get("/public/units.csv").status_code == 200


def test_a_voucher_that_was_used_twice_does_not_tell_whom_else_it_served(office: Office) -> None:
    said = [(OURS, "SO-1"), (OURS, "SO-2"), (OTHERS, "SO-3")]
    voucher = Voucher(issuer="西安市科技局", number="V-1", amount_fen=100_50)
    with office.connection.transaction():
        for unit, order in said:
            at_ms = day_bounds_ms(DAY)[0]
            record_fact(office.connection, Order(v=1, at=at_ms, by="lims", unit=unit, order=order, voucher=voucher))
    with office.caller(office.key("reader", Scope("unit", OTHERS))) as client:
        answer = client.get(f"{V1}/vouchers")
        [held] = answer.json()["items"]
        assert (held["order"], held["repeated"], held["uses"]) == ("SO-3", "across-units", None)
        export = client.get(f"{V1}/exports/vouchers.csv?year={DAY.year}")
        for answered in (answer, export, client.get(f"{V1}/vouchers/issuers")):
            assert answered.status_code == 200
            assert not re.search(f"SO-1|SO-2|{OURS}", answered.text), answered.text


# Requests that are none

NASTY = ("%00", "x" * 300, "-1", "'%3B DROP TABLE person--", "%F0%9F%92%A9", "99999999999999999999", "..%2F..%2Fetc")
PLAUSIBLE = {
    "asset_no": "A001", "agent_id": "em-01", "uscc": OURS, "first_day": str(DAY), "last_day": str(DAY), "day": str(DAY),
    "from": str(DAY), "to": str(DAY), "at": "10:00:00", "start": f"{DAY}T00:00:00Z", "end": f"{DAY}T23:00:00Z",
    "year": str(DAY.year), "as_of": str(DAY), "file_type": "csv", "kind": "units", "name": "2025", "index": "0",
}  # fmt: skip
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/json", b""),
    ("application/json", b'{"a":' * 5_000),
    ("application/json", b'{"a": 1e999, "b": [null, "\\u0000"]}'),
    ("application/json", b"[[1, 2], {}]"),
    ("text/plain", b"\xff\xfe\x00"),
    ("application/x-www-form-urlencoded", b"&".join(b"f%d=x" % n for n in range(200))),
)
Asked = tuple[str, str, dict[str, Any]]


def test_no_malformed_request_is_answered_by_a_500(office: Office) -> None:
    """Every operation of the description, with one part at a time that it does not allow, by who may call it."""
    with office.caller() as anybody:
        operations = list(_operations(anybody.get("/openapi.json").json()))
    assert len(operations) > 100
    questions = [each for operation in operations if operation[0] == "GET" for each in _misasked(*operation)]
    assert len(questions) > 300
    with office.caller(office.key("registrar")) as client:
        found = {_ask(client, each) for each in questions}
    assert {200, 404, 422} <= found, "some of them reach what they ask for"
    changes = [each for operation in operations if operation[0] != "GET" for each in _misasked(*operation)]
    for role, scope in (("registrar", None), ("evaluator", None), ("supervisor", None), ("expert", None),
                        ("approver", Scope("unit", OURS))):  # fmt: skip
        with office.caller(office.key(role, scope)) as client:
            assert 422 in {_ask(client, each) for each in changes}
            assert client.get("/readyz").status_code == 200
    assert "Traceback" not in office.serve.log.read_text("utf-8"), office.serve.tail(60)


def _misasked(method: str, path: str, described: dict[str, Any]) -> Iterator[Asked]:
    """The operation again and again, each time with another part of it wrong."""
    given = {each["name"]: each for each in described.get("parameters", ()) if each["in"] in ("path", "query")}
    for number, wrong in enumerate([*given, ""] if given else [""]):
        words = {name: PLAUSIBLE.get(name, "1") for name, each in given.items() if each.get("required")}
        if wrong:
            words[wrong] = NASTY[(number + len(path)) % len(NASTY)]
        query = "&".join(f"{name}={word}" for name, word in words.items() if given[name]["in"] == "query")
        filled = re.sub(r"\{([^}:]*)[^}]*\}", lambda found, words=words: words[found[1]], path)
        media_type, body = BODIES[(number + len(path)) % len(BODIES)]
        content: dict[str, Any] = {} if method == "GET" else {"content": body, "headers": {"Content-Type": media_type}}
        yield method, f"{filled}?{query}", {**content, "extensions": {"described": {*described["responses"]}}}


def _ask(client: httpx.Client, asked: Asked) -> int:
    method, path, content = asked
    answer = client.request(method, path, **content)
    assert answer.status_code < 500, f"{method} {path}: {answer.text}"
    described = content["extensions"]["described"]
    assert str(answer.status_code) in described | {"404", "405", "414", "415"}, f"{method} {path}: {answer.status_code}"
    return answer.status_code


def _operations(description: dict[str, Any]) -> Iterator[Asked]:
    for path, methods in description["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


def _rows(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
