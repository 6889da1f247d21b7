"""Other watchers beside the meter: by weight, with the meter's veto, and everything that was told kept."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.derivation import contributing, derive_day
from protocol.entry import Reading, make
from protocol.fusion import derive_states
from protocol.hours import encode
from protocol.interval import day_bounds_ms, local_day
from protocol.policy import EvidenceRule
from protocol.witness import gather, joined, within
from tests.protocol.loads import BUSY, FLOOR, IDLE, POLICY

ORIGIN = "x/a/one/1"
START_MS = day_bounds_ms(local_day(1_772_000_000_000))[0]
HOUR_S = 3600

STATUS = EvidenceRule("status", "status", words={"run": "run", "idle": "standby", "down": "off"})
BEAM = EvidenceRule("contact", "beam", words={"closed": "run"})
VACUUM = EvidenceRule("contact", "vacuum", words={"closed": "standby", "open": "off"})
FILES = EvidenceRule("files", "growth", at_least=1, hold_ms=120_000)
SOFTWARE = EvidenceRule("process", "cpu", at_least=50_000, hold_ms=60_000)


def under(*rules):
    return msgspec.structs.replace(POLICY, evidence=rules)


class Day:
    """Readings of one instrument's watchers; times in seconds of the day."""

    def __init__(self):
        self.blocks = []

    def saw(self, channel, *parts, start_s=0, watcher=None, origin=ORIGIN):
        """Contiguous parts (seconds, value): watts for power, words for states, numbers for growth and cpu."""
        for seconds, value in parts:
            for begin_s in range(start_s, start_s + seconds, HOUR_S) if value is not None else ():
                ms = min(HOUR_S, start_s + seconds - begin_s) * 1000
                self._write(channel, ms, value, START_MS + begin_s * 1000, watcher or channel, origin)
            start_s += seconds
        return self

    def _write(self, channel, ms, value, start_ms, watcher, origin):
        mono_ms = start_ms - START_MS + 10_000_000
        if isinstance(value, str):
            shape = {"states": (value,)}
        elif channel == "growth":
            shape = {"counts": (value,)}
        else:
            number = value * 1000
            shape = {"means": (number,), "lows": (number,), "highs": (number,)}
        reading = Reading(watcher, channel, mono_ms, (ms,), **shape)
        index = len(self.blocks) * 3
        entry = make(reading, index=index, wall_ms=start_ms + ms, mono_ms=mono_ms + ms, boot="0000000a")
        self.blocks.append((origin, entry, reading))


