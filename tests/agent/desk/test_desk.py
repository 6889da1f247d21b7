"""The desk: what people do, what stands in the journal then, and what outlives a restart."""

import errno

import pytest

from agent.desk.desk import claim
from agent.desk.rules import Claim
from agent.errors import DeskError
from protocol.entry import Declaration
from protocol.presence import Ended
from tests.agent.desk.conftest import HOUR_MS, IDLE_MS, Room

OWN = Claim("own-research")
ORDER = Claim("service-order", "SO-2026-17")


def sign_in(room: Room, name: str, what: Claim = OWN, *, asset: str = "A001") -> None:
    room.desk.sign_in(asset, name, what, how="page")


def there(room: Room) -> list[tuple[str, str]]:
    return [(person.presence.asset, person.name) for person in room.desk.people()]


def test_signing_in_and_out_are_entries_with_a_hash_in_place_of_the_name(room: Room) -> None:
    person = room.desk.sign_in("A001", " 张  三 ", ORDER, how="page")
    hashed = room.desk.hash_of("张 三")
    assert (person.name, person.presence.operator) == ("张 三", hashed)
    room.clock.advance(HOUR_MS)
    ended = room.desk.sign_out("A001", hashed, how="page")
    assert ended.end_ms - ended.presence.since_ms == HOUR_MS
    assert room.said() == [
        Declaration(
            asset="A001", operator=hashed, action="in", how="page", purpose="service-order", order="SO-2026-17"
        ),
        Declaration(asset="A001", operator=hashed, action="out", how="page"),
    ]
    assert not any("张" in str(body) for body in room.bodies())


def test_two_persons_may_be_there_together_and_one_at_two_instruments(room: Room) -> None:
    sign_in(room, "Anna")
    sign_in(room, "Bo")
    sign_in(room, "Anna", asset="A002")
    assert there(room) == [("A001", "Anna"), ("A001", "Bo"), ("A002", "Anna")]
    room.desk.sign_out("A001", room.desk.hash_of("Anna"), how="command")
    assert there(room) == [("A001", "Bo"), ("A002", "Anna")]


def test_a_form_that_was_sent_twice_is_one_entry(room: Room) -> None:
    sign_in(room, "Anna", ORDER)
    first = room.desk.people()
    sign_in(room, "Anna", ORDER)
    assert room.desk.people() == first
    assert len(room.said()) == 1


def test_another_purpose_is_another_presence(room: Room) -> None:
    sign_in(room, "Anna", OWN)
    sign_in(room, "Anna", ORDER)
    assert [person.presence.purpose for person in room.desk.people()] == ["service-order"]
    assert [body.action for body in room.said()] == ["in", "in"]


def test_the_only_one_there_needs_no_name_to_leave(room: Room) -> None:
    sign_in(room, "Anna")
    room.desk.sign_out("A001", None, how="command")
    assert there(room) == []
    with pytest.raises(DeskError, match="nobody is signed in at A001"):
        room.desk.sign_out("A001", None, how="command")
    sign_in(room, "Anna")
    sign_in(room, "Bo")
    with pytest.raises(DeskError, match=r"several are signed in at A001 \(Anna, Bo\)"):
        room.desk.sign_out("A001", None, how="command")


def test_what_cannot_be_is_refused_with_the_remedy_and_nothing_is_written(room: Room) -> None:
    size = room.journal.size
    for asset in ("A009", ""):
        with pytest.raises(DeskError, match="known: A001, A002"):
            sign_in(room, "Anna", asset=asset)
        with pytest.raises(DeskError, match="known: A001, A002"):
            room.desk.sign_out(asset, None, how="page")
    for name in ("", " \n", "x" * 65):
        with pytest.raises(DeskError, match="operator's name"):
            sign_in(room, name)
    with pytest.raises(DeskError, match="is not signed in at A001"):
        room.desk.sign_out("A001", room.desk.hash_of("Bo"), how="page")
    assert room.journal.size == size


