"""Bookings by API, messages to platforms over the API, and who may do and see which."""

from datetime import date

import httpx
import pytest

from collector.exchange.sending import send_due
from collector.exchange.states import Answer
from collector.registry import instruments, units
from collector.registry.access import Access, Scope
from tests.collector.api.test_access import lies_in
from tests.collector.conftest import make_key
from tests.collector.exchange.served_days import MONDAY, NOW, ServedDays
from tests.collector.province import USCC, MovableClock, Province

V1 = "/api/v1"
OTHER_USCC = "12100000400000624D"
BOOKING = {"key": "B1", "asset": "A001", "start": "2026-11-16T09:00:00+08:00", "end": "2026-11-16T11:00:00+08:00"}
WEEK = {"first_day": "2026-11-16", "last_day": "2026-11-22"}


@pytest.fixture
def days(province: Province) -> ServedDays:
    made = ServedDays(province)
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    province.add_instrument("B001")
    instruments.register_owner(province.connection, "B001", uscc=OTHER_USCC, from_day=date(2020, 1, 1))
    return made


def key(province: Province, clock: MovableClock, role: str, uscc: str | None = USCC) -> dict[str, str]:
    scope = Scope("unit", uscc) if uscc else Scope()
    return {"X-API-Key": make_key(province, clock, access=Access(role, scope))}


