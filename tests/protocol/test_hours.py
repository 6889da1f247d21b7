"""Hour records: whole seconds that add up, the same bytes for the same evidence, days that chain."""

import json
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.attribution import Served
from protocol.derivation import contributing, derive_day, evidence_window
from protocol.entry import Reading, make
from protocol.entry import decode as decode_entry
from protocol.errors import ForeignBytesError, MalformedRecord, TooLarge
from protocol.hours import MAX_RECORD_BYTES, decode, encode, in_tenths, sessions
from protocol.interval import DAY_MS, day_bounds_ms, days_touched
from protocol.observation import covered_ms
from protocol.policy import parse_policy
from protocol.timeline import derive
from protocol.witness import Evidence, gather
from tests.protocol.loads import BUSY, FLOOR, IDLE, POLICY, observed

DAY = date(2026, 3, 2)
START_MS, END_MS = day_bounds_ms(DAY)
GOLDEN = sorted((Path(__file__).parent / "golden_hours").glob("*.json"))


def record_of(*load, lead_in="unobserved", until_s=86_400, journals=None):
    return derive_day(
        "A001",
        DAY,
        evidence=Evidence(observed(*load, start_s=START_MS // 1000), (), ()),
        policy=POLICY,
        lead_in=lead_in,
        journals=journals or {},
        observed_until_ms=START_MS + until_s * 1000,
    )


SHORT_RUN = (30_000, FLOOR), (1_400, IDLE), (3_600, BUSY), (1_400, IDLE), (50_000, FLOOR)


def test_a_day_with_one_run():
    record = record_of(*SHORT_RUN, journals={"x/a/two/1": (3, 9), "x/a/one/1": (17, 302)})
    assert encode(record) == (
        b'{"v":2,"asset":"A001","day":"2026-03-02","policy":"'
        + b"0" * 64
        + b'","owner":"","lead_in":"unobserved","lead_out":"off","phase_in":"ran","phase_out":"new","follow":"",'
        b'"until":86400,"off_s":80000,"standby_s":2800,"prepare_s":0,"run_s":3600,"post_s":0,"calibrate_s":0,'
        b'"maintain_s":0,"fault_s":0,"unobserved_s":0,"energised_s":6400,"inferred_s":0,"bridged_s":0,"no_run_s":0,'
        b'"effective_s":3600,"internal_s":0,"claimed_s":0,"verified_s":0,"unresolved_s":3600,"hand_s":0,'
        b'"hand_external_s":0,"journals":[["x/a/one/1",17,302],["x/a/two/1",3,9]],"facts":[],'
        b'"spans":[[0,30000,"off"],[30000,31400,"standby"],[31400,35000,"run"],[35000,36400,"standby"],'
        b'[36400,86400,"off"]],"classes":[],"bridged":[],"served":[["","","unresolved",3600,0]],"told":[],"flags":[]}'
    )
    assert decode(encode(record)) == record
    assert sessions(record) == [(31_400, 35_000)]


def test_a_silent_day_is_unobserved_and_nothing_else():
    record = record_of((86_400, None), lead_in="run")
    assert (record.unobserved_s, record.run_s, record.effective_s, record.lead_out) == (86_400, 0, 0, "unobserved")


def test_an_open_day_ends_at_its_newest_evidence():
    record = record_of((3_600, IDLE), (1_800, BUSY), until_s=5_400)
    assert (record.until, record.standby_s, record.run_s, record.unobserved_s) == (5_400, 3_600, 1_800, 0)
    assert record_of((3_600, IDLE), until_s=3_600.999).until == 3_600


def test_a_day_that_has_not_begun_has_no_spans_and_hands_its_lead_on():
    record = record_of(until_s=-5, lead_in="run")
    assert (record.until, record.spans, record.lead_out) == (0, (), "run")
    assert decode(encode(record)) == record


def test_silence_at_the_end_of_a_day_that_is_over_is_unobserved():
    record = record_of((36_000, BUSY), until_s=90_000)
    assert record.spans == ((0, 36_000, "run"), (36_000, 86_400, "unobserved"))


def test_boundaries_are_rounded_down_once_so_that_sums_are_exact():
    record = record_of((100.999, IDLE), (200.001, BUSY), (100, IDLE), until_s=401)
    assert record.spans == ((0, 100, "standby"), (100, 301, "run"), (301, 401, "standby"))


def test_a_span_inside_one_second_vanishes_and_its_neighbours_become_one():
    at_once = msgspec.structs.replace(
        POLICY,
        standby=msgspec.structs.replace(POLICY.standby, on_ms=0, off_ms=0),
        run=msgspec.structs.replace(POLICY.run, on_ms=0, off_ms=0),
    )
    some = observed((10.1, BUSY), (0.8, IDLE), (9.1, BUSY), start_s=START_MS // 1000)
    record = derive_day(
        "A",
        DAY,
        evidence=Evidence(some, (), ()),
        policy=at_once,
        lead_in="off",
        journals={},
        observed_until_ms=START_MS + 20_000,
    )
    assert record.spans == ((0, 20, "run"),)
    assert sessions(record) == [(0, 20)]


class TestIdentities:
    @pytest.mark.parametrize(
        "member",
        [
            "off_s",
            "standby_s",
            "prepare_s",
            "run_s",
            "post_s",
            "calibrate_s",
            "maintain_s",
            "fault_s",
            "unobserved_s",
            "bridged_s",
            "effective_s",
            "internal_s",
            "claimed_s",
            "verified_s",
            "unresolved_s",
            "until",
        ],
    )
    @pytest.mark.parametrize("change", [1, -1])
    def test_seconds_that_do_not_add_up_cannot_be_held(self, member, change):
        record = record_of(*SHORT_RUN)
        with pytest.raises(ValueError):
            msgspec.structs.replace(record, **{member: getattr(record, member) + change})

    @pytest.mark.parametrize(
        "spans",
        [
            ((0, 30_000, "off"), (30_001, 86_400, "run")),  # a gap
            ((0, 30_001, "off"), (30_000, 86_400, "run")),  # an overlap
            ((0, 30_000, "run"), (30_000, 86_400, "run")),  # neighbours of one state
            ((0, 0, "off"), (0, 86_400, "run")),  # no duration
            ((1, 86_400, "run"),),
            ((0, 86_399, "run"),),
            ((0, 90_000, "run"), (90_000, 86_400, "off")),
            (),
        ],
    )
    def test_spans_that_do_not_cover_the_day_once_cannot_be_held(self, spans):
        sums = {
            f"{state}_s": sum(e - s for s, e, each in spans if each == state) for state in ("off", "run", "standby")
        }
        with pytest.raises(ValueError):
            msgspec.structs.replace(record_of((86_400, FLOOR)), spans=spans, **sums)

    @pytest.mark.parametrize(
        "change",
        [
            {"v": 1},
            {"owner": "12100000400000624E"},
            {"phase_in": "old"},
            {"phase_out": "ran:-1"},
            {"follow": "standby"},
            {"facts": ("fact:b", "fact:a")},
            {"flags": ("x", "x")},
            {"classes": ((0, 10, "prepare"),), "prepare_s": 10, "off_s": 79_990},
            {"classes": ((31_000, 31_400, "post"), (30_000, 30_100, "post"))},
            {"bridged": ((86_000, 86_500),), "bridged_s": 500},
            {"energised_s": 3_599},
            {"inferred_s": -1},
            {"energised_s": 80_000, "inferred_s": 6_401},
            {"hand_s": 86_401},
            {"hand_external_s": 1},
            {"served": ()},
            {"served": (Served("", "", "unresolved", 3_600, 0), Served("A", "", "unresolved", 0, 0))},
            {"served": (Served("B", "", "unresolved", 3_599, 0), Served("A", "", "unresolved", 1, 0))},
            {"asset": ""},
            {"day": "2026-3-2"},
            {"day": "2026-02-30"},
            {"day": "20260302"},
            {"policy": "0" * 63},
            {"policy": "G" * 64},
            {"lead_in": "on"},
            {"lead_out": "run,hole:0"},
            {"journals": (("b", 0, 1), ("a", 0, 1))},
            {"journals": (("a", 0, 1), ("a", 2, 3))},
            {"journals": (("a", 2, 1),)},
            {"journals": (("a", -1, 1),)},
            {"claimed_s": 4_000, "unresolved_s": -400},
            {"effective_s": 3_601, "unresolved_s": 3_601},
            {"no_run_s": 1},
            {"no_run_s": -1},
            {"told": (("meter:power", ((5, 4, "run"),)),)},
            {"told": (("meter:power", ((0, 9, "run"), (8, 10, "off"))),)},
            {"told": (("meter:power", ((0, 86_401, "run"),)),)},
            {"bridged_s": -1, "effective_s": 3_599, "unresolved_s": 3_599},
        ],
    )
    def test_members_that_contradict_each_other_cannot_be_held(self, change):
        with pytest.raises(ValueError):
            msgspec.structs.replace(record_of(*SHORT_RUN), **change)


class TestForeignBytes:
    RAW = encode(record_of(*SHORT_RUN))

    @pytest.mark.parametrize(
        "old, new",
        [
            (b'"run_s":3600', b'"run_s":3601'),
            (b'"run_s":3600', b'"run_s":3600.0'),
            (b'"v":2,', b'"v": 2,'),
            (b'"v":2,', b""),
            (b'"v":2,', b'"v":2,"v":2,'),
            (b'"v":2,', b'"v":2,"x":1,'),
            (b'"bridged_s":0', b'"bridged_s":"0"'),
            (b'[0,30000,"off"]', b'[0,30000,"prepare"]'),
            (b'[0,30000,"off"]', b'[0,30000]'),
            (b'"A001"', b'"\\u0041001"'),
            (b'"2026-03-02"', b'"2026-03-32"'),
            (b'"lead_out":"off"', b'"lead_out":"Off"'),
        ],
    )  # fmt: skip
    def test_what_is_not_canonical_or_does_not_add_up_is_refused(self, old, new):
        assert old in self.RAW
        with pytest.raises(MalformedRecord):
            decode(self.RAW.replace(old, new, 1))

    def test_one_line_more_is_refused(self):
        with pytest.raises(MalformedRecord):
            decode(self.RAW + b"\n")

    def test_too_many_bytes_are_refused_before_they_are_read(self):
        with pytest.raises(TooLarge):
            decode(b"[" * (MAX_RECORD_BYTES + 1))

    @given(st.integers(0, len(RAW) - 1), st.binary(max_size=3))
    def test_damaged_records_raise_the_one_family(self, place, patch):
        damaged = self.RAW[:place] + patch + self.RAW[place + 1 :]
        try:
            assert encode(decode(damaged)) == damaged
        except ForeignBytesError:
            pass

    @given(st.binary(max_size=80))
    def test_any_bytes_raise_the_one_family(self, raw):
        with pytest.raises(ForeignBytesError):
            decode(raw)


class TestEvidence:
    def test_the_window_reaches_a_gap_before_the_day_and_a_dwell_and_two_gaps_past_it(self):
        assert evidence_window(DAY, POLICY) == (START_MS - 60_000, END_MS + 60_000 + 60_000 + 60_000)

    def test_contributing_entries_are_those_that_show_the_day(self):
        blocks = [("a", *block(index, at)) for index, at in ((4, -301), (5, -300), (6, 0), (9, 86_100), (10, 86_400))]
        blocks.append(("b", *block(7, 500)))
        found = contributing(reversed(blocks), START_MS, end_ms=END_MS)
        assert found == {"a": (6, 9), "b": (7, 7)}
        assert contributing([("a", *block(5, -299))], START_MS, end_ms=END_MS) == {"a": (5, 5)}


def block(index, start_s, *, watts=IDLE, seconds=300, parts=1, boot="0000000a", offset_ms=0):
    """A reading entry of one boot that begins start_s after the day does."""
    start_ms = START_MS + round(start_s * 1000) + offset_ms
    mw, step_ms = watts * 1000, round(seconds * 1000) // parts
    reading = Reading("meter1", "power", start_ms - START_MS + DAY_MS, (step_ms,) * parts, *[(mw,) * parts] * 3)
    end_ms = start_ms + step_ms * parts
    entry = make(reading, index=index, wall_ms=end_ms, mono_ms=end_ms - START_MS + DAY_MS, boot=boot)
    return entry, reading


@st.composite
def evidence(draw):
    """Blocks of two journals over the two midnights of a day: overlapping, with holes, in whole and broken seconds."""
    blocks = []
    for origin in ("x/a/one/1", "x/a/two/1"):
        for place, midnight_s in enumerate((0, 86_400)):
            at = midnight_s - draw(st.integers(100, 300))
            for index in range(draw(st.integers(0, 12))):
                at += draw(st.sampled_from([0, 0, 0, 5, -7, 60, 61, 90]))
                seconds = draw(st.sampled_from([1, 10, 19.999, 20, 59.5, 60, 61, 200]))
                watts = draw(st.sampled_from([FLOOR, IDLE, 300, BUSY, BUSY, 9_999]))
                blocks.append((origin, *block(100 * place + index, at, watts=watts, seconds=seconds)))
                at += seconds
    return blocks


@settings(max_examples=200)
@given(evidence(), st.randoms(use_true_random=False))
def test_days_chain_and_neither_order_nor_repetition_matters(blocks, chance):
    """Three days from their own windows, shuffled and partly twice, against one derivation over everything."""
    days = days_touched(START_MS - DAY_MS, END_MS + DAY_MS)
    whole = derive(
        gather(blocks, POLICY).observed,
        POLICY,
        start_ms=START_MS - DAY_MS,
        end_ms=END_MS + DAY_MS,
        lead_in="unobserved",
    )
    lead, seconds = "unobserved", []
    for day in days:
        begin_ms, finish_ms = evidence_window(day, POLICY)
        window = [
            each for each in blocks if covered_ms(*each[1:])[0] < finish_ms and covered_ms(*each[1:])[1] > begin_ms
        ]
        window += [each for each in window if chance.random() < 0.3]
        chance.shuffle(window)
        record = derive_day(
            "A001",
            day,
            evidence=gather(window, POLICY),
            policy=POLICY,
            lead_in=lead,
            journals=contributing(window, *[day_bounds_ms(day)[0]], end_ms=day_bounds_ms(day)[1]),
            observed_until_ms=END_MS + DAY_MS,
        )
        lead = record.lead_out
        seconds += [state for start, end, state in record.spans for _ in range(start, end)]
    expected = [
        span.state
        for span in whole.spans
        for _ in range((span.start_ms - START_MS) // 1000, (span.end_ms - START_MS) // 1000)
    ]
    assert seconds == expected
    assert lead == whole.lead_out


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_golden_records_are_derived_byte_for_byte(path):
    """Made by golden_hours/make.py without any code of protocol/."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    policy = parse_policy(golden["policy"].encode())
    blocks = [
        (origin, entry, entry.body) for origin, raw in golden["entries"] for entry in [decode_entry(raw.encode())]
    ]
    lead = "unobserved"
    for expected in golden["days"]:
        day = date.fromisoformat(json.loads(expected["record"])["day"])
        start_ms, end_ms = day_bounds_ms(day)
        record = derive_day(
            "SX-2026-0001",
            day,
            evidence=gather(blocks, policy),
            policy=policy,
            lead_in=lead,
            journals=contributing(blocks, start_ms, end_ms=end_ms),
            observed_until_ms=expected["observed_until_ms"],
        )
        assert encode(record).decode() == expected["record"]
        assert decode(encode(record)) == record
        lead = record.lead_out


def test_there_are_golden_records():
    assert [path.stem for path in GOLDEN] == ["an_open_day", "every_edge", "over_new_year"]


def test_late_readings_of_one_day_reach_later_days_through_the_lead_alone():
    """domain.md section 3: Monday's late readings may change Thursday, when power stays inside the band between."""
    week = [DAY + timedelta(days=n) for n in range(4)]
    band = [(300, 300)] * (3 * 288)
    monday_late = observed((3_600, IDLE), (82_800, BUSY), *band, start_s=START_MS // 1000)
    monday_early = [each for each in monday_late if each.start_ms >= END_MS or each.low_mw == IDLE * 1000]

    def run_seconds(some):
        lead, found = "unobserved", []
        for day in week:
            record = derive_day(
                "A",
                day,
                evidence=Evidence(some, (), ()),
                policy=POLICY,
                lead_in=lead,
                journals={},
                observed_until_ms=END_MS + 3 * DAY_MS,
            )
            lead = record.lead_out
            found.append(record.run_s)
        return found

    assert run_seconds(monday_early) == [0, 0, 0, 0]
    assert run_seconds(monday_late) == [82_800, 86_400, 86_400, 86_400]


@pytest.mark.parametrize(
    ("seconds", "tenths"), [(0, 0), (179, 0), (180, 1), (3600, 10), (3779, 10), (3780, 11), (86_400, 240)]
)
def test_hours_are_rounded_once_to_a_tenth(seconds: int, tenths: int) -> None:
    assert in_tenths(seconds) == tenths
