"""Monitoring over the API: each step by whoever may take it, and each list to whom it concerns."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from collector.accounts.closing import close_days
from collector.accounts.freezing import Period, freeze, one_snapshot
from collector.registry import units
from collector.registry.access import Access, Scope
from collector.registry.audit import list_changes
from tests.collector.conftest import make_key
from tests.collector.monitoring.monitored import put_days
from tests.collector.province import USCC, MovableClock, Province

V1 = "/api/v1"
OTHER = "12100000400000624D"
TODAY = date(2026, 11, 18)
OWN, ELSEWHERE = Scope("unit", USCC), Scope("unit", OTHER)


@pytest.fixture
def keys(province: Province, clock: MovableClock) -> dict[str, dict[str, str]]:
    """A001 stands idle since 1 September; B001 is another unit's. Headers of people by what they are."""
    units.register_unit(province.connection, OTHER, name_zh="清华大学")
    for number, asset_no in enumerate(("A001", "B001")):
        province.add_instrument(asset_no)
        province.add_agent(f"em-0{number}", asset_no, from_day=date(2026, 9, 1))
    province.connection.execute(
        "INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('B001', %s, '2020-01-01')", [OTHER]
    )
    put_days(province, "A001", date(2026, 9, 1), TODAY - timedelta(days=1))
    roles = {
        "platform": Access("supervisor"), "officer": Access("officer", OWN), "stranger": Access("officer", ELSEWHERE),
        "operator": Access("operator"), "machine": Access("platform"),
    }  # fmt: skip
    return {name: {"X-API-Key": make_key(province, clock, access=access)} for name, access in roles.items()}


def test_an_idle_instrument_from_its_counter_to_the_outcome(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province
) -> None:
    [counter] = client.get(f"{V1}/idle?state=idle", headers=keys["machine"]).json()["items"]
    assert (counter["asset_no"], counter["days"], counter["observed_days"], counter["last_on"]) == (
        "A001",
        78,
        78,
        None,
    )
    asked = {"why": "monthly look", "assets": ["A001"]}
    made = client.post(f"{V1}/idle/reminders", json=asked, headers=keys["platform"])
    assert made.status_code == 201, made.text
    number = made.json()["items"][0]["case_id"]
    case = f"{V1}/idle/cases/{number}"
    for who, status in (("stranger", 404), ("platform", 403)):
        answer = client.post(f"{case}/answer", json={"why": "x"}, headers=keys[who])
        assert answer.status_code == status, answer.text
    assert client.post(f"{case}/answer", json={"why": "no students"}, headers=keys["officer"]).status_code == 201
    for step in (
        {"state": "refused", "why": "that is no reason"},
        {"state": "transfer", "why": "opened"},
        {"state": "closed", "why": "moved to the centre", "outcome": "transferred"},
    ):
        taken = client.post(f"{case}/steps", json=step, headers=keys["platform"])
        assert (taken.status_code, taken.json().get("state")) == (201, step["state"]), taken.text
    detail = client.get(case, headers=keys["officer"]).json()
    assert [step["state"] for step in detail["steps"]] == ["answered", "refused", "transfer", "closed"]
    assert client.get(case, headers=keys["stranger"]).status_code == 404
    assert client.get(f"{V1}/idle/cases", headers=keys["stranger"]).json()["items"] == []
    again = client.post(f"{case}/steps", json={"state": "withdrawn", "why": "x"}, headers=keys["platform"])
    assert (again.status_code, "case 1 is closed" in again.text) == (400, True)
    actions = [change.action for change in list_changes(province.connection) if change.action.startswith("idle.")]
    assert actions == ["idle.remind", "idle.answered", "idle.refused", "idle.transfer", "idle.closed"]


