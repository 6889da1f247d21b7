"""An instrument's days in a chain: each from what the one before hands over, with a look at the one after. Pure.

Two callers end here: `recompute` of the collector, which reads from its database, and the auditor, who reads from a
bundle. Both say which days there are, what was said on each, and how the reading blocks of a stretch are read; what
follows is one arithmetic. A day's record needs the lead and phase of the day before and the head of the day after
(derivation.py), so a day is told only when the next one is measured; days need not follow each other without a break.

A chain that is a part of an instrument's life is told the records of the days before and after it (`lead`, `tail`):
they are believed, and belong to what somebody else has to prove.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from protocol.bindings import Stretch, channels_on
from protocol.day import Day, gather_day, measure_gathered, measure_silence
from protocol.derivation import Measured, account, neighbours_of
from protocol.errors import TooLarge
from protocol.history import History
from protocol.hours import HourRecord
from protocol.interval import DAY_S
from protocol.lead import UNOBSERVED
from protocol.phases import head_of
from protocol.policy import Policy
from protocol.said import NOTHING_SAID, Said
from protocol.witness import Block

MAX_BLOCKS: Final = 50_000
"""Blocks that one day may be derived from. An honest agent writes about 300 a day, and at most 9 000 when its token
bucket of one interval each 10 s is never full; what is beyond is refused, so that nobody fills our memory."""
_ONE_DAY = timedelta(days=1)

Read = Callable[[Stretch], Iterable[Block]]
"""The blocks of a stretch's channels that touch it, in any order; TooLarge where there are more than may be."""


class ChainDay(NamedTuple):
    """A day to look at: `is_touched` by a reading of any channel that ever measured the instrument; `is_due` where it
    has a record whatever was observed; `is_over` where that reaches midnight."""

    day: date
    said: Said
    is_touched: bool = True
    is_due: bool = False
    is_over: bool = True


class Recomputed(NamedTuple):
    """A day and its record from the bytes; None where nothing was observed, or why there can be none.

    With a record comes what it was made from; `blocks` are those that touch the day, in no order.
    """

    day: date
    record: HourRecord | str | None
    policy: Policy | None = None
    said: Said = NOTHING_SAID
    measured: Measured | None = None
    blocks: Sequence[Block] = ()


class _Link(NamedTuple):
    """A day of a chain: its measured states, or why there are none; None where nothing was observed."""

    given: ChainDay
    measured: Measured | str | None
    policy: Policy | None
    blocks: Sequence[Block] = ()


class _Handover(NamedTuple):
    day: date
    until: int
    lead_out: str


def chain(
    asset_no: str,
    days: Iterable[ChainDay],
    *,
    history: History,
    read: Read,
    lead: HourRecord | None = None,
    tail: HourRecord | None = None,
) -> Iterator[Recomputed]:
    """Each of these days, which are in order, with its record.

    `lead` is the record of the day before the first, `tail` that of the day after the last.
    """
    before = lead
    for link, after in _with_the_next(_links(asset_no, days, history=history, read=read, lead=lead)):
        day, said, measured = link.given.day, link.given.said, link.measured
        if not isinstance(measured, Measured) or link.policy is None:
            yield Recomputed(day, measured if isinstance(measured, str) else None, link.policy, said)
            continue
        following = after.measured if after is not None and isinstance(after.measured, Measured) else None
        neighbours = neighbours_of(measured, before=before, after=following)
        if after is None and tail is not None and tail.day == (day + _ONE_DAY).isoformat():
            neighbours = neighbours._replace(follow=head_of(tail.spans))
        before = account(asset_no, measured, policy=link.policy, said=said, neighbours=neighbours)
        yield Recomputed(day, before, link.policy, said, measured, link.blocks)


def bounded(blocks: Iterable[Block], most: int = MAX_BLOCKS) -> Iterator[Block]:
    """The blocks of a stretch of one day; TooLarge once there are more than `most`."""
    for number, block in enumerate(blocks):
        if number == most:
            raise TooLarge(
                f"more than {most} reading blocks touch this day; an agent that writes so many is at fault: "
                "look at its journal, then revoke or re-enrol it"
            )
        yield block


def _links(
    asset_no: str, days: Iterable[ChainDay], *, history: History, read: Read, lead: HourRecord | None
) -> Iterator[_Link]:
    """The measured days, in order, each from the lead of the one before."""
    before = None if lead is None else _Handover(date.fromisoformat(lead.day), lead.until, lead.lead_out)
    for given in days:
        link = _link(asset_no, given, before, history=history, read=read)
        if isinstance(link.measured, Measured):
            before = _Handover(given.day, link.measured.until, link.measured.lead_out)
        yield link


def _link(asset_no: str, given: ChainDay, before: _Handover | None, *, history: History, read: Read) -> _Link:
    """One day; of a day in the future only what was observed."""
    policy = history.policy_on(given.day)
    is_observed = given.is_touched and bool(channels_on(history.measurements, asset_no, day=given.day))
    if not given.is_due and not is_observed:
        return _Link(given, None, policy)
    if policy is None:
        return _Link(given, f"no policy holds for instrument {asset_no} on {given.day}", None)
    follows = before is not None and before.day == given.day - _ONE_DAY and before.until == DAY_S
    lead_in = before.lead_out if before is not None and follows else UNOBSERVED
    day = Day(asset_no, given.day, policy, history.measurements, lead_in=lead_in, is_over=given.is_over)
    try:
        gathered = gather_day(day, read)
    except TooLarge as error:
        return _Link(given, str(error), policy)
    if not gathered.blocks:
        return _Link(given, measure_silence(day) if given.is_due else None, policy)
    return _Link(given, measure_gathered(day, gathered), policy, gathered.blocks)


def _with_the_next(links: Iterable[_Link]) -> Iterator[tuple[_Link, _Link | None]]:
    """Each link with the one behind it, which is made before anything is said of the first."""
    before: _Link | None = None
    for link in links:
        if before is not None:
            yield before, link
        before = link
    if before is not None:
        yield before, None
