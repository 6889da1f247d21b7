"""The API as its callers see it: keys, errors, pages, tags, and what each path answers."""

import base64
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from collector.registry import epochs
from protocol.epoch import EPOCH_REASONS
from tests.collector.conftest import make_key
from tests.collector.province import IDLE, OFF, POLICY, RUN, USCC, MovableClock, Piece, Province

MONDAY = date(2026, 11, 16)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
HOUR = 3600
V1 = "/api/v1"


@pytest.fixture
def week(province: Province) -> str:
    """A run over Monday's midnight into Tuesday, another on Tuesday, an open Wednesday; returns the origin."""
    province.add_instrument("A001", name_en="Electron microscope", model="JEM-2100F")
    origin = province.add_agent("em-01", "A001")
    province.observe(
        origin,
        Piece(MONDAY, 0, 20 * HOUR, OFF),
        Piece(MONDAY, 20 * HOUR, 24 * HOUR, RUN),
        Piece(TUESDAY, 0, 2 * HOUR, RUN),
        Piece(TUESDAY, 2 * HOUR, 10 * HOUR, IDLE),
        Piece(TUESDAY, 10 * HOUR, 11 * HOUR, RUN),
        Piece(TUESDAY, 11 * HOUR, 24 * HOUR, OFF),
        Piece(WEDNESDAY, 0, 11 * HOUR, OFF),
        Piece(WEDNESDAY, 11 * HOUR, 12 * HOUR, RUN),
    )
    province.derive(WEDNESDAY)
    return origin


def problem(response: object, status: int, slug: str) -> str:
    """Asserts that the answer is that problem and returns its detail."""
    assert response.status_code == status, response.text  # type: ignore[attr-defined]
    assert response.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    document = response.json()  # type: ignore[attr-defined]
    assert document["type"] == f"urn:jishi:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["instance"].startswith("/")
    return str(document["detail"])


# Keys


PATHS = [
    "/instruments",
    "/instruments/A001",
    "/figures?year=2026",
    "/figures/ranking?year=2026",
    "/hours?first_day=2026-11-16&last_day=2026-11-18",
    "/hours/A001/2026-11-16",
    "/hours/A001/2026-11-16/record",
    "/sessions?asset_no=A001&first_day=2026-11-16&last_day=2026-11-18",
    "/readings?asset_no=A001&start=2026-11-16T00:00:00Z&end=2026-11-17T00:00:00Z",
    "/agents",
    "/agents/em-01",
    "/agents/em-01/receipt",
    "/agents/em-01/epochs",
    "/agents/em-01/forks",
    "/policies/" + hashlib.sha256(POLICY).hexdigest(),
    "/audit",
]


def test_every_path_needs_a_key_and_answers_with_one(
    client: httpx.Client, province: Province, clock: MovableClock, week: str
) -> None:
    key = make_key(province, clock)
    for path in PATHS:
        response = client.get(V1 + path)
        detail = problem(response, 401, "key-needed")
        assert "Authorization: Bearer" in detail
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert client.get(V1 + path, headers={"X-API-Key": key}).status_code == 200, path
        assert client.get(V1 + path, headers={"Authorization": f"Bearer {key}"}).status_code == 200, path


def test_no_path_under_v1_but_enrolment_and_delivery_is_open(client: httpx.Client) -> None:
    """Taken from the description, so that a path added tomorrow is held to it as well."""
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 10
    for path, methods in paths.items():
        for method, operation in methods.items():
            is_open = not path.startswith(V1) or path.startswith((f"{V1}/enrolments", f"{V1}/up/"))
            assert ("security" in operation) is not is_open, f"{method} {path}"


def test_a_wrong_key_is_refused(client: httpx.Client) -> None:
    for key in ("jk_wrong", "", "jk_" + "x" * 5000, "密钥"):
        problem(client.get(f"{V1}/agents", headers={"X-API-Key": key.encode()}), 401, "key-needed")


