"""A report's life: each step by whoever may, once and in order; what was submitted never changes; who was late."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import psycopg
import pytest

from collector.errors import FiguresChanged, NotAllowed, RegistryError, SelfEvaluationError, UnknownName
from collector.registry.access import Access, Scope
from collector.registry.audit import list_changes
from collector.self_evaluation import reports, states, timeliness, versions
from collector.self_evaluation.reports import Doer
from collector.self_evaluation.states import FOLLOWS, STATES, check_step
from collector.self_evaluation.texts import MAX_TEXT, merge
from tests.collector.self_evaluation.lab import (
    BEIJING,
    EVALUATOR,
    NOW,
    OFFICER,
    TODAY,
    XIAN,
    Lab,
    added_document,
    by,
    days_before,
    evaluator,
    officer,
)


def submit(lab: Lab, *, now: datetime = NOW) -> None:
    lab.draft(staff=f"as of {now}")
    lab.confirm()
    lab.go_on("submitted", officer("notice of 5 January", now=now))


def test_a_report_is_drafted_confirmed_submitted_returned_answered_and_accepted(lab: Lab) -> None:
    lab.draft(staff="实验技术人员 12 人")
    lab.confirm()
    first = lab.go_on("submitted", officer())
    lab.go_on("returned", evaluator("the staff list is missing"))
    lab.draft(staff="实验技术人员 12 人，名单附后")
    lab.confirm()
    lab.go_on("submitted", officer())
    held = lab.go_on("accepted", evaluator())
    assert (held.state, held.version) == ("accepted", 2)
    steps = versions.list_steps(lab.connection, held)
    assert [(step.state, step.version) for step in steps] == [
        ("draft", 1), ("confirmed", 1), ("submitted", 1), ("returned", 1), ("draft", 2), ("confirmed", 2),
        ("submitted", 2), ("accepted", 2),
    ]  # fmt: skip
    assert (steps[3].why, steps[3].made_by, steps[3].made_at) == ("the staff list is missing", "Wang", NOW)
    kept = versions.read_version(lab.connection, held, 1)
    assert (sha256(kept.body).hexdigest(), kept.report.texts) == (first.sha256, {"staff": "实验技术人员 12 人"})
    trail = [each for each in list_changes(lab.connection) if each.action.startswith("self-evaluation.")]
    assert [each.action.partition(".")[2] for each in trail] == [step.state for step in steps]
    assert trail[2].new == {"version": 1, "sha256": first.sha256}


def test_the_database_knows_the_same_steps_as_the_program(lab: Lab) -> None:
    lab.draft()
    lab.connection.execute("INSERT INTO self_report_version SELECT 1, n, 'x', encode(sha256('x'), 'hex')"
                           " FROM generate_series(2, 30) n")  # fmt: skip
    version, held = 1, "draft"
    walk = "draft confirmed draft confirmed submitted returned draft confirmed submitted accepted"
    for wanted in walk.split():
        for other in STATES:
            if held not in FOLLOWS[other]:
                with pytest.raises(psycopg.errors.RestrictViolation, match=f"that is {held} cannot become {other}"):
                    _step(lab, other, version + (other == "draft"))
        version += wanted == "draft"
        _step(lab, wanted, version)
        held = wanted
    for other in STATES:
        with pytest.raises(psycopg.errors.RestrictViolation, match="that is accepted cannot become"):
            _step(lab, other, version + (other == "draft"))


def test_a_step_is_about_the_version_that_stands_and_a_draft_is_the_next(lab: Lab) -> None:
    lab.draft()
    lab.draft(staff="12")
    with pytest.raises(
        psycopg.errors.RestrictViolation, match="a report at version 2 cannot be confirmed at version 1"
    ):
        _step(lab, "confirmed", 1)
    with pytest.raises(psycopg.errors.RestrictViolation, match="cannot be draft at version 2"):
        _step(lab, "draft", 2)


@pytest.mark.parametrize("wanted", STATES)
@pytest.mark.parametrize("held", [None, *STATES])
def test_what_the_table_of_states_does_not_name_is_refused(held: states.State | None, wanted: states.State) -> None:
    if held in FOLLOWS[wanted]:
        check_step("x", held=held, wanted=wanted)
    else:
        with pytest.raises(SelfEvaluationError, match=f"{wanted} cannot follow; "):
            check_step("x", held=held, wanted=wanted)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("self_report", "year"),
        ("self_report_version", "number"),
        ("self_report_step", "why"),
        ("self_report_due", "why"),
    ],
)
def test_nothing_of_it_can_be_altered_or_deleted(lab: Lab, table: str, column: str) -> None:
    lab.draft()
    due(lab, date(2026, 3, 1))
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"):
        with pytest.raises(psycopg.errors.RestrictViolation, match=f"{table}"):
            lab.connection.execute(statement.encode())


def test_a_draft_that_says_nothing_new_is_refused(lab: Lab) -> None:
    lab.draft(staff="12")
    with pytest.raises(SelfEvaluationError, match="says this already"):
        lab.draft(staff="12")
    assert lab.draft(staff="13").version == 2


def test_records_that_came_later_are_shown_at_confirming_and_refuse_it(lab: Lab) -> None:
    lab.draft()
    lab.say(added_document("SO-2"))
    lab.derive()
    with pytest.raises(FiguresChanged) as caught:
        lab.confirm()
    told = str(caught.value)
    assert "lines[A001].seconds.verified_s: 10800 -> 14400" in told
    assert "lines[A001].seconds.claimed_s: 3600 -> 0" in told
    assert "texts" not in told
    assert versions.find_report(lab.connection, XIAN, 2025).state == "draft"
    held = lab.confirm(keep_figures=True)
    [confirmed] = [step for step in versions.list_steps(lab.connection, held) if step.state == "confirmed"]
    assert confirmed.differences > 2
    [(kept,)] = lab.province.rows("SELECT changed FROM self_report_step WHERE state = 'confirmed'")
    assert b'["lines[A001].seconds.verified_s","10800","14400"]' in bytes(kept)  # type: ignore[call-overload]


def test_a_draft_that_was_made_again_agrees_with_the_records(lab: Lab) -> None:
    lab.draft()
    lab.say(added_document("SO-2"))
    lab.derive()
    lab.draft()
    assert lab.confirm().version == 2


def test_an_instrument_more_is_one_difference(lab: Lab) -> None:
    held = lab.draft()
    lab.province.add_instrument("E001")
    with lab.connection.transaction():
        found = reports.compare(lab.connection, versions.read_version(lab.connection, held, 1), today=TODAY)
    assert [(each.place, each.was) for each in found if each.place.startswith("lines")] == [("lines[E001]", "")]


def test_a_year_that_is_not_over_can_be_drafted_and_not_confirmed(lab: Lab) -> None:
    during = officer(now=datetime(2025, 12, 31, 3, tzinfo=UTC))
    with lab.connection.transaction():
        reports.draft(lab.connection, XIAN, 2025, given={}, doer=during)
    with pytest.raises(SelfEvaluationError, match="2025 is not over: its report can be confirmed from 2026-01-01 on"):
        reports.confirm(lab.connection, XIAN, 2025, doer=during)
    with pytest.raises(SelfEvaluationError, match="a year of which a day is over"):
        reports.draft(lab.connection, XIAN, 2026, given={}, doer=officer(now=datetime(2026, 1, 1, 3, tzinfo=UTC)))


OTHERS = {
    "an officer of another unit": Access("officer", Scope("unit", BEIJING)),
    "an officer over everything": Access("officer"),
    "the unit's reader": Access("reader", Scope("unit", XIAN)),
    "the evaluator": EVALUATOR,
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_unit_alone_drafts_confirms_and_submits(lab: Lab, name: str) -> None:
    other = Doer(by(), OTHERS[name])
    with pytest.raises(NotAllowed, match="a report is draft by an officer of its unit"):
        reports.draft(lab.connection, XIAN, 2025, given={}, doer=other)
    lab.draft()
    with pytest.raises(NotAllowed):
        reports.confirm(lab.connection, XIAN, 2025, doer=other)
    lab.confirm()
    with pytest.raises(NotAllowed):
        lab.go_on("submitted", other)


def test_the_evaluator_alone_returns_accepts_and_sets_the_last_day(lab: Lab) -> None:
    submit(lab)
    for state in ("returned", "accepted"):
        with pytest.raises(NotAllowed, match="by the evaluator"):
            lab.go_on(state, officer())
    with pytest.raises(NotAllowed, match="set by the evaluator"):
        timeliness.set_due(lab.connection, 2025, date(2026, 3, 1), doer=officer())


def test_a_report_is_its_units_own_until_it_is_submitted(lab: Lab) -> None:
    held = lab.draft(staff="first")
    inspector = Access("inspector")
    for access in (EVALUATOR, inspector, Access("expert")):
        with pytest.raises(NotAllowed, match="until then it is its unit's own"):
            versions.load_version(lab.connection, held, access)
    lab.confirm()
    lab.go_on("submitted", officer())
    lab.go_on("returned", evaluator())
    held = lab.draft(staff="second")
    for access in (EVALUATOR, inspector, Access("expert")):
        assert versions.load_version(lab.connection, held, access).number == 1
        with pytest.raises(NotAllowed):
            versions.load_version(lab.connection, held, access, number=2)
    assert versions.load_version(lab.connection, held, OFFICER).number == 2
    assert versions.load_version(lab.connection, held, Access("reader", Scope("unit", XIAN)), number=1).number == 1


@pytest.mark.parametrize("access", [Access("platform"), Access("platform", Scope("unit", XIAN)), Access("reader"),
                                    Access("officer", Scope("unit", BEIJING)), Access("operator"),
                                    Access("reader", Scope("instrument", "A001"))])  # fmt: skip
def test_whom_a_report_does_not_concern_never_reads_it(lab: Lab, access: Access) -> None:
    submit(lab)
    held = versions.find_report(lab.connection, XIAN, 2025)
    with pytest.raises(NotAllowed, match="is read by its unit and its evaluators"):
        versions.load_version(lab.connection, held, access)


def test_what_is_not_there_says_so(lab: Lab) -> None:
    with pytest.raises(UnknownName, match="there is no self-evaluation report of unit"):
        versions.find_report(lab.connection, XIAN, 2025)
    held = lab.draft()
    with pytest.raises(UnknownName, match="has no version 7: the newest is 1"):
        versions.load_version(lab.connection, held, OFFICER, number=7)
    with pytest.raises(SelfEvaluationError, match="is draft: submitted cannot follow; `self-evaluation confirm`"):
        lab.go_on("submitted", officer())
    with pytest.raises(SelfEvaluationError, match="a reason is needed"):
        lab.go_on("submitted", officer(" "))
    with pytest.raises(RegistryError, match="no unit"):
        reports.draft(lab.connection, "12610000000000077A", 2025, given={}, doer=officer())


def test_everything_that_is_wrong_with_texts_is_told_at_once(lab: Lab) -> None:
    with pytest.raises(SelfEvaluationError) as caught:
        lab.draft(staff="x" * (MAX_TEXT + 1), nobody="?", docking="a\tb", outcomes=3)
    told = str(caught.value)
    for fault in ("staff: 4001 characters", "'nobody': unknown; fields are purchasing", "docking: it holds a character",
                  "outcomes: a text is expected"):  # fmt: skip
        assert fault in told
    assert versions.list_reports(lab.connection, Scope()) == []


def test_texts_stay_until_they_are_replaced_or_taken_back() -> None:
    held = merge({}, {"staff": "12\n13", "docking": "done"})
    assert list(held) == ["docking", "staff"]
    assert merge(held, {"docking": ""}) == {"staff": "12\n13"}


# Timeliness


@pytest.mark.parametrize(("due_on", "submitted_on", "today", "judged"), [
    (None, date(2026, 1, 5), date(2026, 1, 6), ("no-due-date", 0)),
    (date(2026, 3, 1), date(2026, 3, 1), date(2026, 5, 1), ("on-time", 0)),
    (date(2026, 3, 1), date(2026, 1, 5), date(2026, 1, 6), ("on-time", 0)),
    (date(2026, 3, 1), date(2026, 3, 2), date(2026, 5, 1), ("late", 1)),
    (date(2026, 2, 28), date(2026, 3, 31), date(2026, 5, 1), ("late", 31)),
    (date(2026, 3, 1), None, date(2026, 3, 1), ("awaited", 0)),
    (date(2026, 3, 1), None, date(2026, 2, 1), ("awaited", 28)),
    (date(2026, 3, 1), None, date(2026, 3, 11), ("missing", 10)),
])  # fmt: skip
def test_how_a_submission_stands_to_the_last_day(
    due_on: date | None, submitted_on: date | None, today: date, judged: tuple[str, int]
) -> None:
    assert timeliness.judge(due_on=due_on, submitted_on=submitted_on, today=today) == judged


def due(lab: Lab, day: date) -> None:
    with lab.connection.transaction():
        timeliness.set_due(lab.connection, 2025, day, doer=evaluator("the notice"))


def test_the_first_submission_counts_and_the_others_stand_beside_it(lab: Lab) -> None:
    due(lab, date(2026, 1, 10))
    submit(lab, now=days_before(10))
    lab.go_on("returned", evaluator(now=days_before(5)))
    submit(lab, now=NOW)
    [found] = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert (found.uscc, found.judged, found.days, found.state, found.returned) == (XIAN, "on-time", 0, "submitted", 1)
    assert (found.first_submitted_at, found.last_submitted_at) == (days_before(10), NOW)


def test_a_submission_at_midnight_is_of_the_local_day(lab: Lab) -> None:
    due(lab, date(2026, 1, 10))
    submit(lab, now=datetime(2026, 1, 10, 16, tzinfo=UTC))
    [found] = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert (found.judged, found.days) == ("late", 1)


def test_a_unit_that_owned_anything_and_said_nothing_is_missing(lab: Lab) -> None:
    due(lab, date(2026, 1, 10))
    [found] = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert (found.uscc, found.judged, found.days, found.state) == (XIAN, "missing", 10, None)
    due(lab, date(2026, 2, 10))
    [found] = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert (found.judged, found.days) == ("awaited", 21)
    assert timeliness.list_timeliness(lab.connection, 2025, scope=Scope("unit", BEIJING), today=TODAY) == []


def test_where_a_round_knows_whom_it_counts_they_owe_a_report(lab: Lab) -> None:
    lab.province.add_instrument("E001")
    lab.connection.execute(
        "INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('E001', %s, '2020-01-01')", [BEIJING]
    )
    listed = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert {each.uscc for each in listed} == {XIAN, BEIJING}
    lab.derive()
    lab.freeze()
    lab.hold_round()
    listed = timeliness.list_timeliness(lab.connection, 2025, scope=Scope(), today=TODAY)
    assert {each.uscc for each in listed} == {XIAN}


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2028, 1, 1)])
def test_a_last_day_is_after_the_year_and_soon(lab: Lab, day: date) -> None:
    with pytest.raises(SelfEvaluationError, match="is no last day for the reports of 2025"):
        due(lab, day)


def _step(lab: Lab, state: str, version: int) -> None:
    lab.connection.execute(
        "INSERT INTO self_report_step (report_id, state, version, why, made_by, made_at)"
        " VALUES (1, %s, %s, 'x', 'x', %s)",
        [state, version, NOW + timedelta(days=1)],
    )
