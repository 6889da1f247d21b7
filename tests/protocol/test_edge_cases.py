"""The edge cases of domain.md section 3, each with its example: from entries and facts to the hour record.

Every row is derived once more from deliveries that came three times and shuffled. What lies outside a day's record is
tested where it lies: reminders of long silence, late data on closed days, networked mid-year and changed owners in a
running registry at the collector (tests/collector/accounts), rounding with the exports. A clock that is wrong loses no
second here beyond those that it told twice; which day they belong to is a matter of beacons and receipts, which
grade the day (evidence.md section 5).
"""

from datetime import date
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from protocol.attribution import Served
from protocol.derivation import Neighbours
from protocol.hours import HourRecord, decode, encode, sessions
from protocol.interval import length
from protocol.said import NOTHING_SAID, Said, stays
from protocol.witness import Block
from tests.protocol.days import (
    BEAM,
    GATEWAY,
    MINUTE,
    ORIGIN,
    OWNER,
    SOFTWARE,
    SPIN_OFF,
    H,
    Journal,
    Unseen,
    clock,
    hand,
    meter,
    order,
    record_of,
    said,
    use,
)
from tests.protocol.loads import BAND, BUSY, IDLE

EVE, NEW_YEAR = date(2025, 12, 31), date(2026, 1, 1)
NONE: Any = MappingProxyType({})


class Case(NamedTuple):
    """A row. `expected` names members of the record by the word before their `_s`, in seconds."""

    case: str
    example: str
    blocks: list[Block]
    expected: dict[str, int]
    said: Said = NOTHING_SAID
    flags: tuple[str, ...] = ()
    under: dict[str, Any] = NONE  # changes of the policy
    given: dict[str, Any] = NONE  # other arguments of record_of

    def derive(self, blocks: list[Block]) -> HourRecord:
        return record_of(blocks, said=self.said, **self.given, **self.under)


def gap(start: str, end: str, *, load: float = BUSY, boot: str = "0000000a", asleep: bool = False) -> list[Block]:
    """A run from 9 to 12 in which nobody looks for a while, and what the load did meanwhile."""
    journal = Journal().meter(("9:00", start, BUSY), until=start)
    journal.meter((start, end, Unseen(load)), since=start, until=end)
    if asleep:
        journal.sleep(clock(end) - clock(start))
    if boot != journal.boot:
        journal.reboot(boot)
    return journal.meter((end, "12:00", BUSY), since=end).blocks


def never_signed_out() -> tuple[list[Block], Said]:
    """Signed in at 13:00 on a PC whose last reading is of 17:10; the gateway's meter goes on."""
    pc = Journal().declares("13:00", "own-research").meter(("13:00", "17:10", BUSY), since="12:00", until="17:10")
    gateway = Journal(GATEWAY).meter(("13:00", "20:00", BUSY))
    there = stays(ORIGIN, pc.entries, "A001")
    return [*pc.blocks, *gateway.blocks], said(present=tuple(there))


def clock_set(ahead: str) -> list[Block]:
    """A run from 9 to 12 in whose middle the PC's clock is set."""
    journal = Journal().meter(("9:00", "10:30", BUSY), until="10:30").set_clock(clock(ahead))
    return journal.meter(("10:30", "12:00", BUSY), since="10:30", until="13:00").blocks


def pulses() -> list[Block]:
    """In standby all day, and a minute of run at each half hour."""
    pieces = []
    for hour in range(24):
        pieces += [
            (f"{hour}:00", f"{hour}:30", IDLE),
            (f"{hour}:30", f"{hour}:31", BUSY),
            (f"{hour}:31", f"{hour + 1}:00", IDLE),
        ]
    return meter(*pieces)


def over_new_year(day: date) -> list[Block]:
    """A run from 22:00 on New Year's Eve to 6:00."""
    night = {EVE: ("22:00", "30:00", BUSY), NEW_YEAR: ("-2:00", "6:00", BUSY)}[day]
    return Journal(day=day).meter(night, since="-3:00", until="31:00").blocks


