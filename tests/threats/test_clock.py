"""The host's administrator sets its clock, so that today's work shall stand on another day. Others are in `make faults`
(tests/faults/scenarios/clocks.py)."""

import time
from datetime import timedelta

import pytest

from collector.registry import instruments
from protocol.entry import ClockJump, decode
from protocol.interval import DAY_MS, local_day
from tests.faults.host import Host
from tests.faults.wall_clock import WallClock, why_not
from tests.faults.world import World
from tests.threats.evening import place_of, readings_over_a_beacon


@pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
def test_a_clock_that_is_set_moves_no_hour_to_another_day_and_counts_none_twice(world: World) -> None:
    """Three days back while the agent works, and to the true time again: the same work would have two places."""
    world.keep_log()
    host = world.host(start=False)
    earlier = local_day(time.time_ns() // 1_000_000) - timedelta(days=9)
    with world.connection.transaction():  # so that hours of those days would be this instrument's
        instruments.register_measurement(
            world.connection, host.agent_id, watcher="meter", channel="power", asset_no=host.asset, from_day=earlier
        )
    clock = WallClock(host.directory)
    world.exits.callback(clock.close)
    host.agent.environment.update(clock.environment)
    host.start()
    world.until("readings over a beacon", lambda: readings_over_a_beacon(host) > 3)
    for step_ms in (-3 * DAY_MS, 3 * DAY_MS):
        jumps, readings = len(_jumps(host)), readings_over_a_beacon(host)
        clock.step(step_ms)
        world.until("an entry that says so", lambda jumps=jumps: len(_jumps(host)) > jumps)
        assert abs(_jumps(host)[-1].jump_ms - step_ms) < 2_000
        world.until("work under that clock", lambda readings=readings: readings_over_a_beacon(host) > readings + 4)
    host.unplug()
    host.stop()
    place = place_of(world)
    place.derive()
    began_s, ended_s = host.lives[0]
    days = {local_day(round(began_s * 1000)), local_day(round(ended_s * 1000))}
    found = place.rows("SELECT day, until_s - unobserved_s FROM hour_record WHERE until_s > unobserved_s")
    assert {day for day, _ in found} <= days, found
    assert 5 < sum(seconds for _, seconds in found) <= ended_s - began_s + 2, "something was counted twice"


def _jumps(host: Host) -> list[ClockJump]:
    entries = host.issued()[-1].entries
    bodies = (decode(next(iter(entries[index]))).body for index in sorted(entries))
    return [body for body in bodies if isinstance(body, ClockJump)]
