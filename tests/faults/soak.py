"""The soak: several agents and a crowd, and every fault that the world can make, drawn from the seed, for minutes.

Each step draws a fault and how long it lasts; what one breaks, another may break again before it is mended.
The oracle judges once, at the end.
"""

import time
from collections.abc import Callable

from tests.faults.host import Host
from tests.faults.scenario import Scenario
from tests.faults.world import World

HOSTS = 3
CROWD = 30

Fault = Callable[[World, Host], None]


def soak(minutes: float) -> Scenario:
    """The scenario that lasts so long."""

    def act(world: World) -> None:
        hosts = [world.host(backlog=world.random.randrange(500)) for _ in range(HOSTS)]
        crowd = world.gather(CROWD, entries=5)
        crowd.start()
        until_s = time.monotonic() + 60 * minutes
        while time.monotonic() < until_s:
            fault = world.random.choice(FAULTS)
            fault(world, world.random.choice(hosts))
            world.random.choice(crowd.agents).append_notes(1)

    return Scenario("soak", "soak", act, short=False, guards=(), needs=lambda: None)


def _kill_agent(world: World, host: Host) -> None:
    host.kill()
    world.run_for(world.choose_s(0, 1))
    host.start()


def _stop_agent(_world: World, host: Host) -> None:
    host.stop()
    host.start()


def _kill_broker(world: World, _host: Host) -> None:
    world.broker.kill()
    world.run_for(world.choose_s(0, 3))
    world.broker.start()


def _wipe_broker(world: World, _host: Host) -> None:
    world.broker.wipe()


def _kill_worker(world: World, _host: Host) -> None:
    world.ingest.kill()
    world.run_for(world.choose_s(0, 2))
    world.ingest.start()


def _kill_worker_in_a_commit(world: World, _host: Host) -> None:
    world.database.hold_after_commit()
    world.run_for(world.choose_s(0.2, 1))
    world.ingest.kill()
    world.database.let_commit()
    world.ingest.start()


def _kill_database(world: World, _host: Host) -> None:
    world.kill_database()
    world.run_for(world.choose_s(0, 3))
    world.start_database()


def _cut_line(world: World, host: Host) -> None:
    host.line.cut()
    world.run_for(world.choose_s(0.5, 4))
    host.line.mend()


def _reset_line(world: World, host: Host) -> None:
    host.line.reset_after(world.random.randrange(1, 5000))


def _forget_line(_world: World, host: Host) -> None:
    host.line.forget()


def _slow_line(world: World, host: Host) -> None:
    host.line.latency_s = world.choose_s(0.05, 0.3)


def _freeze_line(world: World, host: Host) -> None:
    host.line.freeze()
    world.run_for(world.choose_s(0.5, 4))
    host.line.mend()


def _do_nothing(world: World, _host: Host) -> None:
    world.run_for(world.choose_s(0.5, 4))


FAULTS: tuple[Fault, ...] = (
    _kill_agent,
    _stop_agent,
    _kill_broker,
    _wipe_broker,
    _kill_worker,
    _kill_worker_in_a_commit,
    _kill_database,
    _cut_line,
    _reset_line,
    _forget_line,
    _slow_line,
    _freeze_line,
    _do_nothing,
)
