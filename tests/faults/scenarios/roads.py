"""Two roads to one collector."""

from concurrent.futures import ThreadPoolExecutor

from tests.faults.line import Direction
from tests.faults.scenario import scenario
from tests.faults.world import World


@scenario(short=False)
def mqtt_is_closed_and_https_open(world: World) -> None:
    """The site's network closes MQTT; the agent goes round by HTTPS, and back when MQTT is open again."""
    world.open_web()
    host = world.host(backlog=300, start=False, road="auto")
    host.line.cut()
    host.start()
    world.until("all delivered by HTTPS", host.is_delivered)
    assert host.web.connections, "nothing went by HTTPS"
    host.line.mend()
    world.until("back on MQTT", lambda: host.line.connections > 0)


@scenario(short=True, guards=("compare-and-swap",))
def both_roads_at_once(world: World) -> None:
    """Every batch comes by MQTT and by HTTPS in the same instant, and both are judged before either is stored."""
    world.open_web()
    host = world.host(backlog=30, start=False)
    with ThreadPoolExecutor(4) as posts:

        def double(direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
            if direction == "up" and payload.startswith(b"jishi-batch"):
                posts.submit(world.post, host.agent_id, payload)
            return [payload]

        world.database.hold_before_commit()
        host.line.tamper = double
        host.start()
        world.until("one in a commit", lambda: world.database.is_holding(world.connection))
        world.until("the other behind it", lambda: world.database.is_queueing(world.connection))
        world.database.let_commit()
        world.until("all delivered", host.is_delivered)
