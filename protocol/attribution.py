"""Whom the effective time of a day served: claims on it, and its division among them. Pure, in seconds of the day.

A *claim* says that over [start_s, end_s) the instrument worked for somebody. It never makes time: what is divided is
the effective time alone, and every second of it goes to exactly one line of the result. Rules (domain.md section 3):

 1 Claimants. Claims that name one order are one claimant, however often the same work was told. Claims without an
   order are a claimant each.
 2 What nobody claims is unresolved.
 3 A claim of service without an order is about the orders that are claimed at the same time, where there are any: it
   takes no part there.
 4 Shared seconds are divided by weights: what the policy's method asks for (samples, run time, declared share) where
   every claimant of these seconds states it, else declared shares where every one states them, else equally.
 5 Each gets the floor of its part; the seconds that remain go one each by ascending order number, claimants without
   one last. All seconds of the day that the same claimants share with the same weights are divided at once, so the
   result does not depend on the pieces in which they lie.

    A, internal, 9 to 11 and order B, external, 10 to 12, effective 9 to 12:   A 1.5 h, B 1.5 h
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import add
from typing import Literal, NamedTuple, get_args

from protocol.interval import Interval, clip, length, subtract, union

Standing = Literal["internal", "claimed", "verified", "unresolved"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
Split = Literal["share", "samples", "run-time"]
"""What shared seconds are divided by; one method a policy."""


class Claim(NamedTuple):
    """[start_s, end_s) of a day was for somebody. `ref` names what says so; `documents` counts those of the order."""

    start_s: int
    end_s: int
    order: str  # its number, or ""
    beneficiary: str  # USCC, or ""
    standing: Standing
    ref: str
    documents: int = 0
    share: int | None = None
    samples: int | None = None
    run_s: int | None = None

    @property
    def claimant(self) -> "Claimant":
        return self.order == "", self.order or self.ref

    @property
    def is_vague(self) -> bool:
        """Service for somebody whom nobody named (rule 3)."""
        return self.standing == "unresolved" and not self.order


Claimant = tuple[bool, str]
"""Sorts by order number, those without an order last."""


class Served(NamedTuple):
    """Seconds of a day that served an order, a beneficiary or nobody known, and how well that is proved."""

    order: str
    beneficiary: str
    standing: Standing
    seconds: int
    documents: int


class _Part(NamedTuple):
    """Who shares a piece of time and by which weights: what rule 5 divides at once."""

    claims: tuple[Claim, ...]  # one line of each claimant, in their order
    weights: tuple[int, ...]


def attribute(effective: Sequence[Interval], claims: Iterable[Claim], *, split: Split) -> tuple[Served, ...]:
    """Divide the effective time, a set of intervals; lines are sorted, and their seconds sum to its length."""
    given = [claim for claim in claims if claim.start_s < claim.end_s]
    shared: dict[_Part, int] = defaultdict(int)
    for start_s, end_s, present in _pieces(given):
        if seconds := length(clip(list(effective), start_s, end_s)):
            shared[_part(present, split)] += seconds
    free = subtract(list(effective), union((claim.start_s, claim.end_s) for claim in given))
    served: dict[tuple[str, str, Standing, int], int] = defaultdict(int)
    served["", "", "unresolved", 0] += length(free)
    for part, seconds in shared.items():
        for claim, own in zip(part.claims, divide(seconds, part.weights), strict=True):
            served[claim.order, claim.beneficiary, claim.standing, claim.documents] += own
    return tuple(sorted(Served(*key[:3], seconds, key[3]) for key, seconds in served.items() if seconds))


def external_within(sets: Sequence[Sequence[Interval]], claims: Iterable[Claim], *, split: Split) -> list[int]:
    """How many of the external seconds of the effective time lie in each of some disjoint sets that make it up.

    All seconds of a part are divided at once (rule 5), so that none of them is external by itself: the part's external
    seconds go to the sets as the part's seconds do, floors first, then one each. They sum to what `attribute` gives.
    """
    given = [claim for claim in claims if claim.start_s < claim.end_s]
    shared: dict[_Part, list[int]] = defaultdict(lambda: [0] * len(sets))
    for start_s, end_s, present in _pieces(given):
        found = [length(clip(list(each), start_s, end_s)) for each in sets]
        if any(found):
            held = shared[_part(present, split)]
            held[:] = map(add, held, found)
    external = [0] * len(sets)
    for part, seconds in shared.items():
        parts = zip(part.claims, divide(sum(seconds), part.weights), strict=True)
        outside = sum(own for claim, own in parts if claim.standing in ("claimed", "verified"))
        places = [place for place, of_set in enumerate(seconds) if of_set]
        for place, own in zip(places, divide(outside, [seconds[place] for place in places]), strict=True):
            external[place] += own
    return external


def divide(seconds: int, weights: Sequence[int]) -> list[int]:
    """Whole seconds by weights (all positive): floors, then one each from the first on until nothing is left."""
    total = sum(weights)
    parts = [seconds * weight // total for weight in weights]
    for place in range(seconds - sum(parts)):
        parts[place] += 1
    return parts


def _pieces(claims: Iterable[Claim]) -> Iterable[tuple[int, int, list[Claim]]]:
    """The time cut wherever a claim begins or ends, with the claims of each piece; pieces without one are left out."""
    changes: dict[int, list[tuple[bool, Claim]]] = defaultdict(list)
    for claim in claims:
        changes[claim.start_s].append((True, claim))
        changes[claim.end_s].append((False, claim))
    present: Counter[Claim] = Counter()
    for start_s, end_s in pairwise(sorted(changes)):
        for begins, claim in changes[start_s]:
            present[claim] += 1 if begins else -1
        if here := sorted(present.elements()):
            yield start_s, end_s, here


def _part(present: list[Claim], split: Split) -> _Part:
    """Rules 1, 3 and 4."""
    if any(claim.order for claim in present):
        present = [claim for claim in present if not claim.is_vague]
    of_claimant: dict[Claimant, list[Claim]] = defaultdict(list)
    for claim in present:
        of_claimant[claim.claimant].append(claim)
    claimants = [of_claimant[key] for key in sorted(of_claimant)]
    # Which claim stands for its claimant matters not: those of one order have its beneficiary and documents.
    lines = tuple(_line(claims[0]) for claims in claimants)
    return _Part(lines, _weights(claimants, split))


def _line(claim: Claim) -> Claim:
    """What a claim says of whom it served, and no more."""
    return Claim(0, 0, claim.order, claim.beneficiary, claim.standing, "", claim.documents)


def _weights(claimants: Sequence[list[Claim]], split: Split) -> tuple[int, ...]:
    methods: tuple[Split, ...] = (split, "share")
    for method in methods:
        stated = tuple(_stated(claims, method) for claims in claimants)
        if all(stated):
            return stated
    return (1,) * len(claimants)


def _stated(claims: Iterable[Claim], method: Split) -> int:
    """What a claimant states in all, 0 where it states nothing."""
    return sum(getattr(claim, _MEMBER[method]) or 0 for claim in claims)


_MEMBER: dict[Split, str] = {"share": "share", "samples": "samples", "run-time": "run_s"}