def test_an_expired_or_revoked_key_is_refused(client: httpx.Client, province: Province, clock: MovableClock) -> None:
    key = make_key(province, clock, valid_for=timedelta(hours=1))
    assert client.get(f"{V1}/agents", headers={"X-API-Key": key}).status_code == 200
    clock.at += timedelta(hours=1)
    problem(client.get(f"{V1}/agents", headers={"X-API-Key": key}), 401, "key-needed")
    other = make_key(province, clock, label="u")
    province.connection.execute("UPDATE api_key SET revoked_at = now() WHERE label = 'u'")
    problem(client.get(f"{V1}/agents", headers={"X-API-Key": other}), 401, "key-needed")


# Errors


REFUSED = [
    ("/nothing", 404, "not-found"),
    ("/instruments/ZZZ", 404, "unknown-instrument"),
    ("/hours?asset_no=ZZZ&first_day=2026-11-16&last_day=2026-11-18", 404, "unknown-instrument"),
    ("/hours/ZZZ/2026-11-16", 404, "unknown-instrument"),
    ("/hours/A001/2026-11-01", 404, "unknown-hour-record"),
    ("/sessions?asset_no=ZZZ&first_day=2026-11-16&last_day=2026-11-18", 404, "unknown-instrument"),
    ("/readings?asset_no=ZZZ&start=2026-11-16T00:00:00Z&end=2026-11-17T00:00:00Z", 404, "unknown-instrument"),
    ("/agents/zzzz", 404, "unknown-agent"),
    ("/agents/zzzz/receipt", 404, "unknown-agent"),
    ("/agents/zzzz/epochs", 404, "unknown-agent"),
    ("/agents/zzzz/forks", 404, "unknown-agent"),
    ("/agents/zzzz/forks/1/proof", 404, "unknown-agent"),
    ("/agents/em-01/forks/1/proof", 404, "no-proof"),
    ("/agents/em-01/forks/0/proof", 422, "invalid-request"),
    ("/policies/" + "0" * 64, 404, "unknown-policy"),
    ("/policies/abc", 422, "invalid-request"),
    ("/figures", 422, "invalid-request"),
    ("/figures?year=1999", 422, "invalid-request"),
    ("/figures?year=2026&by=model", 422, "invalid-request"),
    ("/figures?year=2026&cursor=abc", 400, "bad-cursor"),
    ("/figures/ranking?year=2026&by=name", 422, "invalid-request"),
    ("/hours", 422, "invalid-request"),
    ("/hours?first_day=yesterday&last_day=2026-11-18", 422, "invalid-request"),
    ("/hours?first_day=0001-01-01&last_day=2026-11-18", 422, "invalid-request"),
    ("/hours?first_day=1763251200&last_day=2026-11-18", 422, "invalid-request"),  # seconds since 1970 are no day
    ("/hours?first_day=2026-11-18&last_day=2026-11-16", 400, "bad-range"),
    ("/hours?first_day=2020-01-01&last_day=2026-11-16", 400, "range-too-long"),
    ("/hours/A001/9999-12-31", 422, "invalid-request"),
    ("/hours/A001/1763251200", 422, "invalid-request"),
    ("/instruments?limit=0", 422, "invalid-request"),
    ("/instruments?limit=1001", 422, "invalid-request"),
    ("/instruments/A%00", 400, "impossible-value"),
    ("/readings?asset_no=A001&start=2026-11-16T00:00:00&end=2026-11-17T00:00:00Z", 422, "invalid-request"),
    ("/readings?asset_no=A001&start=1763251200&end=2026-11-17T00:00:00Z", 422, "invalid-request"),
    ("/readings?asset_no=A001&start=2026-11-17T00:00:00Z&end=2026-11-16T00:00:00Z", 400, "bad-range"),
    ("/readings?asset_no=A001&start=1926-11-16T00:00:00Z&end=1926-11-17T00:00:00Z", 400, "bad-range"),
    ("/readings?asset_no=A001&start=2026-01-16T00:00:00Z&end=2026-11-17T00:00:00Z", 400, "range-too-long"),
]


def test_what_cannot_be_answered_is_a_problem_document(api: httpx.Client, week: str) -> None:
    for path, status, slug in REFUSED:
        detail = problem(api.get(V1 + path), status, slug)
        assert ";" in detail, f"{path}: what is wrong, then the remedy"


