"""The pages as a browser gets them: signing in, what is shown, in both languages, and nothing from outside."""

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from collector.api.rates import FIXED, Kind
from collector.registry import epochs, people
from collector.registry.access import Access
from collector.registry.audit import Actor
from collector.registry.people import Person
from collector.registry.sheet_import import Terms, import_sheet
from collector.web.visitor import SESSION_COOKIE
from tests.collector.conftest import MovableWindow
from tests.collector.province import IDLE, OFF, RUN, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
HOUR = 3600
PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def week(province: Province) -> str:
    province.add_instrument("A001", name_zh="透射电子显微镜", name_en="Electron microscope", model="JEM-2100F")
    origin = province.add_agent("em-01", "A001")
    province.observe(
        origin,
        Piece(MONDAY, 0, 20 * HOUR, OFF),
        Piece(MONDAY, 20 * HOUR, 24 * HOUR, RUN),
        Piece(TUESDAY, 0, 2 * HOUR, RUN),
        Piece(TUESDAY, 2 * HOUR, 24 * HOUR, IDLE),
        Piece(WEDNESDAY, 0, 11 * HOUR, OFF),
        Piece(WEDNESDAY, 11 * HOUR, 12 * HOUR - 20, RUN),
    )
    province.derive(WEDNESDAY)
    return origin


def register(province: Province, access: Access = Access("reader")) -> Person:  # noqa: B008 a frozen value
    """A person with a password and a role."""
    person = people.register_person(province.connection, "li.ming", password=PASSWORD)
    with province.connection.transaction():
        people.appoint(province.connection, person, access, now=datetime.now(UTC))
    return person


def own(client: httpx.Client) -> dict[str, str]:
    """The header that a browser sends with a form of our own page."""
    return {"Origin": str(client.base_url).rstrip("/")}


