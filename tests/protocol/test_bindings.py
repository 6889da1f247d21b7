"""Which channels measured an instrument when, from dated facts."""

from datetime import date

from protocol.bindings import Channel, MeasurementFact, Stretch, channels_on, stretches
from protocol.interval import DAY_MS, day_bounds_ms

METER, OTHER = Channel("em-01", "meter1", "power"), Channel("em-02", "meter1", "power")
FIRST, SECOND, THIRD = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)


def fact(channel: Channel, asset_no: str | None, from_day: date, seq: int) -> MeasurementFact:
    return MeasurementFact(channel, asset_no, from_day, seq)


def test_the_newest_fact_up_to_a_day_holds() -> None:
    facts = [fact(METER, "A001", FIRST, 1), fact(METER, "B001", THIRD, 2)]
    assert channels_on(facts, "A001", day=date(2026, 11, 15)) == ()
    assert channels_on(facts, "A001", day=SECOND) == (METER,)
    assert channels_on(facts, "A001", day=THIRD) == ()
    assert channels_on(facts, "B001", day=THIRD) == (METER,)


def test_of_two_facts_for_a_day_the_later_recorded_holds_in_any_order() -> None:
    facts = [fact(METER, "A001", FIRST, 1), fact(METER, None, FIRST, 2)]
    assert channels_on(facts, "A001", day=SECOND) == channels_on(facts[::-1], "A001", day=SECOND) == ()


def test_a_fact_recorded_late_for_an_early_day_does_not_undo_a_later_day() -> None:
    facts = [fact(METER, "A001", SECOND, 1), fact(METER, "B001", FIRST, 2)]
    assert channels_on(facts, "A001", day=THIRD) == (METER,)
    assert channels_on(facts, "B001", day=FIRST) == (METER,)


def test_a_range_falls_into_stretches_at_local_midnights() -> None:
    facts = [fact(METER, "A001", FIRST, 1), fact(OTHER, "A001", SECOND, 2), fact(METER, None, THIRD, 3)]
    start_ms = day_bounds_ms(FIRST)[0] + 5
    end_ms = day_bounds_ms(THIRD)[1]
    assert stretches(facts, "A001", start_ms=start_ms, end_ms=end_ms) == [
        Stretch(start_ms, day_bounds_ms(SECOND)[0], (METER,)),
        Stretch(day_bounds_ms(SECOND)[0], day_bounds_ms(THIRD)[0], (METER, OTHER)),
        Stretch(day_bounds_ms(THIRD)[0], end_ms, (OTHER,)),
    ]


def test_facts_that_change_nothing_cut_nothing() -> None:
    facts = [fact(METER, "A001", FIRST, 1), fact(METER, "A001", SECOND, 2), fact(OTHER, "B001", THIRD, 3)]
    start_ms = day_bounds_ms(FIRST)[0]
    found = stretches(facts, "A001", start_ms=start_ms, end_ms=start_ms + 3 * DAY_MS)
    assert found == [Stretch(start_ms, start_ms + 3 * DAY_MS, (METER,))]


def test_time_that_nothing_measures_has_no_stretch() -> None:
    facts = [fact(METER, "A001", SECOND, 1)]
    start_ms = day_bounds_ms(FIRST)[0]
    assert stretches(facts, "A001", start_ms=start_ms, end_ms=start_ms + DAY_MS) == []
    assert stretches([], "A001", start_ms=start_ms, end_ms=start_ms + DAY_MS) == []
