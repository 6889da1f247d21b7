"""Evidence lists: who enters what until when, who sees it, and that nothing of it is lost."""

from datetime import timedelta

import psycopg
import pytest

from collector.errors import NotAllowed, RoundError, UnknownDocument, UnknownName
from collector.evaluation.evidence import (
    Item,
    Sight,
    enter_item,
    find_term,
    list_items,
    set_term,
    sight_of,
    withdraw_item,
)
from collector.evaluation.experts import OF_EXPERTS, appoint_expert
from collector.evaluation.rounds import By, find_round
from collector.registry.access import Access, Scope
from tests.collector.evaluation.following import closed, officer, said, store_document
from tests.collector.evaluation.playing import draft
from tests.collector.evaluation.world import BEIJING, NOW, XIAN, World, by

PAPER = Item(XIAN, 6, "paper", "A structure at 2 Å", number=1)
ALL = Sight(None, OF_EXPERTS)


def enter(world: World, item: Item = PAPER, *, who: By | None = None) -> int:
    person, access = officer(world, XIAN)
    with world.connection.transaction():
        return enter_item(world.connection, "2025", item, person=person, access=access, by=who or said())


def withdraw(world: World, number: int, why: str = "printed twice") -> None:
    person, access = officer(world, XIAN)
    with world.connection.transaction():
        withdraw_item(world.connection, "2025", number, person=person, access=access, by=said(why=why))


def test_an_officer_enters_items_and_withdraws_one_which_stays(world: World) -> None:
    held = draft(world)
    document = store_document(world, "cd")
    first = enter(world, PAPER._replace(document=document, amount_fen=120_000, note="second author"))
    second = enter(world)
    withdraw(world, second)
    kept, withdrawn = list_items(world.connection, held, sight=ALL)
    assert (kept.item_id, kept.item.document, kept.item.amount_fen, kept.made_by) == (first, document, 120_000, "li.na")
    assert kept.withdrawn_at is None
    assert (withdrawn.item_id, withdrawn.withdrawn_why, withdrawn.withdrawn_by) == (second, "printed twice", "li.na")
    with pytest.raises(RoundError, match="item 2 was withdrawn by li"):
        withdraw(world, second)
    with pytest.raises(UnknownName, match="there is no item 99"):
        withdraw(world, 99)
    actions = world.province.rows("SELECT action, reason FROM audit WHERE target = '2025' ORDER BY seq")
    assert actions[-1] == ("round.withdraw-evidence", "printed twice")


def test_a_users_rating_is_one_to_five(world: World) -> None:
    draft(world)
    rating = Item(XIAN, 8, "user-rating", "order SO-1", number=5)
    enter(world, rating)
    for number in (0, 6, None):
        with pytest.raises(RoundError, match="a user's rating is 1"):
            enter(world, rating._replace(number=number))
    with pytest.raises(psycopg.errors.CheckViolation):
        world.connection.execute(
            "INSERT INTO round_evidence (round_id, uscc, indicator, kind, title, note, number, made_by, made_at)"
            " SELECT round_id, %s, 8, 'user-rating', 'x', '', 6, 'x', now() FROM round",
            [XIAN],
        )


WRONG: dict[str, tuple[Item, str]] = {
    "an indicator that is computed": (PAPER._replace(indicator=5), "5 is none that experts judge"),
    "a kind of another indicator": (PAPER._replace(kind="training"), "'training' is none of indicator 6"),
    "no title": (PAPER._replace(title=" "), "title: 1 to 500 printable characters"),
    "a title of two lines": (PAPER._replace(title="a\nb"), "title: 1 to 500 printable characters"),
    "too much": (PAPER._replace(amount_fen=2**53), "amount_fen: 9007199254740992 is no amount"),
    "less than nothing": (PAPER._replace(number=-1), "number: -1 is no amount"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_item_that_cannot_be_is_refused_with_the_place(world: World, name: str) -> None:
    held = draft(world)
    item, says = WRONG[name]
    with pytest.raises(RoundError, match=says):
        enter(world, item)
    assert list_items(world.connection, held, sight=ALL) == []


def test_everything_wrong_is_told_at_once(world: World) -> None:
    draft(world)
    with pytest.raises(RoundError) as caught:
        enter(world, PAPER._replace(kind="x", title="", number=-1))
    assert str(caught.value).count("\n  ") == 3


def test_nobody_enters_for_another_unit_and_no_document_is_made_up(world: World) -> None:
    draft(world)
    with pytest.raises(NotAllowed, match="does not speak for unit"):
        enter(world, PAPER._replace(uscc=BEIJING))
    with pytest.raises(UnknownDocument):
        enter(world, PAPER._replace(document="0" * 64))
    person, _ = officer(world, XIAN)
    with pytest.raises(NotAllowed), world.connection.transaction():
        enter_item(world.connection, "2025", PAPER, person=person, access=Access("evaluator"), by=said())


def test_evidence_is_taken_until_a_day_and_never_after_the_round_closed(world: World) -> None:
    held = draft(world)
    today = NOW.date()
    with pytest.raises(RoundError, match="is over: give today or a later day"), world.connection.transaction():
        set_term(world.connection, "2025", last_day=today - timedelta(days=1), by=by())
    with world.connection.transaction():
        set_term(world.connection, "2025", last_day=today, by=by("notice 2"))
    assert find_term(world.connection, held) == today
    number = enter(world)
    late = said(now=NOW + timedelta(days=1))
    with pytest.raises(RoundError, match=f"was taken until {today}: it is frozen"):
        enter(world, who=late)
    with world.connection.transaction():
        set_term(world.connection, "2025", last_day=today + timedelta(days=9), by=by("longer"))
    enter(world, who=late)
    assert number == 1


def test_a_closed_round_takes_no_evidence(world: World) -> None:
    closed(world)
    with pytest.raises(RoundError, match="is in state closed: to bring evidence belongs to draft or"):
        enter(world)
    with pytest.raises(psycopg.errors.RestrictViolation, match="closed takes no line of round_evidence"):
        world.connection.execute(
            "INSERT INTO round_evidence (round_id, uscc, indicator, kind, title, note, made_by, made_at)"
            " SELECT round_id, %s, 6, 'paper', 'x', '', 'x', now() FROM round",
            [XIAN],
        )


def test_an_expert_sees_his_indicators_a_unit_its_own_and_a_display_nothing(world: World) -> None:
    held = draft(world)
    enter(world)
    enter(world, PAPER._replace(indicator=3, kind="training"))
    ann, li = world.person("ann", "expert"), officer(world, XIAN)[0]
    with world.connection.transaction():
        appoint_expert(world.connection, "2025", "ann", indicators=[3], by=by())
    held = find_round(world.connection, "2025")

    def seen(access: Access) -> list[int]:
        sight = sight_of(world.connection, held, ann if access.role == "expert" else li, access)
        return [] if sight is None else [each.item_id for each in list_items(world.connection, held, sight=sight)]

    assert seen(Access("expert")) == [2]
    for role in ("evaluator", "inspector", "registrar"):
        assert seen(Access(role)) == [1, 2]
    assert seen(Access("officer", Scope("unit", XIAN))) == [1, 2]
    assert seen(Access("officer", Scope("unit", BEIJING))) == []
    assert seen(Access("reader", Scope("instrument", "A001"))) == []
    assert seen(Access("platform")) == seen(Access("reader")) == []
