"""A case from the reminder to its end: who may do what, in which order; the database refuses what the code would."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from collector.errors import MonitoringError, NotAllowed, UnknownName
from collector.monitoring.acts import By
from collector.monitoring.case_states import FOLLOWING, STATES, State, check_step
from collector.monitoring.cases import Case, Wanted, answer, find_case, list_cases, list_steps, remind, take
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.audit import list_changes
from tests.collector.monitoring.monitored import NOW, OWN, TODAY, days_before, lies_in, person, put_days
from tests.collector.province import USCC, Province

OTHER = "12100000400000624D"
LATER = timedelta(days=16)


@pytest.fixture
def idle(province: Province) -> Province:
    """A001 and A002 of the unit, idle since 1 September; nothing is known of A003."""
    for number in (1, 2):
        province.add_instrument(f"A00{number}")
        province.add_agent(f"em-0{number}", f"A00{number}", from_day=date(2026, 9, 1))
        put_days(province, f"A00{number}", date(2026, 9, 1), days_before(1))
    province.add_instrument("A003")
    return province


@pytest.fixture
def platform(idle: Province) -> By:
    return person(idle, "wang.fang", "supervisor")


@pytest.fixture
def officer(idle: Province) -> By:
    return person(idle, "li.ming", "officer", OWN)


def reminded(province: Province, by: By, *assets: str) -> list[Case]:
    with province.connection.transaction():
        return remind(province.connection, by, assets=assets or None)


def answered(province: Province, by: By, case: Case) -> Case:
    with province.connection.transaction():
        return answer(province.connection, case.case_id, by)


def taken(province: Province, by: By, case: Case, state: State, **more: Any) -> Case:
    with province.connection.transaction():
        return take(province.connection, case.case_id, Wanted(state, **more), by)


def test_reminders_go_to_what_is_due_with_the_figures_of_the_day(idle: Province, platform: By) -> None:
    first, second = reminded(idle, platform)
    assert (first.asset_no, second.asset_no, first.uscc) == ("A001", "A002", USCC)
    assert (first.kind, first.observed_days, first.unobserved_days, first.threshold_days) == ("idle", 87, 0, 30)
    assert (first.state, first.answer_by, first.is_late) == ("reminded", TODAY + timedelta(days=15), False)
    assert reminded(idle, platform) == [], "an open case is no other reminder"
    trail = [change for change in list_changes(idle.connection) if change.action == "idle.remind"]
    assert [(change.target, change.actor) for change in trail] == [("A001", "wang.fang"), ("A002", "wang.fang")]


def test_a_named_instrument_has_to_be_due(idle: Province, platform: By) -> None:
    with pytest.raises(MonitoringError, match="A003 is unmeasured"):
        reminded(idle, platform, "A003")
    with pytest.raises(UnknownName, match="ZZZZ"):
        reminded(idle, platform, "ZZZZ")
    reminded(idle, platform, "A001")
    with pytest.raises(MonitoringError, match="case 1 of A001 is open"):
        reminded(idle, platform, "A001", "A002")
    assert [case.asset_no for case in list_cases(idle.connection, scope=EVERYTHING, today=TODAY)] == ["A001"]


def test_a_reason_that_somebody_else_accepts_rests_until_its_day(idle: Province, platform: By, officer: By) -> None:
    [case, _] = reminded(idle, platform)
    assert answered(idle, officer._replace(why="its laser is being repaired"), case).state == "answered"
    until = TODAY + timedelta(days=60)
    assert taken(idle, platform, case, "accepted", until_day=until).state == "accepted"
    [said, judged] = list_steps(idle.connection, case.case_id)
    assert (said.why, said.made_by) == ("its laser is being repaired", "li.ming")
    assert (judged.until_day, judged.made_by) == (until, "wang.fang")
    put_days(idle, "A001", TODAY, until + timedelta(days=1))
    at_its_end = platform._replace(now=NOW + timedelta(days=60))
    assert [each.asset_no for each in reminded(idle, at_its_end)] == []
    after_it = platform._replace(now=NOW + timedelta(days=61))
    assert [each.asset_no for each in reminded(idle, after_it)] == ["A001"]


def test_who_gave_the_reason_does_not_judge_it(idle: Province, platform: By, officer: By) -> None:
    [case, _] = reminded(idle, platform)
    answered(idle, officer, case)
    promoted = person(idle, "li.ming", "supervisor")
    for state, more in (("refused", {}), ("accepted", {"until_day": TODAY})):
        with pytest.raises(NotAllowed, match=r"li\.ming gave the reason in case 1"):
            taken(idle, promoted, case, state, **more)  # type: ignore[arg-type]
    with pytest.raises(psycopg.errors.RestrictViolation, match="cannot be judged by the person who gave it"):
        _insert_step(idle, case, "refused", person_id=officer.asker.person.person_id)


def test_a_refused_reason_leads_to_a_transfer_with_an_outcome(idle: Province, platform: By, officer: By) -> None:
    [case, _] = reminded(idle, platform)
    answered(idle, officer, case)
    taken(idle, platform, case, "refused")
    assert taken(idle, platform, case, "transfer").state == "transfer"
    assert taken(idle, platform, case, "closed", outcome="transferred").state == "closed"
    assert [step.outcome for step in list_steps(idle.connection, case.case_id)] == [None, None, None, "transferred"]
    assert reminded(idle, platform) == [], "the case rests as long as it takes to become idle"
    much_later = platform._replace(now=NOW + timedelta(days=30))
    put_days(idle, "A001", TODAY, TODAY + timedelta(days=30))
    assert [each.asset_no for each in reminded(idle, much_later)] == ["A001"]


def test_without_an_answer_a_transfer_waits_for_the_end_of_the_term(idle: Province, platform: By) -> None:
    [case, _] = reminded(idle, platform)
    on_its_last_day = platform._replace(now=NOW + timedelta(days=15))
    with pytest.raises(MonitoringError, match=f"may answer in case 1 until {case.answer_by}"):
        taken(idle, on_its_last_day, case, "transfer")
    assert find_case(idle.connection, 1, today=case.answer_by).is_late is False
    assert find_case(idle.connection, 1, today=case.answer_by + timedelta(days=1)).is_late is True
    assert taken(idle, platform._replace(now=NOW + LATER), case, "transfer").state == "transfer"


def test_a_late_answer_is_an_answer_and_a_case_can_be_withdrawn(idle: Province, platform: By, officer: By) -> None:
    first, second = reminded(idle, platform)
    assert answered(idle, officer._replace(now=NOW + LATER), first).state == "answered"
    assert taken(idle, platform, second, "withdrawn").state == "withdrawn"
    with pytest.raises(MonitoringError, match="case 2 is withdrawn: answered cannot follow; it is over"):
        answered(idle, officer, second)


@pytest.mark.parametrize(("state", "more", "says"), [
    ("accepted", {"until_day": TODAY}, "reminded: accepted cannot follow"),
    ("withdrawn", {"until_day": TODAY}, "until_day: a reason is accepted until a day"),
    ("withdrawn", {"outcome": "kept"}, "outcome: a case is closed with an outcome"),
    ("withdrawn", {"document": "0" * 64}, "no stored file that a reason names"),
    ("answered", {}, "answered is no step of the platform"),
])  # fmt: skip
def test_what_cannot_be_is_refused(idle: Province, platform: By, state: State, more: dict[str, Any], says: str) -> None:
    [case, _] = reminded(idle, platform)
    with pytest.raises(MonitoringError, match=says):
        taken(idle, platform, case, state, **more)
    assert list_steps(idle.connection, case.case_id) == []


def test_a_reason_is_accepted_until_a_day_that_comes(idle: Province, platform: By, officer: By) -> None:
    [case, _] = reminded(idle, platform)
    answered(idle, officer, case)
    for until, says in ((None, "a reason is accepted until a day"), (days_before(1), "which is over")):
        with pytest.raises(MonitoringError, match=says):
            taken(idle, platform, case, "accepted", until_day=until)
    with pytest.raises(MonitoringError, match="why: 1 to 500 characters on one line"):
        taken(idle, platform._replace(why="two\nlines"), case, "refused")


def test_each_does_what_he_may(idle: Province, platform: By, officer: By) -> None:
    with pytest.raises(NotAllowed, match="no right to monitoring"):
        reminded(idle, officer)
    [case, _] = reminded(idle, platform)
    with pytest.raises(NotAllowed, match="no right to facts"):
        answered(idle, platform, case)
    units.register_unit(idle.connection, OTHER, name_zh="清华大学")
    stranger = person(idle, "zhao", "officer", Scope("unit", OTHER))
    with pytest.raises(NotAllowed, match="outside of what zhao may change"):
        answered(idle, stranger, case)
    with pytest.raises(NotAllowed, match="no right to monitoring"):
        taken(idle, officer, case, "withdrawn")
    assert list_cases(idle.connection, scope=Scope("unit", OTHER), today=TODAY) == []
    assert len(list_cases(idle.connection, scope=OWN, today=TODAY)) == 2
    with pytest.raises(UnknownName):
        find_case(idle.connection, 1, today=TODAY, scope=Scope("unit", OTHER))
    lies_in(idle, USCC, "610113")
    seen = [list_cases(idle.connection, scope=Scope("division", code), today=TODAY) for code in ("61", "6102")]
    assert [len(each) for each in seen] == [2, 0]


@pytest.mark.parametrize("held", STATES)
def test_code_and_database_know_the_same_steps(idle: Province, platform: By, officer: By, held: State) -> None:
    [case, _] = reminded(idle, platform)
    for state in _way_to(held):
        _insert_step(idle, case, state, person_id=officer.asker.person.person_id)
        officer = platform
    for wanted in STATES:
        by_code, by_database = True, True
        try:
            check_step(1, held=held, wanted=wanted, answer_by=case.answer_by, today=TODAY + LATER)
        except MonitoringError:
            by_code = False
        try:
            with idle.connection.transaction(force_rollback=True):
                _insert_step(idle, case, wanted, person_id=platform.asker.person.person_id)
        except (psycopg.errors.RestrictViolation, psycopg.errors.UniqueViolation):
            by_database = False
        assert by_code == by_database == (wanted in FOLLOWING[held]), f"{held} to {wanted}"


def test_the_database_holds_the_term_one_open_case_and_every_fact(idle: Province, platform: By) -> None:
    [case, _] = reminded(idle, platform)
    with pytest.raises(psycopg.errors.RestrictViolation, match="the term of case 1 is not over"):
        _insert_step(idle, case, "transfer", person_id=1, after=timedelta(days=15))
    with pytest.raises(psycopg.errors.RestrictViolation, match="there is an open case of A001"):
        idle.connection.execute(
            "INSERT INTO idle_case (asset_no, uscc, kind, begins, last_day, observed_days, unobserved_days,"
            " threshold_days, answer_by, why, made_by_id, made_by, made_at)"
            " SELECT asset_no, uscc, kind, begins, last_day, observed_days, unobserved_days, threshold_days, answer_by,"
            " why, made_by_id, made_by, made_at FROM idle_case WHERE asset_no = 'A001'"
        )
    taken(idle, platform, case, "withdrawn")
    for table in ("idle_case", "idle_step"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="never updated or deleted"):
            idle.connection.execute(f"DELETE FROM {table}".encode())


def _way_to(held: State) -> list[State]:
    ways: dict[State, list[State]] = {
        "reminded": [], "answered": ["answered"], "accepted": ["answered", "accepted"],
        "refused": ["answered", "refused"], "transfer": ["transfer"], "closed": ["transfer", "closed"],
        "withdrawn": ["withdrawn"],
    }  # fmt: skip
    return ways[held]


def _insert_step(province: Province, case: Case, state: State, *, person_id: int, after: timedelta = LATER) -> None:
    values = {
        "case_id": case.case_id,
        "state": state,
        "until_day": TODAY if state == "accepted" else None,
        "outcome": "kept" if state == "closed" else None,
        "person_id": person_id,
        "at": NOW + after,
    }
    with province.connection.transaction():
        province.connection.execute(
            "INSERT INTO idle_step (case_id, state, why, until_day, outcome, person_id, made_by, made_at)"
            " VALUES (%(case_id)s, %(state)s, 'test', %(until_day)s, %(outcome)s, %(person_id)s, 'x', %(at)s)",
            values,
        )
