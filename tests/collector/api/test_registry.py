"""The registry over the API: files in, and what held on a day out."""

from pathlib import Path

import httpx
import pytest

from collector.api import registry
from collector.registry.access import Access, Scope
from collector.registry.audit import list_changes
from tests.collector.conftest import make_key
from tests.collector.province import MovableClock, Province

V1 = "/api/v1"
EXAMPLES = Path(__file__).parents[3] / "deploy" / "registry"
OURS = "12100000400000624D"


@pytest.fixture
def registrar(client: httpx.Client, province: Province, clock: MovableClock) -> httpx.Client:
    """A caller who may change the registry."""
    client.headers["Authorization"] = f"Bearer {make_key(province, clock, access=Access('registrar'))}"
    return client


@pytest.fixture
def filled(registrar: httpx.Client) -> httpx.Client:
    """The examples were imported."""
    for kind in ("units", "facilities", "instruments", "memberships"):
        answer = registrar.post(f"{V1}/registry/{kind}", content=(EXAMPLES / f"{kind}.csv").read_bytes())
        assert (answer.status_code, answer.json()["refused"]) == (200, 0)
    return registrar


def test_a_file_is_imported_once_and_leaves_its_line_in_the_trail(filled: httpx.Client, province: Province) -> None:
    again = filled.post(f"{V1}/registry/units", content=(EXAMPLES / "units.csv").read_bytes())
    assert again.json() == {
        "is_applied": True, "rows": 3, "accepted": 3, "unchanged": 3, "refused": 0, "refusals": [],
    }  # fmt: skip
    changes = list_changes(province.connection)
    kinds = ("units", "facilities", "instruments", "memberships")
    assert [(change.action, change.via) for change in changes[-4:]] == [(f"{kind}.import", "api") for kind in kinds]


def test_refused_rows_are_told_and_terms_are_kept(filled: httpx.Client) -> None:
    body = "资产编号,仪器名称,验收日期\nA1,电镜,明天\nA2,电镜,\n".encode("gb18030")
    for question in ("dry_run=true", "all_or_nothing=true"):
        report = filled.post(f"{V1}/registry/instruments?{question}", content=body).json()
        assert (report["is_applied"], report["accepted"], report["refused"]) == (False, 1, 1)
        assert filled.get(f"{V1}/instruments/A2").status_code == 404
    report = filled.post(f"{V1}/registry/instruments?from_day=2024-01-01", content=body).json()
    assert report["is_applied"] is True
    assert report["refusals"] == [
        {
            "row": 2,
            "field": "accepted_on",
            "value": "明天",
            "why": "it is no day of the calendar, or could be two",
            "remedy": "write it as 2024-03-01",
        }
    ]
    assert filled.get(f"{V1}/instruments/A2").json()["described_from"] == "2024-01-01"


