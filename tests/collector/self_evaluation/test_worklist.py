"""What waits for the officer: one line a thing, there for as long as the records say so."""

from datetime import date

import pytest

from collector.approvals.proposals import Asker, propose
from collector.approvals.proposed import ProposedHand
from collector.monitoring import acts
from collector.monitoring.cases import answer, remind
from collector.network.states import enter
from collector.registry import people
from collector.registry.access import Access
from collector.registry.audit import Actor
from collector.self_evaluation import worklist
from collector.self_evaluation.timeliness import set_due
from collector.self_evaluation.worklist import KINDS, Asked, Waiting
from tests.collector.province import RUN, Piece
from tests.collector.self_evaluation.lab import (
    BEIJING,
    HOUR,
    MONDAY,
    NOW,
    OFFICER,
    SHENZHEN,
    TODAY,
    TUESDAY,
    XIAN,
    Lab,
    added_document,
    evaluator,
    officer,
    order,
    use,
)


def waiting(lab: Lab, today: date = TODAY, uscc: str = XIAN) -> dict[str, Waiting]:
    with lab.connection.transaction():
        return {each.kind: each for each in worklist.list_waiting(lab.connection, Asked(uscc, today))}


def test_an_order_without_a_document_waits_until_it_has_one(lab: Lab) -> None:
    found = waiting(lab)["claimed"]
    assert (found.number, found.seconds, found.since, found.about) == (1, HOUR, MONDAY, ("SO-2",))
    assert found.link == f"/api/v1/orders?unit={XIAN}"
    lab.say(added_document("SO-2"))
    lab.derive()
    assert "claimed" not in waiting(lab)


def test_hours_of_which_nobody_said_whom_they_served_wait(lab: Lab) -> None:
    assert "unresolved" not in waiting(lab)
    lab.say(use(TUESDAY, 11, 12, "SO-3"))
    origin = "jishi.example/a/agent-a001/1"
    lab.province.observe(origin, Piece(TUESDAY, 11 * HOUR, 12 * HOUR, RUN))
    lab.derive()
    found = waiting(lab)["unresolved"]
    assert (found.number, found.seconds, found.since, found.about) == (1, HOUR, date(2025, 3, 1), ("A001",))


def test_what_is_late_in_the_network_waits_with_its_last_day(lab: Lab) -> None:
    found = waiting(lab)["network-overdue"]
    assert (found.number, found.about, found.due_on) == (1, ("D001",), date(2020, 4, 14))
    assert "network-pending" not in waiting(lab)
    before = waiting(lab, date(2020, 3, 20))
    assert "network-overdue" not in before
    assert before["network-pending"].about == ("D001",)
    with lab.connection.transaction():
        enter(lab.connection, "D001", "joined", from_day=date(2026, 1, 5), proof="x", why="", by="li", today=TODAY)
    assert "network-overdue" not in waiting(lab)


def test_where_the_calendar_is_unknown_the_rest_is_told(lab: Lab) -> None:
    found = waiting(lab, date(2150, 1, 4))
    assert "network-overdue" not in found
    assert found["network-pending"].number == 1


def test_an_open_proposal_waits(lab: Lab) -> None:
    assert "proposals" not in waiting(lab)
    lab.person("li.ming", OFFICER)
    person = people.find_person(lab.connection, "li.ming")
    asker = Asker(person, OFFICER, Actor("li.ming", "command", "x"))
    proposed = ProposedHand(asset="A001", day=MONDAY, seconds=60, source="log, page 1")
    with lab.connection.transaction():
        number = propose(lab.connection, asker, proposed, reason="agent away", now=NOW)
    found = waiting(lab)["proposals"]
    assert (found.number, found.about, found.due_on) == (1, (str(number),), date(2026, 2, 19))
    assert "proposals" not in waiting(lab, uscc=BEIJING)


def test_a_reminder_waits_until_it_is_answered(lab: Lab) -> None:
    assert "idle" not in waiting(lab)
    for name, access in (("sun", Access("supervisor")), ("li.ming", OFFICER)):
        lab.person(name, access)
    platform, unit = (
        acts.By(
            Asker(people.find_person(lab.connection, name), access, Actor(name, "command", "x")), "monthly look", NOW
        )
        for name, access in (("sun", Access("supervisor")), ("li.ming", OFFICER))
    )
    with lab.connection.transaction():
        [case] = remind(lab.connection, platform, assets=["A001"])
    found = waiting(lab)["idle"]
    assert (found.number, found.about, found.since, found.due_on) == (1, ("A001",), case.begins, case.answer_by)
    assert "idle" not in waiting(lab, uscc=BEIJING)
    with lab.connection.transaction():
        answer(lab.connection, case.case_id, unit)
    assert "idle" not in waiting(lab)


def test_a_report_waits_from_the_first_day_on_until_it_is_submitted_and_again_when_it_came_back(lab: Lab) -> None:
    first = waiting(lab)["report"]
    assert (first.what, first.about, first.due_on) == ("none", ("2025",), None)
    with lab.connection.transaction():
        set_due(lab.connection, 2025, date(2026, 3, 1), doer=evaluator())
    lab.draft()
    drafted = waiting(lab)["report"]
    assert (drafted.what, drafted.due_on) == ("draft", date(2026, 3, 1))
    lab.confirm()
    lab.go_on("submitted", officer())
    assert "report" not in waiting(lab)
    lab.go_on("returned", evaluator())
    assert waiting(lab)["report"].what == "returned"


def test_a_unit_that_owned_nothing_owes_nothing(lab: Lab) -> None:
    assert waiting(lab, uscc=SHENZHEN) == {}


def test_what_was_long_ago_is_not_looked_for(lab: Lab) -> None:
    assert "claimed" in waiting(lab, date(2026, 12, 31))
    assert "claimed" not in waiting(lab, date(2027, 1, 1))


def test_every_kind_is_made_by_one_source_and_a_further_source_is_one_more_line(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.say(order("SO-7", SHENZHEN))
    more = Waiting("report", 3, "/x", about=("a", "b", "c"))
    monkeypatch.setattr(worklist, "SOURCES", (*worklist.SOURCES, lambda *_: [more]))
    with lab.connection.transaction():
        found = worklist.list_waiting(lab.connection, Asked(XIAN, TODAY))
    assert found[-1] == more
    assert {each.kind for each in found} <= set(KINDS)
    assert worklist.told(more) == "report           3  a, b, c  /x"
