"""Declarations become presences: domain.md section 3, the cases of people."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from protocol.entry import Body, Declaration, Entry, Storage
from protocol.presence import Ended, Presence, Present, follow

ANNA, BO = "a" * 64, "b" * 64
HOUR_MS = 3_600_000


def declared(action: str, operator: str = ANNA, *, at_h: float, index: int = 1, **members: object) -> Entry:
    members = {"how": "page", "asset": "A001", **members}
    if action == "in":
        members.setdefault("purpose", "own-research")
    return said(Declaration(action=action, operator=operator, **members), at_h=at_h, index=index)  # type: ignore[arg-type]


def said(body: Body, *, at_h: float, index: int = 1) -> Entry:
    return Entry(index, round(at_h * HOUR_MS), 0, "00000000", body)


def ended_by(*entries: Entry) -> list[Ended]:
    present: Present = {}
    ended = []
    for entry in entries:
        present, end = follow(present, entry)
        ended += [end] if end else []
    return ended


def left_by(*entries: Entry) -> list[Presence]:
    return list(reduce(lambda present, entry: follow(present, entry)[0], entries, {}).values())


def test_in_and_out_make_a_presence() -> None:
    first = declared("in", at_h=9, index=7, purpose="service-order", order="SO-1")
    (ended,) = ended_by(first, declared("out", at_h=11))
    assert ended == Ended(
        Presence("A001", ANNA, "service-order", "SO-1", "page", 9 * HOUR_MS, 7), 11 * HOUR_MS, forgotten=False
    )


def test_two_persons_may_be_there_together() -> None:
    ended = ended_by(
        declared("in", ANNA, at_h=9),
        declared("in", BO, at_h=10),
        declared("out", ANNA, at_h=11),
        declared("out", BO, at_h=12),
    )
    assert [(one.presence.operator, one.presence.since_ms, one.end_ms) for one in ended] == [
        (ANNA, 9 * HOUR_MS, 11 * HOUR_MS),
        (BO, 10 * HOUR_MS, 12 * HOUR_MS),
    ]


def test_one_person_may_be_at_two_instruments() -> None:
    here, there = declared("in", at_h=9), declared("in", at_h=10, asset="A002")
    assert [one.asset for one in left_by(here, there)] == ["A001", "A002"]
    assert [one.asset for one in left_by(here, there, declared("out", at_h=11))] == ["A002"]


def test_another_purpose_is_another_presence_that_follows_without_a_gap() -> None:
    again = declared("in", at_h=10, purpose="service-order", order="SO-1")
    (ended,) = ended_by(declared("in", at_h=9), again)
    (left,) = left_by(declared("in", at_h=9), again)
    assert (ended.presence.purpose, ended.end_ms) == ("own-research", 10 * HOUR_MS)
    assert (left.purpose, left.order, left.since_ms) == ("service-order", "SO-1", 10 * HOUR_MS)


def test_a_forgotten_sign_out_ends_at_the_last_evidence_and_says_so() -> None:
    forgotten = declared("out", at_h=72, how="forgotten", until_ms=round(17.2 * HOUR_MS))
    assert [(one.end_ms, one.forgotten) for one in ended_by(declared("in", at_h=9), forgotten)] == [
        (round(17.2 * HOUR_MS), True)
    ]


def test_no_presence_ends_before_it_began() -> None:
    set_back = declared("out", at_h=8)
    forgotten = declared("out", at_h=72, how="forgotten", until_ms=0)
    for end in (set_back, forgotten):
        (ended,) = ended_by(declared("in", at_h=9), end)
        assert ended.end_ms == ended.presence.since_ms


def test_an_out_without_a_presence_and_other_entries_say_nothing() -> None:
    assert ended_by(declared("out", at_h=9), said(Storage("x"), at_h=10)) == []
    assert left_by(declared("in", at_h=9), said(Storage("x"), at_h=10)) == left_by(declared("in", at_h=9))


actions = st.tuples(st.sampled_from(["in", "out"]), st.sampled_from([ANNA, BO]), st.sampled_from(["A001", "A002"]))


@given(st.lists(actions, max_size=30))
def test_the_presences_of_one_person_at_one_instrument_never_overlap(said: list[tuple[str, str, str]]) -> None:
    entries = [
        declared(action, operator, at_h=hour, index=hour, asset=asset)
        for hour, (action, operator, asset) in enumerate(said)
    ]
    until: dict[tuple[str, str], int] = {}
    for ended in ended_by(*entries):
        assert ended.presence.since_ms >= until.get(ended.presence.key, 0)
        assert ended.end_ms > ended.presence.since_ms
        until[ended.presence.key] = ended.end_ms
