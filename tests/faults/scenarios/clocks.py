"""The wall clock of the instrument's PC is wrong, set while the agent runs, or stands still with the whole machine."""

import time
from collections.abc import Iterator

from protocol.entry import Beacon, Body, ClockJump, decode
from tests.faults.host import Host
from tests.faults.scenario import scenario
from tests.faults.wall_clock import WallClock, why_not
from tests.faults.world import World

YEAR_MS = 365 * 86_400_000
HOUR_MS = 3_600_000


@scenario(short=False, needs=why_not)
def wall_clock_is_set_while_it_runs(world: World) -> None:
    """A person sets the clock a year ahead, two years back, and right again; each time the journal says so."""
    host, clock = _with_a_clock(world)
    host.start()
    world.until("the first receipt", lambda: host.receipted() > 0)
    for number, step_ms in enumerate((YEAR_MS, -2 * YEAR_MS, YEAR_MS), 1):
        world.run_for(world.choose_s(1.0, 2.0))
        clock.step(step_ms)
        world.until("an entry that says so", lambda number=number: len(_jumps(host)) == number)
        assert abs(_jumps(host)[-1].jump_ms - step_ms) < 2000, "the step is told with another length"
        assert _jumps(host)[-1].cause == "step"


@scenario(short=False, needs=why_not)
def wall_clock_lies_and_beacons_date_the_hours(world: World) -> None:
    """The clock is a year ahead when the agent starts, and is set two years back; every hour stands at its time."""
    world.keep_log()
    host, clock = _with_a_clock(world)
    host.is_dated = True
    clock.step(YEAR_MS)
    host.start()
    world.until("the first beacon", lambda: _beacons(host))
    world.run_for(world.choose_s(3.0, 6.0))
    clock.step(-2 * YEAR_MS)
    world.until("an entry that says so", lambda: _jumps(host))
    world.until("the beacon that follows a jump", lambda: _beacons(host) > 1)
    world.run_for(world.choose_s(3.0, 6.0))


@scenario(short=False, needs=why_not)
def wall_clock_begins_in_1970(world: World) -> None:
    """The battery of the PC is empty: the agent starts in 1970, and minutes later the time server is reached."""
    host, clock = _with_a_clock(world)
    clock.step(-time.time_ns() // 1_000_000)
    host.start()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.run_for(world.choose_s(1.0, 3.0))
    clock.step(-clock.ahead_ms)
    world.until("an entry that says so", lambda: _jumps(host))


@scenario(short=False, needs=why_not)
def wall_clock_is_restless(world: World) -> None:
    """The clock is set twenty times, by seconds to months to and fro, while the agent is killed now and then."""
    host, clock = _with_a_clock(world)
    host.start()
    for number in range(20):
        clock.step(world.random.choice([-1, 1]) * round(10 ** world.random.uniform(3.5, 9.5)))
        world.run_for(world.choose_s(0.2, 1.5))
        if number % 7 == 6:
            host.kill()
            host.start()
    clock.step(-clock.ahead_ms)
    world.until("all delivered", host.is_delivered)


@scenario(short=False, needs=why_not)
def machine_is_suspended(world: World) -> None:
    """The PC sleeps for eight hours: wall clock and boot time went on, the monotonic clock stood still."""
    host, clock = _with_a_clock(world)
    host.start()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.run_for(world.choose_s(1.0, 2.0))
    clock.sleep(8 * HOUR_MS)
    world.until("an entry that says so", lambda: _jumps(host))
    assert _jumps(host)[-1].cause == "suspend", "a sleep is told as a step of the clock"


def _with_a_clock(world: World) -> tuple[Host, WallClock]:
    """A PC whose agent goes by a clock of its own, not started; its hours cannot be dated without beacons."""
    host = world.host(start=False)
    clock = WallClock(host.directory)
    world.exits.callback(clock.close)
    host.agent.environment.update(clock.environment)
    host.is_dated = False
    return host, clock


def _jumps(host: Host) -> list[ClockJump]:
    return [body for body in _bodies(host) if isinstance(body, ClockJump)]


def _beacons(host: Host) -> int:
    return sum(isinstance(body, Beacon) for body in _bodies(host))


def _bodies(host: Host) -> Iterator[Body]:
    entries = host.issued()[-1].entries
    return (decode(raw).body for index in sorted(entries) for raw in entries[index])
