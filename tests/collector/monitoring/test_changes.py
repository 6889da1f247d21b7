"""The list of changes: nothing is missing and nothing comes twice, in whatever order transactions commit."""

import threading
from datetime import date
from typing import Any

import psycopg
import pytest

from collector.accounts.closing import close_days
from collector.errors import ForeignCursor
from collector.evaluation.rounds import create_round
from collector.monitoring import changes
from collector.monitoring.changes import Change, Place, list_changes
from collector.network.states import enter
from collector.registry import units
from collector.registry.access import EVERYTHING, Scope
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from collector.registry.instruments import register_owner
from collector.store.database import Connection, connect
from tests.collector.evaluation.world import by
from tests.collector.monitoring.monitored import OWN, TODAY, days_before, lies_in, put_day
from tests.collector.province import USCC, Province

OTHER = "12100000400000624D"
DAY = date(2026, 3, 2)
BEGIN = Place()


def told(found: list[Change]) -> list[tuple[Any, ...]]:
    return [(each.kind, each.subject, each.day, each.number) for each in found]


def all_of(connection: Connection, since: Place = BEGIN, scope: Scope = EVERYTHING) -> tuple[list[Change], Place]:
    """Follows the list in small steps until there is no more."""
    found: list[Change] = []
    while True:
        part = list_changes(connection, since, scope=scope, limit=2)
        found += part.items
        since = part.until
        if not part.has_more:
            return found, since


def add_step(connection: Connection, asset_no: str, day: date = DAY) -> None:
    """A change that holds nobody else up: of those who record owners one waits for the other."""
    connection.execute(
        "INSERT INTO network_step (asset_no, step, from_day, proof, why, recorded_by)"
        " VALUES (%s, 'joined', %s, 'x', '', 'li')",
        [asset_no, day],
    )


@pytest.fixture
def begun(province: Province) -> Province:
    for asset_no in ("A001", "B001"):
        province.add_instrument(asset_no)
    return province


def test_every_kind_of_change_is_told_in_order(begun: Province) -> None:
    connection = begun.connection
    _, since = all_of(connection)
    with connection.transaction():
        told_of = Instrument(asset_no="A001", name_zh="电镜", value_fen=90_000_000)
        describe(connection, [(told_of, DAY)], recorded_by="li")
        enter(connection, "A001", "joined", from_day=DAY, proof="x", why="", by="li", today=TODAY)
    put_day(begun, "A001", days_before(5))
    close_days(connection, today=TODAY, after_days=3)
    connection.execute(
        "INSERT INTO closed_record (asset_no, day, revision, body, sha256, cites, why)"
        " SELECT asset_no, day, 2, 'x', encode(sha256('x'), 'hex'), sha256, 'late' FROM closed_record"
    )
    with connection.transaction():
        create_round(connection, "2026", year=2026, by=by())
    found, until = all_of(connection, since)
    assert told(found) == [
        ("instrument", "A001", DAY, None),
        ("network", "A001", DAY, None),
        ("hours", "A001", days_before(5), 1),
        ("hours", "A001", days_before(5), 2),
        ("round", "2026", None, None),
    ]
    assert all_of(connection, until) == ([], until), "nothing is told twice"


def test_what_commits_late_comes_late_and_is_not_missed(begun: Province, dsn: str) -> None:
    """The slow transaction takes its number first and commits last: an order by number would lose it."""
    _, since = all_of(begun.connection)
    with connect(dsn, application="slow") as slow:
        with slow.transaction():
            add_step(slow, "A001")
            add_step(begun.connection, "B001")
            first, since = all_of(begun.connection, since)
            assert told(first) == [("network", "B001", DAY, None)]
            assert all_of(begun.connection, since)[0] == [], "what is not committed is not there"
        second, since = all_of(begun.connection, since)
    assert told(second) == [("network", "A001", DAY, None)]
    assert first[0].noted_at > second[0].noted_at, "it was noted before and seen after"
    assert all_of(begun.connection, since)[0] == []


def test_a_transaction_that_is_rolled_back_leaves_no_trace(begun: Province) -> None:
    _, since = all_of(begun.connection)
    with begun.connection.transaction(force_rollback=True):
        add_step(begun.connection, "A001")
    assert all_of(begun.connection, since)[0] == []


def test_while_somebody_puts_changes_on_the_list_nobody_else_goes_on(begun: Province, dsn: str) -> None:
    """Else the second would see later positions before the earlier ones are committed, and go past them."""
    _, since = all_of(begun.connection)
    add_step(begun.connection, "A001")
    with connect(dsn, application="other") as other:
        other.execute("SET lock_timeout = '100ms'")
        with begun.connection.transaction():
            assert told(list_changes(begun.connection, since, scope=EVERYTHING, limit=2).items)
            add_step(other, "B001")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                list_changes(other, since, scope=EVERYTHING, limit=2)
        assert [each.subject for each in all_of(other, since)[0]] == ["A001", "B001"]