def test_an_invalid_member_is_named_with_its_place(api: httpx.Client) -> None:
    document = api.get(f"{V1}/instruments?limit=many").json()
    [error] = document["errors"]
    assert error["place"] == "query.limit"
    assert "'many'" in error["problem"]


def test_a_wrong_method_is_told_the_right_one(api: httpx.Client) -> None:
    detail = problem(api.delete(f"{V1}/instruments"), 405, "method-not-allowed")
    assert "GET" in detail


def test_a_bug_shows_nothing_of_itself(api: httpx.Client, week: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret inner workings")

    monkeypatch.setattr("collector.api.agents._item", fail)
    response = api.get(f"{V1}/agents/em-01")
    assert "secret" not in problem(response, 500, "internal")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_body_of_any_size_is_refused_beyond_the_limit(client: httpx.Client) -> None:
    path = f"{V1}/enrolments"
    problem(client.post(path, content=b"x" * 70_000), 413, "too-large")
    chunks = (b"x" * 10_000 for _ in range(10))
    problem(client.post(path, content=chunks, headers={"Content-Type": "application/json"}), 413, "too-large")


def test_a_body_that_is_not_understood_is_not_repeated(client: httpx.Client) -> None:
    response = client.post(f"{V1}/enrolments", json={"token": ["jt_secret"], "agent_id": "em-01"})
    problem(response, 422, "invalid-request")
    assert "jt_secret" not in response.text
    problem(client.post(f"{V1}/enrolments", content=b"{"), 422, "invalid-request")
    surrogate = client.post(
        f"{V1}/enrolments/challenge", content=b'{"token":"\\ud800","agent_id":"em-01"}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert surrogate.status_code in (404, 422)


def test_a_database_that_is_away_is_a_503(api: httpx.Client, app: FastAPI) -> None:
    app.state.services.pool.close()
    response = api.get(f"{V1}/agents")
    problem(response, 503, "database-away")
    assert int(response.headers["retry-after"]) > 0
    problem(api.get("/readyz"), 503, "database-away")
    assert api.get("/healthz").json() == {"status": "ok"}


# Pages and tags


def test_pages_hold_every_item_once_in_order(api: httpx.Client, province: Province) -> None:
    names = [f"B{number:02}" for number in range(7)]
    for name in reversed(names):
        province.add_instrument(name)
    found: list[str] = []
    question = {"limit": 3}
    for _ in range(3):
        page = api.get(f"{V1}/instruments", params=question).json()
        found += [item["asset_no"] for item in page["items"]]
        question = {"limit": 3, "cursor": page["next_cursor"]}
    assert found == names
    assert page["next_cursor"] is None


def test_hours_of_all_instruments_come_by_day_across_pages(api: httpx.Client, province: Province, week: str) -> None:
    province.add_instrument("B001")
    other = province.add_agent("ch-01", "B001")
    province.observe(other, Piece(MONDAY, 0, 24 * HOUR, OFF), Piece(TUESDAY, 0, 24 * HOUR, OFF))
    province.derive(WEDNESDAY)
    question: dict[str, object] = {"first_day": str(MONDAY), "last_day": str(WEDNESDAY), "limit": 2}
    found = []
    while True:
        page = api.get(f"{V1}/hours", params=question).json()  # type: ignore[arg-type]
        found += [(item["day"], item["asset_no"]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        question["cursor"] = page["next_cursor"]
    assert found == [
        ("2026-11-16", "A001"), ("2026-11-16", "B001"), ("2026-11-17", "A001"), ("2026-11-17", "B001"),
        ("2026-11-18", "A001"),
    ]  # fmt: skip


def forge(*values: object) -> str:
    raw = json.dumps(list(values)).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_cursor_that_is_none_is_a_400(api: httpx.Client, week: str) -> None:
    forged = [forge(), forge("abc", "A001"), forge(None), forge("abc", 1)]
    for cursor in ["x", "", "!!!!", "AAAA", "é", "[" * 400, "A" * 512, *forged]:
        detail = problem(api.get(f"{V1}/instruments", params={"cursor": cursor}), 400, "bad-cursor")
        assert "without a cursor" in detail


def test_a_cursor_does_not_serve_another_question(api: httpx.Client, province: Province) -> None:
    for name in ("B1", "B2"):
        province.add_instrument(name)
    cursor = api.get(f"{V1}/instruments?limit=1").json()["next_cursor"]
    assert api.get(f"{V1}/instruments?limit=5&cursor={cursor}").status_code == 200
    problem(api.get(f"{V1}/instruments?limit=1&uscc={USCC}&cursor={cursor}"), 400, "bad-cursor")
    problem(api.get(f"{V1}/agents?cursor={cursor}"), 400, "bad-cursor")


def test_a_forged_cursor_with_a_right_checksum_is_no_500(api: httpx.Client, week: str) -> None:
    from collector.api import cursor

    params = {"first_day": "2026-11-16", "last_day": "2026-11-18"}
    scope = f"{V1}/hours?{sorted(params.items())}"
    for values in ([10**30, ""], [-(10**30), ""], [739000, "\x00"]):
        forged = cursor.encode(values, scope=scope)  # type: ignore[arg-type]
        assert api.get(f"{V1}/hours", params={**params, "cursor": forged}).status_code in (200, 400)


def test_an_unchanged_answer_is_a_304(api: httpx.Client, week: str) -> None:
    for path in PATHS:
        first = api.get(V1 + path)
        tag = first.headers["etag"]
        assert tag.startswith('"')
        assert first.headers["cache-control"] == "private, no-cache"
        for held in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = api.get(V1 + path, headers={"If-None-Match": held})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == tag
        assert api.get(V1 + path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_changed_answer_has_another_tag(api: httpx.Client, province: Province) -> None:
    tag = api.get(f"{V1}/instruments").headers["etag"]
    province.add_instrument("NEW")
    assert api.get(f"{V1}/instruments", headers={"If-None-Match": tag}).status_code == 200


def test_an_error_has_no_tag(api: httpx.Client) -> None:
    assert "etag" not in api.get(f"{V1}/instruments/ZZZ").headers


# What the paths answer


def test_an_instrument_shows_its_unit_channels_and_policy(api: httpx.Client, week: str) -> None:
    shown = api.get(f"{V1}/instruments/A001").json()
    assert (shown["name_zh"], shown["name_en"], shown["model"]) == ("电子显微镜", "Electron microscope", "JEM-2100F")
    assert shown["unit"]["uscc"] == USCC
    assert shown["channels"] == [
        {"agent_id": "em-01", "watcher": "meter1", "channel": "power", "from_day": "2020-01-01"}
    ]
    assert shown["policy"]["sha256"] == hashlib.sha256(POLICY).hexdigest()
    assert shown["policy"]["is_default"] is True


def test_an_asset_number_may_hold_a_slash(api: httpx.Client, province: Province) -> None:
    province.add_instrument("2019/0012 甲")
    origin = province.add_agent("em-02", "2019/0012 甲")
    province.observe(origin, Piece(MONDAY, 0, HOUR, OFF))
    province.derive(WEDNESDAY)
    name = quote("2019/0012 甲", safe="")
    assert api.get(f"{V1}/instruments/{name}").json()["asset_no"] == "2019/0012 甲"
    record = api.get(f"{V1}/hours/{name}/2026-11-16").json()
    body = api.get(f"{V1}/hours/{name}/2026-11-16/record").content
    assert hashlib.sha256(body).hexdigest() == record["record_sha256"]


def test_instruments_of_one_unit_only(api: httpx.Client, week: str) -> None:
    assert len(api.get(f"{V1}/instruments", params={"uscc": USCC}).json()["items"]) == 1
    assert api.get(f"{V1}/instruments", params={"uscc": "91610131MA6TYUUC75"}).json()["items"] == []


def test_an_hour_record_adds_up_and_can_be_checked(api: httpx.Client, week: str) -> None:
    tuesday = api.get(f"{V1}/hours/A001/2026-11-17").json()
    seconds = [tuesday[f"{state}_s"] for state in ("off", "standby", "run", "unobserved")]
    assert seconds == [13 * HOUR, 8 * HOUR, 3 * HOUR, 0]
    assert (tuesday["until_s"], tuesday["is_open"], tuesday["coverage"]) == (86400, False, 1.0)
    assert (tuesday["effective_s"], tuesday["external_s"], tuesday["unresolved_s"]) == (3 * HOUR, 0, 3 * HOUR)
    assert tuesday["lead_in"] == "run"
    assert [span["state"] for span in tuesday["spans"]] == ["run", "standby", "run", "off"]
    body = api.get(f"{V1}/hours/A001/2026-11-17/record").content
    assert hashlib.sha256(body).hexdigest() == tuesday["record_sha256"]
    assert tuesday["journals"] == [{"origin": week, "first": 24, "last": 47}]


def test_an_open_day_says_so(api: httpx.Client, week: str) -> None:
    wednesday = api.get(f"{V1}/hours/A001/2026-11-18").json()
    assert (wednesday["is_open"], wednesday["until_s"], wednesday["run_s"]) == (True, 12 * HOUR, HOUR)


def test_a_day_that_cannot_be_derived_says_why(api: httpx.Client, province: Province, week: str) -> None:
    province.bind("em-01", "A001", from_day=date(2019, 1, 1))
    province.observe(week, Piece(date(2019, 5, 6), 0, HOUR, RUN))
    province.derive(WEDNESDAY)
    detail = problem(api.get(f"{V1}/hours/A001/2019-05-06"), 404, "not-derived")
    assert "no policy holds" in detail


def test_sessions_are_whole_over_midnight(api: httpx.Client, week: str) -> None:
    question = {"asset_no": "A001", "first_day": "2026-11-17", "last_day": "2026-11-18"}
    items = api.get(f"{V1}/sessions", params=question).json()["items"]
    assert [(item["start"], item["end"], item["run_s"]) for item in items] == [
        ("2026-11-16T12:00:00Z", "2026-11-16T18:00:00Z", 6 * HOUR),
        ("2026-11-17T02:00:00Z", "2026-11-17T03:00:00Z", HOUR),
        ("2026-11-18T03:00:00Z", "2026-11-18T04:00:00Z", HOUR),
    ]
    assert [item["is_open"] for item in items] == [False, False, True]
    assert items[0]["days"] == ["2026-11-16", "2026-11-17"]


def test_a_session_that_ends_after_the_range_is_whole_too(api: httpx.Client, week: str) -> None:
    question = {"asset_no": "A001", "first_day": "2026-11-16", "last_day": "2026-11-16"}
    [session] = api.get(f"{V1}/sessions", params=question).json()["items"]
    assert session["run_s"] == 6 * HOUR


def test_sessions_come_in_pages(api: httpx.Client, week: str) -> None:
    question = {"asset_no": "A001", "first_day": "2026-11-16", "last_day": "2026-11-18", "limit": 2}
    first = api.get(f"{V1}/sessions", params=question).json()  # type: ignore[arg-type]
    rest = api.get(f"{V1}/sessions", params={**question, "cursor": first["next_cursor"]}).json()  # type: ignore[arg-type]
    starts = [item["start"] for item in first["items"] + rest["items"]]
    assert starts == sorted(set(starts))
    assert (len(starts), rest["next_cursor"]) == (3, None)


def test_the_readings_behind_a_session_are_found_by_its_link(api: httpx.Client, week: str) -> None:
    question = {"asset_no": "A001", "first_day": "2026-11-16", "last_day": "2026-11-16"}
    [session] = api.get(f"{V1}/sessions", params=question).json()["items"]
    readings = api.get(session["readings"]).json()
    assert [block["entry_index"] for block in readings["blocks"]] == list(range(20, 26))
    assert all(block["means_mw"] == [RUN] for block in readings["blocks"])
    assert {block["origin"] for block in readings["blocks"]} == {week}
    assert "points" not in readings


@pytest.mark.parametrize("thinned", ["", "&max_points=10"])
def test_readings_that_were_dropped_are_gone_with_the_remedy(
    api: httpx.Client, province: Province, week: str, thinned: str
) -> None:
    province.connection.execute("UPDATE reading_layout SET absent = '{(,2026-11-17)}'")
    asked = f"{V1}/readings?asset_no=A001&start=2026-11-16T00:00:00Z&end=2026-11-16T12:00:00Z{thinned}"
    assert "rebuild-readings --from 2026-11-16 --to 2026-11-16" in problem(api.get(asked), 410, "readings-dropped")
    whole = f"{V1}/readings?asset_no=A001&start=2026-11-17T01:00:00Z&end=2026-11-17T12:00:00Z{thinned}"
    assert api.get(whole).status_code == 200


def test_readings_come_in_pages(api: httpx.Client, week: str) -> None:
    question = {
        "asset_no": "A001", "start": "2026-11-16T00:00:00+08:00", "end": "2026-11-18T00:00:00+08:00", "limit": 20,
    }  # fmt: skip
    found = []
    while True:
        page = api.get(f"{V1}/readings", params=question).json()  # type: ignore[arg-type]
        found += [block["entry_index"] for block in page["blocks"]]
        if "next_cursor" not in page:
            break
        question["cursor"] = page["next_cursor"]
    assert found == list(range(48))


def test_thinned_readings_keep_the_extremes_and_say_what_was_observed(
    api: httpx.Client, province: Province, week: str
) -> None:
    province.observe(week, Piece(MONDAY, 10 * HOUR, 10 * HOUR + 1, 9_000_000))
    question = {
        "asset_no": "A001", "start": "2026-11-16T00:00:00+08:00", "end": "2026-11-18T12:00:00+08:00", "max_points": 10,
    }  # fmt: skip
    answer = api.get(f"{V1}/readings", params=question).json()  # type: ignore[arg-type]
    points = answer["points"]
    assert len(points) == 10
    assert max(point["high_mw"] for point in points) == 9_000_000
    assert min(point["low_mw"] for point in points) == OFF
    assert all(point["low_mw"] <= point["mean_mw"] <= point["high_mw"] for point in points)
    assert points[0]["observed_ms"] == 6 * HOUR * 1000
    assert "blocks" not in answer


def test_an_agent_shows_its_liveness_and_journal(
    api: httpx.Client, province: Province, week: str, clock: MovableClock
) -> None:
    province.connection.execute("UPDATE agent SET last_seen_at = %s", [clock.at - timedelta(minutes=14)])
    agent = api.get(f"{V1}/agents/em-01").json()
    assert agent["liveness"] == "live"
    assert (agent["journal"]["origin"], agent["journal"]["size"], agent["reported_size"]) == (week, 60, 60)
    assert agent["journal"]["standing"] == "ok"
    clock.at += timedelta(minutes=2)
    assert api.get(f"{V1}/agents/em-01").json()["liveness"] == "silent"
    province.connection.execute("INSERT INTO agent (agent_id) VALUES ('zz-new')")
    listed = api.get(f"{V1}/agents").json()["items"]
    assert [(item["agent_id"], item["liveness"]) for item in listed] == [("em-01", "silent"), ("zz-new", "never")]
    problem(api.get(f"{V1}/agents/zz-new/receipt"), 404, "no-receipt")


@pytest.mark.parametrize("reason", EPOCH_REASONS)
def test_every_reason_for_an_epoch_is_told(api: httpx.Client, province: Province, week: str, reason: str) -> None:
    province.begin_epoch("em-01", 2)
    province.connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, %s, 50, 60, true, '', now()"
        " FROM journal n, journal o WHERE (n.epoch, o.epoch) = (2, 1)",
        [reason],
    )
    assert api.get(f"{V1}/agents/em-01/epochs").json()["items"][1]["reason"] == reason


def test_an_epoch_that_began_by_itself_is_flagged_with_what_is_missing(
    api: httpx.Client, province: Province, week: str
) -> None:
    province.begin_epoch("em-01", 2)
    province.connection.execute(
        "INSERT INTO epoch_begun SELECT n.journal_id, o.journal_id, 'behind', 50, 60, true, '', now()"
        " FROM journal n, journal o WHERE (n.epoch, o.epoch) = (2, 1)"
    )
    assert api.get(f"{V1}/agents/em-01").json()["unreviewed_epochs"] == 1
    first, second = api.get(f"{V1}/agents/em-01/epochs").json()["items"]
    assert (first["epoch"], first["reason"], first["unreviewed"]) == (1, None, False)
    assert (second["epoch"], second["reason"], second["predecessor"]) == (2, "behind", week)
    assert (second["missing"], second["fits"], second["unreviewed"]) == (10, True, True)
    epochs.review(province.connection, "em-01", 2, by="approver", why="a new disk", now=datetime.now(UTC))
    assert api.get(f"{V1}/agents/em-01").json()["unreviewed_epochs"] == 0
    assert api.get(f"{V1}/agents/em-01/epochs").json()["items"][1]["review"] == "a new disk"


@pytest.mark.parametrize(("at_ms", "at"), [(1_764_554_716_036, "2025-12-01T02:05:16.036000Z"), (2**53 - 1, None)])
def test_a_hint_shows_what_is_live_and_changes_no_hour(
    api: httpx.Client, province: Province, week: str, at_ms: int, at: str | None
) -> None:
    records = api.get(f"{V1}/hours?first_day=2026-11-16&last_day=2026-11-18").text
    assert api.get(f"{V1}/agents/em-01").json()["hint"] is None
    province.connection.execute(
        "INSERT INTO hint VALUES ('em-01', %s, %s, 8640, %s, now())",
        [week, at_ms, '[{"watcher": "meter1", "channel": "power", "value": "905800"}]'],
    )
    hint = api.get(f"{V1}/agents/em-01").json()["hint"]
    assert (hint["at"], hint["waiting"]) == (at, 8640)
    assert hint["showing"] == [{"watcher": "meter1", "channel": "power", "value": "905800"}]
    assert api.get(f"{V1}/hours?first_day=2026-11-16&last_day=2026-11-18").text == records


def test_the_newest_receipt_is_plain_text_byte_for_byte(api: httpx.Client, province: Province, week: str) -> None:
    response = api.get(f"{V1}/agents/em-01/receipt")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    [(receipt,)] = province.rows("SELECT receipt FROM journal")
    assert response.content == receipt


def test_a_policy_is_served_byte_for_byte(api: httpx.Client) -> None:
    response = api.get(f"{V1}/policies/{hashlib.sha256(POLICY).hexdigest()}")
    assert response.content == POLICY
    assert response.headers["content-type"] == "application/json"


# Health and description


def test_health_needs_no_key_and_shows_the_figures(client: httpx.Client, province: Province, week: str) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ((layout,),) = province.rows("SELECT layout FROM reading_layout")
    assert client.get("/readyz").json() == {"status": "ready", "layout": layout}
    province.connection.execute("INSERT INTO dirty_day VALUES ('A001', %s, now() - interval '1 minute')", [MONDAY])
    figures = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert float(figures["jishi_entries_stored_total"]) == 60
    assert float(figures[f'jishi_readings_layout{{layout="{layout}"}}']) == 1
    assert float(figures["jishi_dirty_days"]) == 1
    assert 60 <= float(figures["jishi_derive_lag_seconds"]) < 90
    assert float(figures["jishi_agents"]) == 1
    assert float(figures['jishi_journals_in_doubt{standing="fork"}']) == 0
    assert float(figures["jishi_newest_receipt_timestamp_seconds"]) > datetime(2026, 1, 1).timestamp()  # noqa: DTZ001


def test_a_database_of_another_schema_is_not_ready(client: httpx.Client, province: Province) -> None:
    province.connection.execute(
        "DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)"
    )
    detail = problem(client.get("/readyz"), 503, "not-migrated")
    assert "jishi-collector migrate" in detail


def test_the_description_page_loads_nothing_from_outside(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for asset in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/openapi.json"):
        assert asset in page.text or asset == "/openapi.json"
        assert client.get(asset).status_code == 200
    assert "https:" not in page.headers["content-security-policy"]
    assert "validatorUrl: null" in client.get("/docs/start.js").text
    problem(client.get("/docs/other.js"), 404, "unknown-asset")


def test_the_description_names_problem_documents_by_their_media_type(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"][f"{V1}/hours/{{asset_no}}/{{day}}"]["get"]
    assert set(operation["responses"]) == {"200", "400", "401", "403", "404", "414", "422", "429", "431"}
    assert list(operation["responses"]["404"]["content"]) == ["application/problem+json"]


def test_every_answer_forbids_content_from_outside(api: httpx.Client, week: str) -> None:
    for path in ("/docs", "/healthz", f"{V1}/agents", f"{V1}/nothing"):
        headers = api.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