def test_a_purpose_and_an_order_are_read_from_words() -> None:
    assert claim("service-order", " SO-1\n") == Claim("service-order", "SO-1")
    assert claim("teaching", "  ") == Claim("teaching")
    with pytest.raises(DeskError, match="one of own-research, service-order, teaching"):
        claim("fun", "")
    with pytest.raises(DeskError, match="longer than 64"):
        claim("teaching", "x" * 65)


def test_who_is_there_outlives_a_restart_with_the_name(room: Room) -> None:
    sign_in(room, "张三", ORDER)
    before = room.desk.people()
    room.restart()
    assert room.desk.people() == before
    room.desk.sign_out("A001", None, how="page")
    room.restart()
    assert there(room) == []


def test_the_journal_is_the_truth_where_the_file_was_lost(room: Room) -> None:
    sign_in(room, "Anna", ORDER)
    hashed = room.desk.hash_of("Anna")
    (room.state_dir / "desk.json").unlink()
    room.restart()
    assert there(room) == [("A001", f"#{hashed[:8]}")]
    assert room.desk.people()[0].presence.order == "SO-2026-17"
    sign_in(room, "Anna", ORDER)
    room.restart()
    assert there(room) == [("A001", "Anna")], "who says it again is known again"
    assert len(room.said()) == 1


def test_a_crash_between_journal_and_file_loses_no_presence(room: Room) -> None:
    sign_in(room, "Anna")
    kept = (room.state_dir / "desk.json").read_bytes()
    sign_in(room, "Bo")
    room.desk.sign_out("A001", room.desk.hash_of("Anna"), how="page")
    (room.state_dir / "desk.json").write_bytes(kept)
    room.restart()
    assert [person.presence.operator for person in room.desk.people()] == [room.desk.hash_of("Bo")]


@pytest.mark.parametrize("nonsense", [b"", b"{", b"[]", b'{"origin":"another/a/em-01/1","size":999}'])
def test_nonsense_in_place_of_the_file_is_read_over(room: Room, nonsense: bytes) -> None:
    sign_in(room, "Anna")
    (room.state_dir / "desk.json").write_bytes(nonsense)
    room.restart()
    assert [person.presence.operator for person in room.desk.people()] == [room.desk.hash_of("Anna")]


def test_nobody_is_told_yes_whom_the_journal_does_not_have(room: Room) -> None:
    room.refuse_to_write(errno.ENOSPC)
    with pytest.raises(DeskError, match=r"the journal did not take it .*full.*nothing was recorded"):
        sign_in(room, "Anna")
    assert there(room) == []
    room.refuse_to_write(0)
    room.restart()
    assert there(room) == []
    assert room.said() == []


def test_a_program_that_runs_wild_cannot_fill_the_journal(room: Room) -> None:
    for number in range(50):
        sign_in(room, f"number {number}")
    with pytest.raises(DeskError, match="too many"):
        sign_in(room, "one more")
    assert len(room.said()) == 50
    room.clock.advance(10_000)
    sign_in(room, "Anna")
    room.clock.advance(IDLE_MS)
    assert len(look(room)) == 51, "those who forgot are ended all the same"


# Forgotten


def look(room: Room) -> list[Ended]:
    return room.desk.look_for_forgotten()


