"""Facts go in once each, under their source's keys, and mark the days that they may change."""

import threading
from datetime import date, timedelta

import psycopg
import pytest

from collector.errors import KeyTaken, NumberTaken, UnknownDocument
from collector.facts.store import Recorded, Sent, record_fact, record_facts
from collector.store.database import Connection, connect
from protocol import facts
from protocol.facts import Correction, Document, Fact, HandEntry, Order, OrderDocument, Use
from protocol.interval import day_bounds_ms
from tests.collector.province import USCC, Province

OTHER_USCC = "12100000400000624D"
MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
HOUR_MS = 3_600_000
AT = day_bounds_ms(TUESDAY)[0] + 20 * HOUR_MS
FILE = "a" * 64


def use(day: date = MONDAY, start_h: float = 9, end_h: float = 11, **members: object) -> Use:
    midnight, _ = day_bounds_ms(day)
    values = {"v": 1, "at": AT, "by": "lims", "asset": "A001", "purpose": "own-research"} | members
    return Use(start=midnight + round(start_h * HOUR_MS), end=midnight + round(end_h * HOUR_MS), **values)  # type: ignore[arg-type]


def order(number: str = "SO-1", **members: object) -> Order:
    return Order(**({"v": 1, "at": AT, "by": "lims", "unit": USCC, "order": number} | members))  # type: ignore[arg-type]


def correction(target: str | None, at: int = AT, **members: object) -> Correction:
    values = {"v": 1, "at": at, "by": "li", "approver": "wang", "approved_at": at, "reason": "x", "target": target}
    return Correction(**(values | members))  # type: ignore[arg-type]


def ref(recorded: Recorded) -> str:
    return f"fact:{recorded.sha256}"


@pytest.fixture
def held(province: Province) -> Province:
    """A province with two instruments, one stored document, and no mark."""
    province.add_instrument("A001")
    province.add_instrument("B001")
    province.rows("INSERT INTO document VALUES (%s, 1, 'application/pdf', '', 'li') RETURNING 1", FILE)
    return province


def record(province: Province, fact: Fact, *, source: str = "", key: str = "") -> Recorded:
    with province.connection.transaction():
        return record_fact(province.connection, fact, source=source, key=key)


def marks(province: Province) -> list[tuple[object, ...]]:
    """The marks since this was asked last."""
    return sorted(province.rows("DELETE FROM dirty_day RETURNING asset_no, day"))  # type: ignore[type-var]


def test_a_fact_is_kept_as_its_bytes_and_told_again_is_nothing_new(held: Province) -> None:
    recorded = record(held, use())
    assert recorded == Recorded(facts.identity(facts.encode(use())), is_new=True)
    assert held.rows("SELECT body, kind, asset_no, first_day FROM fact") == [
        (facts.encode(use()), "use", "A001", MONDAY)
    ]
    assert record(held, use()) == recorded._replace(is_new=False)


def test_the_same_content_under_a_key_is_one_fact_whenever_and_whoever_recorded_it(held: Province) -> None:
    first = record(held, use(), source="lims", key="7")
    again = record(held, use(at=AT + 1, by="somebody else"), source="lims", key="7")
    assert again == Recorded(first.sha256, is_new=False)
    assert record(held, use(at=AT + 1), source="another", key="7").is_new


def test_another_content_under_a_key_is_refused_and_the_remedy_named(held: Province) -> None:
    record(held, use(), source="lims", key="7")
    with pytest.raises(KeyTaken, match=r"lims sent something else under the key '7' before; .* propose a correction"):
        record(held, use(end_h=12), source="lims", key="7")
    assert held.rows("SELECT count(*) FROM fact") == [(1,)]


def test_an_order_number_is_taken_once_in_a_unit(held: Province) -> None:
    first = record(held, order(content="x"), source="lims", key="SO-1")
    assert record(held, order(content="x", at=AT + 5), source="paper", key="p1") == first._replace(is_new=False)
    with pytest.raises(NumberTaken, match=f"unit {USCC} has another order 'SO-1' already"):
        record(held, order(content="y"))


