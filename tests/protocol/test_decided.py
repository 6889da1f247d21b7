"""Decisions in force: disjoint, the later approved one first, without what was corrected, in any order."""

from itertools import permutations

from protocol.decided import decided
from protocol.facts import Correction, Decision, Verdict

HOUR = 3_600_000
REFS = [f"fact:{digit * 64}" for digit in "1234"]


def decision(
    start_h: float, end_h: float, verdict: Verdict = "exclude", *, approved_at: int = 1, asset: str = "A001"
) -> Decision:
    return Decision(
        v=1, at=1, by="li", asset=asset, start=round(start_h * HOUR), end=round(end_h * HOUR), verdict=verdict,
        why="the beam was off", approver="wang", approved_at=approved_at,
    )  # fmt: skip


def correction(target: str) -> Correction:
    return Correction(v=1, at=2, by="li", approver="wang", approved_at=9, reason="wrong day", target=target)


def test_a_decision_holds_over_its_own_time_and_for_its_own_instrument() -> None:
    found = {REFS[0]: decision(9, 12), REFS[1]: decision(1, 2, asset="A002")}
    assert decided(found, "A001") == [(9 * HOUR, 12 * HOUR, "exclude", REFS[0])]


def test_of_two_about_one_instant_the_later_approved_one_holds_and_the_rest_of_the_other_keeps_its_ref() -> None:
    found = {REFS[0]: decision(8, 12), REFS[1]: decision(9, 10, "accept", approved_at=2)}
    assert decided(found, "A001") == [
        (8 * HOUR, 9 * HOUR, "exclude", REFS[0]),
        (9 * HOUR, 10 * HOUR, "accept", REFS[1]),
        (10 * HOUR, 12 * HOUR, "exclude", REFS[0]),
    ]


def test_of_two_approved_at_once_the_ref_decides_whatever_came_first() -> None:
    held = [(REFS[0], decision(9, 12)), (REFS[1], decision(9, 12, "accept")), (REFS[2], decision(11, 13))]
    outcomes = {tuple(decided(dict(order), "A001")) for order in permutations(held)}
    assert outcomes == {((9 * HOUR, 11 * HOUR, "accept", REFS[1]), (11 * HOUR, 13 * HOUR, "exclude", REFS[2]))}


def test_a_corrected_decision_does_not_hold_and_a_corrected_correction_lets_it_hold_again() -> None:
    found = {REFS[0]: decision(9, 12), REFS[1]: correction(REFS[0])}
    assert decided(found, "A001") == []
    assert decided({**found, REFS[2]: correction(REFS[1])}, "A001") == [(9 * HOUR, 12 * HOUR, "exclude", REFS[0])]
