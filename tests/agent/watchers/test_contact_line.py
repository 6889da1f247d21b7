"""A dry contact: debounced, dated back, and chatter told as what it is."""

from hypothesis import given
from hypothesis import strategies as st

from agent.watchers.contact_line import ContactLine, Told


def line(debounce_ms: int = 40, *, every_ms: int = 1000, most_changes: int = 20) -> ContactLine:
    return ContactLine(debounce_ms=debounce_ms, every_ms=every_ms, most_changes=most_changes)


def look(contact: ContactLine, levels: str, *, start_ms: int = 0, step_ms: int = 20) -> list[Told]:
    """Show a contact what `levels` draws, one look each `step_ms`: `#` closed, `_` open."""
    return [
        told for number, level in enumerate(levels) for told in contact.look(start_ms + number * step_ms, level == "#")
    ]


def test_a_steady_contact_is_told_once_it_has_settled_and_then_at_every_poll() -> None:
    assert look(line(), "_" * 104) == [Told(40, "open"), Told(1040, "open"), Told(2040, "open")]


def test_a_change_is_dated_back_to_the_look_that_saw_it() -> None:
    contact = line()
    look(contact, "_" * 40)
    assert look(contact, "_##_#####_", start_ms=800) == [Told(860, "open"), Told(920, "closed")]


def test_bounces_shorter_than_the_debounce_time_change_nothing() -> None:
    told = look(line(), "____#_##__#___" + "_" * 60)
    assert {one.word for one in told} == {"open"}


def test_without_debounce_each_look_counts() -> None:
    told = look(line(0), "__#_")
    assert told == [Told(0, "open"), Told(20, "open"), Told(40, "closed"), Told(60, "open")]


def test_chatter_is_told_as_no_word_until_the_seventh_last_change_is_ten_seconds_old() -> None:
    contact = line(most_changes=6)
    told = look(contact, "___" + "#_" * 4 + "_" * 600)
    assert [one.mono_ms for one in told if one.word == "open"] == [40, 10_100, 11_100, 12_100]
    assert [one.mono_ms for one in told if one.word is None] == list(range(1040, 10_081, 1000))


def test_after_chatter_the_word_before_it_is_not_told_again() -> None:
    contact = line(most_changes=6)
    look(contact, "___" + "#_" * 4)
    told = look(contact, "#" * 600, start_ms=220)
    assert "open" not in {one.word for one in told}
    assert told[-1].word == "closed"


@given(st.text("#_", max_size=400), st.integers(0, 100))
def test_what_is_told_is_in_order_and_was_seen(levels: str, debounce_ms: int) -> None:
    told = look(line(debounce_ms), levels)
    times = [one.mono_ms for one in told]
    assert times == sorted(set(times))
    assert all(one.word == {"#": "closed", "_": "open"}[levels[one.mono_ms // 20]] for one in told if one.word)