def test_facts_sent_together_are_judged_one_after_the_other(held: Province) -> None:
    sent = [
        Sent(order(content="x"), "lims", "1"),
        Sent(order(content="y"), "lims", "2"),
        Sent(use(), "lims", "3"),
        Sent(use(at=AT + 1), "lims", "3"),
        Sent(use(end_h=12), "lims", "3"),
        Sent(order("SO-2", documents=(Document("report", "b" * 64),))),
    ]
    with held.connection.transaction():
        outcomes = record_facts(held.connection, sent)
    assert [type(outcome) for outcome in outcomes] == [
        Recorded, NumberTaken, Recorded, Recorded, KeyTaken, UnknownDocument,
    ]  # fmt: skip
    assert [outcome.is_new for outcome in outcomes if isinstance(outcome, Recorded)] == [True, True, False]
    assert held.rows("SELECT count(*) FROM fact") == [(2,)]


def test_a_fact_outside_of_a_transaction_is_a_mistake(held: Province) -> None:
    with pytest.raises(RuntimeError, match="one transaction"):
        record_fact(held.connection, use())


def test_of_two_at_once_under_one_key_the_second_sees_the_first(held: Province, dsn: str) -> None:
    found: list[Recorded] = []

    def bring_again() -> None:
        with connect(dsn, application="test") as other, other.transaction():
            found.append(record_fact(other, use(at=AT + 1), source="lims", key="7"))

    second = threading.Thread(target=bring_again)
    with held.connection.transaction():
        first = record_fact(held.connection, use(), source="lims", key="7")
        second.start()
        _await_a_waiter(held.connection)
    second.join(30)
    assert found == [first._replace(is_new=False)]


def _await_a_waiter(connection: Connection) -> None:
    """Until another session of this database waits for a lock."""
    waiting = (
        "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
    )
    while connection.execute(waiting.encode()).fetchone() is None:
        pass


def test_what_fails_later_in_the_transaction_leaves_neither_fact_nor_mark(held: Province) -> None:
    with held.connection.transaction(force_rollback=True):
        record_fact(held.connection, use(), source="lims", key="7")
    assert held.rows("SELECT count(*) FROM fact") == [(0,)]
    assert marks(held) == []


