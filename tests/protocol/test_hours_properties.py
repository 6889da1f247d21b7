"""What holds of any hour record, whatever was seen and said under whatever policy, and in whatever order it came.

The allowances before and after a run are held against an oracle that goes through days minute by minute and reads the
rules of phases.py as they stand; how days settle with their neighbours is played through as the collector does it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.derivation import Measured, Neighbours, account, contributing, evidence_window, measure
from protocol.facts import Correction, Fact, Use, UsePurpose
from protocol.hours import HourRecord, decode, encode, operating_spans
from protocol.interval import DAY_S, Interval, day_bounds_ms
from protocol.lead import State
from protocol.observation import covered_ms
from protocol.phases import NOTHING, UNKNOWN, DaySpan, classify, head_of
from protocol.policy import WEIGHT, Counter, Policy
from protocol.said import NOTHING_SAID, Said, Stay
from protocol.witness import Block, gather
from tests.protocol.days import (
    BEAM,
    DAY,
    GATEWAY,
    MINUTE,
    ORIGIN,
    OTHER,
    OWNER,
    RULES,
    SOFTWARE,
    Journal,
    Unseen,
    at,
    correction,
    hand,
    order,
    record_of,
    ref,
    said,
    use,
)
from tests.protocol.loads import BAND, BUSY, FLOOR, IDLE

Draw = Callable[..., Any]
DAYS = [DAY + timedelta(days=n) for n in range(3)]


@st.composite
def policies(draw: Draw) -> Policy:
    """The thresholds of loads.py with any allowances."""
    return msgspec.structs.replace(
        RULES,
        prepare_ms=draw(st.sampled_from((0, 90_500, 1_800_000, 14_400_000))),
        post_ms=draw(st.sampled_from((0, 90_500, 900_000, 14_400_000))),
        bridge_ms=draw(st.sampled_from((0, 120_000, 900_000))),
        calibration=draw(st.sampled_from(("counts", "excluded"))),
        standby_counts=draw(st.sampled_from((None, None, "the magnet is held at 4 K"))),
        split=draw(st.sampled_from(("share", "samples", "run-time"))),
        ratio=draw(st.sampled_from(((1, 1), (1, 1), (3, 1), (1, 2)))),
        counter=draw(st.sampled_from((None, Counter(step_mwh=1000, window_ms=60_000)))),
        evidence=draw(st.sampled_from(((), (BEAM,), (SOFTWARE, BEAM)))),
        priorities=tuple(draw(st.permutations(WEIGHT))),
    )


pieces = st.lists(
    st.tuples(
        st.sampled_from((10, 59.5, 61, 600, 1800, 3600, 20_000)),
        st.sampled_from((BUSY, IDLE, FLOOR, BAND)),
        st.sampled_from(("meter", "session", "gap", "all", "others", "nobody")),
        st.sampled_from(("", "", "", "reboot", "sleep", "clock")),
    ),
    max_size=16,
)


@st.composite
def journals(draw: Draw) -> list[Block]:
    """What a PC and a gateway wrote over some days: loads and holes, sleep, reboots, a clock that was set."""
    starts = st.sampled_from((-7200.0, -30.0, 0.0, 30_000.0, DAY_S - 3700.0))
    pc, gateway = ((draw(starts), draw(pieces)) for _ in range(2))
    return [*_written(Journal(), *pc), *_written(Journal(GATEWAY), *gateway)]


def _written(journal: Journal, at_s: float, drawn: Iterable[tuple[float, float, str, str]]) -> list[Block]:
    for place, (seconds, watts, looks, happens) in enumerate(drawn):
        for lasting_s, load in _loads(looks, seconds, watts):
            start, end = _wall(at_s), _wall(at_s + lasting_s)
            journal.meter((start, end, load), since=start, until=end)
            if looks in ("all", "others"):
                journal.shows("beam", (start, end, ("open", "closed")[place % 2]))
                journal.shows("cpu", (start, end, (90_000, 0)[place % 3 == 0]))
            at_s += lasting_s
        match happens:
            case "reboot":
                journal.reboot(f"{place:08x}")
            case "sleep":
                journal.sleep(90_000)
            case "clock":
                journal.set_clock((-400_000, 300_000, 0)[place % 3])
    return journal.blocks


def _loads(looks: str, seconds: float, watts: float) -> list[tuple[float, float | Unseen]]:
    match looks:
        case "session":
            return [(seconds, FLOOR), (600, IDLE), (seconds, BUSY), (900, IDLE), (600, FLOOR)]
        case "gap":
            return [(seconds, watts), (90, Unseen(watts)), (60, watts)]
        case "others" | "nobody":
            return [(seconds, Unseen(watts))]
    return [(seconds, watts)]


def _wall(at_s: float) -> str:
    minutes, seconds = divmod(abs(at_s), 60)
    return f"{'-' if at_s < 0 else ''}{int(minutes // 60)}:{int(minutes % 60):02}:{seconds:06.3f}"


ORDERS = (None, "SO-1", "SO-2")
PURPOSES: tuple[UsePurpose, ...] = (
    "service-order",
    "service-order",
    "own-research",
    "calibration",
    "maintenance",
    "fault",
)


def _use(start: int, hours: int, purpose: UsePurpose, number: str | None, weights: dict[str, int]) -> Use:
    named = number if purpose == "service-order" else None
    return use(f"{start}:00", f"{start + hours}:30", purpose, named, **weights)


_uses = st.builds(
    _use,
    st.sampled_from((0, 0, 7, 21)),
    st.sampled_from((23, 30, 9, 1)),
    st.sampled_from(PURPOSES),
    st.sampled_from(ORDERS[1:]) | st.none(),
    st.dictionaries(st.sampled_from(("share", "samples", "run_s")), st.integers(1, 5)),
)
_orders = st.builds(
    lambda number, beneficiary, files: order(number, beneficiary, files=files),
    st.sampled_from(("SO-1", "SO-2")),
    st.sampled_from((OTHER, OTHER, OWNER, None)),
    st.sampled_from((1, 0, 2)),
)
_corrections = st.builds(lambda target, put: correction(ref(target), put), st.integers(0, 5), st.none() | _uses)
_hands = st.builds(hand, st.integers(1, DAY_S), st.sampled_from(ORDERS))
_stays = st.builds(
    lambda start, hours, is_closed: Stay(
        ORIGIN, 5, "own-research", None, at(f"{start}:00"), at(f"{start + hours}:00"), is_closed=is_closed
    ),
    st.integers(0, 30),
    st.integers(1, 20),
    st.booleans(),
)


def _said(facts: list[Fact], stays: list[Stay], owner: str) -> Said:
    """A correction names the hash of its target, so it can only be of what was there before."""
    for place, fact in enumerate(facts):
        if isinstance(fact, Correction) and fact.target is not None:
            target = int(fact.target[5:], 16)
            facts[place] = msgspec.structs.replace(
                fact, target=ref(target) if target < place else None, use=fact.use or use("9:00", "10:00")
            )
    return said(*facts, present=tuple(stays), owner=owner)


told = st.builds(
    _said,
    st.builds(
        lambda *parts: [fact for part in parts for fact in part],
        st.lists(_uses, max_size=4),
        st.lists(_orders, min_size=1, max_size=3),
        st.lists(_hands | _corrections, max_size=2),
    ),
    st.lists(_stays, max_size=1),
    st.sampled_from((OWNER, OWNER, OWNER, "")),
)
"""Uses, orders, corrections, hours by hand and sign-ins, of an instrument with an owner and without one."""

leads = st.sampled_from(("off", "standby", "run", "unobserved"))
neighbours = st.builds(
    Neighbours,
    st.sampled_from(("new", "ran", "ran:0", "ran:600")),
    st.sampled_from(("", "off", "run", "run:0", "run:900")),
)


@settings(max_examples=150)
@given(journals(), told, policies(), leads, neighbours)
def test_the_identities_of_every_record(
    blocks: list[Block], people: Said, policy: Policy, lead_in: str, around: Neighbours
) -> None:
    record = record_of(blocks, said=people, policy=policy, lead_in=lead_in, neighbours=around)
    measured = dict.fromkeys(("off", "standby", "run", "unobserved"), 0)
    for start, end, state in record.spans:
        measured[state] += end - start
    named = {name: getattr(record, f"{name}_s") for name in (*measured, *CLASSES)}
    assert sum(measured.values()) == sum(named.values()) == record.until == DAY_S
    assert (named["off"], named["unobserved"]) == (measured["off"], measured["unobserved"])
    assert named["prepare"] + named["post"] + named["standby"] <= measured["standby"]
    assert record.energised_s + record.inferred_s + record.bridged_s >= measured["standby"] + measured["run"]
    assert 0 <= record.verified_s <= record.external_s <= record.effective_s
    assert record.effective_s <= record.energised_s + record.inferred_s + record.bridged_s
    assert record.external_s + record.internal_s + record.unresolved_s == record.effective_s
    assert sum(line.seconds for line in record.served) == record.effective_s
    assert record.observed_s == DAY_S - record.unobserved_s - record.bridged_s
    assert _painted(operating_spans(record)) == named
    assert decode(encode(record)) == record


CLASSES = ("prepare", "post", "calibrate", "maintain", "fault")


def _painted(spans: Iterable[tuple[int, int, str]]) -> dict[str, int]:
    """Seconds by name of a day in operating states, which covers the day without gap or overlap."""
    found = dict.fromkeys(("off", "standby", "run", "unobserved", *CLASSES), 0)
    edge = 0
    for start, end, name in spans:
        assert start == edge < end
        found[name] += end - start
        edge = end
    assert edge == DAY_S
    return found


@settings(max_examples=60)
@given(journals(), told, policies(), st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_number_of_deliveries_changes_a_byte(
    blocks: list[Block], people: Said, policy: Policy, chance: Random
) -> None:
    delivered = blocks + chance.choices(blocks, k=len(blocks) // 2) if blocks else []
    chance.shuffle(delivered)
    facts = list(people.facts.items())
    chance.shuffle(facts)
    again = people._replace(facts=dict(facts), present=people.present[::-1])
    expected = encode(record_of(blocks, said=people, policy=policy))
    assert encode(record_of(delivered, said=again, policy=policy)) == expected


@given(journals(), told, policies(), leads)
def test_nothing_that_people_say_makes_time_or_changes_what_was_measured(
    blocks: list[Block], people: Said, policy: Policy, lead_in: str
) -> None:
    heard = record_of(blocks, said=people, policy=policy, lead_in=lead_in)
    unheard = record_of(blocks, policy=policy, lead_in=lead_in)
    for name in ("spans", "bridged", "told", "energised_s", "inferred_s", "off_s", "unobserved_s", "lead_out"):
        assert getattr(heard, name) == getattr(unheard, name)
    assert (heard.phase_out, heard.follow) == (unheard.phase_out, unheard.follow)
    assert heard.effective_s <= unheard.effective_s
    assert unheard.external_s == unheard.internal_s == unheard.hand_s == 0


@given(journals(), policies())
def test_allowances_add_seconds_to_the_effective_time_and_take_none_from_it(
    blocks: list[Block], policy: Policy
) -> None:
    bare = msgspec.structs.replace(policy, prepare_ms=0, post_ms=0, bridge_ms=0, standby_counts=None)
    with_bridges = msgspec.structs.replace(bare, bridge_ms=policy.bridge_ms)
    plain, bridged = record_of(blocks, policy=bare), record_of(blocks, policy=with_bridges)
    allowed = record_of(blocks, policy=policy)
    assert plain.effective_s == plain.run_s
    assert plain.run_s <= bridged.run_s <= plain.run_s + bridged.bridged_s
    assert bridged.bridged_s + bridged.unobserved_s == plain.unobserved_s
    assert bridged.energised_s + bridged.inferred_s <= plain.energised_s + plain.inferred_s
    assert bridged.effective_s <= allowed.effective_s


MINUTES_A_DAY = 1440
STATES: tuple[State, ...] = ("off", "standby", "run", "unobserved")


lasting = st.sampled_from((1, 15, 30, 31, 240, 241, 700, 1425, MINUTES_A_DAY))
minutes = st.lists(st.tuples(lasting, st.sampled_from(("standby", "run", "off", "unobserved"))), max_size=20)
LATE_RUN = [(1000, "off"), (430, "run")]  # ends ten minutes before midnight


@settings(max_examples=150)
@given(minutes, st.sampled_from((0, 1, 30, 240)), st.sampled_from((0, 1, 15, 240)))
@example([*LATE_RUN, (100, "standby"), (1, "off")], 30, 240)
@example([*LATE_RUN, (10 + MINUTES_A_DAY, "standby"), (1, "off")], 30, 240)
@example([*LATE_RUN, (5, "standby"), (9, "unobserved"), (100, "standby"), (1, "off")], 30, 240)
@example([(1400, "off"), (50, "standby"), (1, "run"), (5, "off")], 30, 15)
def test_a_minute_by_minute_oracle_allows_the_same_over_any_midnights(
    parts: list[tuple[int, State]], prepare: int, post: int
) -> None:
    states = [state for minutes, state in parts for _ in range(minutes)]
    states += ["unobserved"] * (-len(states) % MINUTES_A_DAY)
    days = [_spans(states[begin : begin + MINUTES_A_DAY]) for begin in range(0, len(states), MINUTES_A_DAY)]
    phase, found = UNKNOWN, []
    for place, spans in enumerate(days):
        follow = head_of(days[place + 1]) if place + 1 < len(days) else NOTHING
        phases = classify(spans, phase_in=phase, follow=follow, prepare_s=prepare * MINUTE, post_s=post * MINUTE)
        phase = phases.phase_out
        found.append((_ticks(phases.prepare, place), _ticks(phases.post, place)))
    oracle = list(_allowed(states, prepare=prepare, post=post))
    assert sorted(tick for day in found for tick in day[0]) == [tick for tick, word in oracle if word == "prepare"]
    assert sorted(tick for day in found for tick in day[1]) == [tick for tick, word in oracle if word == "post"]


def _spans(states: Sequence[State]) -> list[DaySpan]:
    edges = [0, *(n for n, (left, right) in enumerate(pairwise(states), 1) if left != right), len(states)]
    return [(start * MINUTE, end * MINUTE, states[start]) for start, end in pairwise(edges)]


def _ticks(intervals: list[Interval], day: int) -> list[int]:
    base = day * MINUTES_A_DAY
    return [base + tick for start, end in intervals for tick in range(start // MINUTE, end // MINUTE)]


def _allowed(states: Sequence[State], *, prepare: int, post: int) -> Iterator[tuple[int, str]]:
    """The rules of phases.py as they read, for each minute of standby on its own."""
    before, after = _nearest(states, ("standby",))
    came, comes = _nearest(states, ("standby", "unobserved"))
    told = {**dict(enumerate(states)), -1: "", len(states): ""}
    for tick in (tick for tick, state in enumerate(states) if state == "standby"):
        if told[after[tick]] == "run" and after[tick] - tick <= prepare and told[came[tick]] == "off":
            yield tick, "prepare"
        is_last = told[comes[tick]] == "off" and comes[tick] // MINUTES_A_DAY <= before[tick] // MINUTES_A_DAY + 1
        if told[before[tick]] == "run" and tick - before[tick] <= post and is_last:
            yield tick, "post"


def _nearest(states: Sequence[State], passed: tuple[State, ...]) -> tuple[list[int], list[int]]:
    """For each minute the nearest one before and after it in none of these states; else -1 and the end."""
    before, last = [], -1
    for tick, state in enumerate(states):
        before.append(last)
        last = last if state in passed else tick
    after, last = [], len(states)
    for tick, state in reversed(list(enumerate(states))):
        after.append(last)
        last = last if state in passed else tick
    return before, after[::-1]


class Register:
    """Records of several days, derived as derivation.py says: a day, then those neighbours that it concerns."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._blocks: list[Block] = []
        self._measured: dict[date, Measured] = {}
        self.records: dict[date, HourRecord] = {}
        self._dirty = set(DAYS)

    def take(self, blocks: Iterable[Block]) -> None:
        """Store what came, and mark the days whose evidence it touches."""
        for block in blocks:
            self._blocks.append(block)
            start_ms, end_ms = covered_ms(block[1], block[2])
            for day in DAYS:
                first_ms, last_ms = evidence_window(day, self._policy)
                if start_ms < last_ms and first_ms < end_ms:
                    self._dirty.add(day)

    def settle(self, chance: Random) -> None:
        """Derive dirty days in any order until none is left."""
        for _ in range(100):
            if not self._dirty:
                return
            day = chance.choice(sorted(self._dirty))
            self._dirty.remove(day)
            self._derive(day)
        raise AssertionError("the days do not settle")

    def _derive(self, day: date) -> None:
        before, yesterday, tomorrow = self.records.get(day), day - timedelta(days=1), day + timedelta(days=1)
        left, right = self.records.get(yesterday), self._measured.get(tomorrow)
        old_head = self._measured[day].head if day in self._measured else NOTHING
        start_ms, end_ms = day_bounds_ms(day)
        measured = measure(
            day,
            evidence=gather(self._blocks, self._policy),
            policy=self._policy,
            lead_in=left.lead_out if left else "unobserved",
            journals=contributing(self._blocks, start_ms, end_ms=end_ms),
            observed_until_ms=end_ms,
        )
        around = Neighbours(left.phase_out if left else UNKNOWN, right.head if right else NOTHING)
        record = account("A001", measured, policy=self._policy, said=NOTHING_SAID, neighbours=around)
        self._measured[day], self.records[day] = measured, record
        if before is None or (record.lead_out, record.phase_out) != (before.lead_out, before.phase_out):
            self._dirty |= {tomorrow} & set(self.records)
        if measured.head != old_head:
            self._dirty |= {yesterday} & set(self.records)


@settings(max_examples=50)
@given(journals(), policies(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_days_settle_to_the_same_bytes_in_whatever_order_evidence_came(
    blocks: list[Block], policy: Policy, parcels: int, chance: Random
) -> None:
    at_once, bit_by_bit = Register(policy), Register(policy)
    at_once.take(blocks)
    at_once.settle(Random(1))
    shuffled = list(blocks)
    chance.shuffle(shuffled)
    for first in range(parcels):
        bit_by_bit.take(shuffled[first::parcels])
        bit_by_bit.settle(chance)
    assert [encode(bit_by_bit.records[day]) for day in DAYS] == [encode(at_once.records[day]) for day in DAYS]
