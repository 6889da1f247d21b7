"""Samples become interval blocks, and nothing is lost, doubled or made up on the way."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import Instant, jump_ms
from agent.intervals import TOKEN_MS, TOKENS, TOKENS_KEPT, UNSTEADY
from agent.reading import AT_ONCE_EVERY_MS, BLOCK_MS, Block, BlockBuilder, Channel, Notice, Sample
from protocol.entry import MAX_ENTRY_BYTES, encode, make

WALL_MS = 1_764_554_400_000
POWER = Channel("power", "gauge", 1000)
SOFTWARE = Channel("process", "state", 2000)
FILES = Channel("files", "count", 1000)
CARDS = Channel("card", "event", 1000)


def at(mono_ms: int, *, step_ms: int = 0) -> Instant:
    return Instant(WALL_MS + mono_ms + step_ms, mono_ms)


def watt_samples(
    watts: Iterable[float], *, start_ms: int = 0, every_ms: int = 1000, counters: Sequence[int] | None = None
) -> list[Sample]:
    return [
        Sample(
            "meter1", "power", at(start_ms + number * every_ms), round(value * 1000),
            counters[number] if counters else None,
        )
        for number, value in enumerate(watts)
    ]  # fmt: skip


def feed(builder: BlockBuilder, samples: Iterable[Sample]) -> list[Block | Notice]:
    return [said for sample in samples for said in builder.add(sample)]


def blocks_of(builder: BlockBuilder, samples: Iterable[Sample]) -> list[Block]:
    return [said for said in [*feed(builder, samples), *builder.close()] if isinstance(said, Block)]


def durations_of(blocks: Iterable[Block]) -> list[int]:
    return [ms for block in blocks for ms in block.reading.durations_ms]


def means_of(blocks: Iterable[Block]) -> list[int]:
    return [mean for block in blocks for mean in block.reading.means or ()]


# What covers what


def test_a_sample_covers_the_time_since_the_one_before() -> None:
    [block] = blocks_of(BlockBuilder("meter1", POWER), watt_samples([50, 50, 50, 50]))
    assert block.reading.start_mono_ms == 0
    assert block.reading.durations_ms == (3000,)
    assert block.reading.means == block.reading.lows == block.reading.highs == (50_000,)
    assert block.at == at(3000)
    assert block.reading.deltas is None


def test_one_sample_alone_covers_nothing() -> None:
    builder = BlockBuilder("meter1", POWER)
    assert builder.add(Sample("meter1", "power", at(0), 1)) == []
    assert builder.snapshot() is None
    assert builder.close() == []


@pytest.mark.parametrize(("gap_ms", "observed_ms"), [(3000, [5000]), (3001, [1000, 1000])])
def test_a_hole_of_more_than_three_polls_is_covered_by_no_block(gap_ms: int, observed_ms: list[int]) -> None:
    samples = [*watt_samples([50, 50]), *watt_samples([50, 50], start_ms=1000 + gap_ms)]
    assert durations_of(blocks_of(BlockBuilder("meter1", POWER), samples)) == observed_ms


def test_a_fault_ends_the_block_and_what_follows_begins_afresh() -> None:
    builder = BlockBuilder("meter1", POWER)
    feed(builder, watt_samples([50, 50]))
    [before] = builder.close()
    [after] = blocks_of(builder, watt_samples([50, 50], start_ms=2000))
    assert before.at == at(1000)
    assert (after.reading.start_mono_ms, after.reading.durations_ms) == (2000, (1000,))


def test_a_repeated_or_older_sample_is_ignored() -> None:
    samples = watt_samples([50, 50, 50])
    shuffled = [samples[0], samples[1], samples[0], samples[1], samples[2]]
    assert durations_of(blocks_of(BlockBuilder("meter1", POWER), shuffled)) == [2000]


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000, 2001])
def test_a_clock_jump_closes_the_block_with_the_time_it_had(step_ms: int) -> None:
    before = watt_samples([50, 50, 50])
    after = [
        sample._replace(at=at(sample.at.mono_ms, step_ms=step_ms)) for sample in watt_samples([50, 50], start_ms=3000)
    ]
    builder = BlockBuilder("meter1", POWER)
    [closed] = feed(builder, [*before, *after])
    [reopened] = builder.close()
    assert isinstance(closed, Block)
    assert closed.at == at(2000)
    assert (reopened.reading.start_mono_ms, reopened.at) == (3000, at(4000, step_ms=step_ms))


def test_a_clock_that_jumps_while_nothing_comes_closes_the_block_at_the_next_tick() -> None:
    builder = BlockBuilder("meter1", POWER)
    feed(builder, watt_samples([50, 50]))
    assert builder.tick(at(1500)) == []
    [closed] = builder.tick(at(1500, step_ms=5000))
    assert closed.at == at(1000)


# When intervals are cut


def test_a_load_within_its_band_is_one_interval() -> None:
    watts = [100 + (number % 3) for number in range(200)]
    [first, *_] = blocks_of(BlockBuilder("meter1", POWER, levels=(50_000,)), watt_samples(watts))
    assert len(first.reading.durations_ms) == 1
    assert (first.reading.lows, first.reading.highs) == ((100_000,), (102_000,))


def test_leaving_the_band_cuts_before_the_sample_that_left_it() -> None:
    blocks = blocks_of(BlockBuilder("meter1", POWER), watt_samples([50, 50, 50, 900, 900]))
    assert durations_of(blocks) == [2000, 2000]
    assert means_of(blocks) == [50_000, 900_000]


@pytest.mark.parametrize(
    ("watts", "intervals"),
    [
        ([100, 100, 105], 1),
        ([100, 100, 105.1], 2),  # 5 W
        ([1000, 1000, 1020], 1),
        ([1000, 1000, 1020.1], 2),  # 2 %
        ([1000, 1000, 1149], 2),  # a first large step is not yet restlessness
        ([1000, *[1000, 1100] * 20, 1149], 1),  # three times the smoothed step of about 100 W, but at most 15 %
        ([1000, *[1000, 1100] * 20, 1215], 2),
    ],
)  # fmt: skip
def test_the_band_is_five_watts_two_percent_or_the_loads_own_restlessness(watts: list[float], intervals: int) -> None:
    tail = blocks_of(BlockBuilder("meter1", POWER), watt_samples(watts))[-1]
    own_intervals = tail.reading.durations_ms
    if len(watts) > 3:
        assert (own_intervals[-1] == 1000) == (intervals == 2)
    else:
        assert len(own_intervals) == intervals


def test_crossing_a_level_cuts_even_within_the_band() -> None:
    samples = watt_samples([499, 499, 501, 501])
    assert durations_of(blocks_of(BlockBuilder("meter1", POWER), samples)) == [3000]
    assert durations_of(blocks_of(BlockBuilder("meter1", POWER, levels=(500_000,)), samples)) == [1000, 2000]


@pytest.mark.parametrize("watts", [[499, 499, 500, 500], [501, 501, 500, 500]])
def test_reaching_a_level_exactly_cuts_too_because_triggers_act_there(watts: list[float]) -> None:
    assert durations_of(blocks_of(BlockBuilder("meter1", POWER, levels=(500_000,)), watt_samples(watts))) == [
        1000,
        2000,
    ]


def test_new_levels_count_from_the_next_sample_on() -> None:
    builder = BlockBuilder("meter1", POWER)
    feed(builder, watt_samples([499, 501, 501]))
    builder.set_levels([500_000])
    feed(builder, watt_samples([499, 499], start_ms=3000))
    assert durations_of(builder.close()) == [2000, 2000]


def test_a_restless_load_spends_its_tokens_and_keeps_thirty_for_levels() -> None:
    def cuts(watts: list[float], levels: Iterable[int]) -> int:
        blocks = blocks_of(BlockBuilder("meter1", POWER, levels=levels), watt_samples(watts, every_ms=100))
        return sum(len(block.reading.durations_ms) - 1 for block in blocks)

    wild = [10.0, 1000.0] * 100  # 20 s: two tokens come back
    assert cuts(wild, levels=()) in range(TOKENS - TOKENS_KEPT, TOKENS - TOKENS_KEPT + 3)
    assert cuts(wild, levels=(500_000,)) in range(TOKENS, TOKENS + 3)


def test_what_could_not_be_cut_still_shows_in_low_and_high() -> None:
    wild = [10.0, 1000.0] * 200
    blocks = blocks_of(BlockBuilder("meter1", POWER), watt_samples(wild, every_ms=100))
    last = blocks[-1].reading
    assert last.lows
    assert last.highs
    assert (last.lows[-1], last.highs[-1]) == (10_000, 1_000_000)


# When a block leaves


def test_a_block_covers_five_minutes_and_the_next_one_goes_on_where_it_ended() -> None:
    builder = BlockBuilder("meter1", POWER)
    steady = feed(builder, watt_samples([50] * 700))
    first, second, third, _ = (block for block in [*steady, *builder.close()] if isinstance(block, Block))
    assert sum(first.reading.durations_ms) == 10_000  # the news of the beginning
    assert first.urgent
    assert sum(second.reading.durations_ms) == BLOCK_MS
    assert not second.urgent
    assert third.reading.start_mono_ms == 10_000 + BLOCK_MS


def test_a_shorter_block_length_brings_what_is_open_sooner() -> None:
    blocks = blocks_of(BlockBuilder("meter1", POWER, block_ms=5000), watt_samples([50] * 21))
    assert [sum(block.reading.durations_ms) for block in blocks] == [5000] * 4


@pytest.mark.parametrize(
    ("before_w", "after_w", "leaves"),
    [(50, 71, True), (50, 69, False), (1000, 1251, True), (1000, 1249, False), (1000, 749, True)],
)
def test_a_change_of_consequence_leaves_after_ten_seconds(before_w: float, after_w: float, leaves: bool) -> None:
    builder = BlockBuilder("meter1", POWER)
    feed(builder, watt_samples([before_w] * 61))
    said = feed(builder, watt_samples([after_w] * 9, start_ms=61_000))
    assert said == []
    said = feed(builder, watt_samples([after_w], start_ms=70_000))
    assert [block.urgent for block in said if isinstance(block, Block)] == ([True] if leaves else [])


def test_keeping_to_another_side_of_a_level_for_ten_seconds_leaves_too() -> None:
    def restless(low: float, high: float, seconds: int) -> list[float]:
        return [low, high] * (seconds // 2)

    builder = BlockBuilder("meter1", POWER, levels=(500_000,))
    feed(builder, watt_samples(restless(420, 480, 60)))
    said = feed(builder, watt_samples(restless(510, 570, 12), start_ms=60_000))
    assert [block.urgent for block in said if isinstance(block, Block)] == [True]


def test_news_leaves_at_most_every_thirty_seconds() -> None:
    watts = [value for number in range(60) for value in [100 + 400 * (number % 2)] * 12]
    builder = BlockBuilder("meter1", POWER)
    urgent = [
        block.at.mono_ms for block in feed(builder, watt_samples(watts)) if isinstance(block, Block) and block.urgent
    ]
    assert len(urgent) > 10
    assert all(after - before >= AT_ONCE_EVERY_MS for before, after in pairwise(urgent))


def test_a_block_that_nothing_continues_is_finished_by_the_tick() -> None:
    builder = BlockBuilder("meter1", POWER)
    feed(builder, watt_samples([50, 50]))
    assert builder.tick(at(4000)) == []
    [block] = builder.tick(at(4001))
    assert block.at == at(1000)
    assert builder.tick(at(9000)) == []


def test_with_slow_polls_the_tick_still_finishes_it_within_a_minute_and_the_next_sample_goes_on() -> None:
    builder = BlockBuilder("meter1", Channel("power", "gauge", 30_000))
    feed(builder, watt_samples([50, 50, 50], every_ms=30_000))
    assert builder.tick(at(105_000)) == []
    [block] = builder.tick(at(105_001))
    assert block.at == at(60_000)
    [rest] = blocks_of(builder, watt_samples([50], start_ms=130_000))
    assert (rest.reading.start_mono_ms, rest.reading.durations_ms) == (60_000, (70_000,))


# Energy counters


def test_deltas_add_up_to_the_counters_difference_across_blocks() -> None:
    counters = [1_000_000 + 1000 * (number // 3) for number in range(400)]
    watts = [50 if number % 90 < 45 else 900 for number in range(400)]
    blocks = blocks_of(BlockBuilder("meter1", POWER), watt_samples(watts, counters=counters))
    assert len(blocks) > 3
    assert sum(delta for block in blocks for delta in block.reading.deltas or ()) == counters[-1] - counters[0]
    assert blocks[-1].reading.counter == counters[-1]


def test_a_falling_counter_closes_the_block_is_reported_and_goes_on() -> None:
    builder = BlockBuilder("meter1", POWER)
    said = feed(builder, watt_samples([50] * 6, counters=[5000, 5000, 6000, 0, 0, 1000]))
    before, notice, between = said
    [after] = builder.close()
    assert isinstance(before, Block)
    assert isinstance(between, Block)
    assert (before.reading.durations_ms, before.reading.deltas, before.reading.counter) == ((2000,), (1000,), 6000)
    assert isinstance(notice, Notice)
    assert notice.reason.startswith("counter reset: it fell from 6000 to 0 mWh")
    assert (between.reading.durations_ms, between.reading.deltas) == ((1000,), None)
    assert (after.reading.durations_ms, after.reading.deltas, after.reading.counter) == ((2000,), (1000,), 1000)


def test_a_counter_that_comes_and_goes_never_mixes_in_one_block() -> None:
    builder = BlockBuilder("meter1", POWER)
    samples = watt_samples([50] * 4, counters=[1000, 2000, 2000, 3000])
    samples[2] = samples[2]._replace(counter_mwh=None)
    blocks = blocks_of(builder, samples)
    assert [(block.reading.durations_ms, block.reading.deltas) for block in blocks] == [
        ((1000,), (1000,)),
        ((2000,), None),
    ]


# States, counts, events


def state_samples(words: Iterable[str], *, every_ms: int = 2000) -> list[Sample]:
    return [Sample("software", "process", at(number * every_ms), word) for number, word in enumerate(words)]


def test_a_state_is_cut_where_its_word_changes() -> None:
    words = ["absent", "absent", "running", "running", "absent"]
    [block] = blocks_of(BlockBuilder("software", SOFTWARE), state_samples(words))
    assert block.reading.states == ("absent", "running", "absent")
    assert block.reading.durations_ms == (2000, 4000, 2000)


def test_a_new_word_that_lasts_leaves_at_once() -> None:
    builder = BlockBuilder("software", SOFTWARE)
    said = feed(builder, state_samples(["absent"] * 30 + ["running"] * 8))
    assert [(block.urgent, block.reading.states) for block in said if isinstance(block, Block)] == [
        (True, ("absent",)),
        (True, ("absent", "running")),
    ]


def test_a_state_that_flaps_beyond_its_tokens_is_unsteady_and_not_invented() -> None:
    words = ["absent", "running"] * 100
    blocks = blocks_of(BlockBuilder("software", SOFTWARE), state_samples(words, every_ms=500))
    states = [word for block in blocks for word in block.reading.states or ()]
    assert UNSTEADY in states
    assert len(states) < TOKENS + 20
    assert sum(durations_of(blocks)) == 500 * (len(words) - 1)


def test_counts_are_added_up_and_quiet_time_stands_apart() -> None:
    samples = [Sample("data", "files", at(number * 1000), n) for number, n in enumerate([0, 0, 0, 2, 3, 1, 0])]
    [block] = blocks_of(BlockBuilder("data", FILES), samples)
    assert block.reading.counts == (0, 6, 0)
    assert block.reading.durations_ms == (2000, 3000, 1000)


def event(mono_ms: int, word: str) -> Sample:
    return Sample("door", "card", at(mono_ms), word)


def test_the_first_event_leaves_at_once_and_later_ones_together() -> None:
    builder = BlockBuilder("door", CARDS)
    [first] = builder.add(event(1000, "a"))
    assert isinstance(first, Block)
    assert (first.reading.start_mono_ms, first.reading.durations_ms, first.reading.events) == (1000, (0,), ("a",))
    assert feed(builder, [event(2000, "b"), event(2500, "c")]) == []
    assert builder.tick(at(32_500)) == []
    [rest] = builder.tick(at(32_501))
    assert (rest.reading.start_mono_ms, rest.reading.durations_ms, rest.reading.events) == (2000, (0, 500), ("b", "c"))


def test_a_flood_of_events_is_bounded_and_said_once() -> None:
    builder = BlockBuilder("door", CARDS)
    said = feed(builder, [event(number * 50, "a") for number in range(400)])  # 20 s
    notices = [one for one in said if isinstance(one, Notice)]
    blocks = [one for one in [*said, *builder.close()] if isinstance(one, Block)]
    assert len(notices) <= 3
    assert "faster than can be kept" in notices[0].reason
    assert sum(len(block.reading.events or ()) for block in blocks) in range(TOKENS, TOKENS + 3)


# The scratch file


def test_the_snapshot_is_the_open_block_and_changes_nothing() -> None:
    builder, twin = BlockBuilder("meter1", POWER), BlockBuilder("meter1", POWER)
    samples = watt_samples([50, 50, 900, 900, 905], counters=[1000] * 5)
    for sample in samples:
        builder.add(sample)
        twin.add(sample)
        twin.snapshot()
    snapshot = builder.snapshot()
    assert snapshot is not None
    assert snapshot.reading.durations_ms == (1000, 3000)
    assert snapshot.at == at(4000)
    assert [snapshot] == builder.close() == twin.close()


# Whatever comes

WORDS = st.sampled_from(["running", "absent", 'a "quoted" word', "运行", "x" * 64])


@st.composite
def power_samples(draw: st.DrawFn) -> list[Sample]:
    """Restless and steady loads, holes, clock steps, counters that rise, fall and vanish, huge numbers."""
    level = st.sampled_from([0, 20_000, 480_000, 500_000, 520_000, 2**52, -(2**52)])
    instant, counter, samples = at(draw(st.integers(0, 10**9))), 10**15, []
    for _ in range(draw(st.integers(2, 120))):
        gap_ms = draw(st.sampled_from([1, 100, 1000, 1000, 1000, 3000, 3001, 20_000]))
        jump = draw(st.sampled_from([0] * 20 + [5000, -5000]))
        instant = Instant(instant.wall_ms + gap_ms + jump, instant.mono_ms + gap_ms)
        counter = max(0, counter + draw(st.sampled_from([0, 0, 1000, 1_000_000] * 4 + [-(10**14)])))
        known = draw(st.sampled_from([True] * 9 + [False]))
        value = draw(level) + draw(st.integers(-30_000, 30_000))
        samples.append(Sample("meter1", "power", instant, value, counter if known else None))
    return samples


def steps_of(samples: list[Sample], poll_ms: int) -> list[tuple[Sample, Sample]]:
    """The oracle: pairs of samples between which time is observed."""
    return [
        (before, after)
        for before, after in pairwise(samples)
        if after.at.mono_ms - before.at.mono_ms <= 3 * poll_ms and jump_ms(before.at, after.at) == 0
    ]


@settings(max_examples=80, deadline=None)
@given(power_samples(), st.sampled_from([1000, 10_000, BLOCK_MS]))
def test_blocks_hold_what_was_seen_and_nothing_else(samples: list[Sample], block_ms: int) -> None:
    blocks = blocks_of(BlockBuilder("meter1", POWER, levels=(500_000, 0), block_ms=block_ms), samples)
    steps = {before.at.mono_ms: (before, after) for before, after in steps_of(samples, POWER.poll_ms)}
    end_ms = -1
    for block in blocks:
        reading = block.reading
        assert reading.means
        assert reading.lows
        assert reading.highs
        assert reading.start_mono_ms >= end_ms
        end_ms = reading.start_mono_ms
        for number, ms in enumerate(reading.durations_ms):
            within = []
            interval_end_ms = end_ms + ms
            while end_ms < interval_end_ms:
                before, after = steps.pop(end_ms)  # each step is used once
                within.append((after.at.mono_ms - end_ms, after.value, before.counter_mwh, after.counter_mwh))
                end_ms = after.at.mono_ms
            assert end_ms == interval_end_ms
            values = [int(value) for _, value, _, _ in within]
            assert (reading.lows[number], reading.highs[number]) == (min(values), max(values))
            assert reading.means[number] == sum(ms * int(value) for ms, value, _, _ in within) // ms
            if reading.deltas is not None:
                assert reading.deltas[number] == (within[-1][3] or 0) - (within[0][2] or 0)
            else:
                assert all(b is None or a is None or a < b for _, _, b, a in within)
        assert block.at.mono_ms == end_ms
        if reading.deltas is not None:
            assert reading.counter == next(s.counter_mwh for s in samples if s.at.mono_ms == end_ms)
    assert not steps  # each step was used


@settings(max_examples=60, deadline=None)
@given(power_samples())
def test_a_blocks_time_is_that_of_its_last_sample_and_maps_all_of_it_to_the_right_utc(samples: list[Sample]) -> None:
    by_mono = {sample.at.mono_ms: sample.at for sample in samples}
    for block in blocks_of(BlockBuilder("meter1", POWER), samples):
        assert block.at == by_mono[block.at.mono_ms]
        start = by_mono[block.reading.start_mono_ms]
        # No jump lies within a block; what is tolerated from sample to sample is none here.
        assert jump_ms(start, block.at) == 0


@settings(max_examples=60, deadline=None)
@given(power_samples(), st.booleans())
def test_no_load_writes_more_than_the_bucket_allows(samples: list[Sample], leveled: bool) -> None:
    levels = (500_000, 0) if leveled else ()
    blocks = blocks_of(BlockBuilder("meter1", POWER, levels=levels), samples)
    cuts = sum(len(block.reading.durations_ms) - 1 for block in blocks)
    tokens = TOKENS if leveled else TOKENS - TOKENS_KEPT
    assert cuts <= tokens + (samples[-1].at.mono_ms - samples[0].at.mono_ms) // TOKEN_MS + 1


@settings(max_examples=40, deadline=None)
@given(power_samples())
def test_every_block_fits_into_an_entry(samples: list[Sample]) -> None:
    name = "m" * 40
    builder = BlockBuilder(name, Channel("c" * 40, "gauge", 1_000_000), levels=(500_000,), block_ms=3_000_000)
    for block in blocks_of(builder, [sample._replace(watcher=name) for sample in samples]):
        entry = make(block.reading, index=2**53 - 1, wall_ms=2**47 - 1, mono_ms=2**42 - 1, boot="5f3a9c01")
        assert len(encode(entry)) <= MAX_ENTRY_BYTES


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=300))
def test_every_block_of_words_fits_and_covers_all(words: list[str]) -> None:
    blocks = blocks_of(
        BlockBuilder("software", Channel("process", "state", 60_000)), state_samples(words, every_ms=60_000)
    )
    assert sum(durations_of(blocks)) == 60_000 * (len(words) - 1)
    for block in blocks:
        assert len(encode(make(block.reading, index=1, wall_ms=1, mono_ms=1, boot="5f3a9c01"))) <= MAX_ENTRY_BYTES


@pytest.mark.parametrize("magnitude", range(12, 50))
def test_a_dense_block_is_split_before_it_outgrows_its_entry(magnitude: int) -> None:
    counters = [2**52 + number * 2**40 for number in range(70)]
    watts = [(-(2**magnitude) / 1000, 10.0**9)[number % 2] for number in range(70)]
    blocks = blocks_of(BlockBuilder("m" * 40, POWER, levels=(500_000,)), watt_samples(watts, counters=counters))
    entries = [
        make(block.reading, index=2**53 - 1, wall_ms=2**47 - 1, mono_ms=2**42 - 1, boot="5f3a9c01") for block in blocks
    ]
    sizes = [len(encode(entry)) for entry in entries]
    assert max(sizes) in range(3500, MAX_ENTRY_BYTES + 1)


def test_restlessness_is_forgotten_when_the_load_has_calmed() -> None:
    watts = [*[1000, 1100] * 20, *[1000] * 40, 1100, 1100]
    last = blocks_of(BlockBuilder("meter1", POWER), watt_samples(watts))[-1]
    assert last.reading.durations_ms[-1] == 2000
