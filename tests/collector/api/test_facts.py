"""Orders, uses and documents over HTTP, as a unit's booking system brings them."""

import hashlib
from pathlib import Path

import httpx
import pytest

from collector.facts.store import record_fact
from collector.registry import units
from collector.registry.access import Access, Scope
from collector.registry.audit import list_changes
from protocol import facts
from protocol.facts import Correction, Order
from tests.collector.conftest import make_key
from tests.collector.province import USCC, MovableClock, Province

V1 = "/api/v1"
OTHER_USCC = "12100000400000624D"
PDF = b"%PDF-1.7\n%%EOF\n"
USE = {"asset": "A001", "start": "2026-11-16T09:00:00+08:00", "end": "2026-11-16T03:00:00Z", "purpose": "own-research"}
ORDER = {"order": "SO-1", "beneficiary": OTHER_USCC, "fee": "1200.50"}


@pytest.fixture
def officer(client: httpx.Client, province: Province, clock: MovableClock) -> httpx.Client:
    """The information officer of the unit that owns A001; Z001 is another unit's."""
    province.add_instrument("A001")
    units.register_unit(province.connection, OTHER_USCC, name_zh="清华大学")
    client.headers["X-API-Key"] = make_key(province, clock, access=Access("officer", Scope("unit", USCC)))
    return client


def count(province: Province) -> object:
    return province.rows("SELECT count(*) FROM fact")[0][0]


def test_a_use_is_recorded_once_under_its_key(officer: httpx.Client, province: Province, clock: MovableClock) -> None:
    first = officer.post(f"{V1}/uses", json=USE, headers={"Idempotency-Key": "7"})
    assert (first.status_code, first.json()["is_new"]) == (201, True)
    again = officer.post(f"{V1}/uses", json={**USE, "key": "7"})
    assert (again.status_code, again.json()) == (200, {**first.json(), "is_new": False})
    other = officer.post(f"{V1}/uses", json={**USE, "key": "7", "samples": 3})
    assert (other.status_code, other.json()["type"]) == (409, "urn:jishi:problem:refused")
    assert "sent something else under the key 'use/7' before; leave it as it is recorded" in other.json()["detail"]
    assert count(province) == 1
    [sha256] = first.json()["facts"]
    raw = officer.get(f"{V1}/facts/{sha256}/bytes").content
    assert hashlib.sha256(raw).hexdigest() == sha256
    assert facts.decode(raw).at == clock.at.timestamp() * 1000


def test_a_key_is_its_callers_own(officer: httpx.Client, province: Province, clock: MovableClock) -> None:
    officer.post(f"{V1}/uses", json={**USE, "key": "7"})
    key = make_key(province, clock, access=Access("approver", Scope("unit", USCC)))
    other = officer.post(f"{V1}/uses", json={**USE, "key": "7", "samples": 3}, headers={"X-API-Key": key})
    assert other.status_code == 201


def test_what_is_refused_names_its_members(officer: httpx.Client, province: Province) -> None:
    answer = officer.post(f"{V1}/uses", json={**USE, "asset": "none", "end": "2030-01-01T00:00:00Z"})
    assert answer.status_code == 409
    assert answer.json()["errors"] == [
        {
            "place": "body.end",
            "problem": "it lasts more than 31 days; correct it, or bring it in pieces of at most 31 days",
        }
    ]
    assert officer.post(f"{V1}/uses", json={**USE, "start": "yesterday"}).status_code == 422
    assert officer.post(f"{V1}/uses", json={**USE, "start": 0}).status_code == 422
    assert officer.post(f"{V1}/uses", json={**USE, "samples": True}).status_code == 422
    assert officer.post(f"{V1}/orders", json={**ORDER, "first_day": "0"}).status_code == 422
    assert officer.post(f"{V1}/uses", json={**USE, "colour": "red"}).status_code == 422
    assert count(province) == 0


def test_an_officer_records_nothing_for_others(officer: httpx.Client, province: Province) -> None:
    order = officer.post(f"{V1}/orders", json={**ORDER, "unit": OTHER_USCC})
    assert (order.status_code, count(province)) == (409, 0)
    assert f"no unit {OTHER_USCC} is registered" in order.json()["detail"]


def test_a_batch_is_taken_item_by_item(officer: httpx.Client, province: Province) -> None:
    items = [{**USE, "key": "1"}, {**USE, "key": "2", "asset": "none"}, {**USE, "key": "3", "samples": 2}]
    rehearsed = officer.post(f"{V1}/uses/batch", json={"items": items}, params={"dry_run": True}).json()
    assert (rehearsed["is_applied"], rehearsed["recorded"], count(province)) == (False, [], 0)
    report = officer.post(f"{V1}/uses/batch", json={"items": items}).json()
    assert [report[name] for name in ("rows", "accepted", "unchanged", "refused")] == [3, 2, 0, 1]
    assert [row["row"] for row in report["recorded"]] == [1, 3]
    assert report["refusals"] == [
        {"row": 2, "field": "asset", "value": "none", "why": "no instrument 'none' is registered",
         "remedy": "correct the number, or register the instrument first"}
    ]  # fmt: skip
    again = officer.post(f"{V1}/uses/batch", json={"items": items}, params={"all_or_nothing": True}).json()
    assert (again["accepted"], again["unchanged"], again["is_applied"]) == (2, 2, False)
    assert [change.action for change in list_changes(province.connection)] == ["facts.import"]
    assert officer.post(f"{V1}/uses/batch", json={"items": []}).status_code == 422
    large = officer.post(f"{V1}/uses/batch", content=b"x" * (4 * 1024 * 1024 + 1))
    assert large.status_code == 413