WORK = meter(("9:00", "12:00", BUSY))
WARM_WORK = meter(("8:00", "9:00", IDLE), ("9:00", "10:00", BUSY), ("10:00", "11:00", IDLE))
LONG_WORK = meter(("9:00", "13:00", BUSY))
NIGHT = [
    Case(
        "long unattended run",
        "an acquisition overnight counts, with nobody there",
        meter(("0:00", "6:00", BUSY)),
        {"run": 6 * H, "effective": 6 * H, "unresolved": 6 * H},
    ),
    Case(
        "long unattended run",
        "standby overnight does not count, whoever says to be there",
        meter(("0:00", "6:00", IDLE)),
        {"standby": 6 * H, "effective": 0, "internal": 0},
        said(use("0:00", "6:00")),
    ),
]
WATCHERS = [
    Case(
        "two watchers overlap",
        "meter 8 to 12, process 9 to 13: powered-on 4 h",
        Journal().meter(("8:00", "12:00", BUSY)).shows("cpu", ("9:00", "13:00", 90_000)).blocks,
        {"energised": 4 * H, "inferred": 0, "run": 4 * H, "off": 20 * H, "effective": 4 * H},
        under={"evidence": (SOFTWARE,)},
    ),
    Case(
        "two watchers overlap",
        "a contact tells a run from 9 to 13, and a valid meter is below its off threshold from 12: no run, and a flag",
        Journal().meter(("8:00", "12:00", BUSY)).shows("beam", ("9:00", "13:00", "closed")).blocks,
        {"energised": 4 * H, "run": 4 * H, "off": 20 * H},
        flags=("vetoed",),
        under={"evidence": (BEAM,)},
    ),
    Case(
        "two watchers overlap",
        "process 9 to 13 and no meter: nothing energised, 4 h inferred",
        Journal().shows("cpu", ("9:00", "13:00", 90_000)).blocks,
        {"energised": 0, "inferred": 4 * H, "run": 4 * H, "effective": 4 * H, "unobserved": 20 * H},
        under={"evidence": (SOFTWARE,)},
    ),
]
GAPS = [
    Case(
        "gap in evidence",
        "90 s, limit 120 s: bridged, marked, and not energised",
        gap("10:00", "10:01:30"),
        {"run": 3 * H, "effective": 3 * H, "bridged": 90, "energised": 3 * H - 90, "unobserved": 0},
    ),
    Case(
        "gap in evidence",
        "10 min: unobserved",
        gap("10:00", "10:10"),
        {"run": 3 * H - 600, "bridged": 0, "unobserved": 600, "effective": 3 * H - 600},
    ),
    Case(
        "gap in evidence",
        "120 s are not shorter than the limit",
        gap("10:00", "10:02"),
        {"bridged": 0, "unobserved": 120},
    ),
    Case(
        "gap in evidence",
        "90 s in which the counter rose by what standby draws: unobserved",
        gap("10:00", "10:01:30", load=IDLE),
        {"bridged": 0, "unobserved": 90},
    ),
    Case(
        "gap in evidence",
        "90 s over a reboot: unobserved",
        gap("10:00", "10:01:30", boot="5f3a9c02"),
        {"bridged": 0, "unobserved": 90},
    ),
    Case(
        "gap in evidence",
        "90 s with a run before and standby after: unobserved",
        Journal()
        .meter(("9:00", "10:00", BUSY), ("10:00", "10:01:30", Unseen(BUSY)), ("10:01:30", "24:00", IDLE))
        .blocks,
        {"bridged": 0, "unobserved": 90, "run": H},
    ),
    Case(
        "gap in evidence",
        "a policy without a limit bridges nothing",
        gap("10:00", "10:01:30"),
        {"bridged": 0, "unobserved": 90},
        under={"bridge_ms": 0},
    ),
    Case(
        "unobserved for long",
        "a silent day is neither off nor work",
        [],
        {"unobserved": 24 * H, "off": 0, "effective": 0},
        given={"lead_in": "run"},
    ),
    Case(
        "PC asleep",
        "asleep for 8 h in the middle of a run: the run ends at the last reading",
        Journal()
        .meter(("9:00", "11:00", BUSY), until="11:00")
        .sleep(8 * H * 1000)
        .meter(("19:00", "20:00", BUSY), since="19:00")
        .blocks,
        {"run": 3 * H, "unobserved": 8 * H, "effective": 3 * H},
    ),
    Case(
        "PC asleep",
        "asleep for 90 s, which would be bridged had the monotonic clock gone on",
        gap("10:00", "10:01:30", asleep=True),
        {"bridged": 0, "unobserved": 90},
    ),
    Case(
        "PC asleep",
        "asleep for 8 h, and the gateway's meter shows the run",
        Journal().meter(("9:00", "11:00", BUSY), until="11:00").blocks
        + Journal(GATEWAY).meter(("9:00", "20:00", BUSY)).blocks,
        {"run": 11 * H, "unobserved": 0, "effective": 11 * H},
    ),
]
PHASES = [
    Case(
        "warm-up without a run",
        "an hour of warm-up, then switched off: standby",
        meter(("8:00", "9:00", IDLE)),
        {"standby": H, "prepare": 0, "effective": 0},
    ),
    Case(
        "warm-up without a run",
        "an hour of warm-up and an hour of cooling down about a run, policy 30 and 15 min: 45 min count",
        WARM_WORK,
        {"prepare": 30 * MINUTE, "run": H, "post": 15 * MINUTE, "standby": 75 * MINUTE, "effective": 105 * MINUTE},
    ),
    Case(
        "warm-up without a run",
        "two runs in one power-on session: preparation before the first, post-processing after the last, once each",
        meter(
            ("8:50", "9:00", IDLE),
            ("9:00", "10:00", BUSY),
            ("10:00", "10:10", IDLE),
            ("10:10", "11:00", BUSY),
            ("11:00", "11:05", IDLE),
        ),
        {"prepare": 10 * MINUTE, "run": 110 * MINUTE, "post": 5 * MINUTE, "standby": 10 * MINUTE},
    ),
    Case(
        "warm-up without a run",
        "nobody looked between warm-up and run: not adjacent",
        Journal().meter(("8:00", "8:30", IDLE), ("8:30", "9:00", Unseen(IDLE)), ("9:00", "10:00", BUSY)).blocks,
        {"prepare": 0, "run": H, "unobserved": 30 * MINUTE},
    ),
    Case(
        "warm-up without a run",
        "one-minute pulses every hour do not make 24 h",
        pulses(),
        {"run": 24 * MINUTE, "prepare": 30 * MINUTE, "post": 0, "effective": 54 * MINUTE},
        given={"neighbours": Neighbours(phase_in="new"), "lead_in": "standby"},
    ),
    Case(
        "warm-up without a run",
        "warm-up over midnight: 20 min of the half hour lie before it, for the run begins at 0:10",
        Journal().meter(("23:00", "24:10", IDLE), ("24:10", "25:00", BUSY), until="26:00").blocks,
        {"prepare": 20 * MINUTE, "standby": 40 * MINUTE, "run": 0, "effective": 20 * MINUTE},
        given={"neighbours": Neighbours(phase_in="new", follow="run:600")},
    ),
    Case(
        "warm-up without a run",
        "a run ended at 23:55: 5 of the 15 min lie before midnight, if it is switched off before the next run",
        Journal().meter(("23:00", "23:55", BUSY), ("23:55", "25:00", IDLE), until="26:00").blocks,
        {"post": 5 * MINUTE, "run": 55 * MINUTE, "standby": 0},
        given={"neighbours": Neighbours(phase_in="new", follow="off")},
    ),
    Case(
        "warm-up without a run",
        "the same, and the next run comes first: it was a pause",
        Journal()
        .meter(("23:00", "23:55", BUSY), ("23:55", "25:00", IDLE), ("25:00", "26:00", BUSY), until="26:00")
        .blocks,
        {"post": 0, "run": 55 * MINUTE, "standby": 5 * MINUTE},
        given={"neighbours": Neighbours(phase_in="new", follow="run:3600")},
    ),
    Case(
        "inside the hysteresis band over midnight",
        "the day before ended in a run: a run all day",
        meter(("0:00", "24:00", BAND)),
        {"run": 24 * H},
        given={"lead_in": "run"},
    ),
    Case(
        "inside the hysteresis band over midnight",
        "it ended in standby: standby all day",
        meter(("0:00", "24:00", BAND)),
        {"run": 0, "standby": 24 * H},
        given={"lead_in": "standby"},
    ),
]
DECLARED = [
    Case(
        "declared calibration or maintenance",
        "declared calibration at 0 W: off",
        meter(),
        {"off": 24 * H, "calibrate": 0, "effective": 0},
        said(use("9:00", "12:00", "calibration")),
        under={"calibration": "counts"},
    ),
    Case(
        "declared calibration or maintenance",
        "calibration of 2 h of a run, which the policy does not count",
        WORK,
        {"run": H, "calibrate": 2 * H, "effective": H, "energised": 3 * H},
        said(use("9:00", "11:00", "calibration")),
    ),
    Case(
        "declared calibration or maintenance",
        "the same where the policy counts it: internal",
        WORK,
        {"run": H, "calibrate": 2 * H, "effective": 3 * H, "internal": 2 * H, "unresolved": H},
        said(use("9:00", "11:00", "calibration")),
        under={"calibration": "counts"},
    ),
    Case(
        "declared calibration or maintenance",
        "nobody declares an idle night to be work: calibration while in standby has its class and does not count",
        meter(("0:00", "6:00", IDLE)),
        {"calibrate": 6 * H, "standby": 0, "effective": 0},
        said(use("0:00", "6:00", "calibration")),
        under={"calibration": "counts"},
    ),
    Case(
        "maintenance, repair",
        "2 h of a run are maintenance: shown on their own, not effective",
        WORK,
        {"run": H, "maintain": 2 * H, "effective": H, "unresolved": H},
        said(use("9:00", "11:00", "maintenance")),
    ),
    Case(
        "maintenance, repair",
        "warming up and cooling down about a run that is maintenance are no work either",
        WARM_WORK,
        {"maintain": H, "run": 0, "prepare": 0, "post": 0, "standby": 2 * H, "effective": 0},
        said(use("9:00", "10:00", "maintenance")),
    ),
    Case(
        "declared calibration or maintenance",
        "the same about a calibration, which the policy does not count",
        WARM_WORK,
        {"calibrate": H, "prepare": 0, "post": 0, "effective": 0},
        said(use("9:00", "10:00", "calibration")),
    ),
    Case(
        "declared calibration or maintenance",
        "and where the policy counts it",
        WARM_WORK,
        {"calibrate": H, "prepare": 30 * MINUTE, "post": 15 * MINUTE, "effective": 105 * MINUTE, "internal": H},
        said(use("9:00", "10:00", "calibration")),
        under={"calibration": "counts"},
    ),
    Case(
        "maintenance, repair",
        "a fault declared during maintenance goes before it",
        WORK,
        {"run": H, "maintain": H, "fault": H, "effective": H},
        said(use("9:00", "11:00", "maintenance"), use("10:00", "11:00", "fault")),
    ),
]
SERVED = [
    Case(
        "two users overlap",
        "A internal 9 to 11, B external 10 to 12: effective 3 h, external 1.5 h",
        WORK,
        {"effective": 3 * H, "verified": 90 * MINUTE, "internal": 90 * MINUTE, "unresolved": 0},
        said(use("9:00", "11:00"), use("10:00", "12:00", "service-order", "B"), order("B")),
    ),
    Case(
        "two users overlap",
        "by declared share: one part of four and three of four",
        WORK,
        {"effective": 3 * H, "verified": 135 * MINUTE, "internal": 45 * MINUTE},
        said(use("9:00", "12:00", share=1), use("9:00", "12:00", "service-order", "B", share=3), order("B")),
    ),
    Case(
        "two users overlap",
        "11 s shared by three orders: 4, 4 and 3 s, the remaining seconds by ascending order",
        WORK,
        {"effective": 3 * H, "verified": 4, "claimed": 4, "internal": 3, "unresolved": 3 * H - 11},
        said(
            use("9:00", "9:00:11", "service-order", "C"),
            order("C", OWNER),
            use("9:00", "9:00:11", "service-order", "B"),
            order("B", files=0),
            use("9:00", "9:00:11", "service-order", "A"),
            order("A"),
        ),
    ),
    Case(
        "touching sessions",
        "9 to 10 and 10 to 11: 2 h, one each",
        meter(("9:00", "11:00", BUSY)),
        {"effective": 2 * H, "internal": H, "verified": H, "unresolved": 0},
        said(use("9:00", "10:00"), use("10:00", "11:00", "service-order", "B"), order("B")),
    ),
    Case(
        "session never closed",
        "signed in, last evidence 17:10: ends 17:10, flagged",
        never_signed_out()[0],
        {"run": 7 * H, "internal": 250 * MINUTE, "unresolved": 170 * MINUTE},
        never_signed_out()[1],
        flags=("never-closed",),
    ),
    Case(
        "teaching, training",
        "effective and internal",
        WORK,
        {"effective": 3 * H, "internal": 3 * H},
        said(use("9:00", "12:00", "teaching")),
    ),
    Case(
        "teaching, training",
        "external where the beneficiary is another legal person",
        WORK,
        {"effective": 3 * H, "internal": 0, "verified": 3 * H},
        said(use("9:00", "12:00", "teaching", "T"), order("T")),
    ),
    Case(
        "samples sent in",
        "3 samples of A, 1 of B, 4 h: 3 h and 1 h",
        LONG_WORK,
        {"verified": 3 * H, "claimed": H},
        said(
            use("9:00", "13:00", "service-order", "A", samples=3),
            order("A"),
            use("9:00", "13:00", "service-order", "B", samples=1),
            order("B", files=0),
        ),
        under={"split": "samples"},
    ),
    Case(
        "samples sent in",
        "the same batch by run time of its jobs, where that is the policy's method: 1 h and 3 h",
        LONG_WORK,
        {"verified": H, "claimed": 3 * H},
        said(
            use("9:00", "13:00", "service-order", "A", samples=3, run_s=1000),
            order("A"),
            use("9:00", "13:00", "service-order", "B", samples=1, run_s=3000),
            order("B", files=0),
        ),
        under={"split": "run-time"},
    ),
    Case(
        "affiliates, joint labs, spin-offs",
        "a spin-off under the university's name is another legal person",
        WORK,
        {"verified": 3 * H},
        said(use("9:00", "12:00", "service-order", "S"), order("S", SPIN_OFF, beneficiary_name="某大学")),
    ),
    Case(
        "affiliates, joint labs, spin-offs",
        "a joint laboratory without a code of its own is the owner, whatever it is called",
        WORK,
        {"internal": 3 * H, "verified": 0},
        said(use("9:00", "12:00", "service-order", "J"), order("J", OWNER, beneficiary_name="联合实验室")),
    ),
    Case(
        "moved, retired, lent, changed owner",
        "the order of the unit that owned it until yesterday serves nobody known today",
        WORK,
        {"unresolved": 3 * H, "verified": 0},
        said(use("9:00", "12:00", "service-order", "B"), order("B"), owner=SPIN_OFF),
        flags=("order-unknown",),
    ),
    Case(
        "hand entry",
        "2 h by hand on a silent day, half of them for another: beside the states, never inside",
        [],
        {"hand": 2 * H, "hand_external": H, "unobserved": 24 * H, "run": 0, "effective": 0, "verified": 0},
        said(hand(H), hand(H, "B"), order("B")),
    ),
    Case(
        "hand entry",
        "beside measured hours they add nothing to them",
        WORK,
        {"hand": H, "run": 3 * H, "effective": 3 * H},
        said(hand(H)),
    ),
]
CALENDAR = [
    Case(
        "year boundary",
        "31 December 22:00 to 1 January 6:00: 2 h in the old year",
        over_new_year(EVE),
        {"run": 2 * H, "effective": 2 * H},
        given={"day": EVE},
    ),
    Case(
        "year boundary",
        "and 6 h in the new one",
        over_new_year(NEW_YEAR),
        {"run": 6 * H, "effective": 6 * H},
        given={"day": NEW_YEAR, "lead_in": "run"},
    ),
    Case(
        "clock wrong or set back",
        "set an hour ahead during a run: its seconds are those of the monotonic clock, and the hole is unobserved",
        clock_set("1:00"),
        {"run": 3 * H, "unobserved": 11 * H},
    ),
    Case(
        "clock wrong or set back",
        "set back by an hour during a run: the hour that is told twice counts once",
        clock_set("-1:00"),
        {"run": 2 * H, "off": 10 * H},
    ),
    Case(
        "rounding",
        "a run from 9:00:00.9 to 9:01:00.1: each boundary is rounded down once, to whole seconds",
        meter(("9:00:00.9", "9:01:00.1", BUSY)),
        {"run": 60, "off": 24 * H - 60},
    ),
]
CASES = [*WATCHERS, *GAPS, *NIGHT, *PHASES, *DECLARED, *SERVED, *CALENDAR]


