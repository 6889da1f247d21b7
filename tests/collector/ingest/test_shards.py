"""Who owns which shard: the rule, and the locks that hold it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.shards import (
    EVERY_SHARD,
    Move,
    Roster,
    Seat,
    Tenure,
    load_roster,
    next_tenure,
    plan_move,
    portion_of,
)
from collector.store.database import Connection, connect
from protocol.topics import SHARDS

ALL = frozenset(range(SHARDS))
Numbers = st.frozensets(st.integers(0, 9999), max_size=100)


def test_one_worker_owns_everything_and_two_own_half_each() -> None:
    assert portion_of(0, frozenset({0})) == 64
    assert [portion_of(number, frozenset({0, 5})) for number in (0, 5)] == [32, 32]
    assert [portion_of(number, frozenset({0, 1, 2})) for number in range(3)] == [22, 21, 21]


def test_who_does_not_serve_has_no_portion_and_gives_back_what_it_owns() -> None:
    assert plan_move(Roster(frozenset({1}), {0: frozenset({3, 4})}), 0) == Move(frozenset({3, 4}), 0)


def test_the_highest_shards_are_given_back() -> None:
    assert plan_move(Roster(frozenset({0, 1}), {0: ALL, 1: frozenset()}), 0).release == frozenset(range(32, 64))


@given(Numbers)
def test_the_portions_add_up_to_all_shards_and_differ_by_one_at_most(serving: frozenset[int]) -> None:
    portions = [portion_of(number, serving) for number in serving]
    assert sum(portions) == (SHARDS if serving else 0)
    assert max(portions, default=0) - min(portions, default=0) <= 1


@given(st.lists(Numbers, min_size=1, max_size=6), st.randoms())
def test_however_workers_come_and_go_all_shards_are_owned_after_two_rounds(
    comings: list[frozenset[int]], chance: Random
) -> None:
    owned: dict[int, frozenset[int]] = {}
    for serving in comings:
        owned = {number: shards for number, shards in owned.items() if number in serving}
        for _ in range(2):
            for number in chance.sample(sorted(serving), len(serving)):
                roster = Roster(serving, owned)
                move = plan_move(roster, number)
                taken = frozenset(sorted(roster.free())[: move.take])
                owned[number] = (owned.get(number, frozenset()) - move.release) | taken
        assert sum(map(len, owned.values())) == (SHARDS if serving else 0)
        assert all(len(shards) == portion_of(number, serving) for number, shards in owned.items())


def test_a_shard_is_listened_to_until_another_has_owned_it_for_one_look_more() -> None:
    mine, others = frozenset({1, 2}), frozenset({3})
    tenure = next_tenure(Tenure(mine), Roster(frozenset({0, 1}), {0: frozenset({1}), 1: others}), 0)
    assert tenure == Tenure(frozenset({1}), frozenset({2}), frozenset())
    taken = Roster(frozenset({0, 1}), {0: frozenset({1}), 1: others | {2}})
    tenure = next_tenure(tenure, taken, 0)
    assert (tenure.heard, tenure.handed) == (mine, frozenset({2}))
    assert next_tenure(tenure, taken, 0) == Tenure(frozenset({1}))


def test_a_shard_that_nobody_took_is_listened_to_on_and_taken_back() -> None:
    tenure = Tenure(frozenset({1}), frozenset({2}), frozenset())
    nobodys = Roster(frozenset({0}), {0: frozenset({1})})
    assert next_tenure(tenure, nobodys, 0).heard == {1, 2}
    back = next_tenure(tenure, Roster(frozenset({0}), {0: frozenset({1, 2})}), 0)
    assert back == Tenure(frozenset({1, 2}))


def test_a_second_seat_takes_half_and_gives_it_back_when_it_ends(dsn: str) -> None:
    with _seat(dsn) as first:
        first.look(serves=True)
        assert first.tenure.owned == EVERY_SHARD
        with _seat(dsn) as second:
            _look(first, second, times=3)
            assert (second.number, len(first.tenure.heard), len(second.tenure.owned)) == (1, 64, 32)
            _look(first, second, times=1)
            assert first.tenure.heard == EVERY_SHARD - second.tenure.owned
        _look(first, times=1)
        assert first.tenure.owned == EVERY_SHARD


def test_three_seats_own_everything_and_nothing_twice(dsn: str, connection: Connection) -> None:
    with ExitStack() as stack:
        seats = [stack.enter_context(_seat(dsn)) for _ in range(3)]
        _look(*seats, times=3)
        roster = load_roster(connection)
        assert sorted(len(shards) for shards in roster.owned.values()) == [21, 21, 22]
        assert not roster.free()


def test_who_no_longer_serves_leaves_its_shards_to_the_others_and_keeps_its_number(dsn: str) -> None:
    with _seat(dsn) as first, _seat(dsn) as second:
        _look(first, second, times=3)
        first.look(serves=False)
        assert first.tenure == Tenure(frozenset(), first.tenure.leaving, frozenset())
        _look(second, times=1)
        assert second.tenure.owned == EVERY_SHARD
        with _seat(dsn) as third:
            assert third.number == 2


@pytest.mark.parametrize("last_words", [b"SELECT 1", b"BEGIN", b"COPY dirty_day FROM STDIN"])
def test_a_session_that_keeps_the_server_waiting_is_ended(
    dsn: str, monkeypatch: pytest.MonkeyPatch, last_words: bytes
) -> None:
    with _seat(dsn) as lively, closing(connect(dsn, application="ingest")) as hung_connection:
        Seat(hung_connection).look(serves=True)
        hung_connection.pgconn.exec_(last_words)
        lively.look(serves=True)
        assert len(lively.tenure.owned) == 0
        monkeypatch.setattr("collector.ingest.shards.HUNG_AFTER_S", 0.0)
        deadline_s = time.monotonic() + 20
        while lively.tenure.owned != EVERY_SHARD:  # the server may not have come to wait yet
            assert time.monotonic() < deadline_s
            lively.look(serves=True)


@contextmanager
def _seat(dsn: str) -> Iterator[Seat]:
    with connect(dsn, application="ingest") as connection:
        yield Seat(connection)


def _look(*seats: Seat, times: int) -> None:
    for _ in range(times):
        for seat in seats:
            seat.look(serves=True)
