"""The table of deeds."""

import pytest

from agent.desk.rules import TABLE, Claim, decide, forget, is_the_same
from protocol.presence import Presence

ANNA, BO = ("A001", "a" * 64), ("A001", "b" * 64)
PRESENCE = Presence("A001", "a" * 64, "teaching", None, "card", 5000, 7)


def test_who_is_there_is_asked_for_one_person_at_one_instrument() -> None:
    present = {ANNA: PRESENCE}
    assert (decide("card", ANNA, present), decide("card", BO, present)) == ("end", "begin")
    assert decide("in", ("A002", "a" * 64), present) == "begin"
    assert decide("out", BO, present) == "refuse"


def test_nobody_is_idle_who_is_not_there() -> None:
    with pytest.raises(KeyError):
        decide("idle", ANNA, {})
    assert len(TABLE) == 7


def test_the_same_is_the_same_purpose_and_order() -> None:
    assert is_the_same(PRESENCE, Claim("teaching"))
    assert not is_the_same(PRESENCE, Claim("teaching", "T-1"))
    assert not is_the_same(PRESENCE, Claim("own-research"))


def test_nothing_that_is_forgotten_ends_before_it_began() -> None:
    assert forget(PRESENCE, 4000).until_ms == 5000
    assert forget(PRESENCE, 6000).until_ms == 6000
