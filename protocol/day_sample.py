"""Which days an inspector matches with the paper log: drawn by a seed, the same for everybody who draws again. Pure.

    key of a day = SHA-256 over four lines: jishi-sample/v1, the manifest's SHA-256, the seed, the day

The lowest keys of each stratum are taken. Strata, because the cheapest lies are in different places: days with
external hours (internal ones sold as external), days of many effective hours (faked load), and the others (runs that
the log on paper has and nobody recorded). Each gets a third of the count; what one cannot fill, the others do.

The manifest's hash is in the key: whoever makes the bundle cannot know the days before the seed is there. The seed is
to be drawn when the bundle lies on the table, before both sides (dice do well); then nobody has chosen the days.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from protocol.findings import STRATA, Stratum
from protocol.hours import HourRecord

HIGH_SHARE = 3
"""Of the days without external hours, the third with most effective time counts as high."""


class Drawn(NamedTuple):
    """A day of the sample, from which stratum, and its record's SHA-256."""

    day: str
    stratum: Stratum
    sha256: str
    record: HourRecord


def draw(records: Iterable[tuple[str, HourRecord]], *, manifest: str, seed: str, count: int) -> list[Drawn]:
    """Days in their order; `records` with the SHA-256 of their bytes, each day's newest last.

    All days where there are fewer than `count`. ValueError for a count below 1 or a seed that is not one line.
    """
    if count < 1 or not seed or not seed.isprintable():
        raise ValueError("a count from 1 on, and a seed of one printable line, are expected")
    newest = {record.day: (identity, record) for identity, record in records}
    strata = _stratify(newest)
    taken: list[Drawn] = []
    for place, stratum in enumerate(STRATA):
        share = -(-(count - len(taken)) // (len(STRATA) - place))
        taken += _lowest(strata[stratum], share, manifest=manifest, seed=seed)
    rest = [each for stratum in STRATA for each in strata[stratum] if each not in taken]
    taken += _lowest(rest, count - len(taken), manifest=manifest, seed=seed)
    return sorted(taken)


def _stratify(newest: dict[str, tuple[str, HourRecord]]) -> dict[Stratum, list[Drawn]]:
    external = {day for day, (_, record) in newest.items() if record.external_s + record.hand_external_s > 0}
    inside = sorted(set(newest) - external, key=lambda day: (-newest[day][1].effective_s, day))
    high = {day for day in inside[: -(-len(inside) // HIGH_SHARE)] if newest[day][1].effective_s > 0}
    found: dict[Stratum, list[Drawn]] = {stratum: [] for stratum in STRATA}
    for day, (identity, record) in newest.items():
        stratum: Stratum = "external" if day in external else "high" if day in high else "quiet"
        found[stratum].append(Drawn(day, stratum, identity, record))
    return found


def _lowest(days: Sequence[Drawn], count: int, *, manifest: str, seed: str) -> list[Drawn]:
    return sorted(days, key=lambda each: _key(each.day, manifest, seed))[: max(count, 0)]


def _key(day: str, manifest: str, seed: str) -> bytes:
    return sha256(f"jishi-sample/v1\n{manifest}\n{seed}\n{day}\n".encode()).digest()