def test_readers_and_writers_side_by_side_see_each_change_once(begun: Province, dsn: str) -> None:
    _, since = all_of(begun.connection)
    done = threading.Event()
    seen: list[list[Change]] = [[], []]

    def write(asset_no: str) -> None:
        with connect(dsn, application="writer") as connection:
            for number in range(20):
                with connection.transaction():
                    for day in (date(2026, 1, 1 + number), date(2026, 2, 1 + number)):
                        add_step(connection, asset_no, day)

    def read(into: list[Change]) -> None:
        with connect(dsn, application="reader") as connection:
            place = since
            while True:
                is_last = done.is_set()
                found, place = all_of(connection, place)
                into += found
                if is_last:
                    return

    writers = [threading.Thread(target=write, args=[asset_no]) for asset_no in ("A001", "B001")]
    readers = [threading.Thread(target=read, args=[into]) for into in seen]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert len(seen[0]) == 80
    assert [each.place for each in seen[0]] == [each.place for each in seen[1]]
    assert len({told([each])[0] for each in seen[0]}) == 80


def test_a_place_of_another_history_is_refused(begun: Province) -> None:
    found, until = all_of(begun.connection)
    with pytest.raises(ForeignCursor, match="restored from a backup"):
        list_changes(begun.connection, until._replace(noted_us=until.noted_us + 1), scope=EVERYTHING, limit=2)
    with pytest.raises(ForeignCursor):
        list_changes(begun.connection, Place(until.position + 1, until.noted_us), scope=EVERYTHING, limit=2)
    assert found[-1].place == until


def test_each_is_told_what_is_in_his_scope_and_who_loses_an_instrument_is_told(begun: Province) -> None:
    connection = begun.connection
    units.register_unit(connection, OTHER, name_zh="清华大学")
    _, since = all_of(connection)
    register_owner(connection, "A001", uscc=OTHER, from_day=DAY)
    for day in (date(2026, 3, 1), DAY):
        put_day(begun, "A001", day)
    close_days(connection, today=TODAY, after_days=3)
    seen = {
        name: told(all_of(connection, since, scope)[0])
        for name, scope in (("own", OWN), ("other", Scope("unit", OTHER)), ("b", Scope("instrument", "B001")))
    }
    moved, before, after = (
        ("owner", "A001", DAY, None),
        ("hours", "A001", date(2026, 3, 1), 1),
        ("hours", "A001", DAY, 1),
    )
    assert seen == {"own": [moved, before], "other": [moved, after], "b": []}


def test_a_division_is_told_of_its_units_and_of_those_that_leave_it(begun: Province) -> None:
    lies_in(begun, USCC, "610113")
    _, since = all_of(begun.connection)
    lies_in(begun, USCC, "610302", DAY)
    for day in (date(2026, 3, 1), DAY):
        put_day(begun, "A001", day)
    close_days(begun.connection, today=TODAY, after_days=3)
    seen = {
        code: told(all_of(begun.connection, since, Scope("division", code))[0]) for code in ("6101", "6103", "61", "11")
    }
    moved, before, after = ("unit", USCC, DAY, None), ("hours", "A001", date(2026, 3, 1), 1), ("hours", "A001", DAY, 1)
    assert seen == {"6101": [moved, before], "6103": [moved, after], "61": [moved, before, after], "11": []}


def test_a_narrow_scope_goes_on_where_it_looked(begun: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOKED_AT_ONCE", 3)
    for number in range(10):
        add_step(begun.connection, "A001", date(2026, 4, 1 + number))
    add_step(begun.connection, "B001", date(2026, 5, 1))
    first = list_changes(begun.connection, Place(), scope=Scope("instrument", "B001"), limit=10)
    assert (first.until.position, first.has_more) == (3, True)
    found, _ = all_of(begun.connection, first.until, Scope("instrument", "B001"))
    assert told(found) == [("network", "B001", date(2026, 5, 1), None)]


def test_a_list_that_nobody_kept_up_is_caught_up_with_in_parts(
    begun: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, since = all_of(begun.connection)
    for number in range(10):
        add_step(begun.connection, "A001", date(2026, 4, 1 + number))
    monkeypatch.setattr(changes, "MOVED_AT_ONCE", 2)
    monkeypatch.setattr(changes, "MOST_PORTIONS", 2)
    first = list_changes(begun.connection, since, scope=EVERYTHING, limit=10)
    assert (len(first.items), first.has_more) == (4, True)
    rest, _ = all_of(begun.connection, first.until)
    assert [each.day for each in first.items + rest] == [date(2026, 4, 1 + number) for number in range(10)]


def test_the_list_is_kept(begun: Province) -> None:
    all_of(begun.connection)
    with pytest.raises(psycopg.errors.RestrictViolation):
        begun.connection.execute("DELETE FROM change")