def told(day, policy, *, until_s):
    states = derive_states(
        gather(day.blocks, policy), policy, start_ms=START_MS, end_ms=START_MS + until_s * 1000, lead_in="unobserved"
    )
    spans = [
        ((each.start_ms - START_MS) // 1000, (each.end_ms - START_MS) // 1000, each.state) for each in states.spans
    ]
    return spans, states


def spans_of(day, policy, *, until_s):
    return told(day, policy, until_s=until_s)[0]


def test_a_meter_at_0_w_vetoes_a_growing_file():
    day = Day().saw("power", (HOUR_S, 0)).saw("growth", (HOUR_S, 1_000_000))
    spans, states = told(day, under(FILES), until_s=HOUR_S)
    assert spans == [(0, HOUR_S, "off")]
    assert [(name, [each.state for each in what]) for name, what in states.told] == [
        ("files:growth", ["run"]),
        ("meter:power", ["off"]),
    ]


def test_growing_files_make_a_run_of_what_the_meter_takes_for_standby():
    day = Day().saw("power", (3000, IDLE)).saw("growth", (1000, 0), (600, 5), (1400, 0))
    assert spans_of(day, under(FILES), until_s=3000) == [
        (0, 1000, "standby"),
        (1000, 1720, "run"),  # and two minutes more
        (1720, 3000, "standby"),
    ]


def test_files_that_do_not_grow_say_nothing_against_a_run():
    day = Day().saw("power", (3000, BUSY)).saw("growth", (3000, 0))
    spans, states = told(day, under(FILES), until_s=3000)
    assert spans == [(0, 3000, "run")]
    assert states.told == ()


def test_a_hold_ends_where_its_watcher_stopped_looking():
    day = Day().saw("growth", (600, 5), (30, 0))
    assert spans_of(day, under(FILES), until_s=1000) == [(0, 630, "run"), (630, 1000, "unobserved")]
    day = Day().saw("growth", (600, 5))
    assert spans_of(day, under(FILES), until_s=1000) == [(0, 600, "run"), (600, 1000, "unobserved")]


def test_native_status_weighs_more_than_contact_files_meter_and_process():
    day = Day().saw("power", (3000, BUSY)).saw("beam", (3000, "closed")).saw("growth", (3000, 9)).saw("cpu", (3000, 90))
    day.saw("status", (1000, "idle"), (1000, "warming"), (1000, "down"))
    spans, states = told(day, under(SOFTWARE, FILES, BEAM, STATUS), until_s=3000)
    assert spans == [(0, 1000, "standby"), (1000, 2000, "run"), (2000, 3000, "off")]
    assert [name for name, _ in states.told] == [
        "status:status",
        "contact:beam",
        "files:growth",
        "meter:power",
        "process:cpu",
    ]


def test_a_meter_weighs_more_than_a_busy_process_which_decides_only_where_the_meter_is_silent():
    day = Day().saw("power", (1000, IDLE)).saw("cpu", (2000, 90))
    assert spans_of(day, under(SOFTWARE), until_s=2000) == [(0, 1000, "standby"), (1000, 2000, "run")]


def test_of_two_contacts_the_first_of_the_policy_decides_where_it_tells_anything():
    day = Day().saw("beam", (100, "open"), (100, "closed")).saw("vacuum", (150, "closed"), (50, "open"))
    assert spans_of(day, under(BEAM, VACUUM), until_s=200) == [(0, 100, "standby"), (100, 200, "run")]
    assert spans_of(day, under(VACUUM, BEAM), until_s=200) == [(0, 150, "standby"), (150, 200, "off")]


def test_a_word_that_the_policy_does_not_name_tells_nothing():
    day = Day().saw("status", (100, "run"), (100, "unsteady"), (100, "idle"))
    assert spans_of(day, under(STATUS), until_s=300) == [
        (0, 100, "run"),
        (100, 200, "unobserved"),
        (200, 300, "standby"),
    ]


@pytest.mark.parametrize("watts, state", [(FLOOR, "off"), (20, "off"), (30, "run"), (IDLE, "run")])
def test_only_a_meter_below_its_off_threshold_has_a_veto(watts, state):
    """Off is below 20 W, standby begins at 40 W: what lies between was never standby, and vetoes nothing."""
    day = Day().saw("power", (600, watts)).saw("beam", (600, "closed"))
    assert spans_of(day, under(BEAM), until_s=600) == [(0, 600, state)]


def test_a_silent_meter_vetoes_nothing_and_its_hole_is_filled_by_whoever_tells():
    day = Day().saw("power", (600, FLOOR), (600, None), (600, FLOOR)).saw("beam", (1800, "closed"))
    assert spans_of(day, under(BEAM), until_s=1800) == [(0, 600, "off"), (600, 1200, "run"), (1200, 1800, "off")]


def test_a_short_hole_of_the_meter_below_its_off_threshold_is_vetoed_too():
    day = Day().saw("power", (600, FLOOR), (30, None), (600, FLOOR)).saw("beam", (1230, "closed"))
    assert spans_of(day, under(BEAM), until_s=1230) == [(0, 1230, "off")]


def test_meter_8_to_12_and_process_9_to_13_are_four_hours_powered_and_five_observed():
    day = Day().saw("power", (4 * HOUR_S, IDLE), start_s=8 * HOUR_S).saw("cpu", (4 * HOUR_S, 1), start_s=9 * HOUR_S)
    spans = spans_of(day, under(SOFTWARE), until_s=24 * HOUR_S)
    assert sum(end - start for start, end, state in spans if state in ("standby", "run")) == 4 * HOUR_S


def test_without_rules_other_watchers_change_nothing():
    day = Day().saw("power", (600, IDLE)).saw("beam", (600, "closed"))
    spans, states = told(day, POLICY, until_s=600)
    assert spans == [(0, 600, "standby")]
    assert states.told == ()


def test_two_watchers_of_one_channel_do_not_chatter_the_first_by_origin_and_name_decides():
    day = Day().saw("beam", (300, "closed"), watcher="b").saw("beam", (100, "open"), watcher="a", start_s=100)
    rule = EvidenceRule("contact", "beam", words={"closed": "run", "open": "standby"})
    assert spans_of(day, under(rule), until_s=300) == [(0, 100, "run"), (100, 200, "standby"), (200, 300, "run")]


VALUES = {
    "power": (FLOOR, 30, IDLE, BUSY),
    "status": ("run", "idle", "down", "odd"),
    "beam": ("closed", "open"),
    "vacuum": ("closed", "open"),
    "growth": (0, 7),
    "cpu": (0, 49, 50),
}
RULES = under(SOFTWARE, FILES, BEAM, VACUUM, STATUS)


@st.composite
def days(draw):
    """A short day of all watchers with holes."""
    day = Day()
    for channel in VALUES:
        values = st.none() | st.sampled_from(VALUES[channel])
        parts = draw(st.lists(st.tuples(st.integers(1, 150), values), max_size=12))
        day.saw(channel, *parts, start_s=draw(st.integers(0, 300)))
    return day


def by_the_second(day, policy, seconds):
    """The rules once more, second by second; the meter's own states come from the kernel."""
    alone = Day()
    alone.blocks = [block for block in day.blocks if block[2].channel == "power"]
    metered = spans_of(alone, msgspec.structs.replace(policy, evidence=()), until_s=seconds)
    shown = {"meter": _paint(metered, seconds)}
    for channel in ("status", "beam", "vacuum", "growth", "cpu", "power"):
        shown[channel] = _paint(_raw(day, channel), seconds)
    runs = {"growth": _held(shown["growth"], 1, 120), "cpu": _held(shown["cpu"], 50, 60)}
    beam = [{"closed": "run"}.get(word) for word in shown["beam"]]
    vacuum = [{"closed": "standby", "open": "off"}.get(word) for word in shown["vacuum"]]
    status = [{"run": "run", "idle": "standby", "down": "off"}.get(word) for word in shown["status"]]
    meter = [None if state == "unobserved" else state for state in shown["meter"]]
    found = []
    for second in range(seconds):
        claims = (status, beam, vacuum, runs["growth"], meter, runs["cpu"])
        state = next((claim[second] for claim in claims if claim[second]), "unobserved")
        watts = shown["power"][second]
        if state == "run" and meter[second] == "off" and (watts is None or watts <= 20):
            state = "off"
        found.append(state)
    return found


def _raw(day, channel):
    for _, entry, reading in day.blocks:
        if reading.channel == channel:
            start = (entry.wall_ms - reading.durations_ms[0] - START_MS) // 1000
            value = (reading.states or reading.counts or reading.means)[0]
            value = value // 1000 if reading.means else value
            yield start, start + reading.durations_ms[0] // 1000, value


def _paint(spans, seconds):
    painted = [None] * seconds
    for start, end, value in spans:
        for second in range(start, min(end, seconds)):
            painted[second] = value
    return painted


def _held(values, least, hold):
    """Run from where the value suffices until `hold` later, as far as the watcher looks; a hole does not stop it."""
    found, until = [], 0
    for second, value in enumerate(values):
        if value is not None and value >= least:
            until = second + 1 + hold
        found.append("run" if value is not None and second < until else None)
    return found


@settings(max_examples=150, deadline=None)
@given(days())
def test_the_rules_give_the_same_second_by_second(day):
    seconds = 2000
    assert _paint(spans_of(day, RULES, until_s=seconds), seconds) == by_the_second(day, RULES, seconds)


@settings(max_examples=60, deadline=None)
@given(days(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_a_byte_of_the_record(day, chance):
    def record(blocks):
        today = local_day(START_MS)
        return encode(
            derive_day(
                "A001",
                today,
                evidence=gather(blocks, RULES),
                policy=RULES,
                lead_in="unobserved",
                journals=contributing(blocks, START_MS, end_ms=START_MS + 86_400_000),
                observed_until_ms=START_MS + 2_000_000,
            )
        )

    again = [*day.blocks, *(block for block in day.blocks if chance.random() < 0.5)]
    chance.shuffle(again)
    assert record(again) == record(day.blocks)


@settings(max_examples=60, deadline=None)
@given(days(), st.integers(1, 1_999_999))
def test_pieces_of_evidence_make_the_whole(day, cut_ms):
    whole = gather(day.blocks, RULES)
    cut = START_MS + cut_ms
    pieces = [within(whole, 0, end_ms=cut), within(whole, cut, end_ms=START_MS + 3_000_000)]
    again = joined(pieces, RULES)
    bounds = {"start_ms": START_MS, "end_ms": START_MS + 2_000_000, "lead_in": "unobserved"}
    assert derive_states(again, RULES, **bounds).spans == derive_states(whole, RULES, **bounds).spans