def test_a_machine_hands_in_the_bookings_of_its_unit_and_asks_for_nothing(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    booker = key(province, clock, "booker")
    items = [BOOKING, {**BOOKING, "key": "B2", "asset": "B001"}]
    made = client.post(f"{V1}/bookings/batch", json={"items": items}, headers=booker)
    assert made.status_code == 200, made.text
    report = made.json()
    assert (report["accepted"], report["refused"], report["is_applied"]) == (1, 1, True)
    assert report["refusals"][0]["why"] == "no instrument 'B001' is registered", "another unit's looks like none"
    again = client.post(f"{V1}/bookings/batch", json={"items": [BOOKING]}, headers=booker).json()
    assert (again["accepted"], again["unchanged"]) == (1, 1)
    for path in ("/bookings", "/uses", "/hours", "/exchange/messages"):
        assert client.get(f"{V1}{path}", params=WEEK, headers=booker).status_code in (403, 422), path
    assert client.post(f"{V1}/uses", json={}, headers=booker).status_code in (403, 422)
    reader = key(province, clock, "reader")
    [listed] = client.get(f"{V1}/bookings", params=WEEK, headers=reader).json()["items"]
    assert (listed["key"], listed["state"]) == ("B1", "booked")
    assert listed["source"].startswith("api/booker of unit:")
    assert "user" not in listed


def test_a_dry_run_and_all_or_nothing_record_nothing(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    booker = key(province, clock, "booker")
    bad = {**BOOKING, "key": "B2", "asset": "NONE"}
    for query in ("dry_run=true", "all_or_nothing=true"):
        answer = client.post(f"{V1}/bookings/batch?{query}", json={"items": [BOOKING, bad]}, headers=booker)
        assert answer.json()["is_applied"] is False
    assert province.rows("SELECT count(*) FROM booking") == [(0,)]


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("users", {"user": "2019-0012", "card": "04a2", "member_of": OTHER_USCC, "user_kind": "external"}),
        ("charges", {"key": "C1", "order": "SO-1", "amount": "12.50", "charged_on": "2026-11-16"}),
        ("order-details", {"order": "SO-1", "project_name": "相变", "satisfaction": "5"}),
        ("effects", {"asset": "A001", "year": 2026, "papers": 2}),
    ],
)
def test_each_kind_is_taken_once(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock, path: str, item: dict[str, object]
) -> None:
    booker = key(province, clock, "booker")
    for unchanged in (0, 1):
        report = client.post(f"{V1}/{path}/batch", json={"items": [item]}, headers=booker).json()
        assert (report["accepted"], report["unchanged"]) == (1, unchanged), report


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("bookings", {**BOOKING, "key": "a\x00b"}),
        ("bookings", {**BOOKING, "user": "a\nb"}),
        ("bookings", {**BOOKING, "start": "9999-12-31T23:00:00+00:00", "end": "9999-12-31T23:59:59+00:00"}),
        ("bookings", {**BOOKING, "start": "0001-01-01T00:00:00+14:00"}),
        ("charges", {"key": "C1", "order": "SO-1", "amount": "9999999999999999999", "charged_on": "2026-11-16"}),
        ("charges", {"key": "C1", "order": "SO-1", "amount": "1", "charged_on": "0001-01-01"}),
        ("effects", {"asset": "A\x00", "year": 2026}),
        ("order-details", {"order": "SO\x00", "area": "x"}),
    ],
)
def test_impossible_values_are_refused_row_by_row(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock, path: str, item: dict[str, object]
) -> None:
    answer = client.post(f"{V1}/{path}/batch", json={"items": [item]}, headers=key(province, clock, "booker"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["refused"] == 1


CHARGE = {"key": "C1", "order": "SO-1", "amount": "1", "charged_on": "2026-11-16"}


@pytest.mark.parametrize(
    ("path", "item", "place"),
    [
        ("charges", {**CHARGE, "charged_on": "0"}, "charged_on"),
        ("charges", {**CHARGE, "charged_on": 1_763_251_200}, "charged_on"),
        ("charges", {**CHARGE, "charged_on": "2026-11-16T00:00:00Z"}, "charged_on"),
        ("bookings", {**BOOKING, "start": 0}, "start"),
        ("bookings", {**BOOKING, "end": "1795000000"}, "end"),
        ("effects", {"asset": "A001", "year": 2025, "papers": False}, "papers"),
        ("effects", {"asset": "A001", "year": 2025, "patents": "0"}, "patents"),
        ("effects", {"asset": "A001", "year": "2025"}, "year"),
    ],
)
def test_what_is_no_day_no_instant_and_no_number_as_the_description_has_it_is_refused_as_a_whole(
    client: httpx.Client,
    province: Province,
    days: ServedDays,
    clock: MovableClock,
    path: str,
    item: dict[str, object],
    place: str,
) -> None:
    answer = client.post(f"{V1}/{path}/batch", json={"items": [item]}, headers=key(province, clock, "booker"))
    assert answer.status_code == 422, answer.text
    assert place in answer.text


def test_bookings_are_compared_in_the_callers_scope(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    days.run(start_h=9, end_h=10)
    days.close()
    client.post(f"{V1}/bookings/batch", json={"items": [BOOKING]}, headers=key(province, clock, "booker"))
    ours = client.get(f"{V1}/bookings/comparison", params=WEEK, headers=key(province, clock, "reader")).json()
    assert [(each["kind"], each["worked_s"], each["booked_s"]) for each in ours] == [("used", 3600, 7200)]
    theirs = client.get(f"{V1}/bookings/comparison", params=WEEK, headers=key(province, clock, "officer", OTHER_USCC))
    assert theirs.json() == []
    long = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
    answer = client.get(f"{V1}/bookings/comparison", params=long, headers=key(province, clock, "reader"))
    assert answer.status_code == 400


def test_messages_are_shown_with_every_answer_and_sent_again_by_the_units_officer(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    days.served()
    days.make()

    class Refusing:
        can_ask = False

        def send(self, due: object) -> Answer:
            return Answer("refused", "code 101: 数据填写有误", "", 200, b'{"code":"101"}')

        ask = send

    send_due(days.connection, Refusing(), now=lambda: NOW)
    officer = key(province, clock, "officer")
    [listed] = client.get(f"{V1}/exchange/messages?state=refused", headers=officer).json()["items"]
    assert (listed["asset_no"], listed["order"], listed["problem"]) == ("A001", "SO-1", "code 101: 数据填写有误")
    shown = client.get(f"{V1}/exchange/messages/{listed['number']}", headers=officer).json()
    assert [step["state"] for step in shown["steps"]] == ["pending", "sent", "refused"]
    assert shown["steps"][-1]["answer"] == '{"code":"101"}'
    assert '"innerId":"A001"' in shown["body"]
    path = f"{V1}/exchange/messages/{listed['number']}/retry"
    stranger = key(province, clock, "officer", OTHER_USCC)
    assert client.get(f"{V1}/exchange/messages", headers=stranger).json()["items"] == []
    assert client.post(path, json={"why": "x"}, headers=stranger).status_code == 404
    assert client.post(path, json={"why": "x"}, headers=key(province, clock, "reader")).status_code == 403
    assert client.post(path, json={"why": "a\x00b"}, headers=officer).status_code == 400
    again = client.post(path, json={"why": "corrected there"}, headers=officer)
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    twice = client.post(path, json={"why": "corrected there"}, headers=officer)
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:jishi:problem:cannot-be-so")
    assert client.get(f"{V1}/exchange/messages/{2**63}", headers=officer).status_code == 422


def test_a_division_sees_the_messages_and_bookings_of_units_that_lie_in_it_and_hands_in_nothing(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    lies_in(province, USCC, "610131")
    lies_in(province, OTHER_USCC, "610201")
    days.served()
    days.make()
    client.post(f"{V1}/bookings/batch", json={"items": [BOOKING]}, headers=key(province, clock, "booker"))
    for code, count in (("61", 1), ("6101", 1), ("6102", 0)):
        access = Access("approver", Scope("division", code))
        headers = {"X-API-Key": make_key(province, clock, access=access)}
        for path in ("/exchange/messages", "/bookings"):
            listed = client.get(f"{V1}{path}", params=WEEK if path == "/bookings" else {}, headers=headers).json()
            assert len(listed["items"]) == count, (code, path)
        assert client.post(f"{V1}/bookings/batch", json={"items": [BOOKING]}, headers=headers).status_code == 403


def test_messages_come_in_pages(
    client: httpx.Client, province: Province, days: ServedDays, clock: MovableClock
) -> None:
    days.served()
    days.served("SO-2", day=date(2026, 11, 15))
    days.make(first=MONDAY.replace(day=14))
    reader = key(province, clock, "reader")
    first = client.get(f"{V1}/exchange/messages?limit=1", headers=reader).json()
    rest = client.get(
        f"{V1}/exchange/messages", params={"limit": 1, "cursor": first["next_cursor"]}, headers=reader
    ).json()
    assert [page["items"][0]["number"] for page in (first, rest)] == [1, 2]
    assert rest["next_cursor"] is None
