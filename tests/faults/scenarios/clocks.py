"""The wall clock of the instrument's PC is wrong, set while the agent runs, or stands still with the whole machine."""

import time

from protocol.entry import ClockJump, decode
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
    """A PC whose agent goes by a clock of its own, not started; its hours cannot be dated, only counted."""
    host = world.host(start=False)
    clock = WallClock(host.directory)
    world.exits.callback(clock.close)
    host.agent.environment.update(clock.environment)
    host.is_dated = False
    return host, clock


def _jumps(host: Host) -> list[ClockJump]:
    entries = host.issued()[-1].entries
    bodies = (decode(raw).body for index in sorted(entries) for raw in entries[index])
    return [body for body in bodies if isinstance(body, ClockJump)]
