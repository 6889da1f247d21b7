"""The line between agent and broker: cut, slow, half-open, reset at any byte."""

from agent.clock import SystemClock
from protocol.entry import Storage
from tests.faults.eager import eager_uplinks
from tests.faults.scenario import scenario
from tests.faults.world import World

CONVERSATION_BYTES = 1_000
"""What one goes up with: CONNECT, SUBSCRIBE, a hello and a batch of one entry take some 900."""
SIDE_BY_SIDE = 8


@scenario(short=True)
def line_is_reset_in_the_middle_of_batches(world: World) -> None:
    """The connection is reset at bytes from the seed, again and again, while a backlog drains."""
    host = world.host(backlog=1500, start=False)
    host.start()
    for _ in range(4):
        connections = host.line.connections
        host.line.reset_after(world.random.randrange(1, 3_000))
        world.until("a new connection", lambda before=connections: host.line.connections > before)
    host.line.mend()
    world.until("all delivered", host.is_delivered)


@scenario(short=False, guards=("watchdog",))
def line_is_half_open(world: World) -> None:
    """The connection leads nowhere any more, and neither end is told."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    host.line.forget()


@scenario(short=False)
def line_is_slow_and_stalls(world: World) -> None:
    """Every piece takes 300 ms, and then nothing moves for a while."""
    host = world.host(backlog=800, start=False)
    host.line.latency_s = 0.3
    host.start()
    world.until("the first receipt", lambda: host.receipted() > 0)
    host.line.freeze()
    world.run_for(world.choose_s(4, 8))
    host.line.mend()
    world.until("all delivered", host.is_delivered)


@scenario(short=False)
def line_is_lossy(world: World) -> None:
    """Eight resets, each after some hundred to some thousand bytes."""
    host = world.host(backlog=3000)
    for _ in range(8):
        connections = host.line.connections
        host.line.reset_after(world.random.randrange(200, 4_000))
        world.until("a new connection", lambda before=connections: host.line.connections > before)


@scenario(short=False)
def line_is_reset_at_every_byte(world: World) -> None:
    """Whole conversations, from CONNECT to the receipt, each reset one byte later than the one before."""
    hosts, clock = [world.host(start=False) for _ in range(SIDE_BY_SIDE)], SystemClock()
    with eager_uplinks(hosts) as journals:
        for first in range(1, CONVERSATION_BYTES, SIDE_BY_SIDE):
            for byte, (host, journal) in enumerate(zip(hosts, journals, strict=True), first):
                host.line.hang_up()
                host.line.reset_after(byte)
                journal.append(Storage(f"reset at byte {byte}"), clock.now(), boot=clock.boot_id)
            world.until("receipts over it", lambda: all(each.receipted_size == each.size for each in journals))