def test_settings_hold_from_a_day_on(client: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    asked = {"name": "idle-days", "value": 100, "from_day": "2026-11-18", "why": "meeting"}
    assert client.post(f"{V1}/monitoring/settings", json=asked, headers=keys["officer"]).status_code == 403
    made = client.post(f"{V1}/monitoring/settings", json=asked, headers=keys["platform"])
    assert (made.status_code, made.json()["held"]["idle-days"]) == (201, 100)
    before = client.get(f"{V1}/monitoring/settings?as_of=2026-11-17", headers=keys["machine"]).json()
    assert (before["held"]["idle-days"], before["decided"][0]["why"]) == (30, "meeting")
    [counter, _] = client.get(f"{V1}/idle?as_of=2026-11-18", headers=keys["machine"]).json()["items"]
    assert counter["state"] == "used"
    wrong = client.post(f"{V1}/monitoring/settings", json={**asked, "name": "no"}, headers=keys["platform"])
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:jishi:problem:cannot-be-so")


def test_alarms_are_listed_in_scope_and_acknowledged(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province, clock: MovableClock
) -> None:
    province.connection.execute(
        "INSERT INTO alarm (kind, agent_id, since, detail, opened_at) VALUES"
        " ('agent-silent', 'em-00', now(), 'not heard', now()), ('agent-silent', 'em-01', now(), 'not heard', now())"
    )
    listed = client.get(f"{V1}/alarms", headers=keys["operator"]).json()["items"]
    assert [alarm["subject"] for alarm in listed] == ["agent:em-01", "agent:em-00"]
    own = {"X-API-Key": make_key(province, clock, access=Access("operator", OWN))}
    assert [alarm["subject"] for alarm in client.get(f"{V1}/alarms", headers=own).json()["items"]] == ["agent:em-00"]
    path = f"{V1}/alarms/{listed[0]['alarm_id']}/acknowledgement"
    assert client.post(path, json={"why": "x"}, headers=own).status_code == 404
    known = client.post(path, json={"why": "on its way"}, headers=keys["operator"])
    assert (known.status_code, known.json()["acknowledged_why"]) == (201, "on its way")
    assert client.post(path, json={"why": "again"}, headers=keys["operator"]).status_code == 400
    new = client.get(f"{V1}/alarms?only_new=true&kind=agent-silent", headers=keys["operator"]).json()["items"]
    assert [alarm["subject"] for alarm in new] == ["agent:em-00"]
    first = client.get(f"{V1}/alarms?limit=1", headers=keys["operator"]).json()
    rest = client.get(f"{V1}/alarms", params={"limit": 1, "cursor": first["next_cursor"]}, headers=keys["operator"])
    assert rest.json()["items"][0]["subject"] == "agent:em-00"
    assert 'jishi_alarms_open{kind="agent-silent"} 2.0' in client.get("/metrics").text


def test_the_fleet_comes_in_pages_of_every_order(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province, clock: MovableClock
) -> None:
    province.connection.execute("UPDATE agent SET last_seen_at = %s WHERE agent_id = 'em-00'", [clock.at])
    for sort, expected in (("silence", ["em-01", "em-00"]), ("agent", ["em-00", "em-01"])):
        params: dict[str, str | int] = {"sort": sort, "limit": 1}
        first = client.get(f"{V1}/fleet", params=params, headers=keys["operator"]).json()
        params["cursor"] = first["next_cursor"]
        second = client.get(f"{V1}/fleet", params=params, headers=keys["operator"]).json()
        assert [page["items"][0]["agent_id"] for page in (first, second)] == expected
        assert second["next_cursor"] is None
    live = client.get(f"{V1}/fleet?liveness=live", headers=keys["operator"]).json()["items"]
    assert [(agent["agent_id"], agent["assets"], agent["waiting"]) for agent in live] == [("em-00", ["A001"], 0)]
    summary = client.get(f"{V1}/fleet/summary", headers=keys["operator"]).json()["items"]
    assert [(each["liveness"], each["agents"]) for each in summary] == [("live", 1), ("never", 1)]
    assert client.get(f"{V1}/fleet", headers=keys["machine"]).status_code == 403


def test_changes_are_followed_by_a_cursor(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province
) -> None:
    first = client.get(f"{V1}/changes?limit=2", headers=keys["machine"]).json()
    assert (len(first["items"]), first["has_more"]) == (2, True)
    assert first["items"][0]["href"] == "/api/v1/instruments/A001?as_of=2020-01-01"
    rest = client.get(f"{V1}/changes", params={"since": first["cursor"]}, headers=keys["machine"]).json()
    assert rest["has_more"] is False
    nothing = client.get(f"{V1}/changes", params={"since": rest["cursor"]}, headers=keys["machine"]).json()
    assert nothing == {"items": [], "cursor": rest["cursor"], "has_more": False}
    province.connection.execute(
        "INSERT INTO network_step (asset_no, step, from_day, proof, why, recorded_by)"
        " VALUES ('A001', 'joined', '2026-03-02', 'x', '', 'li')"
    )
    told = client.get(f"{V1}/changes", params={"since": rest["cursor"]}, headers=keys["machine"]).json()
    assert [(each["kind"], each["subject"], each["day"]) for each in told["items"]] == [
        ("network", "A001", "2026-03-02")
    ]
    hidden = client.get(f"{V1}/changes", params={"since": rest["cursor"]}, headers=keys["stranger"]).json()
    assert (hidden["items"], hidden["cursor"]) == ([], told["cursor"])
    for change in first["items"] + rest["items"] + told["items"]:
        assert client.get(change["href"], headers=keys["machine"]).status_code == 200, change


def test_a_cursor_of_another_history_or_another_list_is_refused(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province
) -> None:
    held = client.get(f"{V1}/changes", headers=keys["machine"]).json()["cursor"]
    province.connection.execute("TRUNCATE change")
    answer = client.get(f"{V1}/changes", params={"since": held}, headers=keys["machine"])
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:jishi:problem:foreign-cursor")
    wrong = client.get(f"{V1}/changes?since=abc", headers=keys["machine"])
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:jishi:problem:bad-cursor")


def test_a_notice_is_drafted_issued_shown_and_replied_to(
    client: httpx.Client, keys: dict[str, dict[str, str]], province: Province
) -> None:
    close_days(province.connection, today=TODAY, after_days=3)
    with one_snapshot(province.connection):
        period = Period("2026-10", date(2026, 10, 1), date(2026, 10, 31))
        freeze(province.connection, period, by="li", now=datetime(2026, 11, 18, tzinfo=UTC))
    asked = {"number": "陕科通1号", "period": "2026-10", "frozen": "2026-10", "why": "October", "kind": "false-report",
             "units": [{"uscc": USCC, "reason": "hours that nobody saw"}]}  # fmt: skip
    path = f"{V1}/notices"
    draft = client.post(f"{path}/draft", json=asked, headers=keys["platform"])
    assert "hours that nobody saw" in draft.json()["text"]
    assert client.get(path, headers=keys["platform"]).json()["items"] == []
    assert client.post(path, json=asked, headers=keys["officer"]).status_code == 403
    made = client.post(path, json=asked, headers=keys["platform"])
    assert (made.status_code, made.json()["units"]) == (201, 1), made.text
    for change, status, says in (
        ({}, 400, "already"), ({"frozen": "none", "number": "2"}, 400, "nothing is frozen"),
        ({"number": "2", "units": []}, 400, "names the units"), ({"number": "2", "period": "2026-13"}, 422, "period"),
        ({"number": "2", "units": [{"uscc": "91440300708461136T", "reason": "x"}]}, 404, "not registered"),
        ({"number": "2", "units": asked["units"] * 2}, 400, "twice"),
    ):  # fmt: skip
        answer = client.post(path, json={**asked, **change}, headers=keys["platform"])
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert client.get(path, headers=keys["stranger"]).json()["items"] == []
    assert client.get(f"{path}/1", headers=keys["stranger"]).status_code == 404
    reply = {"uscc": USCC, "text": "the watcher <was> being repaired"}
    assert client.post(f"{path}/1/replies", json=reply, headers=keys["stranger"]).status_code == 404
    said = client.post(f"{path}/1/replies", json=reply, headers=keys["officer"])
    assert (said.status_code, said.json()["said"][0]["text"]) == (201, reply["text"])
    page = client.get(f"{path}/1/page", headers=keys["officer"])
    assert "the watcher &lt;was&gt; being repaired" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert client.get(f"{path}/1/text", headers=keys["officer"]).text == draft.json()["text"]
    assert client.get(f"{path}/1/annex", headers=keys["officer"]).content[:2] == b"PK"
    assert client.get(f"{path}/1/figures", headers=keys["officer"]).status_code == 404, "others' figures"
    assert client.get(f"{path}/1/figures", headers=keys["machine"]).json()["kind"] == "false-report"


def test_who_is_due_soon_is_listed(client: httpx.Client, keys: dict[str, dict[str, str]], province: Province) -> None:
    province.connection.execute(
        "INSERT INTO instrument_description (asset_no, from_day, name_zh, name_en, class_code, value_fen, funding,"
        " maker, model, origin, country, accepted_on, exempt_document, exempt_reason, recorded_by) VALUES ('A001',"
        " '2026-03-02', '电镜', '', '', 90000000, '', '', '', '', '', '2026-03-02', '', '', 'li')"
    )
    [due] = client.get(f"{V1}/network?state=due-soon&as_of=2026-03-30", headers=keys["machine"]).json()["items"]
    assert (due["asset_no"], due["state"], due["days_left"], due["warned"]) == ("A001", "pending", 10, "due-soon")
    assert client.get(f"{V1}/network?state=due-last&as_of=2026-03-30", headers=keys["machine"]).json()["items"] == []
