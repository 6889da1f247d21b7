"""Who is in the network, who has to join by when, and who is late: by day, and never deleted."""

from datetime import date
from typing import Any

import psycopg
import pytest

from collector.errors import CalendarUnknown, NetworkError, UnknownName
from collector.network.states import Standing, Warnings, count_states, enter, list_standings, list_steps
from collector.registry.access import EVERYTHING, Scope
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from tests.collector.province import USCC, Province

ACCEPTED = date(2026, 3, 2)
DUE = date(2026, 4, 14)
TODAY = date(2026, 11, 27)


@pytest.fixture
def instruments(province: Province) -> Province:
    """B001 to B006: worth enough, cheap, of unknown value, exempt, without a day of acceptance, accepted of late."""
    described: list[dict[str, Any]] = [
        {"value_fen": 20_000_000, "accepted_on": ACCEPTED},
        {"value_fen": 19_999_999, "accepted_on": ACCEPTED},
        {"accepted_on": ACCEPTED},
        {"value_fen": 20_000_000, "accepted_on": ACCEPTED, "shareable": False, "exempt_document": "涉密〔2026〕1",
         "exempt_reason": "涉密"},
        {"value_fen": 50_000_000},
        {"value_fen": 50_000_000, "accepted_on": date(2026, 11, 20)},
    ]  # fmt: skip
    with province.connection.transaction():
        for number, members in enumerate(described, 1):
            province.add_instrument(f"B00{number}")
            told = Instrument(asset_no=f"B00{number}", name_zh="仪器", **members)
            describe(province.connection, [(told, date(2026, 3, 1))], recorded_by="li")
    return province


def step(province: Province, asset_no: str, which: str, day: date, **more: str) -> None:
    given: dict[str, Any] = {"proof": "", "why": "", **more}
    with province.connection.transaction():
        enter(province.connection, asset_no, which, from_day=day, by="li", today=TODAY, **given)  # type: ignore[arg-type]


def states(province: Province, day: date = TODAY, **more: Any) -> dict[str, str]:
    found = list_standings(province.connection, day=day, scope=more.pop("scope", EVERYTHING), **more)
    return {each.asset_no: each.state for each in found}


def standing(province: Province, asset_no: str, day: date = TODAY) -> Standing:
    return next(
        each for each in list_standings(province.connection, day=day, scope=EVERYTHING) if each.asset_no == asset_no
    )


def test_each_instrument_stands_as_its_registration_says(instruments: Province) -> None:
    assert states(instruments) == {
        "B001": "overdue", "B002": "not-eligible", "B003": "unknown", "B004": "exempt", "B005": "pending",
        "B006": "pending",
    }  # fmt: skip
    assert standing(instruments, "B001").due_on == DUE
    assert "nobody registered when it was accepted" in standing(instruments, "B005").problem
    counts = count_states(instruments.connection, day=TODAY, scope=EVERYTHING)
    assert counts == {
        "not-eligible": 1, "unknown": 1, "exempt": 1, "pending": 2, "overdue": 1, "joined": 0, "left": 0,
    }  # fmt: skip


def test_the_term_ends_with_its_last_day(instruments: Province) -> None:
    assert states(instruments, DUE)["B001"] == "pending"
    assert states(instruments, date(2026, 4, 15))["B001"] == "overdue"


def test_who_is_in_time_is_warned_before_the_term_ends(instruments: Province) -> None:
    """30 working days from 2 March end on 14 April: ten are left at the end of 30 March, three on 9 April."""
    seen = {
        day: (standing(instruments, "B001", day).days_left, standing(instruments, "B001", day).warned)
        for day in (date(2026, 3, 27), date(2026, 3, 30), date(2026, 4, 8), date(2026, 4, 9), DUE)
    }
    assert seen == {
        date(2026, 3, 27): (11, None), date(2026, 3, 30): (10, "due-soon"), date(2026, 4, 8): (4, "due-soon"),
        date(2026, 4, 9): (3, "due-last"), DUE: (0, "due-last"),
    }  # fmt: skip
    after = standing(instruments, "B001", date(2026, 4, 15))
    assert (after.state, after.days_left, after.warned) == ("overdue", None, None)


