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
