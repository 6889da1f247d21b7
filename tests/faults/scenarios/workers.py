"""Ingest workers come and go."""

from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=False)
def second_worker_takes_half_and_is_killed(world: World) -> None:
    """A second worker takes its share of the agents and is killed; the first takes it back."""
    crowd = world.gather(60, entries=2)
    crowd.start()
    second = world.add_worker()
    world.until("the second worker has a share", lambda: "owns shards=32" in second.tail())
    for agent in crowd.agents:
        agent.append_notes(2)
    second.kill()
    world.workers.remove(second)
    world.until("the crowd's receipts", lambda: not crowd.lacking())


@scenario(short=False)
def worker_is_killed_again_and_again(world: World) -> None:
    """The only worker is killed ten times at random instants, over a backlog."""
    host = world.host(backlog=4000)
    for _ in range(10):
        world.run_for(world.choose_s(0.3, 2))
        world.ingest.kill()
        world.ingest.start()
    world.until("all delivered", host.is_delivered)