def test_facts_are_never_changed(held: Province) -> None:
    record(held, use(), source="lims", key="7")
    for statement in ("UPDATE fact SET kind = 'hand'", "DELETE FROM fact_source", "DELETE FROM fact"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            held.connection.execute(statement.encode())


# Which days are marked


def test_a_use_marks_the_local_days_it_touches_up_to_the_day_it_was_recorded_on(held: Province) -> None:
    record(held, use(start_h=23, end_h=24))
    assert marks(held) == [("A001", MONDAY)], "half-open: midnight belongs to no earlier day"
    record(held, use(start_h=20, end_h=24 * 4))
    assert marks(held) == [("A001", MONDAY), ("A001", TUESDAY)]


def test_an_order_marks_the_days_of_the_uses_that_name_it_at_instruments_of_its_unit(held: Province) -> None:
    held.rows("INSERT INTO unit VALUES (%s, '甲', '') RETURNING 1", OTHER_USCC)
    held.rows("INSERT INTO instrument (asset_no, name_zh) VALUES ('Z001', '乙') RETURNING 1")
    held.rows(
        "INSERT INTO ownership (asset_no, uscc, from_day) VALUES ('Z001', %s, '2020-01-01') RETURNING 1", OTHER_USCC
    )
    for asset in ("A001", "Z001"):
        record(held, use(asset=asset, purpose="service-order", order="SO-1"))
    record(held, use(asset="B001", day=TUESDAY, start_h=1, end_h=2, purpose="service-order", order="SO-2"))
    marks(held)
    record(held, order("SO-1"))
    assert marks(held) == [("A001", MONDAY)]
    record(held, OrderDocument(v=1, at=AT, by="li", unit=USCC, order="SO-2", document=Document("report", FILE)))
    assert marks(held) == [("B001", TUESDAY)]


def test_an_order_marks_the_days_of_hand_entries_and_corrections_that_name_it(held: Province) -> None:
    hand = HandEntry(
        v=1, at=AT, by="li", approver="wang", approved_at=AT, reason="x", asset="B001", day="2026-11-16",
        seconds=60, source="p. 3", order="SO-1",
    )  # fmt: skip
    record(held, hand)
    assert marks(held) == [("B001", MONDAY)]
    record(held, correction(None, use=use(day=TUESDAY, start_h=1, end_h=2, purpose="service-order", order="SO-1")))
    assert marks(held) == [("A001", TUESDAY)]
    record(held, order("SO-1"))
    assert marks(held) == [("A001", TUESDAY), ("B001", MONDAY)]


def test_a_correction_marks_the_days_of_its_target_and_of_what_it_puts_in(held: Province) -> None:
    wrong = record(held, use())
    marks(held)
    moved = record(held, correction(ref(wrong), use=use(asset="B001", day=TUESDAY, start_h=1, end_h=2)))
    assert marks(held) == [("A001", MONDAY), ("B001", TUESDAY)]
    record(held, correction(ref(moved), at=AT + 1))
    assert marks(held) == [("A001", MONDAY), ("B001", TUESDAY)], "back to the first use"


def test_a_correction_of_an_order_or_its_document_marks_the_days_that_name_it(held: Province) -> None:
    record(held, use(purpose="service-order", order="SO-1"))
    wrong = record(held, order(documents=(Document("report", FILE),)))
    more = record(held, OrderDocument(v=1, at=AT, by="li", unit=USCC, order="SO-1", document=Document("invoice", FILE)))
    marks(held)
    for target in (wrong, more):
        record(held, correction(ref(target)))
        assert marks(held) == [("A001", MONDAY)]


def test_a_correction_counts_from_the_day_on_which_it_was_agreed_to(held: Province) -> None:
    late = use(day=TUESDAY, start_h=1, end_h=2)
    asked = day_bounds_ms(MONDAY)[0]
    record(held, correction(None, at=asked, approved_at=AT, use=late))
    assert marks(held) == [("A001", TUESDAY)]


def test_a_declaration_is_marked_by_its_correction_and_by_the_order_it_names(held: Province) -> None:
    origin = held.add_agent("em-01", "A001")
    _declare(held.connection, origin, 3, "in", day_bounds_ms(MONDAY)[0] + 22 * HOUR_MS, order_no="SO-1")
    _declare(held.connection, origin, 4, "out", day_bounds_ms(TUESDAY)[0] + HOUR_MS)
    _declare(held.connection, origin, 5, "in", day_bounds_ms(TUESDAY)[0] + 2 * HOUR_MS)
    marks(held)
    record(held, correction(facts.target_of_declaration(origin, 3)))
    assert marks(held) == [("A001", MONDAY), ("A001", TUESDAY)]
    record(held, order("SO-1"))
    assert marks(held) == [("A001", MONDAY), ("A001", TUESDAY)]
    record(held, correction(facts.target_of_declaration(origin, 5)))
    assert marks(held) == [("A001", TUESDAY)], "never signed out: up to the day it was recorded on"


def _declare(
    connection: Connection, origin: str, index: int, action: str, wall_ms: int, order_no: str | None = None
) -> None:
    connection.execute(
        "INSERT INTO declaration SELECT journal_id, %s, 'A001', 'x', %s, 'page', 'teaching', %s, %s, NULL"
        " FROM journal WHERE origin = %s",
        [index, action, order_no, wall_ms, origin],
    )
