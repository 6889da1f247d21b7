"""The chain of days: the same record for a day whether the chain begins far before it or with the record before it."""

from datetime import date, timedelta

import pytest

from protocol.bindings import Channel, MeasurementFact
from protocol.chain import MAX_BLOCKS, ChainDay, bounded, chain
from protocol.entry import Entry, Reading
from protocol.errors import TooLarge
from protocol.history import History, InForce
from protocol.hours import HourRecord
from protocol.interval import day_bounds_ms
from protocol.said import NOTHING_SAID

ASSET = "A001"
ORIGIN = "jishi.example/a/em-01/1"
FIRST = date(2026, 3, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
POLICY = (
    b'{"v":1,"name":"t","valid_mw":[0,15000000],"standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},'
    b'"run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},"gap_ms":400000,"prepare_ms":600000,'
    b'"post_ms":600000}'
)
HISTORY = History(
    [], [], [InForce(0, FIRST, 1, "", POLICY)], [MeasurementFact(Channel("em-01", "m", "power"), ASSET, FIRST, 1)]
)


def _blocks() -> list[tuple[str, Entry, Reading]]:
    """Five minutes each over four days; from 23 h to 1 h of each night 950 W, from 20 h on 100 W, else nothing."""
    start_ms = day_bounds_ms(FIRST)[0]
    found = []
    for n in range(4 * 288):
        hour = n // 12 % 24
        power = 950_000 if hour in (23, 0) else 100_000 if hour >= 20 else 0
        at = n * 300_000
        reading = Reading("m", "power", at, (300_000,), means=(power,), lows=(power,), highs=(power,))
        found.append((ORIGIN, Entry(n, start_ms + at + 300_000, at + 300_000, "5f3a9c01", reading), reading))
    return found


def _records(days: list[date], lead: HourRecord | None = None) -> dict[date, HourRecord]:
    def read(stretch):
        return bounded(_blocks())

    given = (ChainDay(day, NOTHING_SAID) for day in days)
    found = {}
    for each in chain(ASSET, given, history=HISTORY, read=read, lead=lead):
        assert isinstance(each.record, HourRecord)
        found[each.day] = each.record
    return found


def test_a_chain_that_begins_with_the_record_before_tells_the_same_days() -> None:
    whole = _records(DAYS)
    part = _records(DAYS[2:], lead=whole[DAYS[1]])
    assert part == {day: whole[day] for day in DAYS[2:]}


def test_without_that_record_a_run_over_midnight_is_another_one() -> None:
    whole, part = _records(DAYS), _records(DAYS[2:])
    assert part[DAYS[2]] != whole[DAYS[2]]
    assert part[DAYS[3]] == whole[DAYS[3]]


def test_a_record_of_another_day_hands_nothing_over() -> None:
    whole = _records(DAYS)
    assert _records(DAYS[2:], lead=whole[DAYS[0]]) == _records(DAYS[2:])


def test_a_day_that_nothing_touched_has_no_record_unless_it_is_due() -> None:
    far = FIRST + timedelta(days=30)
    (found,) = chain(ASSET, [ChainDay(far, NOTHING_SAID, is_touched=False)], history=HISTORY, read=lambda _: [])
    assert found.record is None
    (due,) = chain(ASSET, [ChainDay(far, NOTHING_SAID, is_due=True)], history=HISTORY, read=lambda _: [])
    assert isinstance(due.record, HourRecord)
    assert due.record.unobserved_s == 86_400


def test_a_day_without_a_policy_says_so() -> None:
    early = FIRST - timedelta(days=1)
    (found,) = chain(ASSET, [ChainDay(early, NOTHING_SAID, is_due=True)], history=HISTORY, read=lambda _: [])
    assert found.record == f"no policy holds for instrument {ASSET} on {early}"


def test_a_day_of_too_many_blocks_is_told_and_not_derived() -> None:
    block = _blocks()[0]
    with pytest.raises(TooLarge, match="more than 2 reading blocks"):
        list(bounded([block] * 3, 2))

    def read(stretch):
        return bounded([block] * (MAX_BLOCKS + 1))

    (found,) = chain(ASSET, [ChainDay(FIRST, NOTHING_SAID)], history=HISTORY, read=read)
    assert isinstance(found.record, str)
    assert "more than 50000 reading blocks" in found.record
