"""A lead is a short text, one for each state in which a timeline can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.lead import UNSEEN, Lead, parse_lead


@pytest.mark.parametrize(
    "text, lead",
    [
        ("off", Lead(0)),
        ("standby", Lead(1)),
        ("run", Lead(2)),
        ("unobserved", Lead(UNSEEN)),
        ("off,standby:5000", Lead(0, (5000, None))),
        ("off,standby:5000,run:3000", Lead(0, (5000, 3000))),
        ("standby,run:0", Lead(1, (None, 0))),
        ("standby,standby:9", Lead(1, (9, None))),
        ("run,run:41000,hole:20000", Lead(2, (None, 41000), 20000)),
        ("run,standby:5,run:7", Lead(2, (5, 7))),
        ("run,hole:1", Lead(2, (None, None), 1)),
        ("run,steady:905000:60000", Lead(2, steady=(905000, 60000))),
        ("unobserved,steady:905000:60000", Lead(UNSEEN, steady=(905000, 60000))),
    ],
)
def test_a_lead_is_written_and_read(text, lead):
    assert str(lead) == text
    assert parse_lead(text) == lead


@pytest.mark.parametrize(
    "text",
    [
        "",
        "on",
        "Off",
        "off ",
        "off\n",
        "run,hole:0",  # not canonical
        "run,run:007",
        "run,run:-1",
        "run,run:",
        "run,hole:5,run:9",  # wrong order
        "off,run:1,standby:1",
        "run,run:99999999999",
        "unobserved,hole:5",
        "unobserved,standby:5",
        "off,run:5",  # a run without standby's trigger
        "off,standby:3,run:5",  # a run that began before it
        "run,standby:5",  # off, and still a run
        "run,standby:7,run:5",
        "standby,standby:5,run:5",  # falling and rising at once
        "run,run:5,hole:7",  # pending since after the last observation
        "run,steady:5:0",
        "run,steady:5",
    ],
)
def test_a_text_in_which_no_timeline_ends_is_refused(text):
    with pytest.raises(ValueError, match="is not a lead"):
        parse_lead(text)


@given(
    st.from_regex(
        r"(off|standby|run|unobserved)(,standby:\d{1,2})?(,run:\d{1,2})?(,hole:\d)?(,steady:\d:\d)?", fullmatch=True
    )
)
def test_what_is_read_is_written_back_the_same(text):
    try:
        lead = parse_lead(text)
    except ValueError:
        return
    assert str(lead) == text
