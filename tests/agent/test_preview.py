"""One instrument's day, from the journal and the open blocks, by the kernel of the collector."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from agent import policies
from agent.clock import Instant
from agent.journal import Journal
from agent.preview import KEEP_MS, Day, Preview
from protocol.entry import Entry, Reading
from protocol.interval import day_bounds_ms, local_day
from tests.agent.conftest import BOOT

Open = Callable[..., Journal]

POLICY = b"""{"v":1,"name":"SEM","valid_mw":[0,15000000],
 "standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},
 "run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},
 "gap_ms":60000}"""
NOON_MS = 1_764_561_600_000  # 2025-12-01 12:00 in Shanghai
MIDNIGHT_MS = day_bounds_ms(local_day(NOON_MS))[0]
MINUTE_MS = 60_000


class Meter:
    """A journal that a meter's blocks are written into, one after the other."""

    def __init__(self, journal: Journal, start_ms: int, *, watcher: str = "meter1") -> None:
        self.journal = journal
        self.now_ms = start_ms
        self.watcher = watcher
        self.open: tuple[Entry, ...] = ()

    def show(self, watts: int, *, minutes: int) -> None:
        for _ in range(0, minutes, 5):
            reading = self._reading(watts, 5 * MINUTE_MS)
            self.journal.append(reading, self._instant(), boot=BOOT)

    def tell(self, channel: str, word: str, *, minutes: int) -> None:
        """A contact at the same instrument was in a state for the last minutes."""
        ms = minutes * MINUTE_MS
        reading = Reading("reader1", channel, self._instant().mono_ms - ms, (ms,), states=(word,))
        self.journal.append(reading, self._instant(), boot=BOOT)

    def leave_open(self, watts: int, *, minutes: int) -> None:
        reading = self._reading(watts, minutes * MINUTE_MS)
        instant = self._instant()
        self.open = (Entry(self.journal.size, instant.wall_ms, instant.mono_ms, BOOT, reading),)

    def _reading(self, watts: int, ms: int) -> Reading:
        start = self._instant().mono_ms
        self.now_ms += ms
        mw = (watts * 1000,)
        return Reading(self.watcher, "power", start, (ms,), means=mw, lows=mw, highs=mw)

    def _instant(self) -> Instant:
        return Instant(self.now_ms, self.now_ms - MIDNIGHT_MS + 10**9)


def preview_of(meter: Meter, state_dir: Path) -> Preview:
    assets = {"meter1": "A001", "reader1": "A001", "host": ""}
    return Preview(meter.journal, state_dir=state_dir, assets=assets, open_blocks=lambda: meter.open)


def day_of(meter: Meter, state_dir: Path, *, now_ms: int | None = None) -> Day:
    return preview_of(meter, state_dir).days(meter.now_ms if now_ms is None else now_ms)["A001"]


def give_policy(state_dir: Path, raw: bytes = POLICY) -> None:
    path = policies.path_for(state_dir, "A001")
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)


def states(day: Day) -> Sequence[tuple[str, float]]:
    """Each state and how many minutes it lasts."""
    return [(span.state, (span.end_ms - span.start_ms) / MINUTE_MS) for span in day.spans]


@pytest.fixture
def meter(open_journal: Open) -> Meter:
    return Meter(open_journal(), NOON_MS)


def test_the_states_of_today_come_from_the_journal_and_the_open_block(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path)
    meter.show(50, minutes=30)
    meter.show(950, minutes=60)
    meter.leave_open(50, minutes=4)
    day = day_of(meter, tmp_path)
    assert states(day) == [("unobserved", 720), ("standby", 30), ("run", 60), ("standby", 4)]
    assert day.policy is not None
    assert day.policy.name == "SEM"
    assert day.start_ms == MIDNIGHT_MS
    assert (day.powers[0].mean_mw, day.powers[-1].end_ms) == (50_000, meter.now_ms)


def test_what_may_still_be_observed_is_not_yet_unobserved(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path)
    meter.show(950, minutes=30)
    told_ms = meter.now_ms
    assert day_of(meter, tmp_path, now_ms=told_ms + 60_000).spans[-1].end_ms == told_ms
    assert day_of(meter, tmp_path, now_ms=told_ms + 60_001).spans[-1].state == "unobserved"


def test_without_a_policy_there_is_power_and_no_state(meter: Meter, tmp_path: Path) -> None:
    meter.show(950, minutes=30)
    day = day_of(meter, tmp_path)
    assert (day.spans, day.policy) == ((), None)
    assert sum(power.end_ms - power.start_ms for power in day.powers) == 30 * MINUTE_MS


def test_a_policy_that_cannot_be_used_is_as_none(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path, b'{"v":2}')
    assert day_of(meter, tmp_path).policy is None


def test_other_watchers_tell_what_the_policy_takes_from_them(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path, POLICY[:-1] + b',"evidence":[{"class":"contact","channel":"beam","words":{"closed":"run"}}]}')
    meter.show(50, minutes=30)
    meter.tell("beam", "closed", minutes=10)
    assert states(day_of(meter, tmp_path)) == [("unobserved", 720), ("standby", 20), ("run", 10)]


def test_yesterday_is_not_today_and_power_over_midnight_is_cut(open_journal: Open, tmp_path: Path) -> None:
    give_policy(tmp_path)
    meter = Meter(open_journal(), MIDNIGHT_MS - 120 * MINUTE_MS - 2 * MINUTE_MS)
    meter.show(50, minutes=90)
    meter.show(950, minutes=40)
    day = day_of(meter, tmp_path)
    assert states(day) == [("run", 8)]
    assert day.powers[0].start_ms == MIDNIGHT_MS


def test_a_new_day_begins_at_midnight_without_a_restart(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path)
    preview = preview_of(meter, tmp_path)
    meter.show(950, minutes=720)
    before = preview.days(meter.now_ms - MINUTE_MS)["A001"]
    meter.show(950, minutes=10)
    after = preview.days(meter.now_ms)["A001"]
    assert (before.start_ms, after.start_ms) == (MIDNIGHT_MS, MIDNIGHT_MS + 1440 * MINUTE_MS)
    assert states(after) == [("run", 10)]


def test_before_the_first_reading_of_a_day_there_is_nothing_to_show(meter: Meter, tmp_path: Path) -> None:
    give_policy(tmp_path)
    day = day_of(meter, tmp_path)
    assert day.powers == ()
    assert states(day) == [("unobserved", 720)]


def test_what_was_derived_is_kept_for_a_moment(meter: Meter, tmp_path: Path) -> None:
    preview = preview_of(meter, tmp_path)
    first = preview.days(meter.now_ms)
    meter.show(950, minutes=5)
    assert preview.days(meter.now_ms - 5 * MINUTE_MS + KEEP_MS - 1) is first
    assert preview.days(meter.now_ms) is not first
