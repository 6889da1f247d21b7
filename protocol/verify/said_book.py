"""What was said of an instrument, by day: the facts of a bundle and who was there, found as the collector finds it.

More than a day needs does no harm (said.py decides what counts), less would: so what corrects something is followed
to its end, and orders come with their documents and corrections. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from protocol.errors import TooLarge
from protocol.facts import Correction, Fact, HandEntry, Order, OrderDocument, Use
from protocol.interval import days_touched
from protocol.said import Said, Stay, is_entered_by_hand

MAX_FACTS: Final = 200_000


class SaidBook:
    """Facts by what they name. `asset_no`: the instrument that the bundle is about."""

    def __init__(self, asset_no: str) -> None:
        self._asset_no = asset_no
        self._facts: dict[str, Fact] = {}
        self._of_day: dict[date, list[str]] = defaultdict(list)
        self._correcting: dict[str, list[str]] = defaultdict(list)
        self._of_order: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._stays: dict[date, list[Stay]] = defaultdict(list)
        self.hand_days: set[date] = set()
        """Days for which hours were entered by hand."""

    def __contains__(self, ref: str) -> bool:
        return ref in self._facts

    def __iter__(self) -> Iterator[tuple[str, Fact]]:
        return iter(self._facts.items())

    def add(self, ref: str, fact: Fact) -> None:
        """Take a fact under its ref; TooLarge."""
        if len(self._facts) == MAX_FACTS:
            raise TooLarge(f"a bundle has at most {MAX_FACTS} facts: ask for a shorter period")
        self._facts[ref] = fact
        if isinstance(fact, Correction):
            if fact.target is not None:
                self._correcting[fact.target].append(ref)
            for put in (fact.use, fact.order):
                self._index(ref, put)
        else:
            self._index(ref, fact)

    def add_stays(self, stays: Iterable[Stay]) -> None:
        """Take who was at the instrument."""
        for stay in stays:
            for day in days_touched(stay.start_ms, stay.end_ms):
                self._stays[day].append(stay)

    def said_on(self, day: date, owner: str) -> Said:
        """All that may touch a day on which the unit `owner` ("": nobody) owned the instrument."""
        present = tuple(self._stays.get(day, ()))
        found = self._with_corrections([*self._of_day.get(day, ()), *(stay.ref for stay in present)])
        numbers = {number for ref in found for number in _orders_named(self._facts[ref])}
        numbers |= {stay.order for stay in present if stay.order}
        orders = [ref for number in sorted(numbers) for ref in self._of_order.get((owner, number), ())]
        found |= self._with_corrections(orders)
        return Said(owner, {ref: self._facts[ref] for ref in sorted(found)}, present)

    def is_by_hand(self, said: Said, day: date) -> bool:
        """Whether hours entered by hand count on the day."""
        return day in self.hand_days and is_entered_by_hand(said, self._asset_no, day)

    def _index(self, ref: str, fact: Fact | None) -> None:
        if isinstance(fact, Use) and fact.asset == self._asset_no:
            for day in days_touched(fact.start, fact.end):
                self._of_day[day].append(ref)
        elif isinstance(fact, HandEntry) and fact.asset == self._asset_no:
            self._of_day[date.fromisoformat(fact.day)].append(ref)
            self.hand_days.add(date.fromisoformat(fact.day))
        elif isinstance(fact, Order | OrderDocument):
            self._of_order[fact.unit, fact.order].append(ref)

    def _with_corrections(self, refs: Iterable[str]) -> set[str]:
        """These facts, what corrects them (or a declaration that is named), and what corrects that."""
        found: set[str] = set()
        rest = list(refs)
        while rest:
            ref = rest.pop()
            if ref in self._facts and ref not in found:
                found.add(ref)
            rest += [each for each in self._correcting.get(ref, ()) if each not in found]
        return found


def _orders_named(fact: Fact) -> list[str]:
    named = fact.use if isinstance(fact, Correction) else fact
    return [named.order] if isinstance(named, Use | HandEntry) and named.order else []
