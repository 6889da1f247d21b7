"""Many agents at once."""

from tests.faults.scenario import scenario
from tests.faults.world import CROWD_PATIENCE, World


@scenario(short=False)
def two_hundred_agents_come_back_at_once(world: World) -> None:
    """Two hundred agents deliver, the broker is wiped, and all come back in the same second."""
    _come_back(world, agents=200)


@scenario(short=False)
def a_thousand_agents_come_back_at_once(world: World) -> None:
    """A thousand agents deliver, the broker is wiped, and all come back in the same second."""
    _come_back(world, agents=1000)


def _come_back(world: World, *, agents: int) -> None:
    crowd = world.gather(agents, entries=3)
    crowd.start()
    world.until("half of the receipts", lambda: len(crowd.lacking()) <= agents // 2, times=CROWD_PATIENCE)
    welcomes = crowd.welcomes
    world.broker.wipe()
    world.until("all are welcomed again", lambda: crowd.welcomes >= welcomes + agents, times=CROWD_PATIENCE)
