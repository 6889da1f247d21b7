"""Which units are visited: those whose flags weigh most, and some drawn by a seed. Pure.

    key of a unit = SHA-256 over four lines: jishi-visits/v1, the round's name, the seed, the unit's code

The lowest keys of all units are taken, whatever their flags say: so anybody can draw again who knows the round's units
and the seed, and no flags. A unit that both chose is visited once. Who is counted was fixed before, so whoever throws
the dice (before witnesses) cannot choose. A flag orders visits and is no verdict.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Literal, NamedTuple

MAX_UNITS = 500
MAX_SEED_CHARS = 200
Reason = Literal["flags", "seed", "both"]


class Weighed(NamedTuple):
    """What the flags of a unit's counted instruments weigh together, and their rules, the heaviest first."""

    uscc: str
    weight: int
    rules: tuple[str, ...]


class Visit(NamedTuple):
    """A unit that is to be visited, in this order; `reason`: its flags, the seed, or both."""

    place: int
    uscc: str
    reason: Reason
    weight: int
    rules: tuple[str, ...]


def draw(
    units: Iterable[str], weighed: Mapping[str, Weighed], *, round_name: str, seed: str, by_flags: int, by_seed: int
) -> list[Visit]:
    """The visits: at most `by_flags` units with flags, the heaviest first, then those of `by_seed` drawn from all."""
    known = sorted(set(units))
    flagged = sorted((weighed[uscc] for uscc in known if uscc in weighed), key=lambda each: (-each.weight, each.uscc))
    chosen = [each.uscc for each in flagged[:by_flags]]
    drawn = sorted(known, key=lambda uscc: _key(round_name, seed, uscc))[:by_seed]
    order: list[tuple[str, Reason]] = [(uscc, "both" if uscc in drawn else "flags") for uscc in chosen]
    order += [(uscc, "seed") for uscc in drawn if uscc not in chosen]
    return [
        _visit(place, weighed.get(uscc, Weighed(uscc, 0, ())), reason) for place, (uscc, reason) in enumerate(order, 1)
    ]


def faults_of(seed: str, by_flags: int, by_seed: int) -> list[str]:
    """What is impossible about a draw."""
    found = []
    if not seed.strip() or not seed.isprintable() or len(seed) > MAX_SEED_CHARS:
        found.append(f"seed: 1 to {MAX_SEED_CHARS} printable characters on one line are expected, as '4 2 6 1 5'")
    if not 0 <= by_flags <= MAX_UNITS or not 0 <= by_seed <= MAX_UNITS or by_flags + by_seed == 0:
        found.append(f"{by_flags} units by flags and {by_seed} by seed: give 0 to {MAX_UNITS} each, and one at least")
    return found


def _visit(place: int, weighed: Weighed, reason: Reason) -> Visit:
    return Visit(place, weighed.uscc, reason, weighed.weight, weighed.rules)


def _key(round_name: str, seed: str, uscc: str) -> bytes:
    return sha256(f"jishi-visits/v1\n{round_name}\n{seed}\n{uscc}\n".encode()).digest()
