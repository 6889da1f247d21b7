"""What holds of the kernel whatever the load and the policy: held against an oracle, and against itself."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.interval import DAY_MS, subtract, union
from protocol.lead import parse_lead
from protocol.observation import between
from protocol.timeline import Span, derive
from tests.protocol.loads import drawn_observations, drawn_policies, rules_of, samples_of
from tests.protocol.oracle import runs_of, tell

policies = drawn_policies()
loads = drawn_observations()
frozen_policies = drawn_policies(may_freeze=True)
metered_loads = drawn_observations(deltas=(None, 0, 0, 3))


def end_of(observed):
    return (observed[-1].end_ms if observed else 0) + 10


def whole(observed, policy, lead_in="unobserved"):
    return derive(observed, policy, start_ms=0, end_ms=end_of(observed), lead_in=lead_in)


def merged(spans):
    """Spans of several pieces as one timeline."""
    found = []
    for span in spans:
        if found and found[-1].state == span.state and found[-1].end_ms == span.start_ms:
            span = Span(found.pop().start_ms, span.end_ms, span.state)
        found.append(span)
    return tuple(found)


@settings(max_examples=400)
@given(policies, loads, st.data())
def test_a_brute_force_oracle_tells_the_same(policy, observed, data):
    end_ms = end_of(observed)
    cut = data.draw(st.integers(1, end_ms), label="handover")
    oracle = tell(samples_of(observed), rules_of(policy), ticks=end_ms, leads_at=(cut, end_ms))
    timeline = whole(observed, policy)
    assert [tuple(span) for span in timeline.spans] == runs_of(oracle.states, 0, end_ms)
    assert timeline.lead_out == oracle.leads[end_ms]
    assert derive(observed, policy, start_ms=0, end_ms=cut, lead_in="unobserved").lead_out == oracle.leads[cut]


@settings(max_examples=400)
@given(frozen_policies, metered_loads, st.sets(st.integers(1, 120), max_size=6))
def test_deriving_piece_by_piece_is_deriving_in_one_piece(policy, observed, cuts):
    """Each piece is given its own part of the evidence only, with the look-ahead that the policy names."""
    end_ms = end_of(observed)
    pieces, lead = [], "unobserved"
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < end_ms), end_ms]):
        evidence = between(observed, start, end_ms=end + policy.horizon_ms())
        timeline = derive(evidence, policy, start_ms=start, end_ms=end, lead_in=lead)
        pieces += timeline.spans
        lead = timeline.lead_out
    assert merged(pieces) == whole(observed, policy).spans
    assert lead == whole(observed, policy).lead_out


@given(frozen_policies, metered_loads, st.data())
def test_dividing_observations_changes_nothing(policy, observed, data):
    parts = []
    for each in observed:
        middle = data.draw(st.integers(each.start_ms, each.end_ms - 1))
        if middle > each.start_ms:
            parts.append(each._replace(end_ms=middle))
        parts.append(each._replace(start_ms=middle))
    assert whole(parts, policy) == whole(observed, policy)


@given(frozen_policies, metered_loads)
def test_spans_cover_the_time_once_and_neighbours_differ(policy, observed):
    spans = whole(observed, policy).spans
    assert spans[0].start_ms == 0
    assert spans[-1].end_ms == end_of(observed)
    assert all(span.start_ms < span.end_ms for span in spans)
    assert all(left.end_ms == right.start_ms and left.state != right.state for left, right in pairwise(spans))
    assert sum(span.end_ms - span.start_ms for span in spans) == end_of(observed)


@given(policies, loads)
def test_exactly_what_nobody_observed_is_unobserved(policy, observed):
    """The over-count while unobserved is 0, and so is the under-count: holes count only up to the gap."""
    seen = union((each.start_ms, each.end_ms) for each in observed)
    short = [(end, start) for (_, end), (start, _) in pairwise(seen) if start - end <= policy.gap_ms]
    believed = union([*seen, *short])
    told = [(span.start_ms, span.end_ms) for span in whole(observed, policy).spans if span.state == "unobserved"]
    assert told == subtract([(0, end_of(observed))], believed)


@given(policies, loads, st.integers(-20_000, 20_000), st.sampled_from(["off", "standby", "run", "unobserved"]))
def test_the_same_load_on_another_day_gives_the_same_states(policy, observed, days, lead_in):
    shift = days * DAY_MS
    moved = [each._replace(start_ms=each.start_ms + shift, end_ms=each.end_ms + shift) for each in observed]
    there = derive(moved, policy, start_ms=shift, end_ms=end_of(observed) + shift, lead_in=lead_in)
    here = whole(observed, policy, lead_in)
    assert [(span.start_ms - shift, span.end_ms - shift, span.state) for span in there.spans] == list(here.spans)
    assert there.lead_out == here.lead_out


@given(frozen_policies, metered_loads, st.integers(1, 120))
def test_a_lead_out_is_a_lead_and_says_what_the_past_alone_decides(policy, observed, cut):
    seen = derive(observed, policy, start_ms=0, end_ms=cut, lead_in="unobserved").lead_out
    blind = derive(between(observed, 0, end_ms=cut), policy, start_ms=0, end_ms=cut, lead_in="unobserved").lead_out
    assert seen == blind
    assert str(parse_lead(seen)) == seen
