"""The search for cycles pauses while a day is made, and goes on afterwards, whatever happened."""

import gc

import pytest

from collector.accounts.undisturbed import undisturbed


def test_it_pauses_and_goes_on() -> None:
    assert gc.isenabled()
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="a bad day"), undisturbed():
        raise ValueError("a bad day")
    assert gc.isenabled()


def test_who_paused_it_before_decides_when_it_goes_on() -> None:
    with undisturbed():
        with undisturbed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
