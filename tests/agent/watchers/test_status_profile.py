"""Questions, answers, and patterns that cannot take for ever."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.status_profile import (
    BUILT_IN,
    LONGEST_ANSWER,
    STATES,
    Profile,
    Unintelligible,
    objection_to_pattern,
    objection_to_question,
    profile_as_json,
    profile_from,
    read_answer,
)


@pytest.mark.parametrize(
    ("name", "answer", "state"),
    [
        ("scpi", b"0", "standby"),
        ("scpi", b"16", "run"),
        ("scpi", b"+8", "run"),
        ("scpi", b" 272 ", "run"),
        ("scpi", b"48", "standby"),
        ("scpi", b"64", "standby"),
        ("scpi", b"17", "calibrate"),
        ("ascii", b"RUN", "run"),
        ("ascii", b"idle\r", "standby"),
        ("ascii", b"Error 17: door open", "fault"),
        ("ascii", b"OFF", "off"),
    ],
)
def test_an_answer_means_a_state(name: str, answer: bytes, state: str) -> None:
    assert read_answer(BUILT_IN[name], answer) == state


@pytest.mark.parametrize(
    ("name", "answer", "excerpt"),
    [
        ("scpi", b"", "''"),
        ("scpi", b"1.6E+01", "'1.6E+01'"),
        ("scpi", b"RUN", "'RUN'"),
        ("ascii", b"RUNAWAY", "'RUNAWAY'"),
        ("ascii", b"\xff\x00\x1b[2J", r"'\xff\x00\x1b[2J'"),
        ("ascii", b"x" * 100, f"'{'x' * 40}'…"),
    ],
)
def test_an_answer_that_means_nothing_is_told_with_an_excerpt(name: str, answer: bytes, excerpt: str) -> None:
    with pytest.raises(Unintelligible) as caught:
        read_answer(BUILT_IN[name], answer)
    assert str(caught.value).startswith(f"the answer {excerpt} means no state by profile {name}")


def test_the_first_pattern_that_fits_decides() -> None:
    profile = Profile("acme", b"?", b"\n", answers=(("HV ON.*", "run"), ("HV.*", "standby")))
    assert [read_answer(profile, answer) for answer in (b"HV ON 40 kV", b"HV OFF")] == ["run", "standby"]


@given(st.binary(max_size=LONGEST_ANSWER), st.sampled_from(sorted(BUILT_IN)))
def test_any_bytes_mean_a_state_or_are_unintelligible(answer: bytes, name: str) -> None:
    assert _read(BUILT_IN[name], answer) in STATES or _read(BUILT_IN[name], answer).isprintable()


def _read(profile: Profile, answer: bytes) -> str:
    try:
        return read_answer(profile, answer)
    except Unintelligible as told:
        return str(told)


@pytest.mark.parametrize("ask", [b"*STB?", b"STAT:OPER:COND?", b"STATUS?", b"*STB?;STAT:OPER:COND?", b"MEAS? CH1"])
def test_a_question_passes(ask: bytes) -> None:
    assert objection_to_question(ask, is_query=False) == ""


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (b"*RST", "'*RST' has no `?`, so it may be a command"),
        (b"*RST;*STB?", "'*RST' has no `?`"),
        (b"*STB?; INIT", "'INIT' has no `?`"),
        (b"\x05", "holds control characters"),
        (b"*STB?\n*RST", "holds control characters"),
        (b"", "there is no question"),
    ],
)
def test_what_may_be_a_command_is_refused(ask: bytes, says: str) -> None:
    assert objection_to_question(ask, is_query=False).startswith(says)


def test_what_only_looks_like_a_command_passes_when_the_profile_says_that_it_asks() -> None:
    assert objection_to_question(b"\x05", is_query=True) == ""
    assert objection_to_question(b"", is_query=True) == "there is no question"


@pytest.mark.parametrize(
    "pattern",
    [r"RUN.*", r"(?i)(ERROR|FAULT)( .*)?", r"\(\d+\)+", r"[*+?{}()]+", r"STATE=[0-9]{1,3}", r"(?P<x>a)b*?", r"\)\*"],
)
def test_a_plain_pattern_passes(pattern: str) -> None:
    assert objection_to_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(a+)+", "repeats a group"),
        (r"(a|a)*b", "repeats a group"),
        (r"(?:a*){2,}", "repeats a group"),
        (r"([)a]+)+", "repeats a group"),
        (r"a?a?a?a?a?aaaaa", "has 5 repeats"),
        (r".*.*.*.*.*x", "has 5 repeats"),
        (r"(?x)(a) *", "is verbose"),
        (r"(RUN", "is no regular expression"),
        (r"a{99999999999}", "is no regular expression"),
    ],
)
def test_a_pattern_that_may_take_for_ever_is_refused(pattern: str, says: str) -> None:
    assert says in objection_to_pattern(pattern)


def test_the_worst_pattern_that_passes_ends_on_the_longest_answer() -> None:
    pattern = "x*x*x*x*y"
    assert objection_to_pattern(pattern) == ""
    assert re.fullmatch(pattern, "x" * LONGEST_ANSWER) is None


@pytest.mark.parametrize("profile", BUILT_IN.values(), ids=BUILT_IN)
def test_the_built_in_profiles_keep_to_the_rules(profile: Profile) -> None:
    assert objection_to_question(profile.ask, is_query=False) == ""
    assert [objection_to_pattern(pattern) for pattern, _ in profile.answers] == [""] * len(profile.answers)
    assert {state for _, state in (*profile.answers, *profile.bits)} <= set(STATES)


@pytest.mark.parametrize("profile", BUILT_IN.values(), ids=BUILT_IN)
def test_a_profile_survives_the_command_line(profile: Profile) -> None:
    assert profile_from(json.loads(json.dumps(profile_as_json(profile)))) == profile


def test_bits_without_an_otherwise_leave_zero_unknown() -> None:
    with pytest.raises(Unintelligible):
        read_answer(Profile("own", b"?", b"\n", bits=((1, "run"),)), b"0")
