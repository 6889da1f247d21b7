"""Decisions about time in doubt: proposed, ruled on from outside the unit, recorded as facts, read by the grades."""

from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from collector.accounts.decisions import load_decisions
from collector.accounts.verification import Verification, verify
from collector.approvals import dry_runs
from collector.approvals.proposals import Asker, propose
from collector.approvals.proposed import ProposedCorrection, ProposedDecision
from collector.approvals.rulings import rule
from collector.errors import NotAllowed, ProposalError, UnknownName
from collector.registry.access import EVERYTHING, Scope
from protocol import facts
from protocol.facts import Decision
from protocol.interval import day_bounds_ms
from tests.collector.approvals.test_approvals import (
    HOUR,
    MONDAY,
    NOW,
    OURS,
    TUESDAY,
    WEDNESDAY,
    asker,
    make,
    order,
    record_of,
    said,
    sem,
    use,
)
from tests.collector.province import Province

__all__ = ["sem"]
MIDNIGHT_MS = day_bounds_ms(MONDAY)[0]


def at(hour: float) -> int:
    return MIDNIGHT_MS + round(hour * 3_600_000)


def decision(start_h: float = 9, end_h: float = 10, verdict: str = "exclude", *flags: str) -> ProposedDecision:
    return ProposedDecision(asset="A001", start=at(start_h), end=at(end_h), verdict=verdict, flags=flags)  # type: ignore[arg-type]


def approve(province: Province, number: int, *, scope: Scope = EVERYTHING, by: str = "wang") -> str:
    ruler: Asker = asker(province, by, "approver", scope)
    with province.connection.transaction():
        made = rule(province.connection, number, ruler, verdict="approved", why="", now=NOW).made
    assert made is not None
    return made


def test_an_approved_decision_is_a_fact_of_two_people_and_no_record_changes(
    dsn: str, province: Province, sem: str
) -> None:
    before = record_of(province)
    sha256 = approve(province, make(province, decision(9, 10, "exclude", "constant-load"), reason="the beam was off"))
    [(body,)] = province.rows("SELECT body FROM fact WHERE sha256 = %s", sha256)
    fact = facts.decode(bytes(body))  # type: ignore[call-overload]
    assert isinstance(fact, Decision)
    assert (fact.by, fact.approver, fact.why, fact.flags) == ("li", "wang", "the beam was off", ("constant-load",))
    assert province.rows("SELECT day, reason FROM dirty_day") == [(MONDAY, "decision")]
    assert record_of(province) == before
    assert verify(dsn) == Verification(1, [], [])


def test_a_days_decisions_are_plain_tuples_cut_to_what_was_asked_for(province: Province, sem: str) -> None:
    first = "fact:" + approve(province, make(province, decision(9, 12)))
    second = "fact:" + approve(province, make(province, decision(9, 10, "accept")))
    taken = max(first, second)  # approved at the same instant: the ref decides
    found = load_decisions(province.connection, "A001", start_ms=at(9.5), end_ms=at(24))
    assert (found[0][0], found[0][3]) == (at(9.5), taken)
    assert found[-1][1:] == (at(12), "exclude", first)
    assert load_decisions(province.connection, "A001", start_ms=at(24), end_ms=at(48)) == []
    assert load_decisions(province.connection, "A002", start_ms=at(0), end_ms=at(24)) == []


def test_a_corrected_decision_holds_no_more_and_its_day_is_marked(province: Province, sem: str) -> None:
    target = "fact:" + approve(province, make(province, decision()))
    record_of(province)
    put = ProposedCorrection(subject="instrument:A001", target=target, use=use())
    with pytest.raises(ProposalError, match="puts nothing in its place"):
        make(province, put)
    approve(province, make(province, replace(put, use=None)))
    assert load_decisions(province.connection, "A001", start_ms=at(0), end_ms=at(24)) == []
    assert [day for day, _ in province.rows("SELECT day, reason FROM dirty_day")] == [MONDAY]


def test_the_owner_of_the_hours_proposes_and_does_not_rule(province: Province, sem: str) -> None:
    number = make(province, decision(9, 12, "accept"))
    with pytest.raises(NotAllowed, match="an approver over everything rules on it"):
        approve(province, number, scope=OURS)
    with pytest.raises(NotAllowed, match="a second person"):
        approve(province, number, by="li")
    assert approve(province, number)


def test_what_cannot_be_decided_is_refused_with_its_reason(province: Province, sem: str) -> None:
    with pytest.raises(ProposalError, match="'no-such-rule', which is no rule: rules are feeder-idle"):
        make(province, decision(9, 10, "exclude", "no-such-rule"))
    with pytest.raises(ProposalError, match="end has not come yet"):
        make(province, decision(9, 24 * 4))
    with pytest.raises(ProposalError, match=r"deadline_days"):
        make(province, decision(), days=1)
    with pytest.raises((UnknownName, NotAllowed)):
        make(province, replace(decision(), asset="A404"))


def test_a_dry_run_tells_what_it_would_change_at_most(province: Province, sem: str) -> None:
    now_ms = round(NOW.timestamp() * 1000)
    said(province, replace(order(), at=now_ms))
    said(province, replace(use(start_h=9, end_h=10), at=now_ms))
    record_of(province)
    number = make(province, decision(9.5, 11))
    with province.connection.transaction():
        made = dry_runs.run_dry(
            province.connection, number, first_day=TUESDAY, last_day=WEDNESDAY, now=NOW + timedelta(minutes=1)
        )
    [line] = made.lines
    assert (made.first_day, made.last_day, line.days, line.days_changed) == (MONDAY, MONDAY, 1, 1)
    assert line.before == (3 * HOUR, 3 * HOUR, HOUR)
    assert line.after == (round(1.5 * HOUR), round(1.5 * HOUR), HOUR // 2)
    assert dry_runs.find_dry_run(province.connection, number) == made


def test_the_api_lists_decisions_to_those_in_whose_scope_they_are(
    province: Province, sem: str, api: httpx.Client
) -> None:
    sha256 = approve(province, make(province, decision(9, 10, "exclude", "replayed-trace"), reason="seen on site"))
    answer = api.get("/api/v1/decisions", params={"asset_no": "A001", "limit": 1}).json()
    [item] = answer["items"]
    assert (item["sha256"], item["verdict"], item["flags"]) == (sha256, "exclude", ["replayed-trace"])
    assert (item["why"], item["by"], item["approver"], item["corrected_by"]) == ("seen on site", "li", "wang", None)
    assert api.get("/api/v1/decisions", params={"first_day": str(TUESDAY)}).json()["items"] == []


def test_an_asker_outside_of_the_scope_proposes_nothing(province: Province, sem: str) -> None:
    stranger = asker(province, "zhao", "officer", Scope("instrument", "A002"))
    with pytest.raises(NotAllowed, match="outside"), province.connection.transaction():
        propose(province.connection, stranger, decision(), reason="x", now=NOW)
