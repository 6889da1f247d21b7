"""Short gaps that the energy counter explains are bridged, and only those; every second of them is marked."""

from datetime import date

import msgspec
import pytest

from protocol.derivation import contributing, derive_day
from protocol.entry import Entry, Reading
from protocol.hours import HourRecord
from protocol.interval import day_bounds_ms
from protocol.policy import Policy
from protocol.witness import Block, gather
from tests.protocol.loads import BUSY, FLOOR, IDLE, POLICY

DAY = date(2026, 3, 2)
START_MS, _ = day_bounds_ms(DAY)
BRIDGING = msgspec.structs.replace(POLICY, bridge_ms=120_000)
BOOT = "0000000a"
MONO_MS = 50_000_000


class Meter:
    """One journal of a meter with a counter; its clocks begin with the day."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.at_s = 0
        self.energy_mws = 0
        self.boot = BOOT
        self.clock_s = 0

    def shows(self, seconds: int, watts: int) -> "Meter":
        before = self.energy_mws // 3600
        self.draws(seconds, watts)
        counter = self.energy_mws // 3600
        mono_ms = MONO_MS + self.at_s * 1000
        reading = Reading(
            "meter1", "power", mono_ms - seconds * 1000, (seconds * 1000,), *[(watts * 1000,)] * 3,
            deltas=(counter - before,), counter=counter,
        )  # fmt: skip
        wall_ms = START_MS + (self.at_s + self.clock_s) * 1000
        self.blocks.append(("x/a/m/1", Entry(len(self.blocks), wall_ms, mono_ms, self.boot, reading), reading))
        return self

    def draws(self, seconds: int, watts: int) -> "Meter":
        """Goes on while nobody looks."""
        self.energy_mws += seconds * watts * 1000
        self.at_s += seconds
        return self

    def record(self, policy: Policy = BRIDGING) -> HourRecord:
        return derive_day(
            "A001",
            DAY,
            evidence=gather(self.blocks, policy),
            policy=policy,
            lead_in="unobserved",
            journals=contributing(self.blocks, START_MS, end_ms=START_MS + 86_400_000),
            observed_until_ms=START_MS + self.at_s * 1000,
        )


def test_a_gap_of_90_s_in_a_run_is_bridged_under_a_limit_of_120_s() -> None:
    record = Meter().shows(600, BUSY).draws(90, BUSY).shows(600, BUSY).record()
    assert record.spans == ((0, 1290, "run"),)
    assert (record.run_s, record.bridged_s, record.bridged, record.unobserved_s) == (1290, 90, ((600, 690),), 0)
    assert (record.energised_s, record.effective_s, record.observed_s) == (1200, 1290, 1200)


def test_a_gap_of_10_minutes_is_unobserved() -> None:
    record = Meter().shows(600, BUSY).draws(600, BUSY).shows(600, BUSY).record()
    assert (record.unobserved_s, record.bridged_s) == (600, 0)


@pytest.mark.parametrize("seconds, bridged_s", [(61, 61), (119, 119), (120, 0)])
def test_only_gaps_shorter_than_the_limit_are_bridged(seconds: int, bridged_s: int) -> None:
    assert Meter().shows(600, BUSY).draws(seconds, BUSY).shows(600, BUSY).record().bridged_s == bridged_s


def test_without_the_member_nothing_is_bridged() -> None:
    assert Meter().shows(600, BUSY).draws(90, BUSY).shows(600, BUSY).record(POLICY).bridged_s == 0


@pytest.mark.parametrize("watts", [IDLE, FLOOR])
def test_standby_and_off_are_bridged_as_such(watts: int) -> None:
    record = Meter().shows(600, watts).draws(90, watts).shows(600, watts).record()
    assert (record.bridged_s, record.effective_s, len(record.spans)) == (90, 0, 1)


@pytest.mark.parametrize(
    ("before", "within", "after"),
    [(BUSY, FLOOR, BUSY), (IDLE, BUSY, IDLE), (IDLE, FLOOR, IDLE), (FLOOR, BUSY, FLOOR), (BUSY, BUSY, IDLE)],
)
def test_a_counter_that_tells_another_story_and_unequal_sides_bridge_nothing(
    before: int, within: int, after: int
) -> None:
    assert Meter().shows(600, before).draws(90, within).shows(600, after).record().bridged_s == 0


def test_another_boot_bridges_nothing() -> None:
    meter = Meter().shows(600, BUSY).draws(90, BUSY)
    meter.boot = "0000000b"
    assert meter.shows(600, BUSY).record().bridged_s == 0


def test_a_wall_clock_that_was_moved_in_the_gap_bridges_nothing() -> None:
    meter = Meter().shows(600, BUSY).draws(90, BUSY)
    meter.clock_s = 10
    meter.shows(600, BUSY)
    assert meter.record().bridged_s == 0


def test_a_meter_without_a_counter_bridges_nothing() -> None:
    meter = Meter().shows(600, BUSY).draws(90, BUSY).shows(600, BUSY)
    meter.blocks = [
        (origin, msgspec.structs.replace(entry, body=bare), bare)
        for origin, entry, reading in meter.blocks
        for bare in [msgspec.structs.replace(reading, deltas=None, counter=None)]
    ]
    assert meter.record().bridged_s == 0


def test_order_and_repetition_of_entries_change_nothing() -> None:
    meter = Meter().shows(600, BUSY).draws(90, BUSY).shows(600, BUSY).draws(70, BUSY).shows(300, BUSY)
    expected = meter.record()
    assert expected.bridged_s == 160
    meter.blocks = [*meter.blocks[::-1], *meter.blocks[1:]]
    assert meter.record() == expected
