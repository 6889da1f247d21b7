"""Roll-ups, beneficiaries and vouchers over the API: keys, pages, files, and what a scope holds."""

import csv
import io
from datetime import date

import httpx
import openpyxl
import pytest

from collector.facts.store import record_fact
from collector.registry.access import Access, Scope
from protocol.facts import Order, Voucher
from protocol.interval import day_bounds_ms
from tests.collector.conftest import make_key
from tests.collector.province import MovableClock, Province
from tests.collector.rollups.places import HOUR, OTHERS, OURS, Places, Served

V1 = "/api/v1"
MARCH = date(2026, 3, 1)
AT = day_bounds_ms(MARCH)[0]


@pytest.fixture
def rolled(province: Province) -> Places:
    """Two units in two cities with an instrument each; a third instrument is nobody's."""
    places = Places(province)
    places.unit(OURS, division="610113", kind="university", name="示例大学")
    places.unit(OTHERS, division="610302", kind="institute", name="示例研究所")
    places.instrument("A001", class_code="0105", value_fen=50_000_000, shareable=True)
    places.instrument("B001", owner=OTHERS, class_code="0203", value_fen=150_000_000)
    places.instrument("N001", owner=None)
    places.work("A001", MARCH, 6 * HOUR, served=[Served(OTHERS, HOUR)])
    places.work("B001", MARCH, 2 * HOUR)
    places.work("N001", MARCH, HOUR)
    for unit, order in ((OURS, "SO-1"), (OURS, "SO-2"), (OTHERS, "SO-3")):
        said = Order(v=1, at=AT, by="lims", unit=unit, order=order,
                     voucher=Voucher(issuer="=西安市科技局", number="V-1", amount_fen=100_50))  # fmt: skip
        with province.connection.transaction():
            record_fact(province.connection, said)
    return places


def test_lines_come_by_key_with_that_of_nobody_first(api: httpx.Client, rolled: Places) -> None:
    asked = api.get(f"{V1}/rollups?year=2026&by=city").json()
    assert (asked["by"], asked["year"], asked["month"], asked["reference_day"]) == ("city", 2026, None, "2026-11-17")
    assert [(line["key"], line["effective_s"], line["held"]) for line in asked["items"]] == [
        (None, HOUR, 0),
        ("6101", 6 * HOUR, 1),
        ("6103", 2 * HOUR, 1),
    ]
    xian = asked["items"][1]
    assert (xian["sharing_rate_verified"], xian["open_rate_value"], xian["average_effective_h"]) == (0.1667, 1.0, 6.0)
    assert (asked["items"][0]["coverage"], asked["items"][0]["open_rate_value"]) == (None, None)
    assert [line["key"] for line in api.get(f"{V1}/rollups?year=2026&by=all").json()["items"]] == ["all"]


def test_a_month_is_asked_like_a_year(api: httpx.Client, rolled: Places) -> None:
    march = api.get(f"{V1}/rollups?year=2026&month=3&by=class").json()
    assert march["reference_day"] == "2026-03-31"
    assert [line["effective_s"] for line in march["items"]] == [HOUR, 6 * HOUR, 2 * HOUR]
    april = api.get(f"{V1}/rollups?year=2026&month=4&by=class").json()
    assert [(line["key"], line["days"]) for line in april["items"]] == [("0105", 0), ("0203", 0)]
    none = api.get(f"{V1}/rollups?year=2026&month=12").json()
    assert (none["items"], none["reference_day"]) == ([], None)


@pytest.mark.parametrize(
    "path", ["rollups?year=2026&by=city", "rollups/served?year=2026&by=kind", "vouchers?year=2026"]
)
def test_lists_come_in_pages_that_make_up_the_whole(api: httpx.Client, rolled: Places, path: str) -> None:
    whole = api.get(f"{V1}/{path}").json()["items"]
    found, cursor = [], ""
    while True:
        some = api.get(f"{V1}/{path}&limit=1{cursor}").json()
        found += some["items"]
        if some["next_cursor"] is None:
            break
        cursor = f"&cursor={some['next_cursor']}"
    assert found == whole != []


