"""A local day told by hand: what its watchers wrote, what people said, and the record that comes of both.

Times are read off the clock on the wall, as "9:00", "17:10" or "9:00:59.9"; "-2:00" is 22:00 of the day before, "30:00"
is 6:00 of the day after. A journal writes entries of at most an hour, with an exact energy counter:

    Journal().meter(("8:00", "12:00", BUSY))           a whole day of the meter, which is at FLOOR where nothing is said
    Journal().meter(("8:00", "12:00", Unseen(BUSY)))   nobody looks; the load and its counter go on

`loads.py` says what FLOOR, IDLE and BUSY are. The policy is that of loads.py with allowances: 30 minutes to prepare,
15 afterwards, gaps below 120 s bridged.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from protocol.derivation import ALONE, Neighbours, contributing, derive_day, reaches
from protocol.entry import Declaration, Entry, Purpose, Reading, make
from protocol.facts import Correction, Document, Fact, HandEntry, Order, Use, UsePurpose
from protocol.hours import HourRecord
from protocol.interval import day_bounds_ms
from protocol.policy import MS_PER_HOUR, EvidenceRule, Policy
from protocol.said import NOTHING_SAID, Said, Stay
from protocol.witness import Block, gather
from tests.protocol.loads import FLOOR, POLICY

DAY = date(2026, 3, 2)
H, MINUTE = 3600, 60
OWNER, OTHER, SPIN_OFF = "12100000400000624D", "91440300708461136T", "91110000802100433B"
ORIGIN, GATEWAY = "jishi.example/a/em-01/1", "jishi.example/a/gw-01/1"
RULES = msgspec.structs.replace(POLICY, prepare_ms=30 * MINUTE * 1000, post_ms=15 * MINUTE * 1000, bridge_ms=120_000)
BEAM = EvidenceRule("contact", "beam", words={"closed": "run"})
SOFTWARE = EvidenceRule("process", "cpu", at_least=50_000)

_BLOCK_MS = 3_600_000
_BOOTED_MS = 400_000_000
_CLOCK = re.compile(r"(-?)(\d+):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?")


class Unseen(NamedTuple):
    """The load draws so many watts, and nobody looks."""

    watts: float


Piece = tuple[str, str, float | Unseen]


def clock(text: str) -> int:
    """Milliseconds since the day began."""
    match = _CLOCK.fullmatch(text)
    assert match, text
    sign, hours, minutes, seconds = match.groups()
    ms = (int(hours) * H + int(minutes) * MINUTE) * 1000 + round(float(seconds or 0) * 1000)
    return -ms if sign else ms


def at(text: str, day: date = DAY) -> int:
    """UTC ms."""
    return day_bounds_ms(day)[0] + clock(text)


class Journal:
    """What one agent wrote about a day and the hours around it."""

    def __init__(self, origin: str = ORIGIN, *, day: date = DAY, boot: str = "0000000a") -> None:
        self.origin = origin
        self.boot = boot
        self.entries: list[Entry] = []
        self._day = day
        self._offset_ms = _BOOTED_MS  # monotonic clock at midnight
        self._clock_ms = 0  # by how much the wall clock is ahead
        self._drawn = 0  # mW times ms, in all

    @property
    def blocks(self) -> list[Block]:
        return [(self.origin, entry, entry.body) for entry in self.entries if isinstance(entry.body, Reading)]

    def meter(self, *pieces: Piece, until: str = "24:00", since: str = "0:00") -> "Journal":
        """Power over the whole of [since, until)."""
        at_ms = clock(since)
        for start, end, load in sorted(pieces, key=lambda piece: clock(piece[0])):
            self._power(at_ms, clock(start), FLOOR)
            self._power(clock(start), clock(end), load)
            at_ms = clock(end)
        self._power(at_ms, clock(until), FLOOR)
        return self

    def shows(self, channel: str, *pieces: tuple[str, str, int | str]) -> "Journal":
        """States of a channel, or numbers (thousandths), where something is said."""
        for start, end, value in pieces:
            for begin_ms, finish_ms in _blocks(clock(start), clock(end)):
                shape = {"states": (value,)} if isinstance(value, str) else dict.fromkeys(_GAUGE, (value,))
                self._write(
                    Reading(channel, channel, self._mono(begin_ms), (finish_ms - begin_ms,), **shape), finish_ms
                )
        return self

    def declares(self, when: str, purpose: Purpose | None = None, *, order: str | None = None) -> "Journal":
        """Somebody signs in for a purpose, or out."""
        said = Declaration(
            asset="A001",
            operator="0" * 64,
            action="out" if purpose is None else "in",
            how="page",
            purpose=purpose,
            order=order,
        )
        self._write(said, clock(when))
        return self

    def reboot(self, boot: str) -> "Journal":
        """The PC starts anew; its monotonic clock happens to go on as if it had not."""
        self.boot = boot
        return self

    def sleep(self, ms: int) -> "Journal":
        """The PC was asleep for so long: its monotonic clock stood."""
        self._offset_ms -= ms
        return self

    def set_clock(self, ahead_ms: int) -> "Journal":
        """From now on the wall clock is ahead by so much."""
        self._clock_ms = ahead_ms
        return self

    def _power(self, start_ms: int, end_ms: int, load: float | Unseen) -> None:
        mw = round(1000 * (load.watts if isinstance(load, Unseen) else load))
        for begin_ms, finish_ms in _blocks(start_ms, end_ms):
            before_mwh = self._drawn // MS_PER_HOUR
            self._drawn += mw * (finish_ms - begin_ms)
            counter_mwh = self._drawn // MS_PER_HOUR
            if not isinstance(load, Unseen):
                reading = Reading(
                    "meter1", "power", self._mono(begin_ms), (finish_ms - begin_ms,), (mw,), (mw,), (mw,),
                    deltas=(counter_mwh - before_mwh,), counter=counter_mwh,
                )  # fmt: skip
                self._write(reading, finish_ms)

    def _mono(self, at_ms: int) -> int:
        return at_ms + self._offset_ms

    def _write(self, body: Reading | Declaration, at_ms: int) -> None:
        wall_ms = day_bounds_ms(self._day)[0] + at_ms + self._clock_ms
        index = len(self.entries)
        self.entries.append(make(body, index=index, wall_ms=wall_ms, mono_ms=self._mono(at_ms), boot=self.boot))


_GAUGE = ("means", "lows", "highs")


def _blocks(start_ms: int, end_ms: int) -> Iterable[tuple[int, int]]:
    for begin_ms in range(start_ms, end_ms, _BLOCK_MS):
        yield begin_ms, min(begin_ms + _BLOCK_MS, end_ms)


def meter(*pieces: Piece) -> list[Block]:
    """What one meter wrote about the whole day."""
    return Journal().meter(*pieces).blocks


def use(start: str, end: str, purpose: UsePurpose = "own-research", order: str | None = None, **more: int) -> Use:
    return Use(v=1, at=1, by="lims", asset="A001", start=at(start), end=at(end), purpose=purpose, order=order, **more)


def order(number: str, beneficiary: str | None = OTHER, *, files: int = 1, unit: str = OWNER, **more: str) -> Order:
    documents = tuple(Document("agreement", f"{file:064x}") for file in range(files))
    return Order(
        v=1, at=1, by="li", unit=unit, order=number, beneficiary=beneficiary, documents=documents, **more
    )  # fmt: skip


def hand(seconds: int, number: str | None = None) -> HandEntry:
    return HandEntry(
        v=1, at=4, by="li", approver="wang", approved_at=5, reason="agent was down", asset="A001", day=DAY.isoformat(),
        seconds=seconds, source="log book, page 7", order=number,
    )  # fmt: skip


def correction(target: str, use: Use | None = None) -> Correction:
    return Correction(
        v=1, at=4, by="li", approver="wang", approved_at=5, reason="wrong hour", target=target, use=use
    )  # fmt: skip


def ref(number: int) -> str:
    """How the nth fact of `said` is named."""
    return f"fact:{number:064x}"


def said(*facts: Fact, present: tuple[Stay, ...] = (), owner: str = OWNER) -> Said:
    return Said(owner, {ref(number): fact for number, fact in enumerate(facts)}, present)


def record_of(
    blocks: Iterable[Block],
    *,
    policy: Policy = RULES,
    said: Said = NOTHING_SAID,
    day: date = DAY,
    lead_in: str = "off",
    neighbours: Neighbours = ALONE,
    **changes: object,
) -> HourRecord:
    """The record of a day that is over, under the policy with these changes."""
    under = msgspec.structs.replace(policy, **changes)
    given = list(blocks)
    start_ms, end_ms = day_bounds_ms(day)
    return derive_day(
        "A001",
        day,
        evidence=gather(given, under),
        policy=under,
        lead_in=lead_in,
        journals=contributing(given, start_ms, end_ms=end_ms),
        reached=reaches(given, start_ms, end_ms=end_ms),
        observed_until_ms=end_ms,
        said=said,
        neighbours=neighbours,
    )
