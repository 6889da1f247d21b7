"""What all agents together may have under way stays inside the budget, and nobody is forgotten in it."""

from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.grants import BATCH_BYTES, ENTRY_BYTES, FORGOTTEN_AFTER_MS, WINDOW, Grants

MONTH = 9_000  # entries


def test_where_there_is_room_an_agent_gets_the_whole_window() -> None:
    assert Grants(100 * BATCH_BYTES).ask("em-01", size=MONTH, held=0, now_ms=0) == WINDOW


def test_the_window_shrinks_as_the_budget_fills_until_the_next_is_told_to_come_again() -> None:
    grants = Grants(16 * BATCH_BYTES)
    windows = [grants.ask(f"em-{n:02}", size=MONTH, held=0, now_ms=0) for n in range(12)]
    assert windows == [4, 3, 3, 2, 1, 1, 1, 0, 0, 0, 0, 0]


def test_who_has_little_to_tell_is_welcome_beside_those_who_fill_the_budget() -> None:
    grants = Grants(4 * BATCH_BYTES)
    while grants.ask(f"big-{grants.granted_bytes}", size=MONTH, held=0, now_ms=0):
        pass
    assert grants.ask("tiny", size=MONTH + 3, held=MONTH, now_ms=0) >= 1


def test_a_grant_ends_when_the_agent_has_caught_up_with_what_it_named() -> None:
    grants = Grants(16 * BATCH_BYTES)
    grants.ask("em-01", size=MONTH, held=0, now_ms=0)
    grants.hear("em-01", size=MONTH - 1, now_ms=1)
    assert grants.granted_bytes == WINDOW * BATCH_BYTES + ENTRY_BYTES
    grants.hear("em-01", size=MONTH, now_ms=2)
    assert grants.granted_bytes == 0
    grants.hear("em-01", size=MONTH + 1, now_ms=3)  # up to date, and going on


def test_another_hello_replaces_the_grant_and_silence_ends_it() -> None:
    grants = Grants(16 * BATCH_BYTES)
    for now_ms in (0, 5):
        grants.ask("em-01", size=MONTH, held=0, now_ms=now_ms)
    grants.ask("em-02", size=1, held=0, now_ms=6)
    assert grants.granted_bytes == WINDOW * BATCH_BYTES + 3 * ENTRY_BYTES
    grants.hear("em-02", size=0, now_ms=10)
    grants.ask("em-03", size=0, held=0, now_ms=FORGOTTEN_AFTER_MS + 5)
    assert grants.granted_bytes == 3 * ENTRY_BYTES


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, MONTH), st.booleans(), st.integers(0, 9_000))))
def test_the_budget_is_never_exceeded_and_never_leaks(happenings: list[tuple[int, int, bool, int]]) -> None:
    grants, now_ms = Grants(6 * BATCH_BYTES), 0
    for agent, entries, asks, passed_ms in happenings:
        now_ms += passed_ms
        if asks:
            grants.ask(f"em-{agent:02}", size=entries, held=0, now_ms=now_ms)
        else:
            grants.hear(f"em-{agent:02}", size=entries, now_ms=now_ms)
        assert 0 <= grants.granted_bytes <= 6 * BATCH_BYTES
    grants.ask("last", size=0, held=0, now_ms=now_ms + FORGOTTEN_AFTER_MS)
    assert grants.granted_bytes == ENTRY_BYTES