def test_lists_hold_who_is_due_soon_by_the_days_that_somebody_decided(instruments: Province) -> None:
    assert states(instruments, date(2026, 3, 30), state="due-soon") == {"B001": "pending"}
    assert states(instruments, date(2026, 3, 30), state="due-last") == {}
    assert states(instruments, date(2026, 3, 27), state="due-soon") == {}
    eager = Warnings(soon_days=11, last_days=10)
    assert states(instruments, date(2026, 3, 27), state="due-soon", warnings=eager) == {"B001": "pending"}
    for word in ("due-soon", "due-last"):
        assert states(instruments, date(2026, 3, 30), state=word, warnings=eager) == {"B001": "pending"}
        with pytest.raises(CalendarUnknown, match="2150"):
            states(instruments, date(2150, 1, 4), state=word)


def test_joining_and_leaving_hold_from_their_day_on_and_nothing_is_deleted(instruments: Province) -> None:
    step(instruments, "B001", "joined", date(2026, 5, 4), proof="陕科平台〔2026〕12")
    step(instruments, "B001", "left", date(2026, 9, 1), why="lent away")
    seen = [states(instruments, day)["B001"] for day in (date(2026, 5, 3), date(2026, 5, 4), date(2026, 8, 31), TODAY)]
    assert seen == ["overdue", "joined", "joined", "left"]
    step(instruments, "B001", "joined", date(2026, 9, 1), proof="it came back the same day")
    held = standing(instruments, "B001")
    assert (held.state, held.since, held.proof, held.recorded_by) == (
        "joined", date(2026, 9, 1), "it came back the same day", "li",
    )  # fmt: skip
    assert [each.step for each in list_steps(instruments.connection, "B001")] == ["joined", "left", "joined"]
    with pytest.raises(psycopg.errors.RestrictViolation):
        instruments.connection.execute("DELETE FROM network_step")


@pytest.mark.parametrize(("which", "day", "more", "says"), [
    ("joined", TODAY, {}, "joins with a proof"),
    ("left", TODAY, {"proof": "x"}, "leaves for a reason"),
    ("joined", date(2026, 11, 28), {"proof": "x"}, "has not come yet"),
    ("left", TODAY, {"why": "x"}, "was not in the network on 2026-11-27"),
    ("joined", TODAY, {"proof": "two\nlines"}, "proof: at most 500 characters on one line"),
    ("joined", TODAY, {"proof": "x" * 501}, "proof: at most 500"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_the_reason(
    instruments: Province, which: str, day: date, more: dict[str, str], says: str
) -> None:
    with pytest.raises(NetworkError, match=says):
        step(instruments, "B001", which, day, **more)
    assert list_steps(instruments.connection, "B001") == []


def test_nobody_joins_twice_and_nobody_who_is_not_there(instruments: Province) -> None:
    step(instruments, "B001", "joined", date(2026, 5, 4), proof="x")
    with pytest.raises(NetworkError, match="in the network since 2026-05-04"):
        step(instruments, "B001", "joined", TODAY, proof="x")
    with pytest.raises(UnknownName):
        step(instruments, "B404", "joined", TODAY, proof="x")


def test_a_cheap_or_exempt_one_may_join_all_the_same(instruments: Province) -> None:
    for asset_no in ("B002", "B004"):
        step(instruments, asset_no, "joined", date(2026, 5, 4), proof="x")
        assert states(instruments)[asset_no] == "joined"


def test_lists_go_by_state_scope_and_page(instruments: Province) -> None:
    assert states(instruments, state="pending") == {"B005": "pending", "B006": "pending"}
    assert states(instruments, scope=Scope("instrument", "B003")) == {"B003": "unknown"}
    assert len(states(instruments, scope=Scope("unit", USCC))) == 6
    assert list(states(instruments, after="B002", limit=2)) == ["B003", "B004"]


def test_a_year_without_a_calendar_says_so(instruments: Province) -> None:
    far = date(2150, 1, 4)
    assert states(instruments, far)["B002"] == "not-eligible"
    assert states(instruments, far)["B001"] == "pending", "its term is known to be over, and today is not"
    with pytest.raises(CalendarUnknown, match="2150"):
        list_standings(instruments.connection, day=far, scope=EVERYTHING, state="overdue")
