"""What cannot all be so is listed by its rule, and what can is not."""

from datetime import date, timedelta
from typing import Any

import pytest

from collector.accounts.contradictions import Contradiction, find_contradictions
from collector.cli import main
from collector.facts.store import record_fact
from collector.registry.access import EVERYTHING, Scope
from protocol import facts
from protocol.facts import Correction, Document, Fact, Order, Use, Voucher, target_of
from protocol.interval import day_bounds_ms
from tests.collector.province import OFF, RUN, USCC, Piece, Province

MONDAY = date(2026, 11, 16)
HOUR = 3600
OTHER = "91440300708461136T"


@pytest.fixture
def lab(province: Province) -> Province:
    """Two instruments that ran on Monday from 9 to 12."""
    for asset_no, agent_id in (("A001", "em-01"), ("B001", "em-02")):
        province.add_instrument(asset_no)
        origin = province.add_agent(agent_id, asset_no)
        province.observe(
            origin, Piece(MONDAY, 0, 9 * HOUR, OFF), Piece(MONDAY, 9 * HOUR, 12 * HOUR, RUN),
            Piece(MONDAY, 12 * HOUR, 24 * HOUR, OFF),
        )  # fmt: skip
    return province


def use(start: float, end: float, number: str | None = "SO-1", asset: str = "A001", **more: Any) -> Use:
    midnight_ms = day_bounds_ms(MONDAY)[0]
    given = {"purpose": "service-order" if number else "own-research", "order": number} | more
    return Use(
        v=1, at=day_bounds_ms(MONDAY)[1], by="lims", asset=asset, start=midnight_ms + round(start * 3_600_000),
        end=midnight_ms + round(end * 3_600_000), **given,
    )  # fmt: skip


def order(number: str = "SO-1", **more: Any) -> Order:
    return Order(v=1, at=day_bounds_ms(MONDAY)[1], by="li", unit=USCC, order=number, beneficiary=OTHER, **more)


def found(lab: Province, *said: Fact, scope: Scope = EVERYTHING) -> dict[str, list[Contradiction]]:
    with lab.connection.transaction():
        for fact in said:
            record_fact(lab.connection, fact)
    lab.derive(MONDAY + timedelta(days=1))
    listed = find_contradictions(lab.connection, scope, first_day=MONDAY, last_day=MONDAY)
    by_rule: dict[str, list[Contradiction]] = {}
    for each in listed:
        by_rule.setdefault(each.rule, []).append(each)
    return by_rule


PAID = {"fee_fen": 10_000}


def test_what_fits_together_is_not_listed(lab: Province) -> None:
    both = [use(9, 12, "SO-1"), use(9, 12, "SO-2", "B001")]
    assert found(lab, order(**PAID), order("SO-2", **PAID), *both) == {}


def test_two_orders_of_one_time_overlap_and_one_order_told_twice_does_not(lab: Province) -> None:
    listed = found(lab, use(9, 11), use(10, 12, "SO-2"), use(9, 11.5))
    assert sorted(each.seconds for each in listed["overlap"]) == [HOUR, 5400]
    assert all("order SO-1" in each.told and "order SO-2" in each.told for each in listed["overlap"])


def test_one_user_at_two_instruments(lab: Province) -> None:
    listed = found(lab, use(9, 11, user="u7"), use(10, 12, "SO-2", "B001", user="u7"), use(9, 12, asset="B001"))
    [each] = listed["two-places"]
    assert (each.seconds, len(each.about)) == (HOUR, 2)


def test_a_use_without_a_run_in_it_is_listed_only_where_somebody_looked(lab: Province) -> None:
    idle = use(13, 15), use(9, 10), use(14, 16, None, purpose="maintenance")
    listed = found(lab, *idle, use(14, 15, asset="B001"), use(9, 10, asset="B001"))
    assert [(each.asset_no, each.seconds) for each in listed["no-run"]] == [("A001", 2 * HOUR), ("B001", HOUR)]
    lab.connection.execute("DELETE FROM hour_record")
    assert "no-run" not in found(lab)


def test_effective_time_that_nobody_claims(lab: Province) -> None:
    listed = found(lab, use(9, 11, None), use(9, 10, None, "B001"))
    assert [(each.asset_no, each.seconds) for each in listed["unclaimed"]] == [("B001", 2 * HOUR)]


def test_external_hours_without_a_document_or_a_fee(lab: Province) -> None:
    voucher = Voucher("省科技厅", "V-1", 5)
    listed = found(
        lab, order(), order("SO-2", **PAID), order("SO-3", voucher=voucher), use(9, 10), use(10, 11, "SO-2"),
        use(11, 12, "SO-3"),
    )  # fmt: skip
    assert [each.about for each in listed["unpaid"]] == [("SO-1",)]


def test_a_use_of_what_nobody_owned(lab: Province) -> None:
    lab.connection.execute("INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('A001', NULL, '2026-11-01')")
    assert [each.asset_no for each in found(lab, use(9, 12))["not-owned"]] == ["A001"]


def test_a_file_and_a_voucher_that_serve_two_orders(lab: Province) -> None:
    lab.connection.execute(
        "INSERT INTO document (sha256, bytes, media_type, stored_by) VALUES (%s, 1, 'text/plain', 'li')", ["9f" * 32]
    )
    proof = {"documents": (Document("agreement", "9f" * 32),), "voucher": Voucher("省科技厅", "V-1", 5)}
    listed = found(lab, order(**proof), order("SO-2", **proof), order("SO-3", voucher=Voucher("市", "V-1", 5)))
    names = (f"{USCC} SO-1", f"{USCC} SO-2")
    assert [each.about for each in (*listed["document"], *listed["voucher"])] == [names, names]
    assert found(lab, scope=Scope("unit", OTHER)) == {}


def test_what_somebody_corrected_is_left_out(lab: Province) -> None:
    wrong = use(13, 15)
    target = target_of(facts.identity(facts.encode(wrong)))
    correction = Correction(v=1, at=1, by="li", approver="wang", approved_at=2, reason="x", target=target)
    assert "no-run" not in found(lab, wrong, correction)


def test_the_command_lists_them(
    dsn: str, lab: Province, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found(lab, use(9, 11), use(10, 12, "SO-2"))
    monkeypatch.setenv("JISHI_DATABASE_DSN", dsn)
    days = ["--from", "2026-11-16", "--to", "2026-11-16"]
    assert main(["contradictions", *days]) == 0
    assert "overlap     A001             2026-11-16 3600 s are claimed by order SO-1" in capsys.readouterr().out
    assert main(["contradictions", *days, "--scope", f"unit:{OTHER}"]) == 0
    assert "nothing contradicts itself" in capsys.readouterr().out
