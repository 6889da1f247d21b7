"""What was said about one instrument's local day: facts and declarations become claims, classes and hand entries. Pure.

`Said` holds everything that may touch the day, in any order and also more than that; `claims_of` decides, by these
rules (domain.md section 3), which count in attribution.py:

 1 Corrections first. A correction takes its target out of account and puts its own use or order in the place. Of two
   corrections of one target the later approved one holds, and the other is as if it had not been made. A correction
   may be corrected: then it takes nothing out and puts nothing in.
 2 An order is known to the unit that owns the instrument on that day, by its number. Outside its own days, or without
   a beneficiary, it leaves the time unresolved. The owner as beneficiary is internal, whatever the two are called.
 3 Another legal person is external: verified with one document of the order at least, else claimed.
 4 Without an order, own research, teaching and calibration are internal. Service without an order is unresolved.
 5 Maintenance, calibration and fault are classes of what was measured, and no claims (calibration is both).
 6 Somebody who never signed out is there, for 31 days at most, on each day up to the last reading of the instrument in
   that journal on that day; the days bear a flag. So only readings of a day can change how far he reaches in it.
 7 While nobody owns the instrument nothing is resolved.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

from protocol.attribution import Claim, Standing
from protocol.entry import Entry, Purpose
from protocol.facts import (
    MAX_USE_MS,
    Correction,
    Fact,
    HandEntry,
    Order,
    OrderDocument,
    Use,
    UsePurpose,
    target_of_declaration,
)
from protocol.interval import DAY_S, Interval, day_bounds_ms, union
from protocol.presence import Presence, Present, follow

DeclaredClass = Literal["maintain", "calibrate", "fault"]
_CLASSES: dict[UsePurpose, DeclaredClass] = {"maintenance": "maintain", "calibration": "calibrate", "fault": "fault"}
_OWN: frozenset[UsePurpose] = frozenset({"own-research", "teaching", "calibration"})


class Stay(NamedTuple):
    """Somebody was at the instrument over [start_ms, end_ms), by a declaration at this place of a journal."""

    origin: str
    entry_index: int
    purpose: Purpose
    order: str | None
    start_ms: int
    end_ms: int
    is_closed: bool  # whoever came signed out

    @property
    def ref(self) -> str:
        return target_of_declaration(self.origin, self.entry_index)


class Said(NamedTuple):
    """All that was said which may touch a day. `facts` by their refs (`fact:<sha256>`); `owner`: USCC, or ""."""

    owner: str = ""
    facts: Mapping[str, Fact] = MappingProxyType({})
    present: tuple[Stay, ...] = ()


NOTHING_SAID = Said()


class Claims(NamedTuple):
    """What counts on one day. `refs` names, sorted, everything that it rests on."""

    claims: tuple[Claim, ...] = ()
    classes: Mapping[DeclaredClass, list[Interval]] = MappingProxyType({})
    hand_s: int = 0
    hand_external_s: int = 0
    refs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class _Told(NamedTuple):
    """A use or a stay, alike."""

    ref: str
    start_ms: int
    end_ms: int
    purpose: UsePurpose
    order: str | None
    use: Use | None = None
    is_closed: bool = True

    @property
    def is_claim(self) -> bool:
        return self.purpose not in ("maintenance", "fault")


class _Resolved(NamedTuple):
    """Whom an order or a purpose names; `refs` are the order's and its documents'."""

    beneficiary: str
    standing: Standing
    documents: int = 0
    refs: tuple[str, ...] = ()
    flag: str = ""

    @property
    def is_external(self) -> bool:
        return self.standing in ("claimed", "verified")


def stays(origin: str, entries: Iterable[Entry], asset_no: str) -> list[Stay]:
    """Who was at an instrument by one journal's entries, in their order (rule 6)."""
    found: list[Stay] = []
    present: Present = {}
    for entry in entries:
        present, ended = follow(present, entry)
        if ended is not None and ended.presence.asset == asset_no:
            found.append(_stay(origin, ended.presence, ended.end_ms, is_closed=not ended.forgotten))
    there = [each for each in present.values() if each.asset == asset_no]
    return found + [_stay(origin, each, each.since_ms + MAX_USE_MS, is_closed=False) for each in there]


def _stay(origin: str, presence: Presence, end_ms: int, *, is_closed: bool) -> Stay:
    end_ms = min(end_ms, presence.since_ms + MAX_USE_MS)
    return Stay(
        origin, presence.index, presence.purpose, presence.order, presence.since_ms, end_ms, is_closed=is_closed
    )