def test_a_cursor_holds_the_longest_key(api: httpx.Client, rolled: Places) -> None:
    rolled.instrument("L001", class_code="类" * 200)
    rolled.instrument("L002", class_code="类" * 199 + "𠮷")
    first = api.get(f"{V1}/rollups?year=2026&by=class&limit=4").json()
    assert first["items"][-1]["key"] == "类" * 200
    rest = api.get(f"{V1}/rollups?year=2026&by=class&limit=4&cursor={first['next_cursor']}")
    assert [line["key"] for line in rest.json()["items"]] == ["类" * 199 + "𠮷"]


def test_external_hours_are_told_by_where_they_went(api: httpx.Client, rolled: Places) -> None:
    [line] = api.get(f"{V1}/rollups/served?year=2026").json()["items"]
    assert line == {
        "key": "same-province", "units": 1, "beneficiaries": 1, "claimed_s": 0, "verified_s": HOUR, "external_s": HOUR,
    }  # fmt: skip


def test_a_unit_sees_its_own_and_not_who_else_used_its_voucher(
    client: httpx.Client, rolled: Places, clock: MovableClock
) -> None:
    headers = {"X-API-Key": make_key(rolled.province, clock, access=Access("reader", Scope("unit", OTHERS)))}
    lines = client.get(f"{V1}/rollups?year=2026&by=unit", headers=headers).json()["items"]
    assert [(line["key"], line["name_zh"]) for line in lines] == [(OTHERS, "示例研究所")]
    [voucher] = client.get(f"{V1}/vouchers", headers=headers).json()["items"]
    assert (voucher["order"], voucher["repeated"], voucher["uses"]) == ("SO-3", "across-units", None)
    [issuer] = client.get(f"{V1}/vouchers/issuers", headers=headers).json()["items"]
    assert (issuer["orders"], issuer["amount_fen"]) == (1, 100_50)


def test_vouchers_and_their_issuers_are_listed(api: httpx.Client, rolled: Places) -> None:
    held = api.get(f"{V1}/vouchers?repeated=true").json()["items"]
    assert [(each["order"], each["repeated"], each["uses"]) for each in held] == [
        (order, "across-units", 3) for order in ("SO-1", "SO-2", "SO-3")
    ]
    [issuer] = api.get(f"{V1}/vouchers/issuers?year=2026").json()["items"]
    assert (issuer["vouchers"], issuer["orders"], issuer["repeated"], issuer["repeated_fen"]) == (1, 3, 2, 201_00)
    assert api.get(f"{V1}/vouchers/issuers?year=2025").json()["items"] == []


def test_files_have_the_same_lines_and_no_formula(api: httpx.Client, rolled: Places) -> None:
    answer = api.get(f"{V1}/exports/rollups.csv?year=2026&by=city")
    assert answer.headers["content-disposition"] == 'attachment; filename="jishi-rollup-city-2026.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["期间"], row["市级"], row["有效工作机时(h)"], row["期末原值(元)"]) for row in rows] == [
        ("2026", "未登记", "1.0", "0.00"),
        ("2026", "6101", "6.0", "500000.00"),
        ("2026", "6103", "2.0", "1500000.00"),
    ]
    months = api.get(f"{V1}/exports/rollups.csv?year=2026&by=all&months=true").content.decode("utf-8-sig")
    assert [row["期间"] for row in csv.DictReader(io.StringIO(months))] == [f"2026-{n:02}" for n in range(1, 12)]
    vouchers = api.get(f"{V1}/exports/vouchers.csv?year=2026").content.decode("utf-8-sig").splitlines()
    assert vouchers[1].startswith("'=西安市科技局,V-1,100.50,")
    book = openpyxl.load_workbook(io.BytesIO(api.get(f"{V1}/exports/rollups.xlsx?year=2026&by=unit").content))
    assert [row[2].value for row in book.active.iter_rows(min_row=2)] == ["", "示例研究所", "示例大学"]


@pytest.mark.parametrize(
    "path",
    ["rollups", "rollups?year=1999", "rollups?year=2026&month=13", "rollups?year=2026&by=person",
     "rollups/served?year=2026&by=unit", "exports/rollups.pdf?year=2026", "exports/vouchers.csv", "vouchers?year=9999"],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(api: httpx.Client, path: str) -> None:
    assert api.get(f"{V1}/{path}").status_code == 422
