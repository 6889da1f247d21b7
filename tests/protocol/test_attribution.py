"""Dividing effective time among those whom it served: the examples of domain.md, then anything."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.attribution import Claim, Served, Split, attribute, divide, external_within
from protocol.interval import clip, intersect, length, union

HOUR = 3600
OWNER, OTHER, THIRD = "12100000400000624D", "91440300708461136T", "91110000802100433B"


def internal(start_s: int, end_s: int, ref: str = "fact:a") -> Claim:
    return Claim(start_s, end_s, "", OWNER, "internal", ref)


def order(start_s: int, end_s: int, number: str = "B", *, documents: int = 1, **weights: int) -> Claim:
    standing = "verified" if documents else "claimed"
    return Claim(start_s, end_s, number, OTHER, standing, f"fact:{number}", documents, **weights)


VAGUE = Claim(9 * HOUR, 12 * HOUR, "", "", "unresolved", "entry:x#1")


def seconds(served: tuple[Served, ...], standing: str) -> int:
    return sum(line.seconds for line in served if line.standing == standing)


def test_two_users_who_overlap_share_what_both_claim() -> None:
    served = attribute(
        [(9 * HOUR, 12 * HOUR)],
        [internal(9 * HOUR, 11 * HOUR), order(10 * HOUR, 12 * HOUR)],
        split="share",
    )
    assert served == (
        Served("", OWNER, "internal", 5400, 0),
        Served("B", OTHER, "verified", 5400, 1),
    )


def test_what_nobody_claims_is_unresolved_and_idle_claims_are_worth_nothing() -> None:
    assert attribute([(0, 100)], [], split="share") == (Served("", "", "unresolved", 100, 0),)
    assert attribute([], [order(0, 100)], split="share") == ()
    assert attribute([(0, 100)], [order(40, 300)], split="share") == (
        Served("", "", "unresolved", 40, 0),
        Served("B", OTHER, "verified", 60, 1),
    )


def test_touching_claims_share_nothing() -> None:
    served = attribute([(0, 200)], [internal(0, 100), order(100, 200)], split="share")
    assert [line.seconds for line in served] == [100, 100]


@pytest.mark.parametrize(
    ("split", "claims", "expected"),
    [
        ("samples", [order(0, 4 * HOUR, "A", samples=3), order(0, 4 * HOUR, "B", samples=1)], [3 * HOUR, HOUR]),
        ("run-time", [order(0, 100, "A", run_s=10), order(0, 100, "B", run_s=30)], [25, 75]),
        ("share", [order(0, 100, "A", share=1), order(0, 100, "B", share=4)], [20, 80]),
        # where one of them does not state it, the declared share serves, and where that lacks, all are equal
        ("samples", [order(0, 100, "A", samples=3), order(0, 100, "B")], [50, 50]),
        ("samples", [order(0, 100, "A", samples=3, share=1), order(0, 100, "B", share=3)], [25, 75]),
        ("share", [order(0, 100, "A", samples=3), order(0, 100, "B", samples=1)], [50, 50]),
    ],
)
def test_the_policy_says_what_a_mixed_batch_is_divided_by(
    split: Split, claims: list[Claim], expected: list[int]
) -> None:
    end_s = claims[0].end_s
    assert [line.seconds for line in attribute([(0, end_s)], claims, split=split)] == expected


def test_seconds_that_remain_go_one_each_by_ascending_number() -> None:
    claims = [internal(0, 11), order(0, 11, "C"), order(0, 11, "B")]
    served = attribute([(0, 11)], claims, split="share")
    assert {line.order: line.seconds for line in served} == {"B": 4, "C": 4, "": 3}
    assert divide(11, [1, 1, 1]) == [4, 4, 3]
    assert divide(0, [2, 1]) == [0, 0]


def test_the_pieces_in_which_shared_time_lies_do_not_matter() -> None:
    claims = [order(0, 100, "A"), order(0, 100, "B")]
    pieces = [(at, at + 1) for at in range(0, 100, 2)]
    assert attribute(pieces, claims, split="share") == attribute([(0, 50)], claims, split="share")


def test_the_same_work_told_twice_is_one_claimant() -> None:
    booked, signed_in = order(0, 100, "B"), order(10, 90, "B")._replace(ref="entry:x#7")
    served = attribute([(0, 100)], [booked, signed_in, internal(0, 100)], split="share")
    assert {line.order: line.seconds for line in served} == {"B": 50, "": 50}


def test_service_that_names_no_order_is_about_the_orders_of_that_time() -> None:
    served = attribute([(9 * HOUR, 12 * HOUR)], [VAGUE, order(9 * HOUR, 11 * HOUR)], split="share")
    assert seconds(served, "verified") == 2 * HOUR
    assert seconds(served, "unresolved") == HOUR
    shared = attribute([(9 * HOUR, 12 * HOUR)], [VAGUE, internal(9 * HOUR, 11 * HOUR)], split="share")
    assert seconds(shared, "internal") == HOUR


TIMES = st.tuples(st.integers(0, 500), st.integers(1, 200)).map(lambda pair: (pair[0], pair[0] + pair[1]))
EFFECTIVE = st.lists(TIMES, max_size=8).map(union)
WEIGHT = st.none() | st.integers(1, 9)


@st.composite
def some_claims(draw: st.DrawFn) -> list[Claim]:
    claims = []
    for number in range(draw(st.integers(0, 7))):
        start_s, end_s = draw(TIMES)
        kind = draw(st.sampled_from(("internal", "order", "vague")))
        weights = {"share": draw(WEIGHT), "samples": draw(WEIGHT), "run_s": draw(WEIGHT)}
        if kind == "order":
            name = draw(st.sampled_from("ABC"))
            claims.append(
                order(start_s, end_s, name, documents=ord(name) % 2)._replace(ref=f"fact:{number}", **weights)
            )
        elif kind == "internal":
            claims.append(internal(start_s, end_s, f"fact:{number}")._replace(**weights))
        else:
            claims.append(VAGUE._replace(start_s=start_s, end_s=end_s, ref=f"entry:x#{number}"))
    return claims


SPLITS = st.sampled_from(("share", "samples", "run-time"))


@given(EFFECTIVE, some_claims(), SPLITS, st.randoms(use_true_random=False))
def test_every_second_goes_to_one_line_whatever_the_order_of_claims(
    effective: list[tuple[int, int]], claims: list[Claim], split: Split, random: Random
) -> None:
    served = attribute(effective, claims, split=split)
    assert sum(line.seconds for line in served) == length(effective)
    assert all(line.seconds > 0 for line in served)
    shuffled = list(claims)
    random.shuffle(shuffled)
    assert attribute(effective, shuffled, split=split) == served


@given(EFFECTIVE, some_claims(), SPLITS)
def test_nobody_gets_more_than_was_claimed_for_him(
    effective: list[tuple[int, int]], claims: list[Claim], split: Split
) -> None:
    claimed = Counter[str]()
    for number in {claim.order for claim in claims if claim.order}:
        spans = union((claim.start_s, claim.end_s) for claim in claims if claim.order == number)
        claimed[number] = length(intersect(spans, effective))
    unclaimed = length(effective) - length(intersect(union((c.start_s, c.end_s) for c in claims), effective))
    served = attribute(effective, claims, split=split)
    for line in served:
        assert not line.order or line.seconds <= claimed[line.order]
    assert seconds(served, "unresolved") >= unclaimed


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=9))
def test_parts_sum_to_the_whole_and_are_no_second_off(whole: int, weights: list[int]) -> None:
    parts = divide(whole, weights)
    assert sum(parts) == whole
    assert all(0 <= part - whole * weight // sum(weights) <= 1 for part, weight in zip(parts, weights, strict=True))


@given(st.data())
def test_external_seconds_lie_in_disjoint_sets_as_a_whole(data: st.DataObject) -> None:
    """Whatever the effective time is cut into: the parts sum to what it is as a whole, and none exceeds its length."""
    effective = union([(0, 100), (200, 400)])
    given_claims = data.draw(st.lists(st.sampled_from(SOME_CLAIMS), max_size=5))
    cuts = sorted(data.draw(st.lists(st.integers(0, 400), max_size=4)))
    sets = [clip(effective, *pair) for pair in pairwise([0, *cuts, 400])]
    served = attribute(effective, given_claims, split="share")
    found = external_within(sets, given_claims, split="share")
    assert sum(found) == sum(line.seconds for line in served if line.standing in ("claimed", "verified"))
    assert all(0 <= seconds <= length(each) for seconds, each in zip(found, sets, strict=True))


SOME_CLAIMS = [
    Claim(0, 300, "A", "", "verified", "a", 1, share=3),
    Claim(50, 400, "B", "", "claimed", "b", share=2),
    Claim(90, 210, "", "", "internal", "c"),
    Claim(0, 400, "D", "", "internal", "d", share=1),
    Claim(10, 390, "", "", "unresolved", "e"),
]