def claims_of(said: Said, asset_no: str, day: date, *, reached: Mapping[str, int] | None = None) -> Claims:
    """The claims on one instrument's local day.

    `reached`: by origin the end (UTC ms) of the last reading of the instrument on that day (rule 6); None: of no
    journal is it known, and whoever is still there claims the whole day.
    """
    account = _Account(said if reached is None else _cut(said, reached), asset_no, day)
    told = account.told()
    resolved = {each: account.resolve(each.purpose, each.order) for each in told}
    hands = account.hands()
    refs = {ref for each in told for ref in (*account.behind(each.ref), *resolved[each].refs)}
    refs.update(ref for hand in hands for ref in (*account.behind(hand.ref), *hand.resolved.refs))
    flags = {resolved[each].flag for each in told} | {"never-closed" for each in told if not each.is_closed}
    return Claims(
        claims=tuple(sorted(_claim(each, resolved[each], day) for each in told if each.is_claim)),
        classes=_classes(told, day),
        hand_s=min(DAY_S, sum(hand.seconds for hand in hands)),
        hand_external_s=min(DAY_S, sum(hand.seconds for hand in hands if hand.resolved.is_external)),
        refs=tuple(sorted(refs.union(account.withdrawn()))),
        flags=tuple(sorted(flags - {""})),
    )


def is_entered_by_hand(said: Said, asset_no: str, day: date) -> bool:
    """Whether hours entered by hand count on the day: then it has a record even where nothing was observed."""
    return any(isinstance(fact, HandEntry) for fact in said.facts.values()) and (
        claims_of(said, asset_no, day).hand_s > 0
    )


def _cut(said: Said, reached: Mapping[str, int]) -> Said:
    """Rule 6: stays without an end reach no further than the readings of their journal."""
    return said._replace(
        present=tuple(
            each
            if each.is_closed
            else each._replace(end_ms=max(each.start_ms, min(each.end_ms, reached.get(each.origin, 0))))
            for each in said.present
        )
    )


class _Hand(NamedTuple):
    ref: str
    seconds: int
    resolved: _Resolved


class _Account:
    """What is left of everything said of a day when corrections are applied (rule 1), and what orders mean."""

    def __init__(self, said: Said, asset_no: str, day: date) -> None:
        self._said = said
        self._asset_no = asset_no
        self._day = day
        corrections = {ref: fact for ref, fact in said.facts.items() if isinstance(fact, Correction)}
        self._holding, self._out = apply_corrections(corrections)
        self._orders: dict[str, tuple[str, Order]] = {}
        for ref, fact in sorted(self._in_account(), key=lambda item: item[0]):
            if isinstance(fact, Order) and fact.unit == said.owner:
                self._orders.setdefault(fact.order, (ref, fact))

    def _in_account(self) -> Iterable[tuple[str, Fact]]:
        """Facts that count, with what corrections put in; a replacement has its correction's ref."""
        for ref, fact in self._said.facts.items():
            if ref not in self._out and not isinstance(fact, Correction):
                yield ref, fact
        for ref, correction in self._holding.items():
            for put in (correction.use, correction.order):
                if put is not None:
                    yield ref, put

    def told(self) -> list[_Told]:
        """Uses of the instrument and stays at it that touch the day."""
        uses = [
            _Told(ref, fact.start, fact.end, fact.purpose, fact.order, fact)
            for ref, fact in self._in_account()
            if isinstance(fact, Use) and fact.asset == self._asset_no
        ]
        stays = [
            _Told(each.ref, each.start_ms, each.end_ms, each.purpose, each.order, is_closed=each.is_closed)
            for each in self._said.present
            if each.ref not in self._out
        ]
        return [each for each in uses + stays if _touches(each.start_ms, each.end_ms, self._day)]

    def hands(self) -> list[_Hand]:
        return [
            _Hand(ref, fact.seconds, self.resolve("service-order", fact.order) if fact.order else _NOBODY)
            for ref, fact in self._in_account()
            if isinstance(fact, HandEntry) and self._is_of_day(fact)
        ]

    def resolve(self, purpose: UsePurpose, number: str | None) -> _Resolved:
        """Rules 2 to 4 and 7."""
        if purpose in ("maintenance", "fault"):
            return _NOBODY
        if not self._said.owner:
            return _NOBODY._replace(flag="not-owned")
        if number is None:
            return _Resolved(self._said.owner, "internal") if purpose in _OWN else _NOBODY
        if number not in self._orders:
            return _NOBODY._replace(flag="order-unknown")
        ref, order = self._orders[number]
        files, added = self._documents(order)
        named = _Resolved(order.beneficiary or "", "unresolved", files, (*self.behind(ref), *added))
        if order.first_day and order.last_day and not order.first_day <= self._day.isoformat() <= order.last_day:
            return named._replace(flag="order-outside-its-days")
        if order.beneficiary is None:
            return named
        if order.beneficiary == self._said.owner:
            return named._replace(standing="internal")
        return named._replace(standing="verified" if files else "claimed")

    def _documents(self, order: Order) -> tuple[int, list[str]]:
        """How many files an order has, and the refs of those that were added to it."""
        added = {
            ref: fact.document.sha256
            for ref, fact in self._in_account()
            if isinstance(fact, OrderDocument) and (fact.unit, fact.order) == (order.unit, order.order)
        }
        return len({document.sha256 for document in order.documents} | set(added.values())), sorted(added)

    def behind(self, ref: str) -> list[str]:
        """A ref, and where it is a correction's the target as well."""
        correction = self._holding.get(ref)
        return [ref] if correction is None or correction.target is None else [ref, correction.target]

    def withdrawn(self) -> set[str]:
        """Corrections that took something of this day out, with what they took."""
        taken = {target for target, fact in self._said.facts.items() if target in self._out and self._is_of_day(fact)}
        taken |= {
            each.ref
            for each in self._said.present
            if each.ref in self._out and _touches(each.start_ms, each.end_ms, self._day)
        }
        return taken | {self._out[target] for target in taken}

    def _is_of_day(self, fact: Fact) -> bool:
        if isinstance(fact, Use):
            return fact.asset == self._asset_no and _touches(fact.start, fact.end, self._day)
        return isinstance(fact, HandEntry) and (fact.asset, fact.day) == (self._asset_no, self._day.isoformat())