@pytest.mark.parametrize("row", CASES, ids=[f"{row.case}: {row.example}" for row in CASES])
def test_a_case_of_the_table(row: Case) -> None:
    record = row.derive(row.blocks)
    assert {name: getattr(record, f"{name}_s") for name in row.expected} == row.expected
    assert record.flags == row.flags
    assert decode(encode(record)) == record


@pytest.mark.parametrize("row", CASES, ids=[f"{row.case}: {row.example}" for row in CASES])
def test_duplicate_or_reordered_delivery_gives_the_same_record_byte_for_byte(row: Case) -> None:
    """domain.md section 3: sent three times, shuffled; and facts in another order."""
    delivered = row.blocks * 3
    Random(2026).shuffle(delivered)
    facts = dict(reversed(row.said.facts.items()))
    again = row._replace(said=row.said._replace(facts=facts, present=row.said.present[::-1]))
    assert encode(again.derive(delivered)) == encode(row.derive(row.blocks))


def test_two_watchers_that_overlap_are_both_kept_beside_the_states() -> None:
    """domain.md section 3: PC-on 4 h beside powered-on 4 h; all entry references kept."""
    (row, *_) = WATCHERS
    record = row.derive(row.blocks)
    told = dict(record.told)
    assert length([span[:2] for span in told["process:cpu"]]) == 4 * H
    assert length([span[:2] for span in told["meter:power"] if span[2] != "off"]) == 4 * H
    assert record.journals == ((ORIGIN, 0, len(row.blocks) - 1),)


def test_touching_uses_of_one_run_are_one_session_without_a_seam() -> None:
    row = next(row for row in CASES if row.case == "touching sessions")
    assert sessions(row.derive(row.blocks)) == [(9 * H, 11 * H)]


def test_teaching_after_a_change_of_owner_is_internal_to_the_owner_of_the_day() -> None:
    """domain.md section 3: dated membership, from local midnight."""
    taught = use("9:00", "12:00", "teaching")
    for owner in (OWNER, SPIN_OFF):
        record = record_of(WORK, said=said(taught, owner=owner))
        assert (record.owner, record.served) == (owner, (Served("", owner, "internal", 3 * H, 0),))