def test_a_forgotten_sign_out_ends_at_the_last_evidence_and_is_flagged(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna", ORDER)
    room.measure(950, for_ms=HOUR_MS)
    last_ms = room.clock.now().wall_ms
    room.measure(50, for_ms=IDLE_MS - 300_000)
    assert look(room) == []
    room.measure(50, for_ms=300_000)
    (ended,) = look(room)
    assert (ended.end_ms, ended.forgotten, ended.presence.order) == (last_ms, True, "SO-2026-17")
    assert there(room) == []
    assert (room.said()[-1].how, room.said()[-1].until_ms) == ("forgotten", last_ms)
    assert look(room) == []


def test_standby_is_no_evidence_and_run_is(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    begun_ms = room.clock.now().wall_ms
    for _ in range(3):
        room.measure(50, for_ms=3 * HOUR_MS)
        room.measure(700, for_ms=600_000)
        assert look(room) == [], "a run each three hours keeps it open"
    last_ms = room.clock.now().wall_ms
    room.measure(50, for_ms=IDLE_MS)
    (ended,) = look(room)
    assert ended.end_ms == last_ms > begun_ms


def test_without_any_use_it_ends_where_it_began(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    begun_ms = room.clock.now().wall_ms
    room.measure(50, for_ms=IDLE_MS)
    (ended,) = look(room)
    assert ended.end_ms == ended.presence.since_ms == begun_ms


def test_without_a_policy_nobody_is_ended_on_a_guess_while_there_is_power(room: Room) -> None:
    sign_in(room, "Anna")
    room.measure(50, for_ms=2 * IDLE_MS)
    assert look(room) == []
    last_ms = room.clock.now().wall_ms
    room.measure(0, for_ms=IDLE_MS)
    (ended,) = look(room)
    assert ended.end_ms == last_ms


def test_over_a_weekend_without_power_it_ends_on_friday(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(950, for_ms=HOUR_MS)
    friday_ms = room.clock.now().wall_ms
    room.close()
    room.clock.advance(63 * HOUR_MS)
    room.clock.boot_id = "00000001"
    room.open()
    (ended,) = look(room)
    assert (ended.end_ms, ended.forgotten) == (friday_ms, True)


def test_a_pc_that_slept_over_the_weekend_ends_it_on_friday_too(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(950, for_ms=HOUR_MS)
    friday_ms = room.clock.now().wall_ms
    room.clock.sleep(63 * HOUR_MS)
    (ended,) = look(room)
    assert ended.end_ms == friday_ms


def test_a_clock_that_is_set_ends_nobody(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(950, for_ms=HOUR_MS)
    room.clock.step(365 * 24 * HOUR_MS)
    room.recorder.tick()
    assert look(room) == []
    room.measure(50, for_ms=IDLE_MS)
    assert len(look(room)) == 1


def test_a_clock_that_was_a_year_ahead_and_set_back_while_the_agent_was_off_keeps_nobody_for_a_year(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(950, for_ms=HOUR_MS)
    room.close()
    room.clock.step(-365 * 24 * HOUR_MS)
    room.clock.boot_id = "00000001"
    room.open()
    assert look(room) == []
    room.measure(50, for_ms=IDLE_MS)
    (ended,) = look(room)
    assert ended.end_ms - ended.presence.since_ms == HOUR_MS


def test_the_use_of_one_instrument_keeps_nobody_at_another(room: Room) -> None:
    room.give_policy("A001")
    room.give_policy("A002")
    sign_in(room, "Anna", asset="A001")
    sign_in(room, "Bo", asset="A002")
    room.measure(950, for_ms=IDLE_MS, watcher="meter2")
    assert [ended.presence.asset for ended in look(room)] == ["A001"]
    assert there(room) == [("A002", "Bo")]


def test_who_comes_later_is_not_ended_by_what_was_before(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(50, for_ms=IDLE_MS - HOUR_MS)
    sign_in(room, "Bo")
    room.measure(50, for_ms=HOUR_MS)
    assert [ended.presence.operator for ended in look(room)] == [room.desk.hash_of("Anna")]
    assert there(room) == [("A001", "Bo")]


def test_what_the_disk_does_not_take_is_tried_at_the_next_look(room: Room) -> None:
    room.give_policy()
    sign_in(room, "Anna")
    room.measure(50, for_ms=IDLE_MS)
    room.refuse_to_write(errno.ENOSPC)
    assert look(room) == []
    assert there(room) == [("A001", "Anna")]
    room.refuse_to_write(0)
    assert len(look(room)) == 1
