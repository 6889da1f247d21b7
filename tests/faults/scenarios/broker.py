"""The broker is away, comes and goes, forgets, drops."""

from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=False)
def broker_is_down_while_the_agent_records(world: World) -> None:
    """The broker is killed, the agent goes on recording, and the broker comes back."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.broker.kill()
    size = host.size()
    world.until("a backlog", lambda: host.size() >= size + 3)
    world.broker.start()


@scenario(short=True)
def broker_is_wiped(world: World) -> None:
    """The broker is killed and comes back without sessions and queues, while batches are under way."""
    host = world.host(backlog=600)
    world.until("some receipts", lambda: host.receipted() > 0)
    world.broker.wipe()
    world.until("all delivered", host.is_delivered)


@scenario(short=False)
def broker_is_killed_again_and_again(world: World) -> None:
    """The broker is killed every one to three seconds, six times, over a backlog."""
    host = world.host(backlog=4000)
    for _ in range(6):
        world.run_for(world.choose_s(1, 3))
        world.broker.kill()
        world.run_for(world.choose_s(0, 1))
        world.broker.start()
    assert host.size() > 4000


@scenario(short=False)
def broker_drops_what_its_small_queue_cannot_hold(world: World) -> None:
    """No worker runs, and the broker keeps ten messages and drops the rest silently."""
    world.broker.limit_queue(10)
    world.broker.stop()
    world.broker.start()
    host = world.host(backlog=500)
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.ingest.stop()
    world.run_for(5)
    world.ingest.start()
    world.until("all delivered", host.is_delivered)
