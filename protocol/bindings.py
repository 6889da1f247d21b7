"""Which channels measured an instrument when: from dated facts to stretches of time. Pure.

A fact says that from a local day on, one channel of one watcher measures one instrument (or none). Of the facts of a
channel up to a day the newest holds; of two for the same day, the one recorded later. So bindings change only at
local midnight, and a time range falls into stretches within which the same channels measure the instrument.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from protocol.interval import day_bounds_ms, local_day


class Channel(NamedTuple):
    agent_id: str
    watcher: str
    channel: str


class MeasurementFact(NamedTuple):
    """`seq` orders facts as they were recorded; `asset_no` None: from that day the channel measures nothing."""

    channel: Channel
    asset_no: str | None
    from_day: date
    seq: int


class Stretch(NamedTuple):
    """[start_ms, end_ms) in UTC, and the channels that measure the instrument all through it, sorted."""

    start_ms: int
    end_ms: int
    channels: tuple[Channel, ...]


def channels_on(facts: Iterable[MeasurementFact], asset_no: str, *, day: date) -> tuple[Channel, ...]:
    """The channels that measure the instrument on a local day, sorted."""
    newest: dict[Channel, MeasurementFact] = {}
    for fact in facts:
        held = newest.get(fact.channel)
        if fact.from_day <= day and (held is None or (held.from_day, held.seq) < (fact.from_day, fact.seq)):
            newest[fact.channel] = fact
    return tuple(sorted(channel for channel, fact in newest.items() if fact.asset_no == asset_no))


def stretches(facts: Sequence[MeasurementFact], asset_no: str, *, start_ms: int, end_ms: int) -> list[Stretch]:
    """[start_ms, end_ms) cut where the channels change; parts that no channel measures are left out."""
    first = local_day(start_ms)
    days = [first, *sorted({fact.from_day for fact in facts if fact.from_day > first})]
    found: list[Stretch] = []
    for place, day in enumerate(days):
        begin_ms = max(start_ms, day_bounds_ms(day)[0])
        until_ms = min(end_ms, day_bounds_ms(days[place + 1])[0]) if place + 1 < len(days) else end_ms
        channels = channels_on(facts, asset_no, day=day)
        if begin_ms >= until_ms or not channels:
            continue
        if found and found[-1].end_ms == begin_ms and found[-1].channels == channels:
            found[-1] = found[-1]._replace(end_ms=until_ms)
        else:
            found.append(Stretch(begin_ms, until_ms, channels))
    return found