def test_an_order_is_shown_with_its_documents_and_its_corrections(officer: httpx.Client, province: Province) -> None:
    stored = officer.post(f"{V1}/documents", content=PDF, params={"name": "协议.pdf"})
    sha256 = hashlib.sha256(PDF).hexdigest()
    assert (stored.status_code, stored.json()["sha256"], stored.json()["media_type"]) == (
        201,
        sha256,
        "application/pdf",
    )
    voucher = {"voucher_issuer": "省科技厅", "voucher_number": "V1", "voucher_amount": "5"}
    [wrong] = officer.post(f"{V1}/orders", json={**ORDER, **voucher}).json()["facts"]
    added = {"order": "SO-1", "kind": "agreement", "document": sha256}
    assert officer.post(f"{V1}/order-documents", json=added).status_code == 201
    assert officer.post(f"{V1}/order-documents", json=added).status_code == 200
    _correct(province, f"fact:{wrong}", Order(v=1, at=1, by="li", unit=USCC, order="SO-1", content="right"))

    first, second = officer.get(f"{V1}/orders", params={"order": "SO-1"}).json()["items"]
    assert (first["beneficiary"], first["fee_fen"], first["voucher"]["amount_fen"]) == (OTHER_USCC, 120_050, 500)
    assert first["documents"] == second["documents"] == [{"kind": "agreement", "sha256": sha256}]
    assert (first["corrects"], second["corrects"], second["content"]) == (None, f"fact:{wrong}", "right")
    [correction] = first["corrected_by"]
    assert (correction["sha256"], correction["approver"], correction["puts_in"]) == (second["sha256"], "wang", "order")
    assert second["corrected_by"] == []


def _correct(province: Province, target: str, order: Order) -> None:
    correction = Correction(v=1, at=1, by="li", approver="wang", approved_at=2, reason="x", target=target, order=order)
    with province.connection.transaction():
        record_fact(province.connection, correction)


def test_uses_are_listed_by_instrument_day_and_order_in_pages(officer: httpx.Client, province: Province) -> None:
    province.add_instrument("B001")
    items = [
        {**USE, "key": "1"},
        {**USE, "key": "2", "asset": "B001", "order": "SO-1", "purpose": "service-order"},
        {**USE, "key": "3", "start": "2026-11-17T23:00:00+08:00", "end": "2026-11-18T01:00:00+08:00", "user": "张三"},
    ]
    officer.post(f"{V1}/uses/batch", json={"items": items})

    def listed(**asked: str) -> list[str]:
        answer = officer.get(f"{V1}/uses", params=asked)
        assert answer.status_code == 200, answer.text
        return [f"{use['asset']} {use['start'][:10]}" for use in answer.json()["items"]]

    first, second, third = "A001 2026-11-16", "B001 2026-11-16", "A001 2026-11-17"
    assert listed() == [first, second, third]
    assert listed(asset_no="A001") == [first, third]
    assert listed(order="SO-1") == [second]
    assert listed(first_day="2026-11-18") == listed(first_day="2026-11-17", last_day="2026-11-17") == [third]
    assert listed(last_day="2026-11-16", unit=USCC) == [first, second]
    assert listed(unit=OTHER_USCC) == []
    page = officer.get(f"{V1}/uses", params={"limit": 2}).json()
    rest = officer.get(f"{V1}/uses", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [len(page["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert "张三" not in str(rest)
    officer.post(f"{V1}/orders", json=ORDER)
    for asked, found in (({"asset_no": "B001"}, 1), ({"asset_no": "A001"}, 0), ({"last_day": "2026-11-15"}, 0)):
        assert len(officer.get(f"{V1}/orders", params=asked).json()["items"]) == found, asked


def test_a_document_is_given_out_as_a_download_to_those_who_may_see_it(
    officer: httpx.Client, province: Province, clock: MovableClock
) -> None:
    sha256 = officer.post(f"{V1}/documents", content=PDF, params={"name": '协议";.pdf'}).json()["sha256"]
    answer = officer.get(f"{V1}/documents/{sha256}")
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E5%8D%8F%E8%AE%AE%22%3B.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    key = make_key(province, clock, access=Access("approver", Scope("unit", USCC)))
    assert officer.get(f"{V1}/documents/{sha256}", headers={"X-API-Key": key}).status_code == 404
    officer.post(f"{V1}/orders", json={**ORDER, "report": sha256})
    assert officer.get(f"{V1}/documents/{sha256}", headers={"X-API-Key": key}).status_code == 200
    other = make_key(province, clock, access=Access("officer", Scope("unit", OTHER_USCC)))
    assert officer.get(f"{V1}/documents/{sha256}", headers={"X-API-Key": other}).status_code == 404


def test_a_document_that_is_not_what_it_says_leaves_nothing(officer: httpx.Client, tmp_path: Path) -> None:
    answer = officer.post(f"{V1}/documents", content=b"MZ" + bytes(90), headers={"Content-Type": "application/pdf"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:jishi:problem:no-document")
    assert "nothing was stored: it looks like a Windows program" in answer.json()["detail"]
    large = officer.post(f"{V1}/documents", content=PDF + bytes(20 * 1024 * 1024))
    assert large.status_code == 413
    assert [path for path in (tmp_path / "documents").rglob("*") if path.is_file()] == []


def test_a_damaged_document_is_an_error_and_no_answer(officer: httpx.Client, tmp_path: Path) -> None:
    sha256 = officer.post(f"{V1}/documents", content=PDF).json()["sha256"]
    (tmp_path / "documents" / sha256[:2] / sha256).write_bytes(b"%PDF-1.7 something else %%EOF")
    answer = officer.get(f"{V1}/documents/{sha256}")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:jishi:problem:damaged-document")
