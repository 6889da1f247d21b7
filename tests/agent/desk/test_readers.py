"""Cards: an event with a salted hash, a sign-in or sign-out of the holder, and never the number."""

import errno
from pathlib import Path

import pytest

from agent.desk.cards import Holder, open_cards
from agent.desk.readers import ASSIGN_WITHIN_MS
from agent.desk.rules import Claim
from agent.errors import DeskError
from tests.agent.desk.conftest import Room

CARD, OTHER = "0A001B2C3D", "0A00FFFFFF"
ANNA = Holder("Anna", "teaching")


def assign(room: Room, number: str, holder: Holder = ANNA) -> None:
    room.readers.assign_next(holder)
    room.present(number)


def there(room: Room) -> list[tuple[str, str, str]]:
    return [(one.presence.asset, one.name, one.presence.how) for one in room.desk.people()]


def test_the_same_card_signs_in_and_out_at_the_readers_instrument(room: Room) -> None:
    assign(room, CARD)
    assert there(room) == [], "to assign a card is not to use it"
    room.present(CARD)
    assert there(room) == [("A001", "Anna", "card")]
    assert room.desk.people()[0].presence.purpose == "teaching"
    room.present(CARD, "reader2")
    assert there(room) == [("A001", "Anna", "card"), ("A002", "Anna", "card")]
    room.present(CARD)
    assert there(room) == [("A002", "Anna", "card")]


def test_a_card_signs_out_who_signed_in_by_the_page(room: Room) -> None:
    assign(room, CARD)
    room.desk.sign_in("A001", "anna", Claim("own-research"), how="page")
    room.present(CARD)
    assert there(room) == []


def test_each_presentation_is_an_event_and_the_number_is_nowhere(room: Room) -> None:
    assign(room, CARD)
    room.present(CARD)
    room.present(OTHER)
    events = room.events()
    assert len(events) == 3
    assert events[0] == events[1] != events[2]
    assert all(event.startswith("card=") and len(event) == 5 + 16 for event in events)
    kept = b"".join(path.read_bytes() for path in room.state_dir.rglob("*") if path.is_file())
    for number in (CARD, OTHER):
        assert number.encode() not in kept
    assert b"Anna" not in b"".join(path.read_bytes() for path in room.state_dir.rglob("*.log"))


def test_an_unknown_card_is_an_event_and_a_hint(room: Room) -> None:
    room.present(OTHER)
    assert len(room.events()) == 1
    assert "at reader1: it is nobody's; assign it (jishi-agent card assign)" in room.readers.hint
    assert there(room) == []
    assign(room, CARD)
    assert room.readers.hint == ""


def test_a_card_that_lies_on_the_reader_counts_once(room: Room) -> None:
    assign(room, CARD)
    room.present(CARD)
    for _ in range(200):
        room.present(CARD, after_ms=50)
    assert there(room) == [("A001", "Anna", "card")]
    assert len(room.events()) == 2
    room.present(OTHER, after_ms=50)
    room.present(CARD, after_ms=3000)
    assert there(room) == []


def test_the_next_card_is_assigned_for_a_minute_and_no_longer(room: Room) -> None:
    room.readers.assign_next(ANNA)
    waiting = room.readers.assigning()
    assert waiting is not None
    assert waiting.card == ""
    room.clock.advance(ASSIGN_WITHIN_MS + 1)
    assert room.readers.assigning() is None
    room.present(CARD, after_ms=0)
    assert room.readers.holders() == {}


def test_an_assignment_says_which_card_it_was(room: Room) -> None:
    assign(room, CARD)
    done = room.readers.assigning()
    assert done is not None
    assert room.readers.holders() == {done.card: ANNA}
    room.present(OTHER)
    assert list(room.readers.holders()) == [done.card], "one card for each time that it is asked for"


def test_a_card_given_to_another_person_is_that_persons(room: Room) -> None:
    assign(room, CARD)
    assign(room, CARD, Holder("Bo", "own-research"))
    room.present(CARD)
    assert there(room) == [("A001", "Bo", "card")]


def test_a_lost_card_is_removed_by_its_first_digits(room: Room) -> None:
    assign(room, CARD)
    (card,) = room.readers.holders()
    for prefix in ("", "zz"):
        with pytest.raises(DeskError, match="cards begin with"):
            room.readers.remove(prefix)
    assert room.readers.remove(card[:6]) == ANNA
    room.present(CARD)
    assert there(room) == []
    room.restart()
    assert room.readers.holders() == {}


def test_cards_outlive_a_restart_and_die_with_the_salt(room: Room) -> None:
    assign(room, CARD)
    room.restart()
    room.present(CARD)
    assert there(room) == [("A001", "Anna", "card")]
    (room.state_dir / "salt").unlink()
    room.restart()
    room.present(CARD)
    assert "it is nobody's" in room.readers.hint


def test_a_reader_without_an_instrument_says_so_where_there_are_several(room: Room) -> None:
    assign(room, CARD)
    room.present(CARD, "host")
    assert "the reader stands at no instrument" in room.readers.hint


def test_a_card_that_the_journal_does_not_take_signs_nobody_in(room: Room) -> None:
    assign(room, CARD)
    room.refuse_to_write(errno.ENOSPC)
    room.present(CARD)
    assert "nothing was recorded" in room.readers.hint
    assert there(room) == []
    room.refuse_to_write(0)
    room.present(CARD)
    assert there(room) == [("A001", "Anna", "card")]


@pytest.mark.parametrize("nonsense", ["", "{", "[]", '{"cards":{"x":{"operator":"Anna","purpose":"fun"}}}'])
def test_nonsense_in_place_of_the_cards_is_refused_with_the_remedy(tmp_path: Path, nonsense: str) -> None:
    (tmp_path / "cards.json").write_text(nonsense)
    with pytest.raises(DeskError, match="put the right file back, or remove it"):
        open_cards(tmp_path)
