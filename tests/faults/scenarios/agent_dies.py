"""The agent's process ends without a word."""

from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=True)
def agent_is_killed_at_random_instants(world: World) -> None:
    """kill -9 of the agent again and again, at instants from the seed, and a start right after."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    for _ in range(2):
        world.run_for(world.choose_s(0.4, 1.6))
        host.kill()
        host.start()
        size = host.size()
        world.until("the agent records again", lambda size=size: host.size() > size)


@scenario(short=False, guards=("scratch index",))
def agent_is_killed_right_after_an_entry(world: World) -> None:
    """kill -9 when an entry has just been made of a block that the scratch file still holds as open."""
    host = world.host()
    for _ in range(4):
        size = host.size()
        world.until("readings", lambda size=size: host.has_reading(since=size + 1))
        host.kill()
        host.start()