@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        ("/registry/instruments", b"", 400, "no-sheet"),
        ("/registry/instruments", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 400, "no-sheet"),
        ("/registry/people", b"uscc\n", 422, "invalid-request"),
        ("/registry/units?from_day=1900-01-01", b"uscc\n", 422, "invalid-request"),
    ],
)
def test_what_is_no_file_of_that_kind_is_a_problem(
    registrar: httpx.Client, path: str, body: bytes, status: int, slug: str
) -> None:
    answer = registrar.post(f"{V1}{path}", content=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:jishi:problem:{slug}")


def test_a_file_may_be_larger_than_other_bodies_and_not_without_end(registrar: httpx.Client) -> None:
    rows = f"{OURS},示例大学\n" + "\n" * 100_000
    assert registrar.post(f"{V1}/registry/units", content=f"uscc,name_zh\n{rows}".encode()).json()["accepted"] == 1
    answer = registrar.post(f"{V1}/registry/units", content=b" " * (registry.MAX_SHEET_BYTES + 1))
    assert answer.status_code == 413


def test_an_inspector_may_read_the_registry_and_not_fill_it(api: httpx.Client) -> None:
    assert api.post(f"{V1}/registry/units", content=b"uscc,name_zh\n").status_code == 403
    assert api.get(f"{V1}/units").status_code == 200


def test_an_instrument_is_as_it_was_on_the_day_asked_for(filled: httpx.Client) -> None:
    def asked(day: str) -> tuple[object, ...]:
        shown = filled.get(f"{V1}/instruments/20200017?as_of={day}").json()
        return shown["facility_no"], shown["centre_no"], shown["value_fen"], shown["described_from"]

    assert asked("2020-09-30") == (None, None, None, None)
    assert asked("2020-10-01") == ("F-01", None, 680_000_000, "2020-10-01")
    assert asked("2024-01-01") == (None, "C-01", 680_000_000, "2020-10-01")
    assert filled.get(f"{V1}/instruments/20210005").json()["exempt_reason"] == "涉密项目专用"
    booking = [
        [filled.get(f"{V1}/instruments/{asset_no}").json()[name] for name in ("bookable", "fee", "location")]
        for asset_no in ("20190001", "20210005")
    ]
    assert booking == [[True, "校外 800 元/小时，校内 400 元/小时", "长安校区测试楼 102"], [False, "", ""]]


def test_a_units_list_is_that_of_the_day(filled: httpx.Client) -> None:
    def owned(day: str) -> dict[str, int]:
        return {each["uscc"]: each["instruments"] for each in filled.get(f"{V1}/units?as_of={day}").json()["items"]}

    def listed(day: str) -> list[str]:
        page = filled.get(f"{V1}/instruments?as_of={day}&uscc={OURS}").json()
        return [each["asset_no"] for each in page["items"]]

    institute = "126100004352302378"
    assert (owned("2024-12-31")[OURS], owned("2024-12-31")[institute]) == (2, 1)
    assert (owned("2025-01-01")[OURS], owned("2025-01-01")[institute]) == (3, 0)
    assert (listed("2024-12-31"), listed("2025-01-01")) == (
        ["20190001", "20200017"],
        ["20190001", "20200017", "20210005"],
    )


def test_units_come_in_pages(filled: httpx.Client) -> None:
    codes, question = [], {"limit": "2"}
    while True:
        page = filled.get(f"{V1}/units", params=question).json()
        codes += [unit["uscc"] for unit in page["items"]]
        if page["next_cursor"] is None:
            break
        question["cursor"] = page["next_cursor"]
    assert len(codes) == 4
    assert codes == sorted(codes)


def test_a_unit_is_shown_with_its_officers(filled: httpx.Client, province: Province, clock: MovableClock) -> None:
    make_key(province, clock, access=Access("officer", Scope("unit", OURS)))
    shown = filled.get(f"{V1}/units/{OURS}?as_of=2199-12-31").json()  # appointments go by the database's clock
    assert (shown["kind"], shown["department"], shown["division"]) == ("university", "教育部", "610113")
    assert [officer["role"] for officer in shown["officers"]] == ["officer"]
    assert filled.get(f"{V1}/units/{OURS}?as_of=2025-01-01").json()["officers"] == []
    assert filled.get(f"{V1}/units/{OURS[:-1]}E").status_code == 404


def test_a_scope_holds_its_own_unit_only(filled: httpx.Client, province: Province, clock: MovableClock) -> None:
    filled.headers["Authorization"] = (
        f"Bearer {make_key(province, clock, access=Access('reader', Scope('unit', OURS)))}"
    )
    assert [unit["uscc"] for unit in filled.get(f"{V1}/units").json()["items"]] == [OURS]
    assert filled.get(f"{V1}/units/91110000802100433B").status_code == 404
    of_instrument = Access("reader", Scope("instrument", "20210005"))
    filled.headers["Authorization"] = f"Bearer {make_key(province, clock, access=of_instrument)}"
    assert [unit["uscc"] for unit in filled.get(f"{V1}/units").json()["items"]] == [OURS]
    assert filled.get(f"{V1}/units?as_of=2024-12-31").json()["items"][0]["name_zh"] == "示例研究院"