_NOBODY = _Resolved("", "unresolved")


def apply_corrections(corrections: Mapping[str, Correction]) -> tuple[dict[str, Correction], dict[str, str]]:
    """Rule 1: the corrections that hold, and what is out of account by which of them."""
    holding: dict[str, Correction] = {}
    out: dict[str, str] = {}
    # What corrects a correction is looked at before it; of those of one target the latest first.
    order = sorted(
        corrections, key=lambda ref: (_depth(ref, corrections), corrections[ref].approved_at, ref), reverse=True
    )
    for ref in order:
        target = corrections[ref].target
        if ref in out or (target is not None and target in out):
            continue
        holding[ref] = corrections[ref]
        if target is not None:
            out[target] = ref
    return holding, out


def _depth(ref: str, corrections: Mapping[str, Correction]) -> int:
    """How many corrections lie below this one. A correction names the hash of its target, so there is no circle."""
    depth = 0
    while ref in corrections:
        ref = corrections[ref].target or ""
        depth += 1
    return depth


def _claim(told: _Told, resolved: _Resolved, day: date) -> Claim:
    start_s, end_s = _seconds(told.start_ms, told.end_ms, day)
    claim = Claim(
        start_s, end_s, told.order or "", resolved.beneficiary, resolved.standing, told.ref, resolved.documents
    )
    return (
        claim
        if told.use is None
        else claim._replace(share=told.use.share, samples=told.use.samples, run_s=told.use.run_s)
    )


def _classes(told: Iterable[_Told], day: date) -> dict[DeclaredClass, list[Interval]]:
    """Rule 5, each class as a set of intervals."""
    found: dict[DeclaredClass, list[Interval]] = {}
    for each in told:
        if each.purpose in _CLASSES:
            found.setdefault(_CLASSES[each.purpose], []).append(_seconds(each.start_ms, each.end_ms, day))
    return {name: union(found[name]) for name in sorted(found)}


def _seconds(start_ms: int, end_ms: int, day: date) -> Interval:
    """The part inside the day in seconds of the day, each boundary rounded down."""
    midnight_ms, _ = day_bounds_ms(day)
    return max(0, (start_ms - midnight_ms) // 1000), min(DAY_S, (end_ms - midnight_ms) // 1000)


def _touches(start_ms: int, end_ms: int, day: date) -> bool:
    start_s, end_s = _seconds(start_ms, end_ms, day)
    return start_s < end_s
