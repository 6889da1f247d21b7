"""What verifying a bundle ends in: findings, by numbered check, and the verdicts that follow from them. Pure.

    VALID          everything that a bundle must show was shown, and fits
    INCOMPLETE     something that should be there cannot be shown
    CONTRADICTED   something that was shown is false

A finding bears the number of its check, a word that words.py has a sentence for in both languages, and where it was
found. One that names a day concerns that day, one that names an agent's log concerns the days that rest on that log,
any other concerns everything. The whole is as good as its worst part; there is no majority.

Memory is bounded: of each check so many findings are kept, the rest are counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

KEPT: Final = 100
"""Findings that are kept of one check; the verdicts count all."""


class Verdict(IntEnum):
    """Ordered: the worst is the greatest, and the number is the command's exit code."""

    VALID = 0
    INCOMPLETE = 1
    CONTRADICTED = 2


class Finding(NamedTuple):
    """What was found at a check; `word` and `values` make the sentence, `where` is a path, a place or a name."""

    check: int
    verdict: Verdict
    word: str
    where: str = ""
    values: Mapping[str, str] = MappingProxyType({})
    day: str = ""
    origin: str = ""


class Check(NamedTuple):
    """One numbered check: its result, what it went over, and what it found (the first ones, and how many in all)."""

    number: int
    verdict: Verdict | None  # None: it was not come to
    counts: Mapping[str, int]
    findings: Sequence[Finding]
    found: int


class Ledger:
    """Collects findings and counts while a bundle is read."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._findings: dict[int, list[Finding]] = {number: [] for number in numbers}
        self._found = dict.fromkeys(self._findings, 0)
        self._worst = dict.fromkeys(self._findings, Verdict.VALID)
        self._counts: dict[int, dict[str, int]] = {number: {} for number in self._findings}
        self._begun: set[int] = set()
        self._of_all = Verdict.VALID
        self._of_day: dict[str, Verdict] = {}
        self._of_origin: dict[str, Verdict] = {}

    def begin(self, number: int) -> None:
        """The check of this number is come to."""
        self._begun.add(number)

    def note(self, finding: Finding) -> None:
        """Write down what was found."""
        number, verdict = finding.check, finding.verdict
        self._begun.add(number)
        self._found[number] += 1
        self._worst[number] = max(self._worst[number], verdict)
        if len(self._findings[number]) < KEPT:
            self._findings[number].append(finding)
        if finding.day:
            self._of_day[finding.day] = max(self._of_day.get(finding.day, Verdict.VALID), verdict)
        elif finding.origin:
            self._of_origin[finding.origin] = max(self._of_origin.get(finding.origin, Verdict.VALID), verdict)
        else:
            self._of_all = max(self._of_all, verdict)

    def count(self, number: int, what: str, by: int = 1) -> None:
        """So many more of something were looked at."""
        self._begun.add(number)
        self._counts[number][what] = self._counts[number].get(what, 0) + by

    def of_origin(self, origin: str) -> Verdict:
        """How a log fares by what was found of it alone."""
        return self._of_origin.get(origin, Verdict.VALID)

    def of_day(self, day: str, origins: Iterable[str]) -> Verdict:
        """How a day fares that rests on these logs."""
        return max(self._of_all, self._of_day.get(day, Verdict.VALID), *(self.of_origin(origin) for origin in origins))

    @property
    def of_all(self) -> Verdict:
        """How everything fares by what concerns no day and no log alone."""
        return self._of_all

    @property
    def worst(self) -> Verdict:
        """Of all findings; INCOMPLETE where a check was not come to."""
        unseen = Verdict.VALID if self._begun >= set(self._findings) else Verdict.INCOMPLETE
        return max(unseen, *self._worst.values())

    def checks(self) -> tuple[Check, ...]:
        """Every check, by number."""
        return tuple(
            Check(
                number,
                self._worst[number] if number in self._begun else None,
                dict(self._counts[number]),
                tuple(self._findings[number]),
                self._found[number],
            )
            for number in sorted(self._findings)
        )
