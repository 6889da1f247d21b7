"""Each instrument and facility is counted or not for one reason, and a person may decide otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.evaluation.population import REASONS, Candidate, Choice, Rules, judge_all

UNIT = "91610131MA6TYUUC74"
LIMIT = 20_000_000
WHOLE = Candidate("instrument", "A001", UNIT, LIMIT, LIMIT, True)

JUDGED = {
    "wholly by government": (WHOLE, True, "meets-rules", ""),
    "a facility": (WHOLE._replace(kind="facility", shareable=None), True, "meets-rules", ""),
    "nobody said whether it is open": (WHOLE._replace(shareable=None), True, "meets-rules", ""),
    "a fen more than half": (WHOLE._replace(government_fen=LIMIT // 2 + 1), True, "meets-rules", ""),
    "exactly half": (WHOLE._replace(government_fen=LIMIT // 2), False, "funding-other", ""),
    "nothing public": (WHOLE._replace(government_fen=0), False, "funding-other", ""),
    "funding unknown": (WHOLE._replace(government_fen=None), False, "funding-unknown", ""),
    "a fen too cheap": (WHOLE._replace(value_fen=LIMIT - 1), False, "below-value", ""),
    "value unknown": (WHOLE._replace(value_fen=None, government_fen=None), False, "value-unknown", ""),
    "exempt": (WHOLE._replace(shareable=False, document="密字1号"), False, "exempt", "密字1号"),
    "retired": (WHOLE._replace(uscc=None), False, "no-owner", ""),
}


@pytest.mark.parametrize("name", JUDGED)
def test_each_has_one_reason(name: str) -> None:
    candidate, is_in, reason, note = JUDGED[name]
    [member] = judge_all([candidate], Rules(), [])
    assert (member.is_in, member.reason, member.note) == (is_in, reason, note)
    assert member[:6] == candidate[:6]


CHOSEN = {
    "brought in": (JUDGED["nothing public"][0], "instrument:A001", "include", True, "by-choice"),
    "kept out": (WHOLE, "instrument:A001", "exclude", False, "by-choice"),
    "its unit kept out": (WHOLE, f"unit:{UNIT}", "exclude", False, "unit-left-out"),
    "its unit let in again": (WHOLE, f"unit:{UNIT}", "include", True, "meets-rules"),
    "another thing": (WHOLE, "facility:A001", "exclude", True, "meets-rules"),
    "what nobody owns": (JUDGED["retired"][0], "instrument:A001", "include", False, "no-owner"),
    "what has no value": (JUDGED["value unknown"][0], "instrument:A001", "include", False, "value-unknown"),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_person_may_decide_otherwise(name: str) -> None:
    candidate, subject, verdict, is_in, reason = CHOSEN[name]
    [member] = judge_all([candidate], Rules(), [Choice(subject, verdict, "decided on 3 January")])  # type: ignore[arg-type]
    assert (member.is_in, member.reason) == (is_in, reason)
    assert member.note == ("decided on 3 January" if reason in ("by-choice", "unit-left-out") else "")


def test_of_two_choices_the_later_one_holds() -> None:
    choices = [Choice("instrument:A001", "exclude", "first"), Choice("instrument:A001", "include", "then")]
    assert [(each.is_in, each.note) for each in judge_all([WHOLE], Rules(), choices)] == [(True, "then")]


def test_the_limits_are_the_rounds() -> None:
    cheap = WHOLE._replace(value_fen=LIMIT // 2, government_fen=LIMIT // 8)
    assert judge_all([cheap], Rules(LIMIT // 2, 24), [])[0].is_in
    assert judge_all([cheap], Rules(LIMIT // 2, 25), [])[0].reason == "funding-other"


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (Rules(0), "min_value_fen is 0"),
        (Rules(over_government_percent=100), "over_government_percent is 100"),
        (Rules(over_government_percent=-1), "over_government_percent is -1"),
    ],
)
def test_impossible_limits_are_named(rules: Rules, says: str) -> None:
    assert [says in fault for fault in rules.faults()] == [True]
    assert Rules().faults() == []


candidates = st.builds(
    Candidate,
    kind=st.sampled_from(["instrument", "facility"]),
    name=st.sampled_from([f"A{n}" for n in range(30)]),
    uscc=st.sampled_from([None, UNIT, "12100000400000624D"]),
    value_fen=st.none() | st.integers(10**6, 10**9),
    government_fen=st.none() | st.integers(0, 10**9),
    shareable=st.sampled_from([None, True, False]),
)


@given(st.lists(candidates, unique_by=lambda each: each.subject), st.randoms())
def test_everything_is_judged_once_in_whatever_order_it_comes(given_: list[Candidate], random: object) -> None:
    judged = judge_all(given_, Rules(), [])
    shuffled = list(given_)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge_all(shuffled, Rules(), []) == judged
    assert len(judged) == len(given_)
    assert {each.reason for each in judged} <= set(REASONS)
    assert all(each.value_fen and each.uscc for each in judged if each.is_in)
