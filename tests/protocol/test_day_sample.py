"""The days that are matched with the paper log: the same for the same seed, and some of each stratum."""

from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.day_sample import draw

MANIFEST = "ab" * 32


def month(*, external: int = 5, working: int = 12, quiet: int = 14) -> list[tuple[str, Any]]:
    days = [date(2026, 3, 1) + timedelta(days=number) for number in range(external + working + quiet)]
    return [
        (
            f"{place:064x}",
            SimpleNamespace(
                day=day.isoformat(),
                effective_s=3600 + place if place < external + working else 0,
                external_s=600 if place < external else 0,
                hand_external_s=0,
            ),
        )
        for place, day in enumerate(days)
    ]


def test_the_same_seed_draws_the_same_days_whatever_the_order() -> None:
    drawn = draw(month(), manifest=MANIFEST, seed="4 2 6", count=9)
    assert drawn == draw(reversed(month()), manifest=MANIFEST, seed="4 2 6", count=9)
    assert [each.day for each in drawn] == sorted(each.day for each in drawn)


def test_these_are_the_days_that_another_program_must_draw() -> None:
    """By the text of the module alone: SHA-256 of four lines, lowest first, of each stratum."""
    drawn = draw(month(), manifest=MANIFEST, seed="4 2 6", count=6)
    assert [(each.day, each.stratum) for each in drawn] == GOLDEN


@pytest.mark.parametrize("change", [{"seed": "4 2 5"}, {"manifest": "ac" * 32}])
def test_another_seed_or_bundle_draws_others(change: dict[str, str]) -> None:
    known: dict[str, Any] = {"manifest": MANIFEST, "seed": "4 2 6", "count": 9}
    assert [each.day for each in draw(month(), **known)] != [each.day for each in draw(month(), **known | change)]


def test_each_stratum_has_its_third() -> None:
    drawn = draw(month(), manifest=MANIFEST, seed="s", count=9)
    assert Counter(each.stratum for each in drawn) == {"external": 3, "high": 3, "quiet": 3}


def test_what_a_stratum_cannot_fill_the_others_do() -> None:
    drawn = draw(month(external=1, working=12, quiet=1), manifest=MANIFEST, seed="s", count=9)
    found = Counter(each.stratum for each in drawn)
    assert (len(drawn), found["external"], len({each.day for each in drawn})) == (9, 1, 9)


def test_all_days_where_there_are_fewer() -> None:
    assert len(draw(month(external=1, working=1, quiet=1), manifest=MANIFEST, seed="s", count=50)) == 3
    assert draw([], manifest=MANIFEST, seed="s", count=5) == []


def test_the_newest_record_of_a_day_counts() -> None:
    (first, older), *_ = month()
    newer = SimpleNamespace(**{**vars(older), "effective_s": 1})
    [drawn] = draw([(first, older), ("f" * 64, newer)], manifest=MANIFEST, seed="s", count=3)
    assert (drawn.sha256, drawn.record.effective_s) == ("f" * 64, 1)


@pytest.mark.parametrize(("seed", "count"), [("", 3), ("a\nb", 3), ("s", 0)])
def test_nonsense_is_refused(seed: str, count: int) -> None:
    with pytest.raises(ValueError, match="printable line"):
        draw(month(), manifest=MANIFEST, seed=seed, count=count)


GOLDEN = [
    ("2026-03-03", "external"),
    ("2026-03-04", "external"),
    ("2026-03-15", "high"),
    ("2026-03-16", "high"),
    ("2026-03-19", "quiet"),
    ("2026-03-24", "quiet"),
]
