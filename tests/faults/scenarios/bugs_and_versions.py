"""What comes from ourselves: bugs in callbacks, agents of other versions, keys that hold no more."""

from tests.faults.hurried import CALLBACK
from tests.faults.scenario import scenario
from tests.faults.world import World

NEWER = (
    b'{"v":1,"i":%d,"t":1795730379056,"m":1,"b":"5f3a9c01","k":"hologram","d":{"x":1}}',
    b'{"v":1,"i":%d,"t":1795730379056,"m":1,"b":"5f3a9c01","k":"stop","d":{"reason":"x","why":"\xe6\x9c\xba"}}',
    b'{"v":1,"i":%d,"t":1795730379056,"m":1,"b":"5f3a9c01","k":"reading","d":{"s":"meter","ch":"power","a":0,"q":[1]}}',
)
"""Kinds and members that nobody here knows, in today's frame. They are stored and earn nothing."""


@scenario(short=False, guards=("the uplink's supervisor",))
def callbacks_raise(world: World) -> None:
    """Of the agent's MQTT callbacks every fifth raises."""
    host = world.host(backlog=300, start=False)
    host.agent.environment[CALLBACK] = "20"
    host.start()
    world.until("some receipts", lambda: host.receipted() > 0)


@scenario(short=True, guards=("unknown entries",))
def newer_agent_left_a_backlog(world: World) -> None:
    """An agent of a later version wrote entries that neither we nor the collector know, and was downgraded."""
    host = world.host(backlog=20, start=False)
    for _ in range(10):
        entry = world.random.choice(NEWER)
        host.record_raw([entry % host.size()])
    host.record(20)
    host.start()
    world.until("all delivered", host.is_delivered)


@scenario(short=False, guards=("revocation",))
def key_is_revoked(world: World) -> None:
    """The key of an agent is revoked while it delivers; it goes on recording."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    world.revoke(host)
    size = host.size()
    world.until("entries that nobody takes", lambda: host.size() >= size + 3)