class Page(HTMLParser):
    """What a page refers to, what it does inline, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "action", "data", "poster", "srcset"):
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


# Signing in


def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client: httpx.Client, province: Province, week: str) -> None:
    register(province)
    asked = "/instruments/A001/2026-11-17?follow=1"
    sent = client.get(asked)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/sign-in?next={quote(asked, safe='')}")
    page = client.get(sent.headers["location"])
    assert f'value="{asked}"' in page.text
    form = {"name": "li.ming", "password": PASSWORD, "next": asked}
    entered = client.post("/sign-in", data=form, headers=own(client))
    assert (entered.status_code, entered.headers["location"]) == (303, asked)
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get(asked).status_code == 200


def test_a_wrong_password_and_an_unknown_name_look_alike(client: httpx.Client, province: Province) -> None:
    register(province)
    texts = []
    for name in ("li.ming", "nobody"):
        refused = client.post("/sign-in", data={"name": name, "password": "wrong"}, headers=own(client))
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
        texts.append(refused.text)
    assert texts[0] == texts[1]


def test_guessing_is_slowed_down_for_a_while(
    client: httpx.Client, app: FastAPI, province: Province, window: MovableWindow
) -> None:
    register(province)
    right = {"name": "li.ming", "password": PASSWORD}
    for _ in range(FIXED[Kind.SIGN_IN].amount):
        app.state.rates.wait_s(Kind.SIGN_IN, "name li.ming")
    slowed = client.post("/sign-in", data=right, headers=own(client))
    assert slowed.status_code == 429
    assert 0 < int(slowed.headers["retry-after"]) <= 300
    window.move(timedelta(minutes=10))
    assert client.post("/sign-in", data=right, headers=own(client)).status_code == 303


def test_a_wrong_password_is_counted_by_name_and_by_address(
    client: httpx.Client, app: FastAPI, province: Province
) -> None:
    for number in range(FIXED[Kind.SIGN_IN].amount):
        client.post("/sign-in", data={"name": f"name-{number}", "password": "wrong"}, headers=own(client))
    assert client.post("/sign-in", data={"name": "another", "password": "x"}, headers=own(client)).status_code == 429
    assert app.state.rates.is_exhausted(Kind.SIGN_IN, "address 127.0.0.1")
    assert not app.state.rates.is_exhausted(Kind.SIGN_IN, "name name-0")


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_signing_in_never_leads_to_another_site(client: httpx.Client, province: Province, target: str) -> None:
    register(province)
    form = {"name": "li.ming", "password": PASSWORD, "next": target}
    assert client.post("/sign-in", data=form, headers=own(client)).headers["location"] == "/"


def test_a_form_from_another_site_is_refused(visitor: httpx.Client) -> None:
    for path in ("/sign-in", "/enter", "/sign-out"):
        for headers in (
            {},
            {"Origin": "null"},
            {"Origin": "http://evil.example"},
            {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "null", "Sec-Fetch-Site": "same-site"},
            {"Origin": "null", "Sec-Fetch-Site": "none"},
        ):
            assert visitor.post(path, headers=headers).status_code == 403, f"{path} {headers}"
    assert visitor.get("/").status_code == 200, "still signed in"


def test_a_form_of_our_own_page_is_known_by_either_header(visitor: httpx.Client) -> None:
    for headers in (own(visitor), {"Origin": "null", "Sec-Fetch-Site": "same-origin"}):
        assert visitor.post("/enter", data={"token": "x"}, headers=headers).status_code == 403
        assert "used already" in visitor.post("/enter?lang=en", data={"token": "x"}, headers=headers).text


def test_a_one_time_link_changes_nothing_until_its_button_is_pressed_once(
    client: httpx.Client, province: Province, clock: MovableClock
) -> None:
    token = people.make_entry_token(province.connection, "approver", now=clock.at, lasts=timedelta(minutes=10))
    for _ in range(2):
        page = client.get("/enter", params={"token": token})
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        assert page.headers["referrer-policy"] == "same-origin", "the token in the address goes to no other site"
    entered = client.post("/enter", data={"token": token}, headers=own(client))
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert client.get("/").status_code == 200
    again = client.post("/enter", data={"token": token}, headers=own(client))
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


def test_a_one_time_link_expires(client: httpx.Client, province: Province, clock: MovableClock) -> None:
    token = people.make_entry_token(province.connection, "approver", now=clock.at, lasts=timedelta(minutes=10))
    clock.at += timedelta(minutes=10)
    assert client.post("/enter", data={"token": token}, headers=own(client)).status_code == 403


def test_a_one_time_token_is_no_session(client: httpx.Client, province: Province, clock: MovableClock) -> None:
    token = people.make_entry_token(province.connection, "approver", now=clock.at, lasts=timedelta(minutes=10))
    client.cookies.set(SESSION_COOKIE, token)
    assert client.get("/").status_code == 303


def test_signing_out_ends_the_session_itself(visitor: httpx.Client) -> None:
    token = visitor.cookies[SESSION_COOKIE]
    assert visitor.post("/sign-out", headers=own(visitor)).status_code == 303
    visitor.cookies.set(SESSION_COOKIE, token)
    assert visitor.get("/").status_code == 303


def test_a_session_ends_by_itself(visitor: httpx.Client, clock: MovableClock) -> None:
    clock.at += timedelta(hours=12)
    assert visitor.get("/").status_code == 303


def test_every_page_but_signing_in_needs_a_session(client: httpx.Client, week: str) -> None:
    policy = "0" * 64
    for path in ("/", "/instruments/A001/2026-11-16", "/instruments/A001/2026-11-16/record", f"/policies/{policy}",
                 "/open?asset_no=A001&day=2026-11-16"):  # fmt: skip
        assert client.get(path).status_code == 303, path


# What is shown


def test_the_first_page_shows_each_instrument_with_its_state_and_hours(visitor: httpx.Client, week: str) -> None:
    page = visitor.get("/", params={"lang": "en"}).text
    assert "Electron microscope" in page
    assert 'href="/instruments/A001/2026-11-18"' in page
    assert "<strong>59 min 40 s</strong>" in page
    assert re.search(
        r'<svg class="strip" role="img" aria-label="States of Electron microscope today: run 59 min 40 s', page
    )
    assert page.count('class="bar run"') >= 2, "the legend and the strip"


def test_what_is_not_reported_yet_is_shown_as_unobserved(visitor: httpx.Client, week: str, clock: MovableClock) -> None:
    clock.at += timedelta(hours=3)
    page = visitor.get("/", params={"lang": "en"}).text
    assert "<title>11:59:40–15:00:00 Unobserved</title>" in page
    assert '<span class="unknown">Unobserved</span>' in page, "a state of three hours ago is not the state now"


def test_an_instrument_without_evidence_says_so(visitor: httpx.Client, province: Province) -> None:
    province.add_instrument("B001")
    page = visitor.get("/", params={"lang": "en"}).text
    assert "Nothing observed today" in page
    assert "No agent" in page


def test_a_system_without_instruments_says_what_to_do(visitor: httpx.Client) -> None:
    assert "jishi-collector register" in visitor.get("/").text


def test_many_instruments_come_in_pages(
    visitor: httpx.Client, province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.web.overview.PAGE_SIZE", 2)
    for name in ("B 1", "B/2", "B3"):
        province.add_instrument(name, name_en=f"thing {name}")
    first = visitor.get("/", params={"lang": "en"}).text
    assert "thing B/2" in first
    assert "thing B3" not in first
    [link] = [link for link in Page(first).links if link.startswith("/?after=")]
    second = visitor.get(link).text
    assert "thing B3" in second
    assert "thing B/2" not in second


def test_a_day_shows_trace_thresholds_states_sessions_and_hashes(
    visitor: httpx.Client, province: Province, week: str
) -> None:
    page = visitor.get("/instruments/A001/2026-11-17", params={"lang": "en"}).text
    assert '<path class="mean" d="M0 ' in page
    assert "Run 600–900 W" in page
    assert "Standby 25–40 W" in page
    assert '<td>00:00:00 <span class="tag">Over midnight</span></td><td>02:00:00</td>' in page
    [(policy,)] = province.rows("SELECT policy FROM hour_record WHERE day = %s", TUESDAY)
    assert policy in page
    assert "test policy" in page
    assert 'href="/instruments/A001/2026-11-16"' in page
    assert 'href="/instruments/A001/2026-11-18"' in page
    assert "100.0 %" in page
    record = visitor.get("/instruments/A001/2026-11-17/record")
    [(body,)] = province.rows("SELECT body FROM hour_record WHERE day = %s", TUESDAY)
    assert record.content == body
    assert visitor.get(f"/policies/{policy}").json()["name"] == "test policy"


def test_a_day_can_be_shown_in_part(visitor: httpx.Client, week: str) -> None:
    page = visitor.get("/instruments/A001/2026-11-17?start=0&end=10800&lang=en").text
    assert "Shown 00:00:00–03:00:00" in page
    assert ">00:30</text>" in page
    for question in ("start=5&end=5", "start=86400&end=86400", "start=9&end=3"):
        assert visitor.get(f"/instruments/A001/2026-11-17?{question}").status_code == 200
    assert visitor.get("/instruments/A001/2026-11-17?start=-1&end=90000").status_code == 422


def test_the_first_day_of_a_fresh_system_is_shown_near(visitor: httpx.Client, province: Province) -> None:
    province.add_instrument("A001")
    origin = province.add_agent("em-01", "A001")
    noon = 12 * HOUR
    province.observe(origin, Piece(WEDNESDAY, noon - 80, noon - 40, OFF), Piece(WEDNESDAY, noon - 40, noon - 2, RUN))
    province.derive(WEDNESDAY)
    for path in ("/", "/instruments/A001/2026-11-18"):
        page = visitor.get(path).text
        assert ">11:59</text>" in page, f"{path} shows minutes, not a whole day in which a minute is a hair"
    whole = visitor.get("/?zoom=day").text
    assert ">06:00</text>" in whole


def test_a_day_without_record_and_a_day_to_come_say_so(visitor: httpx.Client, week: str) -> None:
    assert "the instrument was not observed" in visitor.get("/instruments/A001/2026-11-10?lang=en").text
    assert "has not come yet" in visitor.get("/instruments/A001/2026-11-25").text


def test_a_day_that_cannot_be_derived_says_why(visitor: httpx.Client, province: Province, week: str) -> None:
    province.bind("em-01", "A001", from_day=date(2019, 1, 1))
    province.observe(week, Piece(date(2019, 5, 6), 0, HOUR, RUN))
    province.derive(WEDNESDAY)
    page = visitor.get("/instruments/A001/2019-05-06?lang=en").text
    assert "cannot be derived yet: no policy holds for instrument A001" in page
    assert '<path class="mean" d="M' in page, "the power is shown all the same"


@pytest.mark.parametrize("day", ["2026-11-17", "2026-11-10"])
def test_a_day_whose_readings_were_dropped_says_so(
    visitor: httpx.Client, province: Province, week: str, day: str
) -> None:
    province.connection.execute("UPDATE reading_layout SET absent = '{(,2026-11-18)}'")
    page = visitor.get(f"/instruments/A001/{day}?lang=en").text
    assert "The readings of this time were dropped" in page
    assert "jishi-collector rebuild-readings" in page
    assert ("5 min" in page or "Sessions" in page) == (day == "2026-11-17"), "the record stays"


def test_choosing_a_day_leads_there_whatever_the_asset_number(visitor: httpx.Client, province: Province) -> None:
    province.add_instrument("2019/0012 甲")
    sent = visitor.get("/open", params={"asset_no": "2019/0012 甲", "day": "2026-11-16"})
    assert sent.status_code == 303
    assert "2019/0012 甲" in visitor.get(sent.headers["location"]).text


def test_what_is_not_there_is_a_page_for_people(visitor: httpx.Client, app: FastAPI) -> None:
    for path in ("/nothing", "/instruments/ZZZ/2026-11-16", "/instruments/A001/2026-11-16/record", "/policies/x"):
        missing = visitor.get(path, params={"lang": "en"})
        assert missing.status_code == 404
        assert "There is no such page" in missing.text
    app.state.services.pool.close()
    away = visitor.get("/")
    assert away.status_code == 503
    assert "The database does not answer" in away.text


# Safety and languages


def test_a_name_with_markup_is_text(visitor: httpx.Client, province: Province) -> None:
    asset = HOSTILE[:60]
    province.add_instrument(asset, name_zh=HOSTILE, name_en=HOSTILE, model=HOSTILE)
    origin = province.add_agent("em-01", asset)
    province.observe(origin, Piece(WEDNESDAY, 0, HOUR, RUN))
    province.derive(WEDNESDAY)
    for path in ("/", f"/instruments/{quote(asset, safe='')}/2026-11-18", f"/sign-in?next=/{quote(HOSTILE)}"):
        response = visitor.get(path)
        assert response.status_code == 200
        page = Page(response.text)
        assert page.tags.count("img") == 1, "the mark in the header and nothing else"
        assert page.tags.count("script") == ("/sign-in" not in path), "the refreshing script and nothing else"
        assert page.inline == []


def every_page(visitor: httpx.Client, province: Province) -> list[str]:
    paths = ["/", "/?zoom=hour", "/instruments/A001/2026-11-17", "/instruments/A001/2026-11-18?follow=1",
             "/instruments/A001/2026-11-10", "/sign-in", "/enter?token=x", "/nothing"]  # fmt: skip
    return [visitor.get(path, params=None).text for path in paths]


def test_pages_take_nothing_from_outside_and_do_nothing_inline(
    visitor: httpx.Client, province: Province, week: str
) -> None:
    for html in every_page(visitor, province):
        page = Page(html)
        assert page.links, "the page refers to its sheet at least"
        assert [link for link in page.links if not link.startswith(("/", "#")) or link.startswith("//")] == []
        assert page.inline == []
        assert "<style" not in html
        assert not re.search(r"https?://", html.replace("http://www.w3.org/", ""))


def test_static_files_are_ours_and_refer_to_nothing_outside(client: httpx.Client) -> None:
    for name, media_type in (("style.css", "text/css"), ("refresh.js", "javascript"), ("icon.svg", "image/svg+xml")):
        asset = client.get(f"/static/{name}")
        assert asset.status_code == 200
        assert media_type in asset.headers["content-type"]
        assert not re.search(r"https?://|@import|//[a-z]+\.", asset.text.replace("http://www.w3.org/2000/svg", ""))
    assert client.get("/static/../pages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_the_language_follows_the_browser_until_one_is_chosen(visitor: httpx.Client, week: str) -> None:
    def language(**headers: str) -> str:
        found = re.search(r'<html lang="([^"]+)"', visitor.get("/", headers=headers).text)
        assert found
        return found[1]

    assert language(**{"Accept-Language": "en-GB,en;q=0.9"}) == "en"
    assert language(**{"Accept-Language": "de,zh;q=0.4,en;q=0.3"}) == "zh-CN"
    assert language(**{"Accept-Language": "fr"}) == "zh-CN"
    assert language() == "zh-CN"
    visitor.get("/?lang=en")
    assert language(**{"Accept-Language": "zh-CN"}) == "en"
    visitor.get("/?lang=xx")
    assert language(**{"Accept-Language": "zh-CN"}) == "zh-CN"


def test_the_other_language_keeps_the_place(visitor: httpx.Client, week: str) -> None:
    page = Page(visitor.get("/instruments/A001/2026-11-17?start=0&end=3600&lang=en").text)
    assert "/instruments/A001/2026-11-17?start=0&end=3600&lang=zh" in page.links


def test_chinese_and_english_say_the_same_things(visitor: httpx.Client, week: str) -> None:
    for path in ("/", "/instruments/A001/2026-11-17"):
        zh, en = (Page(visitor.get(path, params={"lang": language}).text) for language in ("zh", "en"))
        assert len(zh.tags) == len(en.tags)
        assert "运行" in "".join(zh.text)
        english = "".join(en.text).replace("中文", "").replace("西安测试大学", "")
        assert not re.search(r"[\u4e00-\u9fff]", english.replace("电子显微镜", "")), "no Chinese left over"


def test_a_live_page_refreshes_itself_and_a_past_day_does_not(visitor: httpx.Client, week: str) -> None:
    assert "/static/refresh.js" in visitor.get("/instruments/A001/2026-11-18").text
    assert 'http-equiv="refresh"' in visitor.get("/").text
    assert "/static/refresh.js" not in visitor.get("/instruments/A001/2026-11-17").text


def test_pages_are_kept_by_no_cache(visitor: httpx.Client, week: str) -> None:
    assert visitor.get("/").headers["cache-control"] == "no-store"


def test_the_overview_flags_an_epoch_that_nobody_has_looked_at(
    visitor: httpx.Client, province: Province, week: str
) -> None:
    assert "新一代日志待复核" not in visitor.get("/").text
    province.begin_epoch("em-01", 2)
    province.connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, 'fork', 50, 60, false, '', now()"
        " FROM journal n, journal o WHERE (n.epoch, o.epoch) = (2, 1)"
    )
    assert "新一代日志待复核" in visitor.get("/").text
    assert "New epoch not reviewed" in visitor.get("/?lang=en").text
    epochs.review(province.connection, "em-01", 2, by="approver", why="a clone", now=datetime.now(UTC))
    assert "New epoch not reviewed" not in visitor.get("/").text


def test_the_overview_flags_a_proved_fork_until_somebody_has_looked(
    visitor: httpx.Client, province: Province, week: str
) -> None:
    assert "日志分叉已证" not in visitor.get("/").text
    province.connection.execute(
        "INSERT INTO fork_proof (journal_id, proof, made_at) SELECT journal_id, '', now() FROM journal"
    )
    assert "日志分叉已证，待复核" in visitor.get("/").text
    province.begin_epoch("em-01", 2)
    assert "日志分叉已证" in visitor.get("/").text, "whatever epoch goes on"
    assert "Fork of the log proved, not reviewed" in visitor.get("/?lang=en").text
    epochs.review(province.connection, "em-01", 2, by="approver", why="a clone", now=datetime.now(UTC))
    assert "Fork of the log proved" not in visitor.get("/").text


def test_the_overview_shows_a_hint_as_live_and_not_counted_until_there_is_fresh_evidence(
    visitor: httpx.Client, province: Province, week: str, clock: MovableClock
) -> None:
    showing = (
        '[{"watcher": "meter1", "channel": "power", "value": "905800"},'
        ' {"watcher": "other", "channel": "power", "value": "1"}]'
    )
    province.connection.execute("INSERT INTO hint VALUES ('em-01', %s, 1, 9, %s, %s)", [week, showing, clock.at])
    assert "不计入机时" not in visitor.get("/").text, "the record itself is fresh"
    clock.at += timedelta(minutes=20)
    province.connection.execute("UPDATE hint SET received_at = %s", [clock.at])
    page = visitor.get("/").text
    assert "实时（不计入机时）：meter1 905.8 W" in page
    assert "other" not in page, "another instrument's, or nobody's"
    clock.at += timedelta(minutes=16)
    assert "不计入机时" not in visitor.get("/").text, "it is old itself"


def test_a_day_shows_what_was_registered_of_the_instrument_then(
    visitor: httpx.Client, province: Province, week: str
) -> None:
    actor = Actor("li.ming", "command", "test")
    facilities = "facility_no,kind,name_zh,name_en\nC-01,centre,分析测试中心,Analysis centre\n".encode()
    described = (
        "asset_no,name_zh,value_wan,government_percent,origin,country,shareable,exempt_document,exempt_reason,centre,"
        "bookable,fee,location\n"
        "A001,透射电镜,235.6,62.5,进口,日本,否,<7号>,涉密,C-01,否,<面议>,B01 室\n"
    ).encode()
    for kind, source in (("facilities", facilities), ("instruments", described)):
        import_sheet(province.connection, kind, source, actor=actor, from_day=TUESDAY, terms=Terms())
    shown = [
        text_of(visitor, f"/instruments/A001/{day}?lang={lang}") for day in (MONDAY, TUESDAY) for lang in ("zh", "en")
    ]
    assert "2,356,000.00 元" not in shown[0]
    for text in (
        "透射电镜",
        "2,356,000.00 元",
        "1,472,500.00 元（62.5 %）",
        "进口 · 日本",
        "豁免（<7号>：涉密）",
        "分析测试中心 · C-01",
        "不开放预约",
        "<面议>",
        "B01 室",
    ):
        assert text in shown[2]
    for text in ("CNY 2,356,000.00", "Exempt (<7号>: 涉密)", "Analysis centre · C-01"):
        assert text in shown[3]


def text_of(visitor: httpx.Client, path: str) -> str:
    return " ".join(Page(visitor.get(path).text).text)
